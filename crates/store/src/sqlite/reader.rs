//! Reading rows. Every statement is prepared once per connection and begins its key with `ws`.

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::statements as sql;
use crate::reader::{IdRange, Reader};
use crate::rows::*;
use crate::tables::{self, Kind, Table, Value};
use crate::workspace::{Tail, WorkspaceRow};
use crate::{Millis, Result, StoreError};

pub struct SqliteReader {
    connection: Connection,
}

/// After every text that can be an id.
const LAST: &str = "\u{10FFFF}";

impl SqliteReader {
    pub(super) fn new(connection: Connection) -> Self {
        SqliteReader { connection }
    }

    pub(super) fn begin(&self) -> Result<()> {
        self.statement("BEGIN")?.execute([])?;
        Ok(())
    }

    pub(super) fn end(&self) -> Result<()> {
        self.statement("COMMIT")?.execute([])?;
        Ok(())
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    fn statement(&self, sql: &str) -> Result<CachedStatement<'_>> {
        Ok(self.connection.prepare_cached(sql)?)
    }

    fn rows<T>(
        &self,
        sql: &str,
        values: &[&dyn ToSql],
        read: fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.statement(sql)?;
        let mut rows = statement.query(values)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read(row)?);
        }
        Ok(found)
    }

    /// A statement with the range's bounds as ?4 and ?5 and the limit as ?6, in its direction.
    fn range<T>(
        &self,
        sql: [&str; 2],
        (scope, key): (Scope, [&dyn ToSql; 1]),
        range: &IdRange,
        limit: usize,
        read: fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let lower = range.lower.as_deref().unwrap_or("");
        let upper = range.upper.as_deref().unwrap_or(LAST);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = sql[usize::from(range.descending)];
        self.rows(sql, &[&scope.ws, &scope.acct, key[0], &lower, &upper, &limit], read)
    }
}

impl Reader for SqliteReader {
    fn workspace(&self, tail: &Tail) -> Result<Option<WorkspaceRow>> {
        let sql = sql::WORKSPACE;
        Ok(self.rows(sql, &[&tail.as_slice()], workspace_row)?.into_iter().next())
    }

    fn workspaces(&self, after: i64, limit: usize) -> Result<Vec<WorkspaceRow>> {
        let sql = sql::WORKSPACES;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.rows(sql, &[&after, &limit], workspace_row)
    }

    fn object(&self, scope: Scope, id: &str) -> Result<Option<StoredObject>> {
        let sql = sql::OBJECT;
        let mut statement = self.statement(sql)?;
        let mut rows = statement.query(params![scope.ws, scope.acct, id])?;
        rows.next()?.map(stored_object).transpose()
    }

    fn objects(&self, scope: Scope, range: &IdRange, limit: usize) -> Result<Vec<StoredObject>> {
        let sql = sql::OBJECTS;
        let none: Option<i64> = None;
        self.range(sql, (scope, [&none]), range, limit, stored_object)
    }

    fn index(
        &self,
        scope: Scope,
        field: &str,
        value: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<String>> {
        let sql = sql::INDEX;
        let lower = range.lower.as_deref().unwrap_or("");
        let upper = range.upper.as_deref().unwrap_or(LAST);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = sql[usize::from(range.descending)];
        let values: [&dyn ToSql; 7] =
            [&scope.ws, &scope.acct, &value, &lower, &upper, &limit, &field];
        self.rows(sql, &values, |row| Ok(row.get(0)?))
    }

    fn indexed_objects(
        &self,
        scope: Scope,
        field: &str,
        value: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<StoredObject>> {
        // CROSS JOIN keeps the planner from walking the objects first.
        let sql = sql::INDEXED_OBJECTS;
        let lower = range.lower.as_deref().unwrap_or("");
        let upper = range.upper.as_deref().unwrap_or(LAST);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = sql[usize::from(range.descending)];
        let values: [&dyn ToSql; 7] =
            [&scope.ws, &scope.acct, &value, &lower, &upper, &limit, &field];
        self.rows(sql, &values, stored_object)
    }

    fn posting(&self, scope: Scope, id: &str) -> Result<Option<PostingRow>> {
        let sql = sql::POSTING;
        let found = self.rows(sql, &[&scope.ws, &scope.acct, &id], posting_row)?;
        Ok(found.into_iter().next().map(|(_, row)| row))
    }

    fn postings(
        &self,
        scope: Scope,
        book: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<(String, PostingRow)>> {
        let sql = sql::POSTINGS;
        self.range(sql, (scope, [&book]), range, limit, posting_row)
    }

    fn event(&self, scope: Scope, id: &str) -> Result<Option<EventRow>> {
        let sql = sql::EVENT;
        let found = self.rows(sql, &[&scope.ws, &scope.acct, &id], event_row)?;
        Ok(found.into_iter().next().map(|(_, row)| row))
    }

    fn events(
        &self,
        scope: Scope,
        kind: Option<&str>,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<(String, EventRow)>> {
        let typed = sql::EVENTS_OF_TYPE;
        let all = sql::EVENTS;
        let sql = if kind.is_some() { typed } else { all };
        self.range(sql, (scope, [&kind]), range, limit, event_row)
    }

    fn jobs(&self, ws: i64, due: Millis, limit: usize) -> Result<Vec<(JobKey, JobRow)>> {
        let sql = sql::JOBS;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.rows(sql, &[&ws, &due, &limit], job_row)
    }

    fn first_job(&self, ws: i64) -> Result<Option<JobKey>> {
        Ok(self.jobs(ws, Millis::MAX, 1)?.into_iter().next().map(|(key, _)| key))
    }

    fn answers(&self, scope: Scope, hash: i64) -> Result<Vec<(AnswerKey, AnswerRow)>> {
        let sql = sql::ANSWERS;
        self.rows(sql, &[&scope.ws, &scope.acct, &hash], answer_row)
    }

    fn oldest_answers(&self, ws: i64, limit: usize) -> Result<Vec<(AnswerKey, AnswerRow)>> {
        let sql = sql::OLDEST_ANSWERS;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.rows(sql, &[&ws, &limit], answer_row)
    }

    fn oldest_events(&self, ws: i64, limit: usize) -> Result<Vec<(EventKey, Millis)>> {
        // Account by account: the key's second part. Each account's events are in order of age.
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let accounts = sql::EVENT_ACCOUNTS;
        let accounts: Vec<i64> = self.rows(accounts, &[&ws], |row| Ok(row.get(0)?))?;
        let sql = sql::OLDEST_EVENTS;
        let mut found = Vec::new();
        for acct in accounts {
            found.extend(self.rows(sql, &[&ws, &acct, &limit], |row| {
                let scope = Scope { ws: row.get(0)?, acct: row.get(1)? };
                Ok((EventKey { scope, id: row.get(2)? }, row.get(3)?))
            })?);
        }
        found.sort_by_key(|(_, created)| *created);
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    fn copies(&self, home: i64) -> Result<Vec<(CopyKey, CopyRow)>> {
        self.rows(sql::COPIES, &[&home], copy_row)
    }

    fn page(
        &self,
        part: i64,
        table: usize,
        after: &tables::Row,
        limit: usize,
    ) -> Result<Vec<tables::Row>> {
        let of = &tables::TABLES[table];
        let mut statement = self.statement(sql::TABLES[table].page)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let key = after.iter().map(ToSql::to_sql).collect::<rusqlite::Result<Vec<_>>>()?;
        let values = [ToSqlOutput::from(part)].into_iter().chain(key);
        let values = values.chain([ToSqlOutput::from(limit)]);
        let mut rows = statement.query(rusqlite::params_from_iter(values))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(moved_row(of, row)?);
        }
        Ok(found)
    }

    fn deliveries(&self, ws: i64, event: &str) -> Result<Vec<(DeliveryKey, DeliveryRow)>> {
        let sql = sql::DELIVERIES;
        self.rows(sql, &[&ws, &event], delivery_row)
    }

    fn pending_deliveries(
        &self,
        ws: i64,
        after: Option<(Millis, DeliveryKey)>,
        limit: usize,
    ) -> Result<Vec<(DeliveryKey, DeliveryRow)>> {
        let sql = sql::PENDING_DELIVERIES;
        let (due, event, endpoint) = after
            .map_or((Millis::MIN, String::new(), String::new()), |(due, key)| {
                (due, key.event, key.endpoint)
            });
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.rows(sql, &[&ws, &due, &event, &endpoint, &limit], delivery_row)
    }

    fn latest_deliveries(&self, ws: i64, limit: usize) -> Result<Vec<(DeliveryKey, DeliveryRow)>> {
        let sql = sql::LATEST_DELIVERIES;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.rows(sql, &[&ws, &limit], delivery_row)
    }
}

fn workspace_row(row: &Row<'_>) -> Result<WorkspaceRow> {
    let tail: Vec<u8> = row.get(1)?;
    let tail = Tail::try_from(tail.as_slice())
        .map_err(|_| StoreError::Corrupt("a workspace's tail is not 32 bytes".into()))?;
    let state: String = row.get(4)?;
    Ok(WorkspaceRow {
        number: row.get(0)?,
        tail,
        account: row.get(2)?,
        livemode: row.get(3)?,
        state: serde_json::from_str(&state)?,
    })
}

fn stored_object(row: &Row<'_>) -> Result<StoredObject> {
    Ok(StoredObject { id: row.get(0)?, version: row.get(1)?, state: row.get(2)? })
}

fn posting_row(row: &Row<'_>) -> Result<(String, PostingRow)> {
    let posting = PostingRow {
        book: row.get(1)?,
        transaction: row.get(2)?,
        kind: row.get(3)?,
        from: row.get(4)?,
        to: row.get(5)?,
        amount: row.get(6)?,
        currency: row.get(7)?,
        created: row.get(8)?,
    };
    Ok((row.get(0)?, posting))
}

fn event_row(row: &Row<'_>) -> Result<(String, EventRow)> {
    let event = EventRow {
        kind: row.get(1)?,
        created: row.get(2)?,
        object: row.get(3)?,
        previous: row.get(4)?,
        request: row.get(5)?,
        idempotency_key: row.get(6)?,
        by_request: row.get(7)?,
        targets: row.get(8)?,
    };
    Ok((row.get(0)?, event))
}

fn job_row(row: &Row<'_>) -> Result<(JobKey, JobRow)> {
    let key = JobKey { ws: row.get(0)?, due: row.get(1)?, seq: row.get(2)? };
    let (acct, kind) = (row.get(3)?, row.get(4)?);
    Ok((key, JobRow { acct, kind, object: row.get(5)?, detail: row.get(6)? }))
}

fn answer_row(row: &Row<'_>) -> Result<(AnswerKey, AnswerRow)> {
    let answer = AnswerRow {
        acct: row.get(2)?,
        hash: row.get(3)?,
        key: row.get(4)?,
        fingerprint: row.get(5)?,
        path: row.get(6)?,
        request: row.get(7)?,
        status: row.get(8)?,
        created: row.get(9)?,
        event: row.get(10)?,
        body: row.get(11)?,
    };
    Ok((AnswerKey { ws: row.get(0)?, seq: row.get(1)? }, answer))
}

fn delivery_row(row: &Row<'_>) -> Result<(DeliveryKey, DeliveryRow)> {
    let key = DeliveryKey { ws: row.get(0)?, event: row.get(1)?, endpoint: row.get(2)? };
    let delivery = DeliveryRow {
        acct: row.get(3)?,
        due: row.get(4)?,
        delivered: row.get(5)?,
        attempts: row.get(6)?,
    };
    Ok((key, delivery))
}

fn copy_row(row: &Row<'_>) -> Result<(CopyKey, CopyRow)> {
    let key = CopyKey { ws: row.get(0)?, part: row.get(1)? };
    Ok((key, CopyRow::from_columns(row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?)?))
}

/// A row of any of the tables, as its columns are described.
fn moved_row(table: &Table, row: &Row<'_>) -> Result<tables::Row> {
    let read = |(at, (_, kind)): (usize, &(&str, Kind))| {
        Ok(match row.get_ref(at)? {
            ValueRef::Null => Value::None,
            ValueRef::Integer(number) if *kind == Kind::Bool => Value::Bool(number != 0),
            ValueRef::Integer(number) => Value::Int(number),
            ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
            ValueRef::Real(_) => {
                return Err(StoreError::Corrupt(format!("a row of {} is broken", table.name)));
            }
        })
    };
    table.columns.iter().enumerate().map(read).collect()
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Value::None => ToSqlOutput::Borrowed(ValueRef::Null),
            Value::Int(number) => (*number).into(),
            Value::Bool(is) => (*is).into(),
            Value::Text(text) => text.as_str().into(),
            Value::Bytes(bytes) => bytes.as_slice().into(),
        })
    }
}

/// The highest number a workspace has.
pub(super) fn last_workspace(connection: &Connection) -> Result<i64> {
    let sql = sql::LAST_WORKSPACE;
    let last: Option<Option<i64>> = connection.query_row(sql, [], |row| row.get(0)).optional()?;
    Ok(last.flatten().unwrap_or(0))
}
