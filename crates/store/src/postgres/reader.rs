//! Reading rows. Every statement is prepared once per connection and begins its key with `ws`.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, ToSql};

use super::link::{Link, Values};
use super::number_of;
use super::statements as sql;
use crate::reader::{IdRange, Reader};
use crate::rows::*;
use crate::tables::{self, Kind, Table, Value};
use crate::workspace::{Tail, Workspace, WorkspaceRow, WorkspaceState};
use crate::{Millis, Result, StoreError};

/// Reads through one connection, in the transaction that is open on it.
pub struct PostgresReader {
    pub(super) link: Link,
    /// The kept answers of keys, by workspace, account and hash: none where there are none. They
    /// count for the batch that has locked the workspace.
    looked_up: RefCell<HashMap<(i64, i64, i64), Answers>>,
}

type Answers = Vec<(AnswerKey, AnswerRow)>;

/// After every text that can be an id.
const LAST: &str = "\u{10FFFF}";

/// PostgreSQL has no text with a zero byte in it. The next character stands in for it: the first
/// text after `key` is then `key` with that.
pub(super) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{1}")) } else { Cow::Borrowed(text) }
}

/// A column of a row, which must hold what it says.
pub(super) fn at<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T> {
    row.try_get(column).map_err(|error| StoreError::Corrupt(error.to_string()))
}

impl PostgresReader {
    pub(super) fn new(link: Link) -> PostgresReader {
        PostgresReader { link, looked_up: RefCell::default() }
    }

    /// Asks for the answers of many keys at once.
    pub(super) fn look_up(&self, ws: i64, keys: &[(i64, i64)]) -> Result<()> {
        let (accounts, hashes): (Vec<i64>, Vec<i64>) = keys.iter().copied().unzip();
        let found = self.rows(sql::ANSWERS_OF_KEYS, &[&ws, &accounts, &hashes], answer_row)?;
        let mut looked_up = self.looked_up.borrow_mut();
        looked_up.extend(keys.iter().map(|(acct, hash)| ((ws, *acct, *hash), Vec::new())));
        for (key, row) in found {
            let known = looked_up.entry((ws, row.acct, row.hash)).or_default();
            // The same key may have been asked for twice.
            if known.iter().all(|(other, _)| *other != key) {
                known.push((key, row));
            }
        }
        Ok(())
    }

    pub(super) fn forget_looked_up(&self) {
        self.looked_up.borrow_mut().clear();
    }

    fn rows<T>(
        &self,
        sql: &'static str,
        values: Values<'_>,
        read: fn(&Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.link.query(sql, values)?.iter().map(read).collect()
    }

    /// A statement with the range's bounds as $3 and $4, the limit as $5 and `more` behind, in its
    /// direction.
    fn range<T>(
        &self,
        sql: [&'static str; 2],
        (scope, more): (Scope, &[&(dyn ToSql + Sync)]),
        range: &IdRange,
        limit: usize,
        read: fn(&Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        let lower = storable(range.lower.as_deref().unwrap_or(""));
        let upper = storable(range.upper.as_deref().unwrap_or(LAST));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut values: Vec<&(dyn ToSql + Sync)> =
            vec![&scope.ws, &scope.acct, &lower, &upper, &limit];
        values.extend_from_slice(more);
        self.rows(sql[usize::from(range.descending)], &values, read)
    }
}

impl Reader for PostgresReader {
    fn workspace(&self, tail: &Tail) -> Result<Option<WorkspaceRow>> {
        let sql = sql::WORKSPACE;
        let found = self.rows(sql, &[&number_of(tail)], workspace_row)?.into_iter().next();
        match found {
            Some(row) if row.tail != *tail => {
                Err(StoreError::Corrupt("two workspaces have one number".into()))
            }
            found => Ok(found),
        }
    }

    fn state(&self, workspace: &Workspace) -> Result<WorkspaceState> {
        let sql = sql::STATE;
        let number = number_of(&workspace.tail);
        let rows = self.link.query(sql, &[&number])?;
        let Some(row) = rows.first() else { return Ok(workspace.state()) };
        let state = serde_json::from_str(at(row, 1)?)?;
        workspace.learn(number, at(row, 0)?, state);
        Ok(state)
    }

    fn workspaces(&self, after: i64, limit: usize) -> Result<Vec<WorkspaceRow>> {
        let sql = sql::WORKSPACES;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.rows(sql, &[&after, &limit], workspace_row)
    }

    fn object(&self, scope: Scope, id: &str) -> Result<Option<StoredObject>> {
        let sql = sql::OBJECT;
        let id = storable(id);
        let found = self.rows(sql, &[&scope.ws, &scope.acct, &id], stored_object)?;
        Ok(found.into_iter().next())
    }

    fn objects(&self, scope: Scope, range: &IdRange, limit: usize) -> Result<Vec<StoredObject>> {
        let sql = sql::OBJECTS;
        self.range(sql, (scope, &[]), range, limit, stored_object)
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
        self.range(sql, (scope, &[&storable(value), &field]), range, limit, |row| at(row, 0))
    }

    fn indexed_objects(
        &self,
        scope: Scope,
        field: &str,
        value: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<StoredObject>> {
        let sql = sql::INDEXED_OBJECTS;
        self.range(sql, (scope, &[&storable(value), &field]), range, limit, stored_object)
    }

    fn posting(&self, scope: Scope, id: &str) -> Result<Option<PostingRow>> {
        let sql = sql::POSTING;
        let found = self.rows(sql, &[&scope.ws, &scope.acct, &storable(id)], posting_row)?;
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
        self.range(sql, (scope, &[&book]), range, limit, posting_row)
    }

    fn event(&self, scope: Scope, id: &str) -> Result<Option<EventRow>> {
        let sql = sql::EVENT;
        let found = self.rows(sql, &[&scope.ws, &scope.acct, &storable(id)], event_row)?;
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
        match kind {
            Some(kind) => {
                let kind = storable(kind);
                self.range(typed, (scope, &[&kind]), range, limit, event_row)
            }
            None => self.range(all, (scope, &[]), range, limit, event_row),
        }
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
        if let Some(known) = self.looked_up.borrow().get(&(scope.ws, scope.acct, hash)) {
            return Ok(known.clone());
        }
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
        let accounts: Vec<i64> = self.rows(accounts, &[&ws], |row| at(row, 0))?;
        let sql = sql::OLDEST_EVENTS;
        let mut found = Vec::new();
        for acct in accounts {
            found.extend(self.rows(sql, &[&ws, &acct, &limit], |row| {
                let scope = Scope { ws: at(row, 0)?, acct: at(row, 1)? };
                Ok((EventKey { scope, id: at(row, 2)? }, at(row, 3)?))
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
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut values: Vec<&(dyn ToSql + Sync)> = vec![&part];
        values.extend(after.iter().map(key_value));
        values.push(&limit);
        let rows = self.link.query(sql::TABLES[table].page, &values)?;
        rows.iter().map(|row| moved_row(of, row)).collect()
    }

    fn deliveries(&self, ws: i64, event: &str) -> Result<Vec<(DeliveryKey, DeliveryRow)>> {
        let sql = sql::DELIVERIES;
        self.rows(sql, &[&ws, &storable(event)], delivery_row)
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

pub(super) fn workspace_row(row: &Row) -> Result<WorkspaceRow> {
    let tail: Vec<u8> = at(row, 1)?;
    let tail = Tail::try_from(tail.as_slice())
        .map_err(|_| StoreError::Corrupt("a workspace's tail is not 32 bytes".into()))?;
    let state: String = at(row, 4)?;
    Ok(WorkspaceRow {
        number: at(row, 0)?,
        tail,
        account: at(row, 2)?,
        livemode: at(row, 3)?,
        state: serde_json::from_str(&state)?,
    })
}

fn stored_object(row: &Row) -> Result<StoredObject> {
    let version: i64 = at(row, 1)?;
    let version = u32::try_from(version)
        .map_err(|_| StoreError::Corrupt("an object's version is out of range".into()))?;
    Ok(StoredObject { id: at(row, 0)?, version, state: at(row, 2)? })
}

fn posting_row(row: &Row) -> Result<(String, PostingRow)> {
    let posting = PostingRow {
        book: at(row, 1)?,
        transaction: at(row, 2)?,
        kind: at(row, 3)?,
        from: at(row, 4)?,
        to: at(row, 5)?,
        amount: at(row, 6)?,
        currency: at(row, 7)?,
        created: at(row, 8)?,
    };
    Ok((at(row, 0)?, posting))
}

fn event_row(row: &Row) -> Result<(String, EventRow)> {
    let event = EventRow {
        kind: at(row, 1)?,
        created: at(row, 2)?,
        object: at(row, 3)?,
        previous: at(row, 4)?,
        request: at(row, 5)?,
        idempotency_key: at(row, 6)?,
        by_request: at(row, 7)?,
        targets: at(row, 8)?,
    };
    Ok((at(row, 0)?, event))
}

fn job_row(row: &Row) -> Result<(JobKey, JobRow)> {
    let key = JobKey { ws: at(row, 0)?, due: at(row, 1)?, seq: at(row, 2)? };
    let (acct, kind) = (at(row, 3)?, at(row, 4)?);
    Ok((key, JobRow { acct, kind, object: at(row, 5)?, detail: at(row, 6)? }))
}

fn status_of(stored: i64) -> Result<u16> {
    u16::try_from(stored).map_err(|_| StoreError::Corrupt("a status is out of range".into()))
}

fn answer_row(row: &Row) -> Result<(AnswerKey, AnswerRow)> {
    let answer = AnswerRow {
        acct: at(row, 2)?,
        hash: at(row, 3)?,
        key: at(row, 4)?,
        fingerprint: at(row, 5)?,
        path: at(row, 6)?,
        request: at(row, 7)?,
        status: status_of(at(row, 8)?)?,
        created: at(row, 9)?,
        event: at(row, 10)?,
        body: at(row, 11)?,
    };
    Ok((AnswerKey { ws: at(row, 0)?, seq: at(row, 1)? }, answer))
}

fn copy_row(row: &Row) -> Result<(CopyKey, CopyRow)> {
    let key = CopyKey { ws: at(row, 0)?, part: at(row, 1)? };
    Ok((key, CopyRow::from_columns(at(row, 2)?, at(row, 3)?, at(row, 4)?, at(row, 5)?)?))
}

/// A key has numbers and texts only.
fn key_value(value: &Value) -> &(dyn ToSql + Sync) {
    match value {
        Value::None => &None::<i64>,
        Value::Int(number) => number,
        Value::Bool(is) => is,
        Value::Text(text) => text,
        Value::Bytes(bytes) => bytes,
    }
}

/// A row of any of the tables, as its columns are described.
fn moved_row(table: &Table, row: &Row) -> Result<tables::Row> {
    let read = |(column, (_, kind)): (usize, &(&str, Kind))| {
        let value = match kind {
            Kind::Int => at::<Option<i64>>(row, column)?.map(Value::Int),
            Kind::Bool => at::<Option<bool>>(row, column)?.map(Value::Bool),
            Kind::Text => at::<Option<String>>(row, column)?.map(Value::Text),
            Kind::Bytes => at::<Option<Vec<u8>>>(row, column)?.map(Value::Bytes),
        };
        Ok(value.unwrap_or(Value::None))
    };
    table.columns.iter().enumerate().map(read).collect()
}

fn delivery_row(row: &Row) -> Result<(DeliveryKey, DeliveryRow)> {
    let key = DeliveryKey { ws: at(row, 0)?, event: at(row, 1)?, endpoint: at(row, 2)? };
    let delivery = DeliveryRow {
        acct: at(row, 3)?,
        due: at(row, 4)?,
        delivered: at(row, 5)?,
        attempts: at(row, 6)?,
    };
    Ok((key, delivery))
}
