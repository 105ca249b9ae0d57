//! Events: what is told about a change, and for how long.

use exchequer_tests::Sandbox;
use serde_json::{Value, json};

const INVALID: &str = "invalid_request_error";

#[test]
fn platform_77_a_creation_is_an_event() {
    let given = Sandbox::new();
    let created = given.idempotency_key("a key").post("/v1/customers", &[("name", "Ann")]);
    let events = given.list("/v1/events", &[("type", "customer.created")]);
    assert_eq!(events.ids().len(), 1);
    events.expect("data.0.object", "event").expect("data.0.livemode", false);
    events.expect("data.0.api_version", "2026-10-28.endive");
    events.expect("data.0.data.object", &created.body).expect_absent("data.0.account");
    events.expect("data.0.request.id", created.request_id());
    events.expect("data.0.request.idempotency_key", "a key");
    events.expect("data.0.pending_webhooks", 0);
    events.expect_absent("data.0.data.previous_attributes");
    let one = given.get(&format!("/v1/events/{}", events.ids()[0]));
    one.ok().expect("", events.at("data.0"));
}

#[test]
fn platform_77_what_the_clock_does_nobody_asked_for() {
    let given = Sandbox::new();
    let account = given.financial_account().holding(5_000);
    account.pays(1_000).to_bank("110000000", "000123456789").expect("status", "processing");
    given.settle();
    let posted = given.events("treasury.outbound_payment.posted");
    assert_eq!(posted.len(), 1);
    assert_eq!(posted[0]["request"], json!({"id": null, "idempotency_key": null}));
}

#[test]
fn platform_78_an_update_names_what_changed() {
    let given = Sandbox::new();
    let first = [("name", "Ann"), ("metadata[a]", "1"), ("metadata[b]", "2")];
    let path = format!("/v1/customers/{}", given.post("/v1/customers", &first).id());
    given.post(&path, &[("metadata[a]", "3"), ("metadata[c]", "4")]).ok();
    let updated = given.events("customer.updated");
    assert_eq!(updated.len(), 1);
    let before = &updated[0]["data"]["previous_attributes"];
    assert_eq!(before, &json!({"metadata": {"a": "1", "c": null}}));
    assert_eq!(updated[0]["data"]["object"]["metadata"], json!({"a": "3", "b": "2", "c": "4"}));
    given.post(&path, &[("name", "Bea")]).ok();
    let before = &given.events("customer.updated")[0]["data"]["previous_attributes"];
    assert_eq!(before, &json!({"name": "Ann"}));
}

#[test]
fn platform_79_a_family_of_types() {
    let given = Sandbox::new();
    given.post("/v1/customers", &[("name", "Ann")]).ok();
    given.financial_account().holding(1_000);
    let all = given.get("/v1/events?limit=100");
    let treasury = given.events("treasury.*");
    let starts = |event: &&Value| event["type"].as_str().expect("a type").starts_with("treasury.");
    assert_eq!(treasury.len(), all.data().iter().filter(starts).count());
    assert!(treasury.iter().all(|event| starts(&event)));
    assert!(treasury.len() < all.data().len());
}

#[test]
fn platform_80_several_types() {
    let given = Sandbox::new();
    let path = format!("/v1/customers/{}", given.post("/v1/customers", &[]).id());
    given.post(&path, &[("name", "Ann")]).ok();
    given.delete(&path).ok();
    let both = given
        .list("/v1/events", &[("types[]", "customer.created"), ("types[]", "customer.deleted")]);
    assert_eq!(both.ids().len(), 2);
    both.expect("data.0.type", "customer.deleted").expect("data.1.type", "customer.created");
    let many = vec![("types[]", "customer.created"); 21];
    let answer = given.list("/v1/events", &many);
    answer.expect_status(400).expect("error.type", INVALID);
    let exclusive = [("types[]", "customer.created"), ("type", "customer.created")];
    let answer = given.list("/v1/events", &exclusive);
    answer.expect_status(400).expect("error.type", INVALID).expect_absent("error.code");
    answer.expect_message("You may only specify one of these parameters: type, types.");
}

#[test]
fn platform_81_an_event_is_kept_for_thirty_days() {
    let given = Sandbox::new();
    given.post("/v1/customers", &[]).ok();
    let id = given.get("/v1/events").ids()[0].clone();
    given.advance("29d");
    given.get(&format!("/v1/events/{id}")).ok();
    given.advance("2d");
    let answer = given.get(&format!("/v1/events/{id}"));
    answer.expect_error(404, INVALID, "resource_missing", "id");
    answer.expect_message(&format!("No such event: '{id}'"));
    assert!(given.get("/v1/events").ids().is_empty());
}
