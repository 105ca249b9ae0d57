//! Bank accounts that money is to be taken from: mandates, microdeposits, and each attempt.

use exchequer_tests::{Answer, Sandbox};
use serde_json::json;

use super::{INVALID, bank_account, customer};

const INTENTS: &str = "/v1/setup_intents";
const MISMATCH: &str = "payment_method_microdeposit_verification_amounts_mismatch";

/// Who agreed to be debited, and from where.
const AGREED: [(&str, &str); 3] = [
    ("mandate_data[customer_acceptance][type]", "online"),
    ("mandate_data[customer_acceptance][online][ip_address]", "203.0.113.7"),
    ("mandate_data[customer_acceptance][online][user_agent]", "a browser"),
];

/// A confirmed SetupIntent for a bank account of that number, of a new customer.
#[track_caller]
fn confirmed(given: &Sandbox, number: &str) -> Answer {
    let (ann, method) = (customer(given, "Ann"), bank_account(given, number));
    let mut params = vec![
        ("payment_method_types[]", "us_bank_account"),
        ("customer", &ann),
        ("payment_method", &method),
        ("confirm", "true"),
    ];
    params.extend(AGREED);
    given.post(INTENTS, &params)
}

fn verify(given: &Sandbox, intent: &Answer, params: &[(&str, &str)]) -> Answer {
    given.post(&format!("{INTENTS}/{}/verify_microdeposits", intent.id()), params)
}

fn amounts<'a>(first: &'a str, second: &'a str) -> [(&'a str, &'a str); 2] {
    [("amounts[]", first), ("amounts[]", second)]
}

#[test]
fn supporting_05_two_amounts_verify_a_bank_account() {
    let given = Sandbox::new();
    let intent = confirmed(&given, "000123456789");
    intent.ok().expect("status", "requires_action");
    intent.expect("next_action.type", "verify_with_microdeposits");
    let mandate = format!("/v1/mandates/{}", intent.text("mandate"));
    given.get(&mandate).ok().expect("status", "pending").expect("type", "multi_use");
    let verified = verify(&given, &intent, &amounts("32", "45"));
    verified.ok().expect("status", "succeeded").expect("next_action", ());
    given.get(&mandate).ok().expect("status", "active");
    let method = given.get(&format!("/v1/payment_methods/{}", intent.text("payment_method")));
    method.ok().expect("customer", intent.text("customer"));
    given.expect_events(&["setup_intent.created", ".requires_action", ".succeeded"]);
    given.expect_events(&["mandate.updated"]);
}

#[test]
fn supporting_06_wrong_amounts() {
    let given = Sandbox::new();
    let intent = confirmed(&given, "000123456789");
    let path = format!("{INTENTS}/{}", intent.id());
    let wrong = verify(&given, &intent, &amounts("1", "2"));
    wrong.expect_status(400).expect("error.code", MISMATCH);
    given.get(&path).ok().expect("status", "requires_action").expect("last_setup_error", ());
    let invalid = verify(&given, &intent, &[("amounts[]", "32")]);
    let code = "payment_method_microdeposit_verification_amounts_invalid";
    invalid.expect_error(400, INVALID, code, "amounts");
    let over = verify(&given, &intent, &amounts("10", "11"));
    let code = "payment_method_microdeposit_verification_attempts_exceeded";
    over.expect_status(400).expect("error.code", code);
    let failed = given.get(&path);
    failed.ok().expect("status", "requires_payment_method").expect("last_setup_error.code", code);
    failed.expect("payment_method", ()).expect("mandate", ());
    given.expect_events(&["setup_intent.created", ".requires_action", ".setup_failed"]);
}

#[test]
fn supporting_06_too_late() {
    let given = Sandbox::new();
    let code = "payment_method_microdeposit_verification_timeout";
    for late in [amounts("40", "41").to_vec(), vec![("descriptor_code", "SM44DD")]] {
        let intent = confirmed(&given, "000123456789");
        verify(&given, &intent, &late).expect_status(400).expect("error.code", code);
        let intent = given.get(&format!("{INTENTS}/{}", intent.id()));
        intent.ok().expect("status", "requires_payment_method");
    }
}

#[test]
fn supporting_07_a_code_verifies_a_bank_account() {
    let given = Sandbox::new();
    let intent = confirmed(&given, "000123456789");
    let wrong = verify(&given, &intent, &[("descriptor_code", "SM00XX")]);
    let code = "payment_method_microdeposit_verification_descriptor_code_mismatch";
    wrong.expect_status(400).expect("error.code", code);
    let right = [("descriptor_code", "SM11AA")];
    verify(&given, &intent, &right).ok().expect("status", "succeeded");
    let again = verify(&given, &intent, &right);
    again.expect_status(400).expect("error.code", "setup_intent_unexpected_state");
}

#[test]
fn supporting_10_money_coming_in_needs_a_mandate() {
    let given = Sandbox::new();
    let (ann, method) = (customer(&given, "Ann"), bank_account(&given, "000123456789"));
    let params = [
        ("payment_method_types[]", "us_bank_account"),
        ("flow_directions[]", "inbound"),
        ("customer", &*ann),
        ("payment_method", &*method),
        ("confirm", "true"),
    ];
    let answer = given.post(INTENTS, &params);
    answer.expect_error(400, INVALID, "parameter_missing", "mandate_data");
    assert!(given.get(INTENTS).ids().is_empty());
}

#[test]
fn microdeposits_that_cannot_be_sent_or_are_never_told() {
    let given = Sandbox::new();
    given.clock_freeze(1_700_000_000);
    let unreachable = confirmed(&given, "000666666661");
    let forgotten = confirmed(&given, "000123456789");
    given.settle();
    let path = |intent: &Answer| format!("{INTENTS}/{}", intent.id());
    let failed = given.get(&path(&unreachable));
    failed.ok().expect("status", "requires_payment_method");
    failed.expect("last_setup_error.code", "payment_method_microdeposit_failed");
    given.get(&path(&forgotten)).ok().expect("status", "requires_action");
    given.advance("10d");
    let expired = given.get(&path(&forgotten));
    expired.ok().expect("status", "requires_payment_method");
    let code = "payment_method_microdeposit_verification_timeout";
    expired.expect("last_setup_error.code", code);
}

#[test]
fn every_confirmation_is_an_attempt() {
    let given = Sandbox::new();
    let intent = confirmed(&given, "000123456789");
    let attempts = || given.list("/v1/setup_attempts", &[("setup_intent", &intent.id())]);
    let first = attempts();
    first.ok().expect("data.0.id", intent.text("latest_attempt"));
    first.expect("data.0.status", "requires_action").expect("data.0.setup_intent", intent.id());
    first.expect(
        "data.0.payment_method_details",
        json!({"type": "us_bank_account", "us_bank_account": {}}),
    );
    verify(&given, &intent, &amounts("10", "11")).expect_status(400);
    attempts().expect("data.0.status", "failed").expect(
        "data.0.setup_error.code",
        "payment_method_microdeposit_verification_attempts_exceeded",
    );
    let method = bank_account(&given, "000123456789");
    let confirm = format!("{INTENTS}/{}/confirm", intent.id());
    let mut again = vec![("payment_method", &*method)];
    again.extend(AGREED);
    given.post(&confirm, &again).ok().expect("status", "requires_action");
    given.post(&format!("{INTENTS}/{}/cancel", intent.id()), &[]).ok();
    let both = attempts();
    assert_eq!(both.ids().len(), 2);
    both.expect("data.0.status", "abandoned").expect("data.1.status", "failed");
    let expanded = given.get(&format!("{INTENTS}/{}?expand[]=latest_attempt", intent.id()));
    expanded.ok().expect("latest_attempt.object", "setup_attempt");
    let answer = given.list("/v1/setup_attempts", &[("setup_intent", "seti_nope")]);
    answer.expect_error(400, INVALID, "resource_missing", "setup_intent");
    given.get("/v1/setup_attempts").expect_error(400, INVALID, "parameter_missing", "setup_intent");
}

#[test]
fn a_declined_card_is_a_failed_attempt() {
    let given = Sandbox::new();
    let params = [("payment_method", "pm_card_visa_chargeDeclined"), ("confirm", "true")];
    let answer = given.post(INTENTS, &params);
    answer.expect_status(402).expect("error.code", "card_declined");
    let intent = answer.text("error.setup_intent.id").to_owned();
    let attempt = given.list("/v1/setup_attempts", &[("setup_intent", &intent)]);
    attempt.ok().expect("data.0.status", "failed");
    attempt.expect("data.0.setup_error.code", "card_declined");
    attempt.expect("data.0.payment_method_details.card.last4", "0002");
}

#[test]
fn a_detached_payment_method_ends_its_mandate() {
    let given = Sandbox::new();
    let intent = confirmed(&given, "000123456789");
    verify(&given, &intent, &amounts("45", "32")).ok();
    given.post(&format!("/v1/payment_methods/{}/detach", intent.text("payment_method")), &[]).ok();
    let mandate = given.get(&format!("/v1/mandates/{}", intent.text("mandate")));
    mandate.ok().expect("status", "inactive");
}

#[test]
fn a_debit_that_nobody_agreed_to_ends_its_mandate() {
    let given = Sandbox::new();
    given.clock_freeze(1_700_000_000);
    let account = given.financial_account();
    let method = bank_account(&given, "000123456789");
    let mut params = vec![
        ("payment_method_types[]", "us_bank_account"),
        ("payment_method_options[us_bank_account][verification_method]", "skip"),
        ("flow_directions[]", "inbound"),
        ("attach_to_self", "true"),
        ("payment_method", &method),
        ("confirm", "true"),
    ];
    params.extend(AGREED);
    let intent = given.post(INTENTS, &params);
    let mandate = format!("/v1/mandates/{}", intent.ok().text("mandate"));
    let fails = |code: &str| {
        let params = [
            ("amount", "100"),
            ("currency", "usd"),
            ("financial_account", &*account.id),
            ("origin_payment_method", &*method),
        ];
        let transfer = given.post("/v1/treasury/inbound_transfers", &params).id();
        let path = format!("/v1/test_helpers/treasury/inbound_transfers/{transfer}/fail");
        given.post(&path, &[("failure_details[code]", code)]).ok().expect("status", "failed");
    };
    fails("no_account");
    given.get(&mandate).ok().expect("status", "active");
    fails("debit_not_authorized");
    given.get(&mandate).ok().expect("status", "inactive");
}
