//! Events and the outbox: as many deliveries as an event had endpoints, and none without its event.
//! The rows stay when an endpoint is deleted, so it need not be there.

use std::collections::BTreeSet;

use api::audit::Row;
use api::resource::ObjectDef;
use api::{Include, View};
use delivery::limits::ATTEMPTS_KEPT_MAX;
use exchequer_core::subscriptions::FORWARD;
use exchequer_core::webhook_endpoint;
use serde_json::Value;
use store::{DeliveryRow, EventRow, Millis, Result, Scope};

use super::objects::prefix_of;
use super::order::Order;
use super::walk::{Place, Walk};

const EVENTS: &str = "SELECT id, type, created, object, previous, request, idempotency_key, \
                      by_request, targets FROM events WHERE ws = ?1 AND acct = ?2 ORDER BY id";
const DELIVERIES: &str = "SELECT event, endpoint, acct, due, delivered, attempts FROM deliveries \
                          WHERE ws = ?1 ORDER BY event, endpoint";
/// What was deleted, by the event that told so.
const DELETED: &str = "SELECT ifnull(json_extract(object, '$.id'), '') FROM events \
                       WHERE ws = ?1 AND acct = ?2 AND type LIKE '%.deleted' AND json_valid(object)";
/// What an object has from its creation on.
const IMMUTABLE: [&str; 3] = ["amount", "created", "financial_account"];
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
        let view = self.view(place, scope);
        let deleted = self.deleted(scope)?;
        let mut order = Order::new(place, &view);
        self.each("events", EVENTS, &[&scope.ws, &scope.acct], read, |walk, (id, event)| {
            walk.totals.events += 1;
            let found = walk.count(DELIVERIES_COUNT, &[&scope.ws, &id])?;
            let subject = walk.subjects.get(event.kind.as_str()).copied();
            let mut row = walk.findings.at("events", scope, &id);
            let EventRow { kind, targets, created, .. } = &event;
            row.must(prefix_of(&id) == "evt", "its id is not one of an event");
            order.check(&id, *created, &mut row);
            match subject {
                Some(subject) => subject.check(&view, &event, &deleted, &mut row),
                None => row.wrong(format!("an event of type {kind} is not known")),
            }
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
        })?;
        self.newest_id = self.newest_id.max(order.newest);
        Ok(())
    }

    /// The ids of an account's objects of which an event says that they are gone.
    fn deleted(&self, scope: Scope) -> Result<BTreeSet<String>> {
        let mut find = self.rows.prepare_cached(DELETED)?;
        let found = find.query_map((scope.ws, scope.acct), |row| row.get(0))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Whether an endpoint that an event was for is there and switched on.
    fn is_on(&self, place: &Place, scope: Scope, endpoint: &str) -> bool {
        let view = self.view(place, scope);
        let found = webhook_endpoint::of_delivery(&view, scope.acct, endpoint);
        found.is_ok_and(|found| found.is_some_and(|endpoint| !endpoint.disabled))
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
            let told = walk.reader.event(scope, &event)?;
            let id = format!("{event} to {endpoint}");
            let created = told.map(|told| told.created);
            let is_on = endpoint == FORWARD || walk.is_on(place, scope, &endpoint);
            let mut row = walk.findings.at("deliveries", scope, &id);
            row.must(created.is_some(), "its event is not there");
            let is_endpoint = endpoint == FORWARD || prefix_of(&endpoint) == "we";
            row.must(is_endpoint, "what it goes to is no endpoint");
            let Some(attempts) = attempts(&delivery.attempts) else {
                row.wrong("its attempts cannot be read");
                return Ok(());
            };
            let delivered = delivery.delivered;
            let any = attempts.iter().any(|attempt| attempt.success);
            row.must(delivered || !any, "an attempt succeeded, but it is not delivered");
            // The one that succeeded can have been followed by so many that it is not kept.
            let any = any || attempts.len() >= ATTEMPTS_KEPT_MAX;
            row.must(!delivered || any, "it is delivered without an attempt that succeeded");
            if let (false, None, Some(created), true) = (delivered, delivery.due, created, is_on) {
                let is_first = attempts.is_empty() && endpoint != FORWARD;
                let next = next_try(place.workspace.livemode, created, &attempts);
                // Only what was due can have been given up while nobody was to be told.
                let is_lost = next.is_some_and(|at| is_first || at > place.state.last_now);
                row.must(!is_lost, "it is neither delivered nor given up, and never due");
            }
            Ok(())
        })
    }
}

/// What the events of a type are about.
#[derive(Clone, Copy)]
pub struct Subject {
    pub object: &'static str,
    /// How it is found, where it is an object that is kept under an id.
    pub kept: Option<ObjectDef>,
}

impl Subject {
    /// The object of an event is one that can have been there: what does not change in an object's
    /// life is what it is now. `view` is that of the event's account.
    fn check(
        &self,
        view: &View<'_>,
        event: &EventRow,
        deleted: &BTreeSet<String>,
        row: &mut Row<'_>,
    ) {
        let Ok(told) = serde_json::from_str::<Value>(&event.object) else { return };
        let is_kind = told["object"] == self.object;
        row.must(is_kind, format!("its object is no {}", self.object));
        let Some(kept) = &self.kept else { return };
        let id = told["id"].as_str().unwrap_or_default();
        if prefix_of(id) != kept.prefix {
            row.wrong(format!("the id of its object is not one of a {}", self.object));
            return;
        }
        if self.object == "account" {
            // Its events are its own. An account that is gone has left them behind.
            let owner = &view.owner.id;
            row.must(owner.is_empty() || owner == id, format!("it is about the account {id}"));
            return;
        }
        let live = match (kept.load)(view, id, &Include::NONE) {
            Ok(live) => live,
            // What is wrong with the object itself is told of it.
            Err(_) => return,
        };
        let Some(live) = live else {
            // Not everything that is deleted leaves a trace of its own, as a customer does.
            row.must(deleted.contains(id), format!("its object {id} is not there"));
            return;
        };
        let live = serde_json::from_str::<Value>(&live.compact()).unwrap_or_default();
        if live["deleted"] == true {
            return;
        }
        let has_amount = told.get("amount").is_some().then_some("currency");
        for name in IMMUTABLE.into_iter().chain(has_amount) {
            let (said, is) = (&told[name], &live[name]);
            row.must(said == is, format!("it says that the {name} of {id} is {said}, not {is}"));
        }
    }
}

/// An attempt: when it was made, to the second, and whether it succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Attempt {
    at: Millis,
    success: bool,
}

/// The attempts of a delivery; none where they are not what attempts look like.
fn attempts(text: &str) -> Option<Vec<Attempt>> {
    let attempts: Vec<Value> = serde_json::from_str(text).ok()?;
    let attempts = attempts.iter().map(|attempt| {
        let at = attempt.get("at")?.as_i64()?.checked_mul(1000)?;
        let success = match attempt.get("status")? {
            Value::Null => false,
            status => (200..300).contains(&status.as_u64()?) && at >= 0,
        };
        Some(Attempt { at, success })
    });
    attempts.collect()
}

/// In minutes from the first attempt on, when a delivery is tried.
const TRIES_IN_TEST_MODE: [Millis; 4] = [0, 5, 60, 180];
const TRIES_IN_LIVE_MODE: [Millis; 11] = [0, 5, 30, 120, 300, 600, 1320, 2040, 2760, 3480, 4200];

/// When what was not delivered is to be tried next; none where no try is left.
fn next_try(livemode: bool, created: Millis, attempts: &[Attempt]) -> Option<Millis> {
    let (Some(first), Some(last)) = (attempts.first(), attempts.last()) else {
        return Some(created);
    };
    let first = created.max(first.at);
    let tries: &[Millis] = if livemode { &TRIES_IN_LIVE_MODE } else { &TRIES_IN_TEST_MODE };
    let mut times = tries.iter().map(|minutes| first + minutes * 60_000);
    // It was made within the second that it names.
    times.find(|time| *time > last.at + 999)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn attempts_tell_whether_they_succeeded() {
        let none: [Attempt; 0] = [];
        assert_eq!(attempts("[]").unwrap(), none);
        let two = r#"[{"at":1,"status":500,"error":null},{"at":2,"status":204}]"#;
        let attempt = |at, success| Attempt { at, success };
        assert_eq!(attempts(two).unwrap(), [attempt(1000, false), attempt(2000, true)]);
        let unheard = attempts(r#"[{"at":1,"status":null}]"#).unwrap();
        assert_eq!(unheard, [attempt(1000, false)]);
        for broken in ["", "{}", "[1]", "[{}]", r#"[{"at":1}]"#, r#"[{"at":1,"status":"ok"}]"#] {
            assert_eq!(attempts(broken), None, "{broken}");
        }
    }

    #[test]
    fn tries_end_with_the_schedule() {
        let minute = 60_000;
        let made = |minutes: &[Millis]| -> Vec<Attempt> {
            let times = minutes.iter().map(|at| 1_000_000 + at * minute);
            times.map(|at| Attempt { at, success: false }).collect()
        };
        let next = |livemode, minutes: &[Millis]| {
            let next = next_try(livemode, 1_000_000, &made(minutes));
            next.map(|at| (at - 1_000_000) / minute)
        };
        assert_eq!(next(false, &[]), Some(0));
        assert_eq!(next(false, &[0]), Some(5));
        assert_eq!(next(false, &[0, 5, 61]), Some(180));
        assert_eq!(next(false, &[0, 5, 61, 180]), None);
        assert_eq!(next(true, &[0, 200]), Some(300));
        assert_eq!(next(true, &[0, 4200]), None);
    }
}
