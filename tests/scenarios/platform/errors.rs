//! The shape of every error.

use exchequer_tests::{Answer, Sandbox};
use serde_json::Value;

/// The codes of the answers below that the API documents on a page of their own.
#[test]
fn platform_76_every_error_has_the_same_shape() {
    let given = Sandbox::new();
    let account = given.financial_account().holding(1_000);
    let payment = account.pays(500).to_bank("110000000", "000000000009");
    payment.cancel().ok();
    let keyed = given.idempotency_key("k");
    keyed.post("/v1/customers", &[]).ok();
    let public = Sandbox::at(given.address(), &given.key().replace("sk_", "pk_"));
    let answers = [
        given.without_header("Authorization").get("/v1/customers"),
        public.get("/v1/customers"),
        given.get("/v1/nope"),
        given.get("/v1/customers/cus_nope"),
        given.get("/v1/customers?limit=abc"),
        given.get("/v1/customers?foo=1"),
        given.get("/v1/customers?expand[]=bogus"),
        given.get("/v1/customers?starting_after=nope"),
        given.post("/v1/webhook_endpoints", &[]),
        given.post("/v1/webhook_endpoints", &[("url", "garbage"), ("enabled_events[]", "*")]),
        given.post("/v1/customers", &[("name[a]", "1")]),
        given.list("/v1/events", &[("delivery_success", "yes")]),
        given.list("/v1/treasury/transactions", &[("financial_account", "fa_x")]),
        given.header("Stripe-Version", "never").get("/v1/customers"),
        given.on("acct_unknown").get("/v1/customers"),
        given.header("Content-Type", "text/plain").send("POST", "/v1/customers", b"a"),
        keyed.post("/v1/customers", &[("name", "Ann")]),
        given.idempotency_key(&"k".repeat(256)).post("/v1/customers", &[]),
        account.pays(5_000).bank("110000000", "000000000009").send(),
        account.pays(0).bank("110000000", "000000000009").send(),
        account.pays(500).with("statement_descriptor", "bad!").bank("110000000", "9").send(),
        payment.cancel(),
        payment.test_helper("post", &[]),
    ];
    for answer in &answers {
        expect_shape(answer);
    }
}

#[track_caller]
fn expect_shape(answer: &Answer) {
    assert!((400..500).contains(&answer.status), "{answer:?}");
    assert_eq!(answer.keys(""), ["error"], "{answer:?}");
    let error = answer.at("error").as_object().expect("an object");
    assert!(error.values().all(|value| !value.is_null()), "a null\n{answer:?}");
    assert!(error.get("message").is_some_and(Value::is_string), "a message\n{answer:?}");
    let types = ["api_error", "card_error", "idempotency_error", "invalid_request_error"];
    assert!(types.contains(&answer.text("error.type")), "{answer:?}");
    match error.get("code").and_then(Value::as_str) {
        None => assert!(!error.contains_key("doc_url"), "doc_url without code\n{answer:?}"),
        Some(code) => {
            let page = code.replace('_', "-");
            let url = format!("https://stripe.com/docs/error-codes/{page}");
            answer.expect("error.doc_url", url);
        }
    }
    // Keys come in the order of the alphabet.
    let text = String::from_utf8_lossy(&answer.bytes);
    let keys: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("    \"")?.split_once("\": ").map(|(key, _)| key))
        .collect();
    assert_eq!(keys.len(), error.len(), "one key a line\n{answer:?}");
    assert!(keys.is_sorted(), "{keys:?}");
}
