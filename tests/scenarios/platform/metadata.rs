//! Metadata: merged key by key, and bounded.

use exchequer_tests::{Answer, Sandbox};
use serde_json::json;

#[test]
fn platform_63_an_update_merges() {
    let given = Sandbox::new();
    let first = [("metadata[a]", "1"), ("metadata[b]", "2")];
    let path = format!("/v1/customers/{}", given.post("/v1/customers", &first).id());
    let answer = given.post(&path, &[("metadata[a]", ""), ("metadata[c]", "3")]);
    answer.ok().expect("metadata", json!({"b": "2", "c": "3"}));
    given.get(&path).expect("metadata", json!({"b": "2", "c": "3"}));
}

#[test]
fn platform_64_an_empty_value_clears_all() {
    let given = Sandbox::new();
    let path =
        format!("/v1/customers/{}", given.post("/v1/customers", &[("metadata[a]", "1")]).id());
    given.post(&path, &[("metadata", "")]).ok().expect("metadata", json!({}));
    given.get(&path).expect("metadata", json!({}));
}

#[test]
fn platform_65_a_key_too_long() {
    let key = "k".repeat(41);
    let answer = with_metadata(&[(key.clone(), "1".to_owned())]);
    expect_plain_refusal(
        &answer,
        &format!(
            "Metadata keys can have up to 40 characters, but you passed in a key that is 41 \
             characters. Invalid key: {key}"
        ),
    );
    with_metadata(&[("k".repeat(40), "1".to_owned())]).ok();
}

#[test]
fn platform_65_a_value_too_long() {
    let value = "v".repeat(501);
    let answer = with_metadata(&[("a".to_owned(), value.clone())]);
    expect_plain_refusal(
        &answer,
        &format!(
            "Metadata values can have up to 500 characters, but you passed in a value that is 501 \
             characters. Invalid value: {value}"
        ),
    );
    with_metadata(&[("a".to_owned(), "v".repeat(500))]).ok();
}

#[test]
fn platform_65_too_many_keys() {
    let pairs = |count: usize| -> Vec<(String, String)> {
        (0..count).map(|number| (format!("k{number}"), "1".to_owned())).collect()
    };
    with_metadata(&pairs(50)).ok();
    expect_plain_refusal(
        &with_metadata(&pairs(51)),
        "Metadata can have up to 50 keys, but you've set 51. Email us at \
         support+metadata@stripe.com for more information.",
    );
}

#[test]
fn platform_65_keys_are_counted_after_the_merge() {
    let given = Sandbox::new();
    let fifty: Vec<(String, String)> =
        (0..50).map(|number| (format!("metadata[k{number}]"), "1".to_owned())).collect();
    let path = format!("/v1/customers/{}", given.post_all("/v1/customers", &fifty).id());
    let answer = given.post(&path, &[("metadata[new]", "1")]);
    answer
        .expect_status(400)
        .expect_message_starts("Metadata can have up to 50 keys, but you've set 51.");
    given.post(&path, &[("metadata[k0]", ""), ("metadata[new]", "1")]).ok();
}

fn with_metadata(pairs: &[(String, String)]) -> Answer {
    let named = |(key, value): &(String, String)| (format!("metadata[{key}]"), value.clone());
    let params: Vec<(String, String)> = pairs.iter().map(named).collect();
    Sandbox::new().post_all("/v1/customers", &params)
}

#[track_caller]
fn expect_plain_refusal(answer: &Answer, message: &str) {
    answer.expect_status(400).expect("error.type", "invalid_request_error");
    answer.expect_absent("error.code");
    answer.expect_message(message);
}
