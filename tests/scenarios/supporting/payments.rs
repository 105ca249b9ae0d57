//! PaymentIntents and Charges by test cards, and the balance that they make.

use exchequer_tests::Sandbox;
use serde_json::json;

use super::{INVALID, customer, expect_balance, pay};

const INTENTS: &str = "/v1/payment_intents";
/// 2023-04-04 22:51, a Tuesday.
const TUESDAY: i64 = 1_680_648_660;
const DAY: i64 = 86_400;

#[test]
fn supporting_02_a_payment_is_pending_for_two_days() {
    let given = Sandbox::new();
    given.clock_freeze(TUESDAY);
    let intent = pay(&given, 1_000, "pm_card_visa", &[]);
    intent.ok().expect("object", "payment_intent").expect("status", "succeeded");
    intent.expect("amount_received", 1_000).expect("amount_capturable", 0);
    let charge = given.get(&format!("/v1/charges/{}", intent.text("latest_charge")));
    charge.ok().expect("paid", true).expect("captured", true).expect("status", "succeeded");
    charge.expect("payment_intent", intent.id()).expect("outcome.type", "authorized");
    charge.expect("payment_method_details.card.last4", "4242");
    let path = format!("/v1/balance_transactions/{}", charge.text("balance_transaction"));
    let transaction = given.get(&path);
    transaction.ok().expect("amount", 1_000).expect("fee", 59).expect("net", 941);
    transaction.expect("status", "pending").expect("type", "charge");
    transaction.expect("source", charge.id()).expect("reporting_category", "charge");
    transaction.expect("fee_details.0.type", "stripe_fee").expect("fee_details.0.amount", 59);
    let available_on = transaction.int("available_on");
    assert!(available_on >= TUESDAY + 2 * DAY, "{transaction:?}");
    assert_eq!(available_on % DAY, 0, "{transaction:?}");
    expect_balance(&given, 0, 941);
    given.expect_events(&["payment_intent.created", ".succeeded"]);
    given.expect_events(&["charge.succeeded"]);
    given.clock_set(available_on - 1);
    expect_balance(&given, 0, 941);
    given.clock_set(available_on);
    expect_balance(&given, 941, 0);
    given.get(&path).ok().expect("status", "available").expect("available_on", available_on);
    let told = given.events("balance.available");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["data"]["object"]["available"][0]["amount"], 941);
}

#[test]
fn payments_of_several_days_become_available_one_by_one() {
    let given = Sandbox::new();
    given.clock_freeze(TUESDAY);
    pay(&given, 1_000, "pm_card_visa", &[]).ok();
    pay(&given, 2_000, "pm_card_visa", &[]).ok();
    given.advance("1d");
    pay(&given, 10_000, "pm_card_visa", &[]).ok();
    expect_balance(&given, 0, 941 + 1_912 + 9_680);
    given.advance("2d");
    expect_balance(&given, 941 + 1_912, 9_680);
    given.advance("1d");
    expect_balance(&given, 941 + 1_912 + 9_680, 0);
    assert_eq!(given.events("balance.available").len(), 2);
}

#[test]
fn supporting_03_a_card_that_bypasses_pending() {
    let given = Sandbox::new();
    let intent = pay(&given, 10_000, "pm_card_bypassPending", &[]);
    let path = format!("/v1/charges/{}?expand[]=balance_transaction", intent.text("latest_charge"));
    let charge = given.get(&path);
    charge.ok().expect("balance_transaction.status", "available");
    charge.expect("balance_transaction.net", 9_680);
    expect_balance(&given, 9_680, 0);
}

#[test]
fn supporting_04_a_declined_card() {
    let given = Sandbox::new();
    let answer = pay(&given, 1_000, "pm_card_visa_chargeDeclined", &[]);
    answer.expect_error(402, "card_error", "card_declined", None);
    answer.expect("error.decline_code", "generic_decline");
    let id = answer.text("error.payment_intent.id").to_owned();
    let intent = given.get(&format!("{INTENTS}/{id}"));
    intent.ok().expect("status", "requires_payment_method").expect("payment_method", ());
    intent.expect("last_payment_error.code", "card_declined");
    intent.expect("last_payment_error.charge", answer.text("error.charge"));
    let charge = given.get(&format!("/v1/charges/{}", intent.text("latest_charge")));
    charge.ok().expect("status", "failed").expect("paid", false);
    charge.expect("failure_code", "card_declined").expect("balance_transaction", ());
    charge.expect("outcome.type", "issuer_declined");
    expect_balance(&given, 0, 0);
    given.expect_events(&["payment_intent.created", ".payment_failed"]);
    given.expect_events(&["charge.failed"]);
    let confirm = [("payment_method", "pm_card_visa")];
    let paid = given.post(&format!("{INTENTS}/{id}/confirm"), &confirm);
    paid.ok().expect("status", "succeeded").expect("last_payment_error", ());
}

#[test]
fn supporting_22_a_card_that_fails_when_it_is_charged() {
    let given = Sandbox::new();
    let ann = customer(&given, "Ann");
    let attach = |card: &str| {
        given.post(&format!("/v1/payment_methods/{card}/attach"), &[("customer", &ann)])
    };
    attach("pm_card_chargeDeclined").expect_error(402, "card_error", "card_declined", None);
    let method = attach("pm_card_chargeCustomerFail").id();
    let charged = pay(&given, 1_000, &method, &[("customer", &ann), ("off_session", "true")]);
    charged.expect_error(402, "card_error", "card_declined", None);
    charged.expect("error.payment_method.id", &method);
}

#[test]
fn supporting_33_amounts_and_captures() {
    let given = Sandbox::new();
    let small = pay(&given, 10, "pm_card_visa", &[]);
    small.expect_error(400, INVALID, "amount_too_small", "amount");
    let manual = [("capture_method", "manual")];
    let intent = pay(&given, 1_000, "pm_card_bypassPending", &manual);
    intent.ok().expect("status", "requires_capture").expect("amount_capturable", 1_000);
    let charge = format!("/v1/charges/{}", intent.text("latest_charge"));
    given.get(&charge).ok().expect("captured", false).expect("balance_transaction", ());
    expect_balance(&given, 0, 0);
    let path = format!("{INTENTS}/{}/capture", intent.id());
    let more = given.post(&path, &[("amount_to_capture", "1001")]);
    more.expect_error(400, INVALID, "amount_too_large", "amount_to_capture");
    let captured = given.post(&path, &[("amount_to_capture", "600")]);
    captured.ok().expect("status", "succeeded").expect("amount_received", 600);
    captured.expect("amount_capturable", 0);
    given.get(&charge).ok().expect("captured", true).expect("amount_captured", 600);
    expect_balance(&given, 600 - 47, 0);
    given.post(&path, &[]).expect_status(400);
    given.expect_events(&["payment_intent.created", ".amount_capturable_updated", ".succeeded"]);
    given.expect_events(&["charge.succeeded", ".captured"]);
}

#[test]
fn what_is_not_captured_in_time_is_given_up() {
    let given = Sandbox::new();
    given.clock_freeze(TUESDAY);
    let intent = pay(&given, 1_000, "pm_card_visa", &[("capture_method", "manual")]);
    given.advance("7d");
    let expired = given.get(&format!("{INTENTS}/{}", intent.id()));
    expired.ok().expect("status", "canceled").expect("cancellation_reason", "automatic");
    expired.expect("canceled_at", TUESDAY + 7 * DAY);
    let charge = given.get(&format!("/v1/charges/{}", intent.text("latest_charge")));
    charge.ok().expect("refunded", true).expect("amount_refunded", 1_000);
    expect_balance(&given, 0, 0);
}

#[test]
fn a_payment_step_by_step() {
    let given = Sandbox::new();
    let (ann, never) = (customer(&given, "Ann"), "automatic_payment_methods[allow_redirects]");
    let params = [
        ("amount", "1000"),
        ("currency", "usd"),
        ("customer", &*ann),
        ("automatic_payment_methods[enabled]", "true"),
        (never, "never"),
        ("setup_future_usage", "off_session"),
        ("metadata[order]", "17"),
    ];
    let created = given.post(INTENTS, &params);
    created.ok().expect("status", "requires_payment_method");
    created
        .expect("automatic_payment_methods", json!({"allow_redirects": "never", "enabled": true}));
    let secret = created.text("client_secret");
    assert!(secret.starts_with(&format!("{}_secret_", created.id())), "{secret}");
    assert_eq!(given.events("payment_intent.created")[0]["data"]["object"], created.body);
    let path = format!("{INTENTS}/{}", created.id());
    given.list(&path, &[("client_secret", secret)]).ok().expect("", &created.body);
    let wrong = given.list(&path, &[("client_secret", "pi_secret")]);
    wrong.expect_error(400, INVALID, None, "client_secret");
    let answer = given.post(&format!("{path}/confirm"), &[]);
    answer.expect_status(400).expect("error.code", "payment_intent_unexpected_state");
    let updated = given.post(&path, &[("payment_method", "pm_card_visa"), ("amount", "1200")]);
    updated.ok().expect("status", "requires_confirmation").expect("amount", 1_200);
    let paid = given.post(&format!("{path}/confirm"), &[]);
    paid.ok().expect("status", "succeeded").expect("amount_received", 1_200);
    let method = given.get(&format!("/v1/payment_methods/{}", paid.text("payment_method")));
    method.ok().expect("customer", &ann);
    for action in ["confirm", "cancel", "capture"] {
        let answer = given.post(&format!("{path}/{action}"), &[]);
        answer.expect_status(400).expect("error.code", "payment_intent_unexpected_state");
    }
    let charge = given.list("/v1/charges", &[("payment_intent", &created.id())]);
    charge.ok().expect("data.0.metadata.order", "17").expect("data.0.customer", &ann);
    assert_eq!(given.list(INTENTS, &[("customer", &ann)]).ids(), [created.id()]);
    let expanded = given.get(&format!("{path}?expand[]=latest_charge.balance_transaction"));
    expanded.ok().expect("latest_charge.balance_transaction.amount", 1_200);
}

#[test]
fn redirects_need_somewhere_to_return_to() {
    let given = Sandbox::new();
    let params = [
        ("amount", "1000"),
        ("currency", "usd"),
        ("payment_method", "pm_card_visa"),
        ("confirm", "true"),
    ];
    given.post(INTENTS, &params).expect_error(400, INVALID, None, None);
    let mut params = params.to_vec();
    params.push(("return_url", "https://example.com/paid"));
    given.post(INTENTS, &params).ok().expect("status", "succeeded");
}

#[test]
fn a_card_whose_holder_has_to_say_yes() {
    let given = Sandbox::new();
    let card = "pm_card_authenticationRequired";
    let intent = pay(&given, 1_000, card, &[("return_url", "https://example.com/back")]);
    intent.ok().expect("status", "requires_action");
    intent.expect("next_action.type", "redirect_to_url");
    intent.expect("next_action.redirect_to_url.return_url", "https://example.com/back");
    let path = format!("{INTENTS}/{}", intent.id());
    let canceled = given.post(&format!("{path}/cancel"), &[("cancellation_reason", "abandoned")]);
    canceled.ok().expect("status", "canceled").expect("cancellation_reason", "abandoned");
    canceled.expect("next_action", ());
    let absent = pay(&given, 1_000, card, &[("off_session", "true")]);
    absent.expect_error(402, "card_error", "authentication_required", None);
    expect_balance(&given, 0, 0);
}

#[test]
fn a_payment_looks_like_fraud() {
    let given = Sandbox::new();
    let answer = pay(&given, 1_000, "pm_card_radarBlock", &[]);
    answer.expect_error(402, "card_error", "card_declined", None);
    let charge = given.get(&format!("/v1/charges/{}", answer.text("error.charge")));
    charge.ok().expect("outcome.type", "blocked");
    charge.expect("outcome.network_status", "not_sent_to_network");
}

#[test]
fn somebody_elses_card_does_not_pay() {
    let given = Sandbox::new();
    let (ann, bea) = (customer(&given, "Ann"), customer(&given, "Bea"));
    let method = given.post("/v1/payment_methods/pm_card_visa/attach", &[("customer", &ann)]).id();
    pay(&given, 1_000, &method, &[]).expect_error(400, INVALID, None, "payment_method");
    pay(&given, 1_000, &method, &[("customer", &bea)]).expect_error(
        400,
        INVALID,
        None,
        "payment_method",
    );
    pay(&given, 1_000, &method, &[("customer", &ann)]).ok();
    pay(&given, 1_000, "pm_usBankAccount", &[])
        .expect_status(400)
        .expect("error.code", "payment_intent_invalid_parameter");
}

#[test]
fn a_charge_by_a_token() {
    let given = Sandbox::new();
    let params = [
        ("amount", "2000"),
        ("currency", "usd"),
        ("source", "tok_bypassPending"),
        ("description", "books"),
    ];
    let charge = given.post("/v1/charges", &params);
    charge.ok().expect("object", "charge").expect("paid", true).expect("description", "books");
    charge.expect("source.object", "card").expect("source.last4", "0077");
    charge.expect("payment_intent", ()).expect("refunded", false);
    expect_balance(&given, 2_000 - 88, 0);
    let path = format!("/v1/charges/{}", charge.id());
    let updated = given.post(&path, &[("description", "maps"), ("metadata[a]", "1")]);
    updated.ok().expect("description", "maps").expect("metadata.a", "1");
    let declined = given.post(
        "/v1/charges",
        &[("amount", "2000"), ("currency", "usd"), ("source", "tok_chargeDeclined")],
    );
    declined.expect_error(402, "card_error", "card_declined", None);
    let failed = given.get(&format!("/v1/charges/{}", declined.text("error.charge")));
    failed.ok().expect("status", "failed");
    let none = given.post("/v1/charges", &[("amount", "2000"), ("currency", "usd")]);
    none.expect_error(400, INVALID, "missing", "source");
    let held = given.post(
        "/v1/charges",
        &[("amount", "500"), ("currency", "usd"), ("source", "tok_visa"), ("capture", "false")],
    );
    held.ok().expect("captured", false);
    let capture = format!("/v1/charges/{}/capture", held.id());
    given.post(&capture, &[]).ok().expect("captured", true).expect("amount_captured", 500);
    given.post(&capture, &[]).expect_status(400).expect("error.code", "charge_already_captured");
}

#[test]
fn balance_transactions_by_what_they_are() {
    let given = Sandbox::new();
    let path = "/v1/balance_transactions";
    let first = pay(&given, 1_000, "pm_card_bypassPending", &[]);
    let second = pay(&given, 2_000, "pm_card_visa", &[]);
    let refund = given.post("/v1/refunds", &[("payment_intent", &first.id())]);
    let of = |params: &[(&str, &str)]| given.list(path, params).ids();
    assert_eq!(of(&[]).len(), 3);
    assert_eq!(of(&[("type", "refund")]), [refund.text("balance_transaction")]);
    assert_eq!(of(&[("source", second.text("latest_charge"))]).len(), 1);
    assert_eq!(of(&[("currency", "usd")]).len(), 3);
    assert!(of(&[("currency", "eur")]).is_empty());
    assert_eq!(given.get("/v1/balance/history").ids(), of(&[]));
    let expanded = given.list(path, &[("type", "refund"), ("expand[]", "data.source")]);
    expanded.ok().expect("data.0.source.object", "refund");
    let answer = given.get(&format!("{path}/txn_nope"));
    answer.expect_error(404, INVALID, "resource_missing", "id");
}

#[test]
fn each_currency_has_a_balance() {
    let given = Sandbox::new();
    pay(&given, 10_000, "pm_card_bypassPending", &[("currency", "eur")]).ok();
    let balance = given.get("/v1/balance");
    balance.ok().expect("available.0.currency", "usd").expect("available.0.amount", 0);
    balance.expect("available.1.currency", "eur").expect("available.1.amount", 9_680);
}

#[test]
fn an_account_that_holds_money_is_not_deleted() {
    let platform = Sandbox::new();
    let owner = platform.connected_account();
    pay(&owner, 1_000, "pm_card_visa", &[]).ok();
    expect_balance(&platform, 0, 0);
    platform.delete(&format!("/v1/accounts/{}", owner.account_id())).expect_status(400);
}
