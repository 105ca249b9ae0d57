//! The rows of a batch, column by column: each table's statement takes them as arrays.

use std::borrow::Cow;

use tokio_postgres::types::ToSql;

use super::reader::storable;
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
            "INSERT INTO objects (ws, acct, id, v, state) SELECT $1::bigint, t.* \
             FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::text[]) AS t \
             ON CONFLICT (ws, acct, id) DO UPDATE SET v = excluded.v, state = excluded.state",
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
            "DELETE FROM objects AS o USING unnest($2::bigint[], $3::text[]) AS k (acct, id) \
             WHERE o.ws = $1 AND o.acct = k.acct AND o.id = k.id",
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
    let put_sql = "INSERT INTO object_index (ws, acct, field, value, id) SELECT $1::bigint, t.* \
                   FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[]) AS t \
                   ON CONFLICT (ws, acct, field, value, id) DO NOTHING";
    let remove_sql = "DELETE FROM object_index AS i USING \
                      unnest($2::bigint[], $3::text[], $4::text[], $5::text[]) \
                      AS k (acct, field, value, id) WHERE i.ws = $1 AND i.acct = k.acct \
                      AND i.field = k.field AND i.value = k.value AND i.id = k.id";
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
        "INSERT INTO postings \
         (ws, acct, id, book, txn, type, taken_from, given_to, amount, currency, created) \
         SELECT $1::bigint, t.* FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], \
         $6::text[], $7::text[], $8::text[], $9::bigint[], $10::text[], $11::bigint[]) AS t",
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
            "DELETE FROM events AS e USING unnest($2::bigint[], $3::text[]) AS k (acct, id) \
             WHERE e.ws = $1 AND e.acct = k.acct AND e.id = k.id",
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
        "INSERT INTO events (ws, acct, id, type, created, object, previous, request, \
         idempotency_key, by_request, targets) \
         SELECT $1::bigint, t.* FROM unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[], \
         $6::text[], $7::text[], $8::text[], $9::text[], $10::boolean[], $11::bigint[]) AS t",
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
            "DELETE FROM jobs AS j USING unnest($2::bigint[], $3::bigint[]) AS k (due, seq) \
             WHERE j.ws = $1 AND j.due = k.due AND j.seq = k.seq",
            vec![Box::new(ws), column!(removed, |key| key.due), column!(removed, |key| key.seq)],
        ));
    }
    if put.is_empty() {
        return;
    }
    work.push((
        "INSERT INTO jobs (ws, due, seq, acct, kind, object, detail) SELECT $1::bigint, t.* FROM \
         unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[]) AS t",
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
        let forget = "DELETE FROM answer_index AS i USING unnest($2::bigint[]) AS k (seq), \
                      answers AS a WHERE a.ws = $1 AND a.seq = k.seq AND i.ws = $1 \
                      AND i.acct = a.acct AND i.hash = a.hash AND i.seq = a.seq";
        let remove = "DELETE FROM answers AS a USING unnest($2::bigint[]) AS k (seq) \
                      WHERE a.ws = $1 AND a.seq = k.seq";
        for sql in [forget, remove] {
            work.push((sql, vec![Box::new(ws), column!(removed, |key| key.seq)]));
        }
    }
    if put.is_empty() {
        return;
    }
    work.push((
        "INSERT INTO answer_index (ws, acct, hash, seq) SELECT $1::bigint, t.* \
         FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS t",
        vec![
            Box::new(ws),
            column!(put, |_key, row| row.acct),
            column!(put, |_key, row| row.hash),
            column!(put, |key, _row| key.seq),
        ],
    ));
    work.push((
        "INSERT INTO answers (ws, seq, acct, hash, idempotency_key, fingerprint, path, request, \
         status, created, event, body) SELECT $1::bigint, t.* FROM unnest($2::bigint[], \
         $3::bigint[], $4::bigint[], $5::text[], $6::bytea[], $7::text[], $8::text[], \
         $9::bigint[], $10::bigint[], $11::text[], $12::bytea[]) AS t",
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
            "DELETE FROM deliveries AS d USING unnest($2::text[], $3::text[]) \
             AS k (event, endpoint) \
             WHERE d.ws = $1 AND d.event = k.event AND d.endpoint = k.endpoint",
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
        "INSERT INTO deliveries (ws, event, endpoint, acct, due, delivered, attempts) \
         SELECT $1::bigint, t.* FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], \
         $6::boolean[], $7::text[]) AS t ON CONFLICT (ws, event, endpoint) DO UPDATE SET \
         acct = excluded.acct, due = excluded.due, delivered = excluded.delivered, \
         attempts = excluded.attempts",
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
