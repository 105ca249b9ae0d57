//! The sandbox's own controls (clock, reset, deliveries) and what scenarios ask most often.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::client::Sandbox;
use crate::receiver::Receiver;

/// A webhook endpoint and the secret that only its creation shows.
pub struct Endpoint {
    pub id: String,
    pub secret: String,
    pub url: String,
}

impl Sandbox {
    /// Stops the sandbox's clock at this time (unix seconds), which lies in the past only while
    /// the sandbox is still empty.
    #[track_caller]
    pub fn clock_freeze(&self, to: i64) -> Answer {
        let answer = self.clock(&json!({"action": "freeze", "to": to}));
        answer.expect("mode", "frozen").expect("now", to);
        answer
    }

    #[track_caller]
    pub fn clock_set(&self, to: i64) -> Answer {
        self.clock(&json!({"action": "set", "to": to}))
    }

    /// Moves the clock by `3d`, `25h`, `300s`; answers when all that became due has happened.
    #[track_caller]
    pub fn advance(&self, by: &str) -> Answer {
        self.clock(&json!({"action": "advance", "by": by}))
    }

    /// Lets the queued steps of test mode run: they are due seconds after creation.
    #[track_caller]
    pub fn settle(&self) -> Answer {
        self.advance("10s")
    }

    #[track_caller]
    pub fn clock(&self, body: &Value) -> Answer {
        let answer = self.post_json("/_exchequer/clock", body);
        answer.ok();
        answer
    }

    /// The sandbox's time.
    #[track_caller]
    pub fn now(&self) -> i64 {
        self.get("/_exchequer/clock").ok().int("now")
    }

    #[track_caller]
    pub fn reset(&self) {
        self.post_json("/_exchequer/reset", &json!({})).ok();
    }

    /// The account behind the key (or the one named by `Stripe-Account`).
    #[track_caller]
    pub fn account_id(&self) -> String {
        self.get("/v1/account").id()
    }

    /// A new connected account with all that Treasury needs, as the view from that account.
    #[track_caller]
    pub fn connected_account(&self) -> Sandbox {
        let account = self.post(
            "/v1/accounts",
            &[
                ("country", "US"),
                ("controller[stripe_dashboard][type]", "none"),
                ("controller[requirement_collection]", "application"),
                ("controller[losses][payments]", "application"),
                ("controller[fees][payer]", "application"),
                ("capabilities[transfers][requested]", "true"),
                ("capabilities[treasury][requested]", "true"),
                ("capabilities[card_payments][requested]", "true"),
                ("capabilities[card_issuing][requested]", "true"),
                ("capabilities[us_bank_account_ach_payments][requested]", "true"),
            ],
        );
        self.on(&account.id())
    }

    /// A webhook endpoint that sends these events to the receiver.
    #[track_caller]
    pub fn webhook(&self, receiver: &Receiver, events: &[&str]) -> Endpoint {
        self.webhook_with(receiver, events, &[])
    }

    #[track_caller]
    pub fn webhook_with(
        &self,
        receiver: &Receiver,
        events: &[&str],
        more: &[(&str, &str)],
    ) -> Endpoint {
        let url = receiver.url();
        let mut params = vec![("url", url.as_str())];
        params.extend(events.iter().map(|name| ("enabled_events[]", *name)));
        params.extend_from_slice(more);
        let endpoint = self.post("/v1/webhook_endpoints", &params);
        Endpoint { id: endpoint.id(), secret: endpoint.text("secret").to_owned(), url }
    }

    /// The events of a type (or `treasury.*`), newest first, whole.
    #[track_caller]
    pub fn events(&self, kind: &str) -> Vec<Value> {
        self.list("/v1/events", &[("type", kind), ("limit", "100")]).data().to_vec()
    }

    /// The names of the events of a type, oldest first.
    #[track_caller]
    pub fn event_types(&self, kind: &str) -> Vec<String> {
        let name = |event: &Value| event["type"].as_str().expect("a type").to_owned();
        self.events(kind).iter().rev().map(name).collect()
    }

    /// Exactly these events of the resource of the first name, oldest first. A name that starts
    /// with a dot belongs to the resource of the name before it.
    #[track_caller]
    pub fn expect_events(&self, names: &[&str]) {
        let mut wanted: Vec<String> = Vec::new();
        for name in names {
            let full = match (name.strip_prefix('.'), wanted.last()) {
                (Some(last), Some(before)) => {
                    let (resource, _) = before.rsplit_once('.').expect("a dotted name");
                    format!("{resource}.{last}")
                }
                _ => (*name).to_owned(),
            };
            wanted.push(full);
        }
        let (resource, _) = wanted[0].rsplit_once('.').expect("a dotted name");
        assert_eq!(self.event_types(&format!("{resource}.*")), wanted);
    }

    /// The delivery log, newest first; `params` are its filters.
    #[track_caller]
    pub fn deliveries(&self, params: &[(&str, &str)]) -> Vec<Value> {
        self.list("/_exchequer/deliveries", params).data().to_vec()
    }

    /// Waits until every delivery that is due has been tried.
    #[track_caller]
    pub fn deliveries_wait(&self) {
        let answer = self.post_json("/_exchequer/deliveries/wait", &json!({"timeout_ms": 10_000}));
        answer.ok().expect("pending", 0);
    }
}
