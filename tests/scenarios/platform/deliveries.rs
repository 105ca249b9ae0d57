//! Deliveries: who is told, how often, and what counts as having been heard.

use std::collections::BTreeSet;

use exchequer_tests::{Folder, Receiver, Reply, Sandbox, Server};
use serde_json::{Value, json};

use super::TUESDAY;

const ENDPOINTS: &str = "/v1/webhook_endpoints";

#[test]
fn platform_92_a_refusal_is_tried_again() {
    for reply in [Reply::Status(500), Reply::Redirect("http://127.0.0.1:9/".into()), Reply::Close] {
        let given = Sandbox::new();
        given.clock_freeze(TUESDAY);
        let receiver = Receiver::scripted(vec![reply.clone(), Reply::Status(500)]);
        given.webhook(&receiver, &["customer.created"]);
        given.post("/v1/customers", &[]).ok();
        given.deliveries_wait();
        let id = receiver.wait_for_one().event_id();
        let path = format!("/v1/events/{id}");
        given.get(&path).ok().expect("pending_webhooks", 1);
        given.advance("5m");
        let both = receiver.wait_for(2);
        assert_eq!(both[1].event_id(), id, "{reply:?}");
        assert_eq!(both[0].body, both[1].body, "{reply:?}");
        let times: BTreeSet<i64> = both.iter().map(|sent| sent.signature().timestamp).collect();
        assert_eq!(times.len(), 2, "each attempt has a time of its own: {times:?}");
        given.get(&path).ok().expect("pending_webhooks", 1);
        let undelivered = given.list("/v1/events", &[("delivery_success", "false")]);
        assert_eq!(undelivered.ids(), [id]);
    }
}

#[test]
fn platform_92_silence_is_a_refusal_too() {
    let given = Sandbox::new();
    given.clock_freeze(TUESDAY);
    let receiver = Receiver::scripted(vec![Reply::Hang]);
    given.webhook(&receiver, &["customer.created"]);
    given.post("/v1/customers", &[]).ok();
    let waited = given.post_json("/_exchequer/deliveries/wait", &json!({"timeout_ms": 28_000}));
    waited.ok().expect("pending", 0);
    let delivery = given.deliveries(&[]).pop().expect("a delivery");
    assert_eq!(attempts(&delivery).len(), 1);
    assert!(attempts(&delivery)[0]["error"].is_string(), "{delivery}");
    assert_eq!(delivery["status"], "pending");
    let id = receiver.wait_for_one().event_id();
    given.get(&format!("/v1/events/{id}")).ok().expect("pending_webhooks", 1);
}

#[test]
fn platform_93_any_2xx_is_success() {
    for status in [200, 201, 204, 299] {
        let given = Sandbox::new();
        given.clock_freeze(TUESDAY);
        let receiver = Receiver::answering(&[status]);
        given.webhook(&receiver, &["customer.created"]);
        given.post("/v1/customers", &[]).ok();
        given.deliveries_wait();
        let id = receiver.wait_for_one().event_id();
        given.get(&format!("/v1/events/{id}")).ok().expect("pending_webhooks", 0);
        given.advance("4h");
        assert_eq!(receiver.received().len(), 1, "{status}");
        let heard = given.list("/v1/events", &[("delivery_success", "true")]);
        assert!(heard.ids().contains(&id), "{heard:?}");
    }
}

#[test]
fn platform_93_what_a_delivery_looks_like() {
    let given = Sandbox::new();
    let receiver = Receiver::new();
    let endpoint = given.webhook(&receiver, &["customer.created"]);
    given.post("/v1/customers", &[("name", "Ann")]).ok();
    let sent = receiver.wait_for_one();
    assert_eq!((sent.method.as_str(), sent.path.as_str()), ("POST", "/hooks"));
    for (name, value) in [
        ("Content-Type", "application/json; charset=utf-8"),
        ("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)"),
        ("Accept", "*/*; q=0.5, application/xml"),
        ("Accept-Encoding", "gzip"),
        ("Cache-Control", "no-cache"),
    ] {
        assert_eq!(sent.header(name), Some(value), "{name}");
    }
    assert!(sent.verifies(&endpoint.secret));
    assert_eq!(sent.signature().v0.len(), 1, "the decoy of test mode");
    let text = String::from_utf8(sent.body.clone()).expect("UTF-8");
    assert!(text.starts_with("{\n  \"id\": \"evt_"), "{text}");
    assert_eq!(sent.json()["pending_webhooks"], 1);
    assert_eq!(sent.json()["data"]["object"]["name"], "Ann");
}

#[test]
fn platform_94_four_attempts_then_no_more() {
    let given = Sandbox::new();
    given.clock_freeze(TUESDAY);
    let receiver = Receiver::answering(&[500]);
    given.webhook(&receiver, &["customer.created"]);
    given.post("/v1/customers", &[]).ok();
    given.deliveries_wait();
    given.advance("4h");
    receiver.wait_for(4);
    given.advance("7d");
    assert_eq!(receiver.received().len(), 4);
    let delivery = given.deliveries(&[]).pop().expect("a delivery");
    assert_eq!(delivery["status"], "failed");
    assert_eq!(delivery["next_attempt_at"], Value::Null);
    assert_eq!(attempts(&delivery).len(), 4);
}

#[test]
fn platform_94_none_after_the_endpoint_is_off_or_gone() {
    for gone in [true, false] {
        let given = Sandbox::new();
        given.clock_freeze(TUESDAY);
        let receiver = Receiver::answering(&[500]);
        let path = format!("{ENDPOINTS}/{}", given.webhook(&receiver, &["customer.created"]).id);
        given.post("/v1/customers", &[]).ok();
        given.deliveries_wait();
        receiver.wait_for(1);
        if gone {
            given.delete(&path).ok();
        } else {
            given.post(&path, &[("disabled", "true")]).ok();
        }
        given.advance("4h");
        assert_eq!(receiver.received().len(), 1, "deleted: {gone}");
    }
}

#[test]
fn platform_94_an_endpoint_switched_on_again_is_tried_again() {
    let given = Sandbox::new();
    given.clock_freeze(TUESDAY);
    let receiver = Receiver::answering(&[500, 200]);
    let path = format!("{ENDPOINTS}/{}", given.webhook(&receiver, &["customer.created"]).id);
    given.post("/v1/customers", &[]).ok();
    given.deliveries_wait();
    given.post(&path, &[("disabled", "true")]).ok();
    given.post(&path, &[("disabled", "false")]).ok();
    given.advance("5m");
    receiver.wait_for(2);
}

#[test]
fn platform_96_events_of_a_connected_account() {
    let given = Sandbox::new();
    let connected = given.connected_account();
    let (own, all) = (Receiver::new(), Receiver::new());
    given.webhook(&own, &["customer.created"]);
    given.webhook_with(&all, &["customer.created"], &[("connect", "true")]);
    connected.post("/v1/customers", &[("name", "theirs")]).ok();
    given.post("/v1/customers", &[("name", "ours")]).ok();
    let (own_heard, all_heard) = (own.wait_for_one(), all.wait_for_one());
    given.deliveries_wait();
    assert_eq!((own.received().len(), all.received().len()), (1, 1));
    assert_eq!(own_heard.json()["data"]["object"]["name"], "ours");
    assert_eq!(own_heard.json().get("account"), None);
    assert_eq!(all_heard.json()["data"]["object"]["name"], "theirs");
    assert_eq!(all_heard.json()["account"], connected.account_id().as_str());
}

#[test]
fn platform_97_two_secrets_for_a_day() {
    let given = Sandbox::new();
    let receiver = Receiver::new();
    let endpoint = given.webhook(&receiver, &["customer.created"]);
    let path = format!("/_exchequer/webhook_endpoints/{}/roll_secret", endpoint.id);
    let rolled = given.post_json(&path, &json!({}));
    let new = rolled.ok().text("secret").to_owned();
    assert!(new.starts_with("whsec_") && new != endpoint.secret);
    given.post("/v1/customers", &[]).ok();
    let sent = receiver.wait_for(1).remove(0);
    assert_eq!(sent.signature().v1.len(), 2);
    assert!(sent.verifies(&endpoint.secret) && sent.verifies(&new));
    given.advance("25h");
    given.post("/v1/customers", &[]).ok();
    let sent = receiver.wait_for(2).remove(1);
    assert_eq!(sent.signature().v1.len(), 1);
    assert!(!sent.verifies(&endpoint.secret) && sent.verifies(&new));
}

/// An address that was fine when the endpoint was registered is looked at again before each
/// attempt: here the rule changes between the two, as the answer of a name server might.
#[test]
fn platform_98_the_address_is_judged_at_each_delivery() {
    let folder = Folder::new();
    let data = folder.file("store.db");
    let receiver = Receiver::new();
    let server = Server::start(&["--data", &data]);
    let given = Sandbox::on_server(&server);
    given.webhook(&receiver, &["customer.created"]);
    assert!(server.stop().success());
    let server = Server::start(&["--data", &data, "--webhook-targets", "public"]);
    let given = Sandbox::with_key(&server, given.key());
    given.post("/v1/customers", &[]).ok();
    given.deliveries_wait();
    let delivery = given.deliveries(&[]).pop().expect("a delivery");
    assert_eq!(attempts(&delivery).len(), 1, "{delivery}");
    assert_eq!(attempts(&delivery)[0]["status"], Value::Null, "{delivery}");
    assert!(attempts(&delivery)[0]["error"].is_string(), "{delivery}");
    assert!(receiver.received().is_empty(), "no connection may be made");
}

#[test]
fn platform_99_told_once_more() {
    let given = Sandbox::new();
    let receiver = Receiver::new();
    let endpoint = given.webhook(&receiver, &["customer.created"]);
    given.post("/v1/customers", &[("name", "Ann")]).ok();
    let first = receiver.wait_for_one();
    given.deliveries_wait();
    let path = format!("/v1/events/{}/retry", first.event_id());
    let answer = given.post(&path, &[("webhook_endpoint", &endpoint.id)]);
    answer.ok().expect("object", "event").expect("id", first.event_id());
    let again = receiver.wait_for(2).remove(1);
    assert_eq!(again.event_id(), first.event_id());
    assert_eq!(again.body, first.body, "the snapshot of that time");
    assert!(again.verifies(&endpoint.secret));
}

fn attempts(delivery: &Value) -> &[Value] {
    delivery["attempts"].as_array().expect("a list of attempts")
}
