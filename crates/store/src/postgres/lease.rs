//! What is due in any workspace, and which program looks after it.
//!
//! A lease on a workspace's row lasts a few seconds and is renewed while something is due. The
//! deliveries of a workspace are made by whoever has its lease; a program that dies loses it.

use tokio_postgres::types::ToSql;

use super::reader::{at, workspace_row};
use super::statements as sql;
use super::{Database, PostgresReader};
use crate::workspace::{WorkspaceRow, machine_now};
use crate::{Millis, Result};

pub(super) const LEASE_MS: Millis = 5_000;
/// What is left of a lease when it is renewed.
const RENEWED_BELOW_MS: Millis = 3_000;

/// A workspace in which something is due, and that is ours to look after.
pub struct Due {
    pub row: WorkspaceRow,
    pub version: i64,
    /// Until when it is ours, by this machine's clock.
    pub until: Millis,
}

impl Database {
    /// Finds what is due, and claims what nobody looks after.
    pub fn claim(&self) -> Result<Vec<Due>> {
        tokio::task::block_in_place(|| {
            let idle = self.take_idle();
            let reader = match idle {
                Some(reader) => reader,
                None => PostgresReader::new(self.link()?),
            };
            let due = self.claim_on(&reader)?;
            self.give_back(reader);
            Ok(due)
        })
    }

    fn claim_on(&self, reader: &PostgresReader) -> Result<Vec<Due>> {
        let node = self.shared.node;
        let asked = machine_now();
        let (mut ours, mut wanted) = (Vec::new(), Vec::new());
        for row in &reader.link.query(sql::DUE, &[])? {
            let (owner, until): (Option<i64>, Millis) = (at(row, 6)?, at(row, 7)?);
            let left = until - at::<i64>(row, 8)?;
            let due = Due { row: workspace_row(row)?, version: at(row, 5)?, until: asked + left };
            if owner == Some(node) && left > RENEWED_BELOW_MS {
                ours.push(due);
            } else if owner == Some(node) || left <= 0 {
                wanted.push(due);
            }
        }
        if wanted.is_empty() {
            return Ok(ours);
        }
        let asked = machine_now();
        let values: Vec<[&(dyn ToSql + Sync); 3]> = wanted
            .iter()
            .map(|due| [&due.row.number as &(dyn ToSql + Sync), &node, &LEASE_MS])
            .collect();
        let claimed = reader.link.execute_each(sql::CLAIM, &values)?;
        let claimed = wanted.into_iter().zip(claimed).filter(|(_, rows)| *rows == 1);
        ours.extend(claimed.map(|(due, _)| Due { until: asked + LEASE_MS, ..due }));
        Ok(ours)
    }
}
