//! The delivery log: what was sent where, and what came of it.

use api::{Json, Result, View, array, object, seconds, seconds_or_null};
use exchequer_core::subscriptions::FORWARD;
use exchequer_core::webhook_endpoint;
use store::{DeliveryKey, DeliveryRow};

use crate::attempt::{Attempt, attempts_of};
use crate::limits::{LOG_LOOKED_AT_MAX, LOG_ROWS_MAX};

/// What the log is asked for.
pub struct LogQuery {
    pub event: Option<String>,
    pub endpoint: Option<String>,
    pub limit: usize,
}

/// The latest deliveries of the workspace, newest event first. One endpoint's are looked for among
/// the latest [`LOG_LOOKED_AT_MAX`] of all.
pub fn log(view: &View<'_>, query: &LogQuery) -> Result<Json> {
    let limit = query.limit.clamp(1, LOG_ROWS_MAX);
    let rows = match &query.event {
        Some(event) => view.session.deliveries(event)?,
        None => {
            let look = if query.endpoint.is_some() { LOG_LOOKED_AT_MAX } else { limit };
            view.session.reader.latest_deliveries(view.session.number, look)?
        }
    };
    let is_wanted = |key: &DeliveryKey| query.endpoint.as_ref().is_none_or(|e| *e == key.endpoint);
    let wanted = rows.into_iter().filter(|(key, _)| is_wanted(key)).take(limit);
    let mut data = Vec::new();
    for (key, row) in wanted {
        data.push(render(view, &key, &row)?);
    }
    Ok(object([("data", Json::Array(data))]))
}

fn render(view: &View<'_>, key: &DeliveryKey, row: &DeliveryRow) -> Result<Json> {
    let event = view.session.event(row.acct, &key.event)?;
    let endpoint = if key.endpoint == FORWARD {
        None
    } else {
        webhook_endpoint::of_delivery(view, row.acct, &key.endpoint)?
    };
    let status = match (row.due, row.delivered) {
        (Some(_), _) => "pending",
        (None, true) => "delivered",
        (None, false) => "failed",
    };
    let attempts = attempts_of(row)?;
    Ok(object([
        ("event", Json::from(&key.event)),
        ("type", event.as_ref().map(|event| event.kind.clone()).into()),
        ("created", event.map(|event| seconds(event.created)).into()),
        ("endpoint", Json::from(&key.endpoint)),
        ("url", endpoint.map(|endpoint| endpoint.url.clone()).into()),
        ("status", status.into()),
        ("next_attempt_at", seconds_or_null(row.due)),
        ("attempts", array(attempts.into_iter().map(attempt))),
    ]))
}

fn attempt(attempt: Attempt) -> Json {
    object([
        ("at", attempt.at.into()),
        ("t", attempt.t.into()),
        ("status", attempt.status.map(i64::from).into()),
        ("error", attempt.error.into()),
        ("duration_ms", i64::try_from(attempt.duration_ms).unwrap_or(i64::MAX).into()),
    ])
}
