//! What is due in any workspace, and which program looks after it.
//!
//! A lease on a workspace's row lasts a few seconds and is renewed while something is due. The
//! deliveries of a workspace are made by whoever has its lease; a program that dies loses it.

use super::link::Values;
use super::reader::{at, workspace_row};
use super::{Database, PostgresReader};
use crate::workspace::{WorkspaceRow, machine_now};
use crate::{Millis, Result};

pub(super) const LEASE_MS: Millis = 5_000;
/// What is left of a lease when it is renewed.
const RENEWED_BELOW_MS: Millis = 3_000;

/// The only statement that looks at all workspaces. It locks nothing.
const DUE: &str = "SELECT ws, tail, account, livemode, state, version, lease_owner, lease_until, \
    (extract(epoch FROM now()) * 1000)::bigint FROM ( \
    (SELECT * FROM workspaces WHERE wake_at <= (extract(epoch FROM now()) * 1000)::bigint \
    ORDER BY wake_at LIMIT 256) UNION \
    (SELECT * FROM workspaces WHERE deliver_at <= (extract(epoch FROM now()) * 1000)::bigint \
    ORDER BY deliver_at LIMIT 256)) AS due";
/// A row that a batch has locked is left to it: the batch renews the lease itself.
const CLAIM: &str = "UPDATE workspaces SET lease_owner = $2, \
    lease_until = (extract(epoch FROM clock_timestamp()) * 1000)::bigint + $3 WHERE ws IN \
    (SELECT ws FROM workspaces WHERE ws = ANY($1) AND (lease_owner = $2 \
    OR lease_until <= (extract(epoch FROM clock_timestamp()) * 1000)::bigint) \
    FOR UPDATE SKIP LOCKED) RETURNING ws";

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
                None => PostgresReader { link: self.link()? },
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
        for row in &reader.link.query(DUE, &[])? {
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
        let numbers: Vec<i64> = wanted.iter().map(|due| due.row.number).collect();
        let values: Values<'_> = &[&numbers, &node, &LEASE_MS];
        let mut claimed = Vec::new();
        for row in &reader.link.query(CLAIM, values)? {
            claimed.push(at::<i64>(row, 0)?);
        }
        wanted.retain(|due| claimed.contains(&due.row.number));
        ours.extend(wanted.into_iter().map(|due| Due { until: asked + LEASE_MS, ..due }));
        Ok(ours)
    }
}
