//! Writing a batch: one transaction, each changed row once, in the order of the keys.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::types::ToSql;
use rusqlite::{Connection, params};

use super::pool::Pool;
use super::reader::{SqliteReader, last_workspace};
use super::statements as sql;
use crate::overlay::{Moved, Overlay, Removed};
use crate::rows::{CopyKey, CopyRow};
use crate::workspace::{Workspace, WorkspaceState};
use crate::{Reader, Result, tables};

/// The only connection that writes. It belongs to the committer.
pub struct Writer {
    reader: SqliteReader,
    pool: Arc<Pool>,
    latest: LatestAnswers,
}

impl Writer {
    pub(super) fn new(connection: Connection, pool: Arc<Pool>) -> Writer {
        let reader = SqliteReader::new(connection);
        Writer { reader, pool, latest: LatestAnswers::default() }
    }

    pub fn reader(&self) -> &dyn Reader {
        &self.reader
    }

    pub fn next_workspace_number(&self) -> Result<i64> {
        Ok(last_workspace(self.reader.connection())? + 1)
    }

    /// Begins a batch: what its commands read and what they write are one transaction, so that
    /// no read takes a lock of its own.
    pub fn begin(&self) -> Result<()> {
        self.pool.batch_begins()?;
        let begun = self.run("BEGIN IMMEDIATE");
        if begun.is_err() {
            self.pool.batch_ends(false);
        }
        begun
    }

    /// Ends a batch that wrote nothing.
    pub fn abandon(&self) {
        // There is nothing to lose: the transaction only read.
        let _ = self.run("ROLLBACK");
        self.pool.batch_ends(false);
    }

    /// Makes the whole batch durable, or none of it.
    pub fn apply(&mut self, overlay: &Overlay) -> Result<()> {
        let connection = self.reader.connection();
        let written =
            write_all(connection, overlay).and_then(|()| self.latest.keep_few(connection, overlay));
        let result = written.and_then(|()| self.run("COMMIT"));
        if result.is_err() {
            // The transaction may already be gone, with a full disk for instance.
            let _ = self.run("ROLLBACK");
            self.latest.forget();
        }
        self.pool.batch_ends(result.is_ok());
        result
    }

    fn run(&self, sql: &str) -> Result<()> {
        self.reader.connection().prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

fn write_all(connection: &Connection, overlay: &Overlay) -> Result<()> {
    write_workspaces(connection, overlay)?;
    write_objects(connection, overlay)?;
    write_index(connection, overlay)?;
    write_postings(connection, overlay)?;
    write_events(connection, overlay)?;
    write_jobs(connection, overlay)?;
    write_answers(connection, overlay)?;
    write_deliveries(connection, overlay)?;
    write_copies(connection, overlay)?;
    for Moved { part, table, rows } in &overlay.moved {
        put_rows(connection, *part, *table, rows)?;
    }
    for Removed { part, table, rows } in &overlay.removed {
        let most = i64::try_from(*rows).unwrap_or(i64::MAX);
        connection.prepare_cached(sql::TABLES[*table].remove)?.execute([*part, most])?;
    }
    Ok(())
}

fn write_copies(connection: &Connection, overlay: &Overlay) -> Result<()> {
    for (key, row) in overlay.copies.changes() {
        match row {
            Some(row) => put_copy(connection, key, row)?,
            None => {
                let mut remove = connection.prepare_cached(sql::REMOVE_COPY)?;
                remove.execute([key.ws, key.part])?;
            }
        }
    }
    Ok(())
}

pub(super) fn put_copy(connection: &Connection, key: &CopyKey, row: &CopyRow) -> Result<()> {
    let (name, until, taken, state) = row.columns()?;
    let mut put = connection.prepare_cached(sql::PUT_COPY)?;
    put.execute(params![key.ws, key.part, name, until, taken, state])?;
    Ok(())
}

/// Puts rows of a table as they are under a number.
pub(super) fn put_rows(
    connection: &Connection,
    part: i64,
    table: usize,
    rows: &[tables::Row],
) -> Result<()> {
    let mut put = connection.prepare_cached(sql::TABLES[table].put)?;
    for row in rows {
        let ws = [&part as &dyn ToSql];
        let values = row.iter().map(|value| value as &dyn ToSql);
        put.execute(rusqlite::params_from_iter(ws.into_iter().chain(values)))?;
    }
    Ok(())
}

fn write_workspaces(connection: &Connection, overlay: &Overlay) -> Result<()> {
    for (home, touched) in &overlay.workspaces {
        put_workspace(connection, *home, &touched.workspace, &touched.state)?;
    }
    Ok(())
}

pub(super) fn put_workspace(
    connection: &Connection,
    home: i64,
    workspace: &Workspace,
    state: &WorkspaceState,
) -> Result<()> {
    let text = serde_json::to_string(state)?;
    let (tail, due) = (workspace.tail.as_slice(), state.next_due);
    let mut put = connection.prepare_cached(sql::PUT_WORKSPACE)?;
    put.execute(params![home, tail, workspace.account, workspace.livemode, due, text])?;
    Ok(())
}

fn write_objects(connection: &Connection, overlay: &Overlay) -> Result<()> {
    if overlay.objects.is_empty() {
        return Ok(());
    }
    let mut put = connection.prepare_cached(sql::PUT_OBJECT)?;
    let mut remove = connection.prepare_cached(sql::REMOVE_OBJECT)?;
    for (key, row) in overlay.objects.changes() {
        let scope = key.scope;
        match row {
            Some(row) => {
                let state = (row.encode)(&*row.object)?;
                put.execute(params![scope.ws, scope.acct, key.id, row.version, state])?
            }
            None => remove.execute(params![scope.ws, scope.acct, key.id])?,
        };
    }
    Ok(())
}

fn write_index(connection: &Connection, overlay: &Overlay) -> Result<()> {
    if overlay.index.is_empty() {
        return Ok(());
    }
    let mut put = connection.prepare_cached(sql::PUT_INDEX)?;
    let mut remove = connection.prepare_cached(sql::REMOVE_INDEX)?;
    for (key, row) in overlay.index.changes() {
        let statement = if row.is_some() { &mut put } else { &mut remove };
        let scope = key.scope;
        statement.execute(params![scope.ws, scope.acct, key.field, key.value, key.sort])?;
    }
    Ok(())
}

fn write_postings(connection: &Connection, overlay: &Overlay) -> Result<()> {
    if overlay.postings.is_empty() {
        return Ok(());
    }
    let mut put = connection.prepare_cached(sql::PUT_POSTING)?;
    for (key, row) in overlay.postings.changes() {
        // A posting is never removed but with its whole workspace.
        let Some(row) = row else { continue };
        put.execute(params![
            key.scope.ws,
            key.scope.acct,
            key.id,
            row.book,
            row.transaction,
            row.kind,
            row.from,
            row.to,
            row.amount,
            row.currency,
            row.created
        ])?;
    }
    Ok(())
}

fn write_events(connection: &Connection, overlay: &Overlay) -> Result<()> {
    if overlay.events.is_empty() {
        return Ok(());
    }
    let mut put = connection.prepare_cached(sql::PUT_EVENT)?;
    let mut remove = connection.prepare_cached(sql::REMOVE_EVENT)?;
    for (key, row) in overlay.events.changes() {
        let scope = key.scope;
        let Some(row) = row else {
            remove.execute(params![scope.ws, scope.acct, key.id])?;
            continue;
        };
        put.execute(params![
            scope.ws,
            scope.acct,
            key.id,
            row.kind,
            row.created,
            row.object,
            row.previous,
            row.request,
            row.idempotency_key,
            row.by_request,
            row.targets
        ])?;
    }
    Ok(())
}

fn write_jobs(connection: &Connection, overlay: &Overlay) -> Result<()> {
    if overlay.jobs.is_empty() {
        return Ok(());
    }
    let mut put = connection.prepare_cached(sql::PUT_JOB)?;
    let mut remove = connection.prepare_cached(sql::REMOVE_JOB)?;
    for (key, row) in overlay.jobs.changes() {
        match row {
            Some(row) => {
                let (kind, object, detail) = (&row.kind, &row.object, &row.detail);
                put.execute(params![key.ws, key.due, key.seq, row.acct, kind, object, detail])?
            }
            None => remove.execute(params![key.ws, key.due, key.seq])?,
        };
    }
    Ok(())
}

fn write_answers(connection: &Connection, overlay: &Overlay) -> Result<()> {
    if overlay.answers.is_empty() {
        return Ok(());
    }
    let mut put = connection.prepare_cached(sql::PUT_ANSWER)?;
    let mut find = connection.prepare_cached(sql::PUT_ANSWER_INDEX)?;
    let mut forget = connection.prepare_cached(sql::REMOVE_ANSWER_INDEX)?;
    let mut remove = connection.prepare_cached(sql::REMOVE_ANSWER)?;
    for (key, row) in overlay.answers.changes() {
        let Some(row) = row else {
            forget.execute(params![key.ws, key.seq])?;
            remove.execute(params![key.ws, key.seq])?;
            continue;
        };
        find.execute(params![key.ws, row.acct, row.hash, key.seq])?;
        put.execute(params![
            key.ws,
            key.seq,
            row.acct,
            row.hash,
            row.key,
            row.fingerprint,
            row.path,
            row.request,
            row.status,
            row.created,
            row.event,
            row.body
        ])?;
    }
    Ok(())
}

/// How many places a workspace may have in part 0 of `answer_index`. The fewer, the fewer pages a
/// batch changes there; the more, the more of them share a page of the other part.
pub(super) const LATEST_ANSWERS_MAX: i64 = 4096;

/// How many rows each workspace has there, at most: removed ones still count.
#[derive(Default)]
struct LatestAnswers(HashMap<i64, i64>);

impl LatestAnswers {
    /// Counts what the batch added, and settles all of them once they are too many.
    fn keep_few(&mut self, connection: &Connection, overlay: &Overlay) -> Result<()> {
        for removed in &overlay.removed {
            self.0.remove(&removed.part);
        }
        let mut added: HashMap<i64, i64> = HashMap::new();
        for (key, _) in overlay.answers.changes().filter(|(_, row)| row.is_some()) {
            *added.entry(key.ws).or_default() += 1;
        }
        for (ws, added) in added {
            let mut there = match self.0.get(&ws) {
                Some(there) => there + added,
                None => connection
                    .prepare_cached(sql::LATEST_ANSWERS)?
                    .query_row([ws], |row| row.get(0))?,
            };
            if there > LATEST_ANSWERS_MAX {
                connection.prepare_cached(sql::SETTLE_ANSWERS)?.execute([ws])?;
                there = 0;
            }
            self.0.insert(ws, there);
        }
        Ok(())
    }

    /// The batch did not stand: the rows are counted again when they are next needed.
    fn forget(&mut self) {
        self.0.clear();
    }
}

fn write_deliveries(connection: &Connection, overlay: &Overlay) -> Result<()> {
    if overlay.deliveries.is_empty() {
        return Ok(());
    }
    let mut put = connection.prepare_cached(sql::PUT_DELIVERY)?;
    let mut remove = connection.prepare_cached(sql::REMOVE_DELIVERY)?;
    for (key, row) in overlay.deliveries.changes() {
        match row {
            Some(row) => put.execute(params![
                key.ws,
                key.event,
                key.endpoint,
                row.acct,
                row.due,
                row.delivered,
                row.attempts
            ])?,
            None => remove.execute(params![key.ws, key.event, key.endpoint])?,
        };
    }
    Ok(())
}
