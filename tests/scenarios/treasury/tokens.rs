//! The tokens and account numbers that decide what becomes of a payment.

use serde_json::{Value, json};

use super::{Given, ROUTING, bank_of};

/// The token, the account number that means the same, the last status, and why it came back.
const OUTCOMES: [(&str, &str, &str, Option<&str>); 8] = [
    ("pm_usBankAccount", "000123456789", "posted", None),
    ("pm_usBankAccount_processing", "000000000009", "processing", None),
    ("pm_usBankAccount_expectedArrivalDateUpdated", "000123457890", "posted", None),
    ("pm_usBankAccount_canceledByUser", "000000000123", "canceled", None),
    ("pm_usBankAccount_internalFailure", "000000000234", "failed", None),
    ("pm_usBankAccount_accountClosed", "000111111113", "returned", Some("account_closed")),
    ("pm_usBankAccount_noAccount", "000111111116", "returned", Some("no_account")),
    (
        "pm_usBankAccount_invalidAccountNumber",
        "000111111119",
        "returned",
        Some("invalid_account_number"),
    ),
];

fn customer(given: &Given) -> String {
    given.k1.post("/v1/customers", &[("name", "Ann")]).id()
}

/// What `returned_details.code` must be.
fn code_of(payment: &Value) -> Option<&str> {
    payment["returned_details"]["code"].as_str()
}

#[test]
fn treasury_15_a_token_that_succeeds() {
    let given = Given::with(10_000);
    let ann = customer(&given);
    let payment = given.a.pays(1_500).to_payment_method("pm_usBankAccount", &ann);
    payment.created.expect("customer", &ann);
    given.a.expect_balance(8_500, 1_500);
    given.settle();
    payment.expect("status", "posted").expect("cancelable", false);
    given.a.expect_balance(8_500, 0);
    let token = ("destination_payment_method", "pm_usBankAccount");
    given.refuses(|| given.a.pays(1_500).with(token.0, token.1).send());
}

#[test]
fn treasury_15_a_token_becomes_a_payment_method() {
    let given = Given::with(10_000);
    let ann = customer(&given);
    let payment = given.a.pays(1_500).to_payment_method("pm_usBankAccount", &ann);
    let details = "destination_payment_method_details";
    payment.created.expect(&format!("{details}.type"), "us_bank_account");
    payment.created.expect(
        &format!("{details}.billing_details"),
        json!({
            "address": {
                "city": "San Francisco",
                "country": "US",
                "line1": "1234 Fake Street",
                "line2": null,
                "postal_code": "94102",
                "state": "CA",
            },
            "email": null,
            "name": "Jane Austen",
        }),
    );
    for (key, value) in [
        ("account_holder_type", "company"),
        ("account_type", "checking"),
        ("bank_name", "STRIPE TEST BANK"),
        ("last4", "6789"),
        ("network", "ach"),
        ("routing_number", "110000000"),
    ] {
        payment.created.expect(&format!("{details}.us_bank_account.{key}"), value);
    }
    let description = "Jane Austen (6789) | Outbound payment | payment";
    payment.transaction().expect("description", description);
    let method = payment.created.text("destination_payment_method");
    assert!(method.starts_with("pm_") && method != "pm_usBankAccount", "{method}");
    let method = given.k1.get(&format!("/v1/payment_methods/{method}"));
    method.ok().expect("customer", &ann).expect("type", "us_bank_account");
    let second = given.a.pays(1_500).to_payment_method("pm_usBankAccount", &ann);
    assert_ne!(second.created.text("destination_payment_method"), method.id(), "a new one each");
    let fingerprint = format!("{details}.us_bank_account.fingerprint");
    payment.created.expect(&fingerprint, second.created.at(&fingerprint));
}

#[test]
fn treasury_16_the_arrival_is_put_off() {
    let given = Given::with(10_000);
    let payment = given.a.pays(1_000).to_bank(ROUTING, "000123457890");
    let promised = payment.created.int("expected_arrival_date");
    given.settle();
    payment.expect("status", "posted").expect("expected_arrival_date", promised + 86_400);
    given.k1.expect_events(&[
        "treasury.outbound_payment.created",
        ".expected_arrival_date_updated",
        ".posted",
    ]);
    let kind = "treasury.outbound_payment.expected_arrival_date_updated";
    let before = &given.k1.events(kind)[0]["data"]["previous_attributes"];
    assert_eq!(before, &json!({"expected_arrival_date": promised}));
}

#[test]
fn treasury_17_a_payment_that_ends_in_nothing() {
    for (number, status, event) in
        [("000000000123", "canceled", ".canceled"), ("000000000234", "failed", ".failed")]
    {
        let given = Given::with(10_000);
        let payment = given.a.pays(1_000).to_bank(ROUTING, number);
        given.a.expect_balance(9_000, 1_000);
        given.settle();
        payment.expect("status", status);
        payment.transaction().expect("status", "void").expect("amount", 0);
        given.a.expect_balance(10_000, 0);
        given.k1.expect_events(&["treasury.outbound_payment.created", event]);
    }
}

#[test]
fn treasury_17_a_payment_that_comes_back() {
    let given = Given::with(10_000);
    let payment = given.a.pays(1_000).to_bank(ROUTING, "000111111116");
    given.settle();
    payment.expect("status", "returned").expect("returned_details.code", "no_account");
    given.a.expect_balance(10_000, 0);
    let amounts: Vec<Value> =
        given.a.transactions().iter().map(|transaction| transaction["amount"].clone()).collect();
    assert_eq!(amounts, [1_000, -1_000, 10_000]);
    given.k1.expect_events(&["treasury.outbound_payment.created", ".posted", ".returned"]);
}

#[test]
fn treasury_17_every_token_and_its_number() {
    let given = Given::with(10_000);
    let ann = customer(&given);
    for (token, number, status, code) in OUTCOMES {
        let payments = [
            given.a.pays(100).to_payment_method(token, &ann),
            given.a.pays(100).to_bank(ROUTING, number),
        ];
        given.settle();
        for payment in payments {
            let now = payment.expect_status(status);
            assert_eq!(code_of(&now.body), code, "{now:?}");
        }
    }
    // What was posted is gone, and what waits is held.
    given.a.expect_balance(9_400, 200);
}

#[test]
fn treasury_17_a_payment_method_with_such_a_number() {
    let given = Given::with(10_000);
    let ann = customer(&given);
    for (number, status) in [("000111111113", "returned"), ("000998877665", "processing")] {
        let method = bank_of(&given.k1, &ann, number);
        let payment = given.a.pays(100).to_payment_method(&method, &ann);
        payment.created.expect("destination_payment_method", &method);
        given.settle();
        payment.expect_status(status);
    }
}

#[test]
fn a_step_that_comes_too_late_is_dropped() {
    let given = Given::with(10_000);
    let payment = given.a.pays(1_000).to_bank(ROUTING, "000123456789");
    payment.cancel().ok();
    given.settle();
    payment.expect("status", "canceled");
    given.a.expect_balance(10_000, 0);
    given.k1.expect_events(&["treasury.outbound_payment.created", ".canceled"]);
}
