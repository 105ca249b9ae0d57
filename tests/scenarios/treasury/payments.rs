//! The life of an OutboundPayment: held, then posted, canceled, failed or returned.

use serde_json::{Value, json};

use super::{
    Given, INVALID, ROUTING, WAITS, WEDNESDAY, expect_entries, expect_keys, expect_wrong_state,
    impact, payment_that_is,
};

const KEYS: [&str; 22] = [
    "id",
    "object",
    "amount",
    "cancelable",
    "created",
    "currency",
    "customer",
    "description",
    "destination_payment_method",
    "destination_payment_method_details",
    "end_user_details",
    "expected_arrival_date",
    "financial_account",
    "hosted_regulatory_receipt_url",
    "livemode",
    "metadata",
    "returned_details",
    "statement_descriptor",
    "status",
    "status_transitions",
    "tracking_details",
    "transaction",
];

#[test]
fn treasury_06_a_payment_holds_its_amount() {
    let given = Given::with(10_000);
    let payment = given.a.pays(2_000).to_bank(ROUTING, WAITS);
    payment.created.expect("status", "processing").expect("cancelable", true);
    given.a.expect_balance(8_000, 2_000);
    let transaction = payment.transaction();
    transaction.expect("status", "open").expect("amount", -2_000);
    transaction.expect("balance_impact", impact(-2_000, 2_000));
    expect_entries(&transaction, &[("outbound_payment", -2_000, 2_000)]);
}

#[test]
fn treasury_06_what_a_new_payment_looks_like() {
    let given = Given::with(10_000);
    let draft = given.a.pays(2_000).with("metadata[order]", "7").with("description", "Rent");
    let payment = draft.to_bank(ROUTING, WAITS);
    let created = &payment.created;
    expect_keys(created, "", &KEYS);
    created.expect("object", "treasury.outbound_payment").expect("created", WEDNESDAY);
    created.expect("amount", 2_000).expect("currency", "usd").expect("livemode", false);
    created.expect("financial_account", &given.a.id).expect("customer", ());
    created.expect("description", "Rent").expect("metadata", json!({"order": "7"}));
    created.expect("destination_payment_method", ()).expect("statement_descriptor", "payment");
    created.expect("returned_details", ()).expect("tracking_details", ());
    created.expect("end_user_details", json!({"ip_address": null, "present": false}));
    created.expect(
        "status_transitions",
        json!({"canceled_at": null, "failed_at": null, "posted_at": null, "returned_at": null}),
    );
    assert!(payment.id.starts_with("obp_"), "{created:?}");
    let fingerprint = created.text(BANK_FINGERPRINT).to_owned();
    assert_eq!(fingerprint.len(), 16, "{fingerprint}");
    created.expect(
        "destination_payment_method_details",
        json!({
            "type": "us_bank_account",
            "billing_details": {"address": no_address(), "email": null, "name": "Ann Vendor"},
            "us_bank_account": {
                "account_holder_type": "company",
                "account_type": "checking",
                "bank_name": "STRIPE TEST BANK",
                "fingerprint": fingerprint,
                "last4": "0009",
                "network": "ach",
                "routing_number": "110000000",
            },
        }),
    );
    payment.get().expect("", &created.body);
}

const BANK_FINGERPRINT: &str = "destination_payment_method_details.us_bank_account.fingerprint";

fn no_address() -> Value {
    json!({
        "city": null, "country": null, "line1": null,
        "line2": null, "postal_code": null, "state": null,
    })
}

#[test]
fn treasury_06_what_its_transaction_looks_like() {
    let given = Given::with(10_000);
    let payment = given.a.pays(2_000).to_bank(ROUTING, WAITS);
    let (id, account) = (payment.created.text("transaction"), &given.a.id);
    let transaction = payment.transaction();
    let entry = transaction.text("entries.data.0.id").to_owned();
    assert!(id.starts_with("trxn_") && entry.starts_with("trxne_"), "{transaction:?}");
    let url =
        format!("/v1/treasury/transaction_entries?financial_account={account}&transaction={id}");
    transaction.expect(
        "",
        json!({
            "id": id,
            "object": "treasury.transaction",
            "amount": -2_000,
            "balance_impact": impact(-2_000, 2_000),
            "created": WEDNESDAY,
            "currency": "usd",
            "description": "Ann Vendor (0009) | Outbound payment | payment",
            "financial_account": account,
            "flow": payment.id,
            "flow_type": "outbound_payment",
            "livemode": false,
            "status": "open",
            "status_transitions": {"posted_at": null, "void_at": null},
            "entries": {
                "object": "list",
                "data": [{
                    "id": entry,
                    "object": "treasury.transaction_entry",
                    "balance_impact": impact(-2_000, 2_000),
                    "created": WEDNESDAY,
                    "currency": "usd",
                    "effective_at": WEDNESDAY,
                    "financial_account": account,
                    "flow": payment.id,
                    "flow_type": "outbound_payment",
                    "livemode": false,
                    "transaction": id,
                    "type": "outbound_payment",
                }],
                "has_more": false,
                "url": url,
            },
        }),
    );
}

#[test]
fn treasury_07_post() {
    let given = Given::with(10_000);
    let payment = given.a.pays(2_000).to_bank(ROUTING, WAITS);
    let posted = payment.test_helper("post", &[]);
    posted.ok().expect("status", "posted").expect("cancelable", false);
    posted.expect("status_transitions.posted_at", WEDNESDAY);
    for other in ["canceled_at", "failed_at", "returned_at"] {
        posted.expect(&format!("status_transitions.{other}"), ());
    }
    given.a.expect_balance(8_000, 0);
    let transaction = payment.transaction();
    transaction.expect("status", "posted").expect("amount", -2_000);
    transaction.expect("balance_impact", impact(-2_000, 0));
    expect_entries(
        &transaction,
        &[("outbound_payment_posting", 0, -2_000), ("outbound_payment", -2_000, 2_000)],
    );
    given.k1.expect_events(&["treasury.outbound_payment.created", ".posted"]);
}

#[test]
fn treasury_08_cancel() {
    let given = Given::with(10_000);
    let payment = given.a.pays(2_000).to_bank(ROUTING, WAITS);
    let canceled = payment.cancel();
    canceled.ok().expect("status", "canceled").expect("cancelable", false);
    canceled.expect("status_transitions.canceled_at", WEDNESDAY);
    given.a.expect_balance(10_000, 0);
    let transaction = payment.transaction();
    transaction.expect("status", "void").expect("amount", 0);
    transaction.expect("balance_impact", impact(0, 0));
    transaction.expect("status_transitions", json!({"posted_at": null, "void_at": WEDNESDAY}));
    expect_entries(
        &transaction,
        &[("outbound_payment_cancellation", 2_000, -2_000), ("outbound_payment", -2_000, 2_000)],
    );
    given.k1.expect_events(&["treasury.outbound_payment.created", ".canceled"]);
    expect_wrong_state(&given.refuses(|| payment.cancel()));
}

#[test]
fn treasury_09_fail() {
    let given = Given::with(10_000);
    let payment = given.a.pays(2_000).to_bank(ROUTING, WAITS);
    let failed = payment.test_helper("fail", &[]);
    failed.ok().expect("status", "failed").expect("cancelable", false);
    failed.expect("status_transitions.failed_at", WEDNESDAY).expect("returned_details", ());
    given.a.expect_balance(10_000, 0);
    let transaction = payment.transaction();
    transaction.expect("status", "void").expect("amount", 0);
    expect_entries(
        &transaction,
        &[("outbound_payment_failure", 2_000, -2_000), ("outbound_payment", -2_000, 2_000)],
    );
    given.k1.expect_events(&["treasury.outbound_payment.created", ".failed"]);
}

#[test]
fn treasury_10_return_from_processing() {
    let given = Given::with(10_000);
    let payment = given.a.pays(2_000).to_bank(ROUTING, WAITS);
    let returned = payment.test_helper("return", &[]);
    returned.ok().expect("status", "returned").expect("returned_details.code", "declined");
    returned.expect("status_transitions.posted_at", WEDNESDAY);
    returned.expect("status_transitions.returned_at", WEDNESDAY);
    returned.expect("transaction", payment.created.text("transaction"));
    given.a.expect_balance(10_000, 0);
    let first = payment.transaction();
    first.expect("status", "posted").expect("amount", -2_000).expect("flow", &payment.id);
    let second = payment.transaction_named(returned.text("returned_details.transaction"));
    assert_ne!(first.id(), second.id());
    second.expect("status", "posted").expect("amount", 2_000).expect("flow", &payment.id);
    second.expect("flow_type", "outbound_payment").expect("balance_impact", impact(2_000, 0));
    expect_entries(&second, &[("outbound_payment_return", 2_000, 0)]);
    given.k1.expect_events(&["treasury.outbound_payment.created", ".posted", ".returned"]);
}

#[test]
fn treasury_11_why_it_was_returned() {
    let given = Given::with(10_000);
    let payment = payment_that_is("processing", &given.a);
    let code = ("returned_details[code]", "bogus");
    let answer = given.refuses(|| payment.test_helper("return", &[code]));
    answer.expect_error(400, INVALID, None, "returned_details[code]");
    payment.expect("status", "processing");
    for code in [
        "account_closed",
        "account_frozen",
        "bank_account_restricted",
        "bank_ownership_changed",
        "declined",
        "incorrect_account_holder_name",
        "invalid_account_number",
        "invalid_currency",
        "no_account",
        "other",
    ] {
        let payment = payment_that_is("processing", &given.a);
        let returned = payment.test_helper("return", &[("returned_details[code]", code)]);
        returned.ok().expect("returned_details.code", code);
        expect_keys(&returned, "returned_details", &["code", "transaction"]);
    }
}

#[test]
fn treasury_12_return_from_posted() {
    let given = Given::with(10_000);
    let payment = given.a.pays(2_000).to_bank(ROUTING, WAITS);
    payment.test_helper("post", &[]).ok();
    given.platform.advance("2d");
    let returned = payment.test_helper("return", &[]);
    returned.ok().expect("status", "returned");
    returned.expect("status_transitions.posted_at", WEDNESDAY);
    returned.expect("status_transitions.returned_at", WEDNESDAY + 2 * 86_400);
    given.a.expect_balance(10_000, 0);
    given.k1.expect_events(&["treasury.outbound_payment.created", ".posted", ".returned"]);
    expect_wrong_state(&given.refuses(|| payment.test_helper("return", &[])));
}

#[test]
fn treasury_13_what_comes_too_late() {
    let given = Given::with(10_000);
    for (status, helpers) in [
        ("canceled", &["post", "fail", "return"][..]),
        ("failed", &["post", "fail", "return"]),
        ("posted", &["post", "fail"]),
        ("returned", &["post", "fail", "return"]),
    ] {
        let payment = payment_that_is(status, &given.a);
        for helper in helpers {
            expect_wrong_state(&given.refuses(|| payment.test_helper(helper, &[])));
        }
        expect_wrong_state(&given.refuses(|| payment.cancel()));
        payment.expect("status", status);
    }
}

#[test]
fn a_payment_that_is_not_there() {
    let given = Given::new();
    let helpers = "/v1/test_helpers/treasury/outbound_payments/obp_nope";
    let tracking =
        [("tracking_details[type]", "ach"), ("tracking_details[ach][trace_id]", "841042400123450")];
    for answer in [
        given.k1.get("/v1/treasury/outbound_payments/obp_nope"),
        given.k1.post("/v1/treasury/outbound_payments/obp_nope/cancel", &[]),
        given.k1.post(&format!("{helpers}/post"), &[]),
        given.k1.post(&format!("{helpers}/fail"), &[]),
        given.k1.post(&format!("{helpers}/return"), &[]),
        given.k1.post(helpers, &tracking),
    ] {
        answer.expect_error(404, INVALID, "resource_missing", "id");
    }
}

#[test]
fn the_same_key_pays_once() {
    let given = Given::with(10_000);
    let draft = given.a.pays(2_000).bank(ROUTING, WAITS);
    let keyed = given.k1.idempotency_key("rent-april");
    let first = draft.send_as(&keyed);
    first.ok();
    given.a.expect_balance(8_000, 2_000);
    let second = draft.send_as(&keyed);
    second.ok().expect_header("Idempotent-Replayed", "true");
    assert_eq!(first.bytes, second.bytes);
    given.a.expect_balance(8_000, 2_000);
    assert_eq!(given.a.payments().len(), 1);
    assert_eq!(given.a.entries().len(), 2, "the credit and one hold");
    given.k1.expect_events(&["treasury.outbound_payment.created"]);
    // A key belongs to one account, so the other one may use it too.
    given.b.clone().holding(1_000);
    let other = given.b.pays(500).bank(ROUTING, WAITS);
    other.send_as(&given.k2.idempotency_key("rent-april")).ok().expect("amount", 500);
}

#[test]
fn the_same_key_for_another_payment() {
    let given = Given::with(10_000);
    let keyed = given.k1.idempotency_key("rent-april");
    given.a.pays(2_000).bank(ROUTING, WAITS).send_as(&keyed).ok();
    let answer = given.a.pays(2_001).bank(ROUTING, WAITS).send_as(&keyed);
    answer.expect_error(400, "idempotency_error", None, None);
    given.a.expect_balance(8_000, 2_000);
    // What was refused by the account's balance is answered so again.
    let keyed = given.k1.idempotency_key("rent-may");
    let draft = given.a.pays(9_000).bank(ROUTING, WAITS);
    draft.send_as(&keyed).expect_error(400, INVALID, "balance_insufficient", "amount");
    given.a.clone().holding(5_000);
    let again = draft.send_as(&keyed);
    again.expect_error(400, INVALID, "balance_insufficient", "amount");
    again.expect_header("Idempotent-Replayed", "true");
}
