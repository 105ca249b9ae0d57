//! Writing a batch: one transaction, each changed row once, in the order of the keys.

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::pool::Pool;
use super::reader::{SqliteReader, last_workspace};
use crate::overlay::Overlay;
use crate::{Reader, Result};

/// The only connection that writes. It belongs to the committer.
pub struct Writer {
    reader: SqliteReader,
    pool: Arc<Pool>,
}

const TABLES: [&str; 7] =
    ["objects", "object_index", "postings", "events", "jobs", "answers", "answer_index"];

impl Writer {
    pub(super) fn new(connection: Connection, pool: Arc<Pool>) -> Writer {
        Writer { reader: SqliteReader::new(connection), pool }
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
        let written = write_all(self.reader.connection(), overlay);
        let result = written.and_then(|()| self.run("COMMIT"));
        if result.is_err() {
            // The transaction may already be gone, with a full disk for instance.
            let _ = self.run("ROLLBACK");
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
    for ws in &overlay.emptied {
        for table in TABLES.iter().chain(&["deliveries"]) {
            connection.execute(&format!("DELETE FROM {table} WHERE ws = ?1"), [ws])?;
        }
    }
    write_workspaces(connection, overlay)?;
    write_objects(connection, overlay)?;
    write_index(connection, overlay)?;
    write_postings(connection, overlay)?;
    write_events(connection, overlay)?;
    write_jobs(connection, overlay)?;
    write_answers(connection, overlay)?;
    write_deliveries(connection, overlay)
}

fn write_workspaces(connection: &Connection, overlay: &Overlay) -> Result<()> {
    if overlay.workspaces.is_empty() {
        return Ok(());
    }
    let mut put = connection.prepare_cached(
        "INSERT INTO workspaces (ws, tail, account, livemode, next_due, state) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (ws) DO UPDATE SET next_due = excluded.next_due, state = excluded.state",
    )?;
    for (number, touched) in &overlay.workspaces {
        let workspace = &touched.workspace;
        let state = serde_json::to_string(&touched.state)?;
        let tail = workspace.tail.as_slice();
        let due = touched.state.next_due;
        put.execute(params![number, tail, workspace.account, workspace.livemode, due, state])?;
    }
    Ok(())
}

fn write_objects(connection: &Connection, overlay: &Overlay) -> Result<()> {
    if overlay.objects.is_empty() {
        return Ok(());
    }
    let mut put = connection.prepare_cached(
        "INSERT INTO objects (ws, acct, id, v, state) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (ws, acct, id) DO UPDATE SET v = excluded.v, state = excluded.state",
    )?;
    let mut remove =
        connection.prepare_cached("DELETE FROM objects WHERE ws = ?1 AND acct = ?2 AND id = ?3")?;
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
    let mut put = connection.prepare_cached(
        "INSERT OR IGNORE INTO object_index (ws, acct, field, value, id) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut remove = connection.prepare_cached(
        "DELETE FROM object_index \
         WHERE ws = ?1 AND acct = ?2 AND field = ?3 AND value = ?4 AND id = ?5",
    )?;
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
    let mut put = connection.prepare_cached(
        "INSERT INTO postings \
         (ws, acct, id, book, txn, type, taken_from, given_to, amount, currency, created) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
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
    let mut put = connection.prepare_cached(
        "INSERT INTO events \
         (ws, acct, id, type, created, object, previous, request, idempotency_key, by_request, \
         targets) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    let mut remove =
        connection.prepare_cached("DELETE FROM events WHERE ws = ?1 AND acct = ?2 AND id = ?3")?;
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
    let mut put = connection.prepare_cached(
        "INSERT INTO jobs (ws, due, seq, acct, kind, object, detail) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let mut remove =
        connection.prepare_cached("DELETE FROM jobs WHERE ws = ?1 AND due = ?2 AND seq = ?3")?;
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
    let mut put = connection.prepare_cached(
        "INSERT INTO answers (ws, seq, acct, hash, idempotency_key, fingerprint, path, request, \
         status, created, event, body) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    let mut find = connection
        .prepare_cached("INSERT INTO answer_index (ws, acct, hash, seq) VALUES (?1, ?2, ?3, ?4)")?;
    let mut forget = connection.prepare_cached(
        "DELETE FROM answer_index WHERE (ws, acct, hash, seq) IN \
         (SELECT ws, acct, hash, seq FROM answers WHERE ws = ?1 AND seq = ?2)",
    )?;
    let mut remove = connection.prepare_cached("DELETE FROM answers WHERE ws = ?1 AND seq = ?2")?;
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

fn write_deliveries(connection: &Connection, overlay: &Overlay) -> Result<()> {
    if overlay.deliveries.is_empty() {
        return Ok(());
    }
    let mut put = connection.prepare_cached(
        "INSERT OR REPLACE INTO deliveries (ws, event, endpoint, acct, due, delivered, attempts) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let mut remove = connection
        .prepare_cached("DELETE FROM deliveries WHERE ws = ?1 AND event = ?2 AND endpoint = ?3")?;
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
