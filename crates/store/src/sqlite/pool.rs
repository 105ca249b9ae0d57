//! The readers that wait for work, with the snapshots they already have.
//!
//! Taking a snapshot costs SQLite a handful of locks and system calls, more than reading a row. As
//! long as nothing is committed the last snapshot is as good as a new one, so an idle reader keeps
//! it; while a batch is under way none does, because a held snapshot keeps the log from starting
//! anew.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::SqliteReader;
use crate::Result;
use crate::workspace::lock;

/// Idle readers that are kept open.
const IDLE_MAX: usize = 16;

#[derive(Default)]
pub struct Pool {
    idle: Mutex<Vec<Idle>>,
    /// Batches committed so far.
    commits: AtomicU64,
    /// Whether a batch is under way.
    writing: AtomicBool,
}

struct Idle {
    reader: SqliteReader,
    /// The number of commits its snapshot shows, if it has one.
    shows: Option<u64>,
}

impl Pool {
    /// A reader with a snapshot of everything committed before this call, and what it shows.
    pub(super) fn take(
        &self,
        open: impl FnOnce() -> Result<SqliteReader>,
    ) -> Result<(SqliteReader, u64)> {
        let commits = self.commits.load(Ordering::Acquire);
        let idle = lock(&self.idle).pop();
        let reader = match idle {
            Some(Idle { reader, shows: Some(shows) }) if shows == commits => {
                return Ok((reader, commits));
            }
            Some(Idle { reader, shows: Some(_) }) => {
                reader.end()?;
                reader
            }
            Some(Idle { reader, shows: None }) => reader,
            None => open()?,
        };
        reader.begin()?;
        Ok((reader, commits))
    }

    /// Takes a reader back. Its snapshot is kept only while nothing is being written.
    pub(super) fn give(&self, reader: SqliteReader, shows: u64) -> Result<()> {
        let mut idle = lock(&self.idle);
        let current =
            !self.writing.load(Ordering::Acquire) && self.commits.load(Ordering::Acquire) == shows;
        let shows = if current {
            Some(shows)
        } else {
            reader.end()?;
            None
        };
        if idle.len() < IDLE_MAX {
            idle.push(Idle { reader, shows });
        }
        Ok(())
    }

    /// A batch begins: idle readers let go of their snapshots.
    pub(super) fn batch_begins(&self) -> Result<()> {
        let mut idle = lock(&self.idle);
        self.writing.store(true, Ordering::Release);
        for waiting in idle.iter_mut() {
            if waiting.shows.take().is_some() {
                waiting.reader.end()?;
            }
        }
        Ok(())
    }

    /// It stands, or wrote nothing, or failed: a snapshot taken from now on may be kept.
    pub(super) fn batch_ends(&self, committed: bool) {
        if committed {
            self.commits.fetch_add(1, Ordering::AcqRel);
        }
        self.writing.store(false, Ordering::Release);
    }

    pub(super) fn clear(&self) {
        lock(&self.idle).clear();
    }
}
