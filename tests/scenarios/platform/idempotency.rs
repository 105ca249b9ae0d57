//! Idempotency keys: a retry gets the first answer and changes nothing.

use std::time::Duration;

use exchequer_tests::{Answer, Sandbox, random_text};
use serde_json::json;

use crate::mechanisms::failpoints;

const CUSTOMERS: &str = "/v1/customers";
const MISUSE: &str = "idempotency_error";

#[test]
fn platform_41_the_same_again() {
    let given = Sandbox::new();
    let keyed = given.idempotency_key("once");
    let first = keyed.post(CUSTOMERS, &[("name", "Ann"), ("metadata[a]", "1")]);
    // The order of parameters and the way they are encoded are no part of the request's meaning.
    let second = keyed.post_form(CUSTOMERS, "metadata%5Ba%5D=1&name=Ann");
    assert_eq!(second.ok().bytes, first.ok().bytes);
    assert_eq!(first.header("Idempotent-Replayed"), None);
    expect_replay(&second, &first);
    assert_ne!(second.request_id(), first.request_id());
    assert_eq!(given.get(CUSTOMERS).ids(), [first.id()]);
    assert_eq!(given.events("customer.created").len(), 1);
}

#[test]
fn platform_41_a_replay_shows_the_past() {
    let given = Sandbox::new();
    let keyed = given.idempotency_key("once");
    let first = keyed.post(CUSTOMERS, &[("name", "Ann")]);
    given.post(&format!("{CUSTOMERS}/{}", first.id()), &[("name", "Bea")]).ok();
    keyed.post(CUSTOMERS, &[("name", "Ann")]).ok().expect("name", "Ann");
}

#[test]
fn platform_42_the_same_key_with_other_parameters() {
    let keyed = Sandbox::new().idempotency_key("my key");
    keyed.post(CUSTOMERS, &[("name", "Ann")]).ok();
    let answer = keyed.post(CUSTOMERS, &[("name", "Bea")]);
    answer.expect_error(400, MISUSE, None, None);
    answer.expect_message(
        "Keys for idempotent requests can only be used with the same parameters they were first \
         used with. Try using a key other than 'my key' if you meant to execute a different \
         request.",
    );
    assert_eq!(keyed.get(CUSTOMERS).ids().len(), 1);
}

#[test]
fn platform_43_the_same_key_for_another_path() {
    let keyed = Sandbox::new().idempotency_key("my key");
    let id = keyed.post(CUSTOMERS, &[("name", "Ann")]).id();
    let now = format!("{CUSTOMERS}/{id}");
    let answer = keyed.post(&now, &[("name", "Ann")]);
    answer.expect_error(400, MISUSE, None, None);
    answer.expect_message(&format!(
        "Keys for idempotent requests can only be used for the same endpoint they were first \
         used for ('{now}' vs '{CUSTOMERS}'). Try using a key other than 'my key' if you meant \
         to execute a different request."
    ));
}

#[test]
fn platform_44_the_first_is_still_running() {
    let server = failpoints::server(&[]);
    let given = Sandbox::on_server(&server);
    given.post(CUSTOMERS, &[("name", "warm")]).ok();
    failpoints::set(&given, "hold_committer", "1*sleep(1500)");
    let keyed = given.idempotency_key("slow");
    let first = std::thread::spawn({
        let keyed = keyed.clone();
        move || keyed.post(CUSTOMERS, &[("name", "Ann")])
    });
    // Whichever of the two comes first, the other is told so while that one runs.
    let until = std::time::Instant::now() + Duration::from_millis(1_200);
    let mut refused = None;
    while refused.is_none() && std::time::Instant::now() < until && !first.is_finished() {
        let answer = keyed.post(CUSTOMERS, &[("name", "Ann")]);
        refused = (answer.status == 409).then_some(answer);
    }
    let first = first.join().expect("an answer");
    let refused = match (first.status, refused) {
        (409, _) => first,
        (_, Some(refused)) => refused,
        (_, None) => panic!("neither was refused\n{first:?}"),
    };
    refused.expect_error(409, MISUSE, "idempotency_key_in_use", None);
    refused.expect_message(
        "There is currently another in-progress request using this Idempotent Key (that probably \
         means you submitted twice, and the other request is still going through): slow. Please \
         try again later.",
    );
    keyed.post(CUSTOMERS, &[("name", "Ann")]).ok().expect_header("Idempotent-Replayed", "true");
    assert_eq!(given.events("customer.created").len(), 2, "the warm one and one more");
}

#[test]
fn platform_45_a_refused_parameter_does_not_use_the_key_up() {
    let keyed = Sandbox::new().idempotency_key("fix me");
    keyed.post(CUSTOMERS, &[("nmae", "Ann")]).expect_status(400);
    let answer = keyed.post(CUSTOMERS, &[("name", "Ann")]);
    answer.ok();
    assert_eq!(answer.header("Idempotent-Replayed"), None);
}

#[test]
fn platform_46_a_refused_execution_does() {
    let account = Sandbox::new().financial_account().holding(1_000);
    let keyed = account.owner.idempotency_key("too much");
    let draft = account.pays(1_001).bank("110000000", "000000000009");
    let first = draft.send_as(&keyed);
    first.expect_error(400, "invalid_request_error", "balance_insufficient", "amount");
    let account = account.holding(5_000);
    let second = draft.send_as(&keyed);
    assert_eq!((second.status, &second.bytes), (400, &first.bytes));
    expect_replay(&second, &first);
    account.expect_balance(6_000, 0);
}

#[test]
fn platform_46_an_object_not_found_does_too() {
    let given = Sandbox::new();
    let keyed = given.idempotency_key("missing");
    let path = "/v1/customers/cus_nope";
    let first = keyed.post(path, &[("name", "Ann")]);
    first.expect_status(404);
    let second = keyed.post(path, &[("name", "Ann")]);
    second.expect_status(404);
    expect_replay(&second, &first);
}

#[test]
fn platform_47_the_length_of_a_key() {
    let given = Sandbox::new();
    for length in [0, 256] {
        let key = "k".repeat(length);
        let answer = given.idempotency_key(&key).post(CUSTOMERS, &[]);
        answer.expect_error(400, MISUSE, None, None);
        answer.expect_message_contains("must be 1-255 characters long");
        answer.expect_message_starts(&format!("Idempotent key length is {length} characters"));
    }
    given.idempotency_key(&"k".repeat(255)).post(CUSTOMERS, &[]).ok();
}

#[test]
fn platform_48_only_posts_have_keys() {
    let given = Sandbox::new();
    let id = given.idempotency_key("one").post(CUSTOMERS, &[]).id();
    let keyed = given.idempotency_key("two");
    for _ in 0..2 {
        assert_eq!(keyed.get(CUSTOMERS).ok().header("Idempotent-Replayed"), None);
    }
    let path = format!("{CUSTOMERS}/{id}");
    let deleted = keyed.delete(&path);
    deleted.ok().expect("deleted", true);
    assert_eq!(deleted.header("Idempotent-Replayed"), None);
    // Nor does the DELETE use up the key: a POST may still have it.
    keyed.post(CUSTOMERS, &[]).ok();
}

#[test]
fn platform_49_a_key_belongs_to_its_account() {
    let given = Sandbox::new();
    let connected = given.connected_account();
    let key = random_text(20);
    let here = given.idempotency_key(&key).post(CUSTOMERS, &[("name", "Ann")]);
    let there = connected.idempotency_key(&key).post(CUSTOMERS, &[("name", "Ann")]);
    assert_ne!(here.id(), there.id());
    assert_eq!(there.header("Idempotent-Replayed"), None);
}

#[test]
fn platform_50_a_key_is_forgotten_after_a_day() {
    let given = Sandbox::new();
    let keyed = given.idempotency_key("yesterday");
    let first = keyed.post(CUSTOMERS, &[("name", "Ann")]).id();
    given.advance("23h");
    assert_eq!(keyed.post(CUSTOMERS, &[("name", "Ann")]).id(), first);
    given.advance("2h");
    let again = keyed.post(CUSTOMERS, &[("name", "Ann")]);
    assert_ne!(again.id(), first);
    assert_eq!(again.header("Idempotent-Replayed"), None);
}

#[test]
fn platform_73_the_headers_of_a_keyed_post() {
    let given = Sandbox::new();
    let keyed = given.idempotency_key("headers");
    let answer = keyed.post(CUSTOMERS, &[]);
    answer.ok().expect_header("Stripe-Should-Retry", "false");
    answer.expect_header("Original-Request", answer.request_id());
    answer.expect_header("Idempotency-Key", "headers");
    let refused = given.idempotency_key("other").post(CUSTOMERS, &[("foo", "1")]);
    refused.expect_status(400).expect_header("Idempotency-Key", "other");
}

/// Control calls are not the API's: they take no key and store no answer.
#[test]
fn platform_48_control_calls_take_no_key() {
    let keyed = Sandbox::new().idempotency_key("same");
    let clock = |by: &str| keyed.clock(&json!({"action": "advance", "by": by})).int("now");
    assert!(clock("1h") < clock("1h"));
}

#[track_caller]
fn expect_replay(second: &Answer, first: &Answer) {
    second.expect_header("Idempotent-Replayed", "true");
    second.expect_header("Idempotency-Replayed", "true");
    second.expect_header("Original-Request", first.request_id());
}
