//! Copies of all rows of a workspace, and the removal of such sets, in steps.
//!
//! A copy is read from one snapshot of the engine, so that it shows one moment while commands go
//! on, and is written under a number of its own, which nobody looks at. Only then does one command
//! say that the workspace has its rows there (or that they are a snapshot). A program that is
//! killed before leaves the workspace as it was, and rows that the next sweep finds by their entry.
//!
//! Each step is a command like any other: it waits its turn in the queue, so that other commands,
//! of this workspace and of others, run between two of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::committer::Keep;
use crate::id::random_u64;
use crate::overlay::{Moved, Removed};
use crate::tables::{Row, TABLES};
use crate::workspace::{Workspace, machine_now};
use crate::{
    Command, Committer, CopyKey, CopyRow, Database, Millis, Reader, Result, Session, StoreError,
};

mod fork;

pub use fork::Renaming;

/// How many rows a step moves or removes.
pub const STEP_ROWS_MAX: usize = 1000;
/// For how long a copy counts as being made after its last step.
pub const MAKING_MS: Millis = 60_000;
/// How long a step waits for room in the queue.
const QUEUE_WAIT_MAX: Duration = Duration::from_secs(30);
const QUEUE_PAUSE: Duration = Duration::from_millis(5);
/// Numbers of workspaces are below this bit, so that no set of rows has one of theirs.
const PART_BIT: i64 = 1 << 62;

/// What becomes of a row on its way: none where it stays behind.
pub type Change<'a> = dyn FnMut(&dyn Reader, usize, Row) -> Result<Option<Row>> + 'a;

/// Copies and removes. Its calls block until they are done, or until `is_stopping` says so.
pub struct Copying<'a> {
    pub database: &'a Database,
    pub committer: &'a Committer,
    pub is_stopping: &'a dyn Fn() -> bool,
}

/// A number for a set of rows that no other has.
pub fn fresh_part() -> i64 {
    PART_BIT | (random_u64() >> 2).cast_signed()
}

/// The entry of a copy that is being made now.
pub fn making() -> CopyRow {
    CopyRow::Making { until: machine_now() + MAKING_MS }
}

impl Copying<'_> {
    /// Copies all rows with the number `from` to `part`, as the reader has them. The copy is the
    /// owner's, whose entry for it says that it is being made. Gives how many rows it has.
    pub fn copy(
        &self,
        owner: &Arc<Workspace>,
        (reader, from): (&dyn Reader, i64),
        part: i64,
        change: &mut Change<'_>,
    ) -> Result<usize> {
        let mut count = 0;
        for (table, of) in TABLES.iter().enumerate() {
            let mut after = of.first_key();
            loop {
                let page = reader.page(from, table, &after, STEP_ROWS_MAX)?;
                let Some(last) = page.last() else { break };
                after = of.key_of(last);
                let is_last = page.len() < STEP_ROWS_MAX;
                let mut rows = Vec::with_capacity(page.len());
                for row in page {
                    rows.extend(change(reader, table, row)?);
                }
                count += rows.len();
                self.put(owner, part, table, rows)?;
                if is_last {
                    break;
                }
            }
        }
        Ok(count)
    }

    fn put(&self, owner: &Arc<Workspace>, part: i64, table: usize, rows: Vec<Row>) -> Result<()> {
        fail::fail_point!("copy_step", |_| std::process::abort());
        let rows = Arc::new(rows);
        self.step(owner, move |session| {
            let key = CopyKey { ws: session.home, part };
            // Somebody may have taken it for one that nobody goes on with.
            let is_known = session
                .reader
                .copies(session.home)?
                .iter()
                .any(|(known, row)| *known == key && matches!(row, CopyRow::Making { .. }));
            if !is_known {
                return Err(StoreError::Engine("the copy was given up meanwhile".into()));
            }
            let overlay = session.write()?;
            overlay.copies.put(key, making());
            overlay.moved.push(Moved { part, table, rows: rows.clone() });
            Ok(())
        })
    }

    /// Removes the sets of rows of a workspace that are nobody's any more, and copies whose program
    /// was killed.
    pub fn sweep(&self, owner: &Arc<Workspace>, now: Millis) -> Result<()> {
        let home = owner.home();
        let copies = self.database.read(|reader| reader.copies(home))??;
        for (key, row) in copies {
            match row {
                CopyRow::Kept { .. } => continue,
                CopyRow::Making { until } if until > now => continue,
                CopyRow::Making { until } => self.step(owner, move |session| {
                    // It may have been finished meanwhile, or gone on with.
                    let found = session.reader.copies(session.home)?;
                    if found.contains(&(key, CopyRow::Making { until })) {
                        session.write()?.copies.put(key, CopyRow::Removing);
                        return Ok(());
                    }
                    Err(StoreError::Engine("a copy was gone on with".into()))
                })?,
                CopyRow::Removing => {}
            }
            self.remove(owner, key)?;
        }
        Ok(())
    }

    fn remove(&self, owner: &Arc<Workspace>, key: CopyKey) -> Result<()> {
        let part = key.part;
        loop {
            let mut left = Vec::new();
            self.database.read(|reader| {
                for (table, of) in TABLES.iter().enumerate() {
                    if !reader.page(part, table, &of.first_key(), 1)?.is_empty() {
                        left.push(table);
                    }
                }
                Ok::<_, StoreError>(())
            })??;
            if left.is_empty() {
                return self.step(owner, move |session| {
                    session.write()?.copies.remove(key);
                    Ok(())
                });
            }
            fail::fail_point!("remove_step", |_| std::process::abort());
            self.step(owner, move |session| {
                let rows = STEP_ROWS_MAX / left.len();
                let removed = left.iter().map(|table| Removed { part, table: *table, rows });
                session.write()?.removed.extend(removed);
                Ok(())
            })?;
        }
    }

    /// Runs one step as a command of the owner's, with a batch to itself, and waits for it.
    fn step(
        &self,
        owner: &Arc<Workspace>,
        mut work: impl FnMut(&mut Session<'_>) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let (tell, told) = crossbeam_channel::bounded(2);
        let refused = tell.clone();
        let run = Box::new(move |session: &mut Session<'_>| match work(session) {
            Ok(()) => Keep::Yes,
            Err(error) => {
                let _ = refused.try_send(Err(error));
                Keep::No
            }
        });
        let done = Box::new(move |result| {
            let _ = tell.try_send(result);
        });
        let mut command =
            Command { workspace: owner.clone(), bytes: 0, alone: true, key: None, run, done };
        let began = Instant::now();
        while let Err(back) = self.committer.send(command) {
            if began.elapsed() > QUEUE_WAIT_MAX || (self.is_stopping)() {
                return Err(StoreError::Engine("the queue has no room for a step".into()));
            }
            command = back;
            std::thread::sleep(QUEUE_PAUSE);
        }
        if (self.is_stopping)() {
            return Err(StoreError::Engine("the program is stopping".into()));
        }
        told.recv().unwrap_or_else(|_| Err(StoreError::Engine("a step was dropped".into())))
    }
}
