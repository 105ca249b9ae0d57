//! The rows of a batch, column by column: each table's statement takes them as arrays.

use std::borrow::Cow;

use tokio_postgres::types::ToSql;

use super::reader::storable;
use super::statements as sql;
use crate::Result;
use crate::overlay::Overlay;

type Value<'a> = Box<dyn ToSql + Sync + 'a>;
/// A statement with its values, of which the workspace's number is the first.
pub(super) type Statement<'a> = (&'static str, Vec<Value<'a>>);

/// Collects one column of all rows.
macro_rules! column {
    ($rows:expr, |$key:ident, $row:ident| $value:expr) => {
        Box::new($rows.iter().map(|($key, $row)| $value).collect::<Vec<_>>()) as Value<'a>
    };
    ($rows:expr, |$key:ident| $value:expr) => {
        Box::new($rows.iter().map(|$key| $value).collect::<Vec<_>>()) as Value<'a>
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

/// Every statement of a batch but those about the workspace itself.
pub(super) fn statements<'a>(overlay: &'a Overlay, ws: &'a i64) -> Result<Vec<Statement<'a>>> {
    let mut work = Vec::new();
    objects(overlay, ws, &mut work)?;
    index(overlay, ws, &mut work);
    postings(overlay, ws, &mut work);
    events(overlay, ws, &mut work);
    jobs(overlay, ws, &mut work);
    answers(overlay, ws, &mut work);
    deliveries(overlay, ws, &mut work);
    Ok(work)
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
    if !removed.is_empty() {
        work.push((
            sql::REMOVE_OBJECTS,
            vec![
                Box::new(ws),
                column!(removed, |key| key.scope.acct),
                column!(removed, |key| key.id.as_str()),
            ],
        ));
    }
    Ok(())
}

fn index<'a>(overlay: &'a Overlay, ws: &'a i64, work: &mut Vec<Statement<'a>>) {
    let (put, removed) = split(overlay.index.changes());
    let put: Vec<_> = put.into_iter().map(|(key, ())| key).collect();
    let put_sql = sql::PUT_INDEX;
    let remove_sql = sql::REMOVE_INDEX;
    // Removed first: an entry that stands in for another by its storable text must stay.
    for (sql, keys) in [(remove_sql, removed), (put_sql, put)] {
        if keys.is_empty() {
            continue;
        }
        work.push((
            sql,
            vec![
                Box::new(ws),
                column!(keys, |key| key.scope.acct),
                column!(keys, |key| key.field),
                column!(keys, |key| storable(&key.value)),
                column!(keys, |key| storable(&key.sort)),
            ],
        ));
    }
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
    if !removed.is_empty() {
        work.push((
            sql::REMOVE_EVENTS,
            vec![
                Box::new(ws),
                column!(removed, |key| key.scope.acct),
                column!(removed, |key| key.id.as_str()),
            ],
        ));
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
    if !removed.is_empty() {
        work.push((
            sql::REMOVE_JOBS,
            vec![Box::new(ws), column!(removed, |key| key.due), column!(removed, |key| key.seq)],
        ));
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
    if !removed.is_empty() {
        let forget = sql::REMOVE_ANSWER_INDEX;
        let remove = sql::REMOVE_ANSWERS;
        for sql in [forget, remove] {
            work.push((sql, vec![Box::new(ws), column!(removed, |key| key.seq)]));
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
    if !removed.is_empty() {
        work.push((
            sql::REMOVE_DELIVERIES,
            vec![
                Box::new(ws),
                column!(removed, |key| key.event.as_str()),
                column!(removed, |key| key.endpoint.as_str()),
            ],
        ));
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
