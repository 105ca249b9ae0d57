//! ReceivedCredits: how money gets in.

use serde_json::json;

use super::{
    CREDITS, Given, INVALID, ROUTING, WAITS, events_of, expect_entries, expect_keys, frozen, impact,
};

const KEYS: [&str; 16] = [
    "id",
    "object",
    "amount",
    "created",
    "currency",
    "description",
    "failure_code",
    "financial_account",
    "hosted_regulatory_receipt_url",
    "initiating_payment_method_details",
    "linked_flows",
    "livemode",
    "network",
    "reversal_details",
    "status",
    "transaction",
];
const FROM: &str = "initiating_payment_method_details";

#[test]
fn treasury_05_money_comes_in() {
    let given = Given::new();
    let events = events_of(&given.k1).len();
    let credit = given.a.receives(10_000, "ach");
    credit.ok().expect("object", "treasury.received_credit").expect("status", "succeeded");
    credit.expect("network", "ach").expect("description", "Stripe Test");
    credit.expect(&format!("{FROM}.billing_details.name"), "Jane Austen");
    credit.expect(&format!("{FROM}.us_bank_account.last4"), "6789");
    given.a.expect_balance(10_000, 0);
    let path = format!("/v1/treasury/transactions/{}", credit.text("transaction"));
    let transaction = given.k1.list(&path, &[("expand[]", "entries")]);
    transaction.ok().expect("amount", 10_000).expect("status", "posted");
    transaction.expect("flow", credit.id()).expect("flow_type", "received_credit");
    transaction.expect("balance_impact", impact(10_000, 0));
    expect_entries(&transaction, &[("received_credit", 10_000, 0)]);
    given.k1.expect_events(&["treasury.received_credit.created"]);
    assert_eq!(events_of(&given.k1).len(), events + 1, "one event and no other");
}

#[test]
fn what_the_test_helper_fills_in() {
    let given = Given::new();
    let credit = given.a.receives(500, "ach");
    expect_keys(&credit, "", &KEYS);
    assert!(credit.id().starts_with("rc_"), "{credit:?}");
    credit.expect("amount", 500).expect("currency", "usd").expect("livemode", false);
    credit.expect("created", super::WEDNESDAY).expect("failure_code", ());
    credit.expect("financial_account", &given.a.id);
    let nobody = json!({
        "city": null, "country": null, "line1": null,
        "line2": null, "postal_code": null, "state": null,
    });
    credit.expect(
        FROM,
        json!({
            "type": "us_bank_account",
            "billing_details": {"address": nobody, "email": null, "name": "Jane Austen"},
            "us_bank_account": {
                "bank_name": "STRIPE TEST BANK",
                "last4": "6789",
                "routing_number": "110000000",
            },
        }),
    );
    let flows = ["credit_reversal", "issuing_authorization", "issuing_transaction"];
    expect_keys(
        &credit,
        "linked_flows",
        &[flows[0], flows[1], flows[2], "source_flow", "source_flow_type"],
    );
    for flow in credit.at("linked_flows").as_object().expect("an object").values() {
        assert!(flow.is_null(), "{credit:?}");
    }
    given.k1.get(&format!("{CREDITS}/{}", credit.id())).ok().expect("", &credit.body);
}

#[test]
fn what_the_test_helper_is_told() {
    let given = Given::new();
    let credit = given.a.receives_with(
        500,
        "rtp",
        &[
            ("description", "Refund 7"),
            ("initiating_payment_method_details[type]", "us_bank_account"),
            (
                "initiating_payment_method_details[us_bank_account][account_holder_name]",
                "Ann Payer",
            ),
            ("initiating_payment_method_details[us_bank_account][account_number]", "000999991234"),
            ("initiating_payment_method_details[us_bank_account][routing_number]", "021000021"),
        ],
    );
    credit.ok().expect("description", "Refund 7").expect("network", "rtp");
    credit.expect(&format!("{FROM}.billing_details.name"), "Ann Payer");
    credit.expect(&format!("{FROM}.us_bank_account.last4"), "1234");
    credit.expect(&format!("{FROM}.us_bank_account.routing_number"), "021000021");
}

#[test]
fn what_the_test_helper_refuses() {
    let given = Given::new();
    let helper = |name: &str, value: &str| {
        let params = [
            ("amount", "500"),
            ("currency", "usd"),
            ("financial_account", &given.a.id),
            ("network", "ach"),
        ];
        let mut params: Vec<(&str, &str)> =
            params.into_iter().filter(|(key, _)| *key != name).collect();
        if !value.is_empty() {
            params.push((name, value));
        }
        given.refuses(|| given.k1.post("/v1/test_helpers/treasury/received_credits", &params))
    };
    for name in ["amount", "currency", "financial_account", "network"] {
        helper(name, "").expect_error(400, INVALID, "parameter_missing", name);
    }
    helper("amount", "0").expect_error(400, INVALID, "parameter_invalid_integer", "amount");
    helper("amount", "-1").expect_error(400, INVALID, "parameter_invalid_integer", "amount");
    helper("amount", "10000000000").expect_error(400, INVALID, "amount_too_large", "amount");
    helper("currency", "eur").expect_error(400, INVALID, None, "currency");
    helper("network", "card").expect_error(400, INVALID, None, "network");
    let (code, param) = ("resource_missing", "financial_account");
    helper("financial_account", "fa_nope").expect_error(400, INVALID, code, param);
    helper("metadata[a]", "1").expect_error(400, INVALID, "parameter_unknown", "metadata");
}

#[test]
fn treasury_37_a_wire_cannot_be_sent_back() {
    let given = Given::with(100);
    let credit = given.a.receives(900, "us_domestic_wire");
    credit.ok().expect("network", "us_domestic_wire").expect("status", "succeeded");
    credit.expect(
        "reversal_details",
        json!({"deadline": null, "restricted_reason": "network_restricted"}),
    );
    given.a.expect_balance(1_000, 0);
}

#[test]
fn treasury_42_how_long_a_credit_can_be_sent_back() {
    // A Thursday gives until Monday, a Friday until Tuesday, both at midnight UTC.
    for (created, deadline) in [(1_680_755_425, 1_681_084_800), (1_721_954_079, 1_722_297_600)] {
        let platform = frozen(created);
        let credit = platform.financial_account().receives(1_000, "ach");
        let open = json!({"deadline": deadline, "restricted_reason": null});
        credit.ok().expect("created", created).expect("reversal_details", open);
        let path = format!("{CREDITS}/{}", credit.id());
        platform.clock_set(deadline - 1);
        platform.get(&path).ok().expect("reversal_details.restricted_reason", ());
        platform.clock_set(deadline);
        let passed = json!({"deadline": deadline, "restricted_reason": "deadline_passed"});
        platform.get(&path).ok().expect("reversal_details", passed);
    }
}

#[test]
fn credits_by_status_and_source() {
    let given = Given::with(5_000);
    given.a.pays(1_000).to_financial_account(&given.b);
    given.settle();
    let outside = given.b.receives(300, "ach").id();
    given.b.update(&[("platform_restrictions[inbound_flows]", "restricted")]).ok();
    let failed = given.b.receives(400, "ach").id();
    let inside = given.b.list(CREDITS, &[]).ids()[2].clone();
    let list = |params: &[(&str, &str)]| given.b.list(CREDITS, params).ids();
    assert_eq!(list(&[]), [&*failed, &*outside, &*inside]);
    assert_eq!(list(&[("status", "succeeded")]), [&*outside, &*inside]);
    assert_eq!(list(&[("status", "failed")]), [&*failed]);
    let source = "linked_flows[source_flow_type]";
    assert_eq!(list(&[(source, "outbound_payment")]), [&*inside]);
    assert!(list(&[(source, "payout")]).is_empty());
    let page = given.b.list(CREDITS, &[("limit", "2")]);
    page.ok().expect("has_more", true).expect("url", CREDITS);
    let answer = given.b.list(CREDITS, &[("status", "posted")]);
    answer.expect_error(400, INVALID, None, "status");
    let answer = given.b.list(CREDITS, &[(source, "salary")]);
    answer.expect_error(400, INVALID, None, source);
    let answer = given.k2.get(CREDITS);
    answer.expect_error(400, INVALID, "parameter_missing", "financial_account");
}

#[test]
fn a_credit_cannot_be_changed() {
    let given = Given::new();
    let credit = given.a.receives(500, "ach").id();
    let path = format!("{CREDITS}/{credit}");
    given.k1.post(&path, &[("description", "b")]).expect_error(404, INVALID, None, None);
    given.k1.delete(&path).expect_error(404, INVALID, None, None);
    let answer = given.k1.get(&format!("{CREDITS}/rc_nope"));
    answer.expect_error(404, INVALID, "resource_missing", "id");
    given.a.pays(500).to_bank(ROUTING, WAITS);
}
