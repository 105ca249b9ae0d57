//! Events and the outbox: as many deliveries as an event had endpoints, and none without its event.
//! The rows stay when an endpoint is deleted, so it need not be there.

use exchequer_core::subscriptions::FORWARD;
use serde_json::Value;
use store::{DeliveryRow, EventRow, Result, Scope};

use super::objects::prefix_of;
use super::walk::{Place, Walk};

const EVENTS: &str = "SELECT id, type, created, object, previous, request, idempotency_key, \
                      by_request, targets FROM events WHERE ws = ?1 AND acct = ?2 ORDER BY id";
const DELIVERIES: &str = "SELECT event, endpoint, acct, due, delivered, attempts FROM deliveries \
                          WHERE ws = ?1 ORDER BY event, endpoint";
const DELIVERIES_COUNT: &str = "SELECT count(*) FROM deliveries WHERE ws = ?1 AND event = ?2";

impl Walk<'_> {
    pub fn events(&mut self, place: &Place, scope: Scope) -> Result<()> {
        let read = |row: &rusqlite::Row<'_>| {
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
            Ok((row.get::<_, String>(0)?, event))
        };
        self.each("events", EVENTS, &[&scope.ws, &scope.acct], read, |walk, (id, event)| {
            walk.totals.events += 1;
            let found = walk.count(DELIVERIES_COUNT, &[&scope.ws, &id])?;
            let declared = &walk.app.api.resources;
            let is_known = declared.iter().any(|one| one.events.contains(&event.kind.as_str()));
            let mut row = walk.findings.at("events", scope, &id);
            let EventRow { kind, targets, created, .. } = &event;
            row.must(prefix_of(&id) == "evt", "its id is not one of an event");
            row.must(is_known, format!("an event of type {kind} is not known"));
            let rule = format!("it was for {targets} endpoints and has {found} rows in deliveries");
            row.must(*targets == found, rule);
            let is_past = *created <= place.state.last_now;
            row.must(is_past, format!("it happened at {created}, later than the latest command"));
            let is_object =
                |text: &str| serde_json::from_str::<Value>(text).is_ok_and(|json| json.is_object());
            row.must(is_object(&event.object), "its object is no JSON object");
            let previous = event.previous.as_deref();
            row.must(previous.is_none_or(is_object), "its previous is no JSON object");
            let names_request = event.request.is_some() || event.idempotency_key.is_some();
            row.must(event.by_request || !names_request, "it names a request, but none made it");
            Ok(())
        })
    }

    pub fn deliveries(&mut self, place: &Place) -> Result<()> {
        let ws = place.ws;
        let read = |row: &rusqlite::Row<'_>| {
            let delivery = DeliveryRow {
                acct: row.get(2)?,
                due: row.get(3)?,
                delivered: row.get(4)?,
                attempts: row.get(5)?,
            };
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, delivery))
        };
        self.each("deliveries", DELIVERIES, &[&ws], read, |walk, (event, endpoint, delivery)| {
            let scope = Scope { ws, acct: delivery.acct };
            let is_there = walk.reader.event(scope, &event)?.is_some();
            let id = format!("{event} to {endpoint}");
            let mut row = walk.findings.at("deliveries", scope, &id);
            row.must(is_there, "its event is not there");
            let is_endpoint = endpoint == FORWARD || prefix_of(&endpoint) == "we";
            row.must(is_endpoint, "what it goes to is no endpoint");
            let Some(succeeded) = attempts(&delivery.attempts) else {
                row.wrong("its attempts cannot be read");
                return Ok(());
            };
            let delivered = delivery.delivered;
            let any = succeeded.iter().any(|success| *success);
            row.must(delivered || !any, "an attempt succeeded, but it is not delivered");
            row.must(!delivered || !succeeded.is_empty(), "it is delivered without an attempt");
            Ok(())
        })
    }
}

/// Which of the attempts succeeded; none where they are not what attempts look like.
fn attempts(text: &str) -> Option<Vec<bool>> {
    let attempts: Vec<Value> = serde_json::from_str(text).ok()?;
    let succeeded = attempts.iter().map(|attempt| {
        let at = attempt.get("at")?.as_i64()?;
        match attempt.get("status")? {
            Value::Null => Some(false),
            status => Some((200..300).contains(&status.as_u64()?) && at >= 0),
        }
    });
    succeeded.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn attempts_tell_whether_they_succeeded() {
        let none: [bool; 0] = [];
        assert_eq!(attempts("[]").unwrap(), none);
        let two = r#"[{"at":1,"status":500,"error":null},{"at":2,"status":204}]"#;
        assert_eq!(attempts(two).unwrap(), [false, true]);
        assert_eq!(attempts(r#"[{"at":1,"status":null}]"#).unwrap(), [false]);
        for broken in ["", "{}", "[1]", "[{}]", r#"[{"at":1}]"#, r#"[{"at":1,"status":"ok"}]"#] {
            assert_eq!(attempts(broken), None, "{broken}");
        }
    }
}
