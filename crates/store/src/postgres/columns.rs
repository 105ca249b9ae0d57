//! The rows of a batch, column by column: each table's statement takes them as arrays. What is
//! removed goes row by row, by its whole key: a join with an array is planned by what the database
//! believes of a table, and where that is old it looks through all rows of the workspace.

use std::borrow::Cow;

use tokio_postgres::types::ToSql;

use super::reader::storable;
use super::statements as sql;
use crate::Result;
use crate::overlay::{Moved, Overlay, Removed};
use crate::rows::{CopyKey, CopyRow};
use crate::tables::{self, Kind, Row, TABLES};

type Value<'a> = Box<dyn ToSql + Sync + 'a>;
/// A statement with its values, of which the workspace's number is the first.
pub(super) type Statement<'a> = (&'static str, Vec<Value<'a>>);

/// Collects one column of all rows.
macro_rules! column {
    ($rows:expr, |$key:ident, $row:ident| $value:expr) => {
        Box::new($rows.iter().map(|($key, $row)| $value).collect::<Vec<_>>()) as Value<'a>
    };
}

/// Puts changed rows on one side and the keys of removed ones on the other.
fn split<'a, K, V>(
    changes: impl Iterator<Item = (&'a K, Option<&'a V>)>,
) -> (Vec<(&'a K, &'a V)>, Vec<&'a K>) {
    let (mut put, mut removed) = (Vec::new(), Vec::new());
    for (key, row) in changes {
        match row {
            Some(row) => put.push((key, row)),
            None => removed.push(key),
        }
    }
    (put, removed)
}

/// Every statement of a batch but those about the workspace itself. `home` is the number of the workspace's own row, `ws` that of its rows.
pub(super) fn statements<'a>(
    overlay: &'a Overlay,
    home: &'a i64,
    ws: &'a i64,
) -> Result<Vec<Statement<'a>>> {
    let mut work = Vec::new();
    objects(overlay, ws, &mut work)?;
    index(overlay, ws, &mut work);
    postings(overlay, ws, &mut work);
    events(overlay, ws, &mut work);
    jobs(overlay, ws, &mut work);
    answers(overlay, ws, &mut work);
    deliveries(overlay, ws, &mut work);
    copies(overlay, home, &mut work)?;
    for Moved { part, table, rows } in &overlay.moved {
        work.push(put_rows(part, *table, rows));
    }
    for Removed { part, table, rows } in &overlay.removed {
        let most = i64::try_from(*rows).unwrap_or(i64::MAX);
        work.push((sql::TABLES[*table].remove, vec![Box::new(part), Box::new(most)]));
    }
    Ok(work)
}

fn copies<'a>(overlay: &'a Overlay, home: &'a i64, work: &mut Vec<Statement<'a>>) -> Result<()> {
    for (key, row) in overlay.copies.changes() {
        let Some(row) = row else {
            work.push((sql::REMOVE_COPY, vec![Box::new(home), Box::new(key.part)]));
            continue;
        };
        work.push(put_copy(home, key, row)?);
    }
    Ok(())
}

pub(super) fn put_copy<'a>(
    home: &'a i64,
    key: &'a CopyKey,
    row: &'a CopyRow,
) -> Result<Statement<'a>> {
    let (name, until, taken, state) = row.columns()?;
    let values: Vec<Value<'a>> = vec![
        Box::new(home),
        Box::new(key.part),
        Box::new(name),
        Box::new(until),
        Box::new(taken),
        Box::new(state),
    ];
    Ok((sql::PUT_COPY, values))
}

/// Rows of a table as they are, under a number.
pub(super) fn put_rows<'a>(part: &'a i64, table: usize, rows: &'a [Row]) -> Statement<'a> {
    let of = &TABLES[table];
    let mut values: Vec<Value<'a>> = vec![Box::new(part)];
    for (at, (_, kind)) in of.columns.iter().enumerate() {
        let column = rows.iter().map(|row| row.get(at).unwrap_or(&tables::Value::None));
        values.push(match kind {
            Kind::Int => Box::new(
                column
                    .map(|value| match value {
                        tables::Value::Int(number) => Some(*number),
                        _ => None,
                    })
                    .collect::<Vec<_>>(),
            ),
            Kind::Bool => Box::new(
                column
                    .map(|value| match value {
                        tables::Value::Bool(is) => Some(*is),
                        _ => None,
                    })
                    .collect::<Vec<_>>(),
            ),
            Kind::Text => Box::new(
                column
                    .map(|value| match value {
                        tables::Value::Text(text) => Some(storable(text)),
                        _ => None,
                    })
                    .collect::<Vec<_>>(),
            ),
            Kind::Bytes => Box::new(
                column
                    .map(|value| match value {
                        tables::Value::Bytes(bytes) => Some(bytes.as_slice()),
                        _ => None,
                    })
                    .collect::<Vec<_>>(),
            ),
        });
    }
    (sql::TABLES[table].put, values)
}

fn objects<'a>(overlay: &'a Overlay, ws: &'a i64, work: &mut Vec<Statement<'a>>) -> Result<()> {
    let (put, removed) = split(overlay.objects.changes());
    if !put.is_empty() {
        let mut states = Vec::with_capacity(put.len());
        for (_, row) in &put {
            states.push((row.encode)(&*row.object)?);
        }
        work.push((
            sql::PUT_OBJECTS,
            vec![
                Box::new(ws),
                column!(put, |key, _row| key.scope.acct),
                column!(put, |key, _row| key.id.as_str()),
                column!(put, |_key, row| i64::from(row.version)),
                Box::new(states),
            ],
        ));
    }
    for key in removed {
        let values: Vec<Value<'a>> =
            vec![Box::new(ws), Box::new(key.scope.acct), Box::new(key.id.as_str())];
        work.push((sql::REMOVE_OBJECT, values));
    }
    Ok(())
}

fn index<'a>(overlay: &'a Overlay, ws: &'a i64, work: &mut Vec<Statement<'a>>) {
    let (put, removed) = split(overlay.index.changes());
    // Removed first: an entry that stands in for another by its storable text must stay.
    for key in removed {
        let values: Vec<Value<'a>> = vec![
            Box::new(ws),
            Box::new(key.scope.acct),
            Box::new(key.field),
            Box::new(storable(&key.value)),
            Box::new(storable(&key.sort)),
        ];
        work.push((sql::REMOVE_INDEX, values));
    }
    if put.is_empty() {
        return;
    }
    work.push((
        sql::PUT_INDEX,
        vec![
            Box::new(ws),
            column!(put, |key, _row| key.scope.acct),
            column!(put, |key, _row| key.field),
            column!(put, |key, _row| storable(&key.value)),
            column!(put, |key, _row| storable(&key.sort)),
        ],
    ));
}

fn postings<'a>(overlay: &'a Overlay, ws: &'a i64, work: &mut Vec<Statement<'a>>) {
    // A posting is never removed but with its whole workspace.
    let (put, _) = split(overlay.postings.changes());
    if put.is_empty() {
        return;
    }
    work.push((
        sql::PUT_POSTINGS,
        vec![
            Box::new(ws),
            column!(put, |key, _row| key.scope.acct),
            column!(put, |key, _row| key.id.as_str()),
            column!(put, |_key, row| row.book.as_str()),
            column!(put, |_key, row| row.transaction.as_str()),
            column!(put, |_key, row| row.kind.as_str()),
            column!(put, |_key, row| row.from.as_str()),
            column!(put, |_key, row| row.to.as_str()),
            column!(put, |_key, row| row.amount),
            column!(put, |_key, row| row.currency.as_str()),
            column!(put, |_key, row| row.created),
        ],
    ));
}

fn events<'a>(overlay: &'a Overlay, ws: &'a i64, work: &mut Vec<Statement<'a>>) {
    let (put, removed) = split(overlay.events.changes());
    for key in removed {
        let values: Vec<Value<'a>> =
            vec![Box::new(ws), Box::new(key.scope.acct), Box::new(key.id.as_str())];
        work.push((sql::REMOVE_EVENT, values));
    }
    if put.is_empty() {
        return;
    }
    work.push((
        sql::PUT_EVENTS,
        vec![
            Box::new(ws),
            column!(put, |key, _row| key.scope.acct),
            column!(put, |key, _row| key.id.as_str()),
            column!(put, |_key, row| row.kind.as_str()),
            column!(put, |_key, row| row.created),
            column!(put, |_key, row| row.object.as_str()),
            column!(put, |_key, row| row.previous.as_deref()),
            column!(put, |_key, row| row.request.as_deref()),
            column!(put, |_key, row| text_or_none(row.idempotency_key.as_deref())),
            column!(put, |_key, row| row.by_request),
            column!(put, |_key, row| row.targets),
        ],
    ));
}

fn text_or_none(text: Option<&str>) -> Option<Cow<'_, str>> {
    text.map(storable)
}

fn jobs<'a>(overlay: &'a Overlay, ws: &'a i64, work: &mut Vec<Statement<'a>>) {
    let (put, removed) = split(overlay.jobs.changes());
    for key in removed {
        let values: Vec<Value<'a>> = vec![Box::new(ws), Box::new(key.due), Box::new(key.seq)];
        work.push((sql::REMOVE_JOB, values));
    }
    if put.is_empty() {
        return;
    }
    work.push((
        sql::PUT_JOBS,
        vec![
            Box::new(ws),
            column!(put, |key, _row| key.due),
            column!(put, |key, _row| key.seq),
            column!(put, |_key, row| row.acct),
            column!(put, |_key, row| row.kind.as_str()),
            column!(put, |_key, row| storable(&row.object)),
            column!(put, |_key, row| storable(&row.detail)),
        ],
    ));
}

fn answers<'a>(overlay: &'a Overlay, ws: &'a i64, work: &mut Vec<Statement<'a>>) {
    let (put, removed) = split(overlay.answers.changes());
    for key in removed {
        for sql in [sql::REMOVE_ANSWER_INDEX, sql::REMOVE_ANSWER] {
            work.push((sql, vec![Box::new(ws), Box::new(key.seq)]));
        }
    }
    if put.is_empty() {
        return;
    }
    work.push((
        sql::PUT_ANSWER_INDEX,
        vec![
            Box::new(ws),
            column!(put, |_key, row| row.acct),
            column!(put, |_key, row| row.hash),
            column!(put, |key, _row| key.seq),
        ],
    ));
    work.push((
        sql::PUT_ANSWERS,
        vec![
            Box::new(ws),
            column!(put, |key, _row| key.seq),
            column!(put, |_key, row| row.acct),
            column!(put, |_key, row| row.hash),
            column!(put, |_key, row| row.key.as_str()),
            column!(put, |_key, row| row.fingerprint.as_slice()),
            column!(put, |_key, row| storable(&row.path)),
            column!(put, |_key, row| row.request.as_str()),
            column!(put, |_key, row| i64::from(row.status)),
            column!(put, |_key, row| row.created),
            column!(put, |_key, row| row.event.as_deref()),
            column!(put, |_key, row| row.body.as_deref()),
        ],
    ));
}

fn deliveries<'a>(overlay: &'a Overlay, ws: &'a i64, work: &mut Vec<Statement<'a>>) {
    let (put, removed) = split(overlay.deliveries.changes());
    for key in removed {
        let values: Vec<Value<'a>> =
            vec![Box::new(ws), Box::new(key.event.as_str()), Box::new(key.endpoint.as_str())];
        work.push((sql::REMOVE_DELIVERY, values));
    }
    if put.is_empty() {
        return;
    }
    work.push((
        sql::PUT_DELIVERIES,
        vec![
            Box::new(ws),
            column!(put, |key, _row| key.event.as_str()),
            column!(put, |key, _row| key.endpoint.as_str()),
            column!(put, |_key, row| row.acct),
            column!(put, |_key, row| row.due),
            column!(put, |_key, row| row.delivered),
            column!(put, |_key, row| row.attempts.as_str()),
        ],
    ));
}
