//! Writing the file, from one snapshot of a store that may be served meanwhile.

use std::io::Write;

use ring::digest::{Context, SHA256};
use serde::Serialize;

use super::lines::{FORMAT, Mark, hex, row_line};
use super::{Progress, ROWS_AT_ONCE, Totals};
use crate::rows::CopyRow;
use crate::tables::{Row, TABLES, Table, Value};
use crate::workspace::WorkspaceState;
use crate::{Reader, Result, StoreError, postgres, sqlite};

/// The part of `answer_index` that every engine looks into.
const SETTLED: i64 = 1;

/// Writes the whole store as it is at this moment. Whoever serves it goes on.
pub fn export(data: &str, out: &mut dyn Write, progress: &mut Progress<'_>) -> Result<Totals> {
    let mut file = File { out, hash: Context::new(&SHA256), totals: Totals::default() };
    if postgres::is_url(data) {
        postgres::with_snapshot(data, |reader, seal| file.store(reader, seal, progress))?;
    } else {
        sqlite::with_snapshot(data, |reader, seal| file.store(reader, seal, progress))?;
    }
    Ok(file.totals)
}

struct File<'a> {
    out: &'a mut dyn Write,
    hash: Context,
    totals: Totals,
}

impl File<'_> {
    fn store(
        &mut self,
        reader: &dyn Reader,
        seal: &[u8],
        progress: &mut Progress<'_>,
    ) -> Result<()> {
        self.line(&Mark::Exchequer { format: FORMAT, seal: hex(seal) })?;
        let mut after = 0;
        loop {
            let found = reader.workspaces(after, ROWS_AT_ONCE)?;
            let Some(last) = found.last() else { break };
            after = last.number;
            for row in found {
                self.totals.workspaces += 1;
                let part = row.state.rows_of(row.number);
                let state = Box::new(anywhere(row.state));
                let tail = hex(&row.tail);
                let (account, livemode) = (row.account, row.livemode);
                self.line(&Mark::Workspace { tail, account, livemode, state })?;
                self.rows(reader, part, progress)?;
                for (key, copy) in reader.copies(row.number)? {
                    // What is being made or removed is nobody's.
                    let CopyRow::Kept { name, taken, state } = copy else { continue };
                    self.totals.snapshots += 1;
                    let state = Box::new(anywhere(*state));
                    self.line(&Mark::Snapshot { name, taken, state })?;
                    self.rows(reader, key.part, progress)?;
                }
                progress(&self.totals);
            }
        }
        let totals = self.totals;
        let sha256 = hex(self.hash.clone().finish().as_ref());
        self.line(&Mark::End { totals, sha256 })?;
        self.out.flush().map_err(unwritable)
    }

    fn rows(&mut self, reader: &dyn Reader, part: i64, progress: &mut Progress<'_>) -> Result<()> {
        for (table, of) in TABLES.iter().enumerate() {
            let mut after = of.first_key();
            loop {
                let page = reader.page(part, table, &after, ROWS_AT_ONCE)?;
                let Some(last) = page.last() else { break };
                if after == of.first_key() {
                    self.line(&Mark::Table(of.name.to_owned()))?;
                }
                after = of.key_of(last);
                let count = page.len();
                for mut row in page {
                    settle(of, &mut row);
                    self.line(&row_line(&row))?;
                }
                self.totals.rows += count as u64;
                progress(&self.totals);
                if count < ROWS_AT_ONCE {
                    break;
                }
            }
        }
        Ok(())
    }

    fn line(&mut self, value: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.hash.update(&line);
        self.out.write_all(&line).map_err(unwritable)
    }
}

/// A file keeps the latest places of answers apart from the settled ones; a database does not.
fn settle(table: &Table, row: &mut Row) {
    if table.name == "answer_index"
        && let Some(part) = table.column("part").and_then(|at| row.get_mut(at))
    {
        *part = Value::Int(SETTLED);
    }
}

/// The state without where its rows are in this store.
fn anywhere(state: WorkspaceState) -> WorkspaceState {
    WorkspaceState { rows: 0, ..state }
}

fn unwritable(error: std::io::Error) -> StoreError {
    StoreError::Unusable(format!("the file cannot be written: {error}"))
}
