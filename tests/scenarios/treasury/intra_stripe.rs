//! Payments from one FinancialAccount to another: two accounts, one book.

use exchequer_tests::{Answer, Payment, Sandbox};
use serde_json::json;

use super::{CREDITS, Given, INVALID, ROUTING, expect_keys, impact};

const TO: &str = "destination_payment_method_data[financial_account]";

/// 3000 of A's 5000 are on their way to B.
fn on_its_way() -> (Given, Payment) {
    let given = Given::with(5_000);
    let payment = given.a.pays(3_000).to_financial_account(&given.b);
    (given, payment)
}

/// The one ReceivedCredit that B has.
#[track_caller]
fn credit_of_b(given: &Given) -> Answer {
    let ids = given.b.list(CREDITS, &[]).ids();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let credit = given.k2.get(&format!("{CREDITS}/{}", ids[0]));
    credit.ok();
    credit
}

#[test]
fn treasury_24_money_moves_between_accounts() {
    let (given, payment) = on_its_way();
    given.a.expect_balance(2_000, 3_000);
    given.b.expect_balance(0, 0);
    given.settle();
    payment.expect("status", "posted");
    given.a.expect_balance(2_000, 0);
    given.b.expect_balance(3_000, 0);
    let credit = credit_of_b(&given);
    credit.expect("status", "succeeded").expect("network", "stripe").expect("amount", 3_000);
    credit.expect("initiating_payment_method_details.financial_account.id", &given.a.id);
    credit.expect("linked_flows.source_flow", &payment.id);
    credit.expect("linked_flows.source_flow_type", "outbound_payment");
    credit.expect("reversal_details", json!({"deadline": null, "restricted_reason": null}));
    let created = &given.k2.events("treasury.received_credit.created")[0];
    assert_eq!(created["account"], given.k2.account_id().as_str());
    assert_eq!(created["data"]["object"], credit.body);
    given.k1.expect_events(&["treasury.outbound_payment.created", ".posted"]);
    assert!(given.k2.events("treasury.outbound_payment.*").is_empty());
}

#[test]
fn treasury_24_what_each_side_shows() {
    let (given, payment) = on_its_way();
    payment.created.expect("expected_arrival_date", payment.created.at("created"));
    payment.created.expect("destination_payment_method", ());
    let details = "destination_payment_method_details";
    expect_keys(&payment.created, details, &["billing_details", "financial_account", "type"]);
    let to = json!({"id": given.b.id, "network": "stripe"});
    payment.created.expect(&format!("{details}.financial_account"), to);
    payment.created.expect(&format!("{details}.billing_details.name"), ());
    given.settle();
    let credit = credit_of_b(&given);
    let from = "initiating_payment_method_details";
    expect_keys(&credit, from, &["billing_details", "financial_account", "type"]);
    credit.expect(&format!("{from}.type"), "financial_account");
    credit.expect(&format!("{from}.financial_account.network"), "stripe");
    credit.expect("description", "payment").expect("financial_account", &given.b.id);
    let transaction = &given.b.transactions()[0];
    assert_eq!(transaction["balance_impact"], impact(3_000, 0));
    assert_eq!(transaction["flow"], credit.id().as_str());
    assert_eq!(transaction["status"], "posted");
}

#[test]
fn treasury_24_posted_by_the_helper() {
    let (given, payment) = on_its_way();
    payment.test_helper("post", &[]).ok().expect("status", "posted");
    given.b.expect_balance(3_000, 0);
    given.settle();
    given.b.expect_balance(3_000, 0);
    credit_of_b(&given);
    // What came over this network goes back by a reversal alone, and has no trace id.
    given.refuses(|| payment.test_helper("return", &[]));
    let trace = [("tracking_details[type]", "ach"), ("tracking_details[ach][trace_id]", "1")];
    given.refuses(|| payment.test_helper("", &trace));
}

#[test]
fn treasury_24_the_source_is_told_first() {
    let (given, _) = on_its_way();
    let moved = given.settle();
    let said = moved.at("events").to_string();
    let posted = &given.k1.events("treasury.outbound_payment.posted")[0];
    let created = &given.k2.events("treasury.received_credit.created")[0];
    let place = |event: &serde_json::Value| said.find(event["id"].as_str().expect("an id"));
    let (source, destination) = (place(posted), place(created));
    assert!(source.is_some() && destination.is_some(), "{said}");
    assert!(source < destination, "{said}");
}

#[test]
fn treasury_25_canceled_in_time() {
    let (given, payment) = on_its_way();
    payment.created.expect("cancelable", true);
    payment.cancel().ok().expect("status", "canceled");
    given.a.expect_balance(5_000, 0);
    given.settle();
    given.a.expect_balance(5_000, 0);
    given.b.expect_balance(0, 0);
    assert!(given.b.list(CREDITS, &[]).ids().is_empty());
    assert!(given.k2.events("treasury.received_credit.*").is_empty());
}

#[test]
fn treasury_25_failed_in_time() {
    let (given, payment) = on_its_way();
    payment.test_helper("fail", &[]).ok().expect("status", "failed");
    given.settle();
    given.a.expect_balance(5_000, 0);
    given.b.expect_balance(0, 0);
}

#[test]
fn treasury_26_not_to_the_same_account() {
    let given = Given::with(5_000);
    let second = given.k1.financial_account();
    given.refuses(|| given.a.pays(1_000).financial_account(&second).send());
    given.refuses(|| given.a.pays(1_000).financial_account(&given.a).send());
    second.expect_balance(0, 0);
}

#[test]
fn treasury_26_not_to_somebody_elses_platform() {
    let given = Given::with(5_000);
    let stranger = Sandbox::new().financial_account();
    for id in [stranger.id.as_str(), "fa_nope"] {
        let draft = given.a.pays(1_000).financial_account(&given.b).with(TO, id);
        let answer = given.refuses(|| draft.send());
        answer.expect_error(400, INVALID, "resource_missing", TO);
    }
}

#[test]
fn treasury_27_the_destination_must_take_it() {
    let given = Given::with(5_000);
    let bare = given.k2.financial_account_with(&["financial_addresses.aba"]);
    let answer = given.refuses(|| given.a.pays(1_000).financial_account(&bare).send());
    answer.expect_absent("error.code").expect_message_contains("intra_stripe_flows");
    given.b.update(&[("platform_restrictions[inbound_flows]", "restricted")]).ok();
    given.refuses(|| given.a.pays(1_000).financial_account(&given.b).send());
    // B may still send.
    given.b.receives(500, "us_domestic_wire").ok();
    given.b.pays(500).to_financial_account(&given.a);
    given.settle();
    given.a.expect_balance(5_500, 0);
}

#[test]
fn treasury_27_a_network_cannot_be_chosen() {
    let given = Given::with(5_000);
    let draft = given.a.pays(1_000).financial_account(&given.b).network("ach");
    given.refuses(|| draft.send());
    let draft = given.a.pays(1_000).financial_account(&given.b).without(TO);
    given.refuses(|| draft.send());
    given.a.pays(1_000).to_bank(ROUTING, "000123456789");
}

#[test]
fn a_destination_that_closed_meanwhile() {
    for (why, code) in [
        ("closed", "account_closed"),
        ("restricted", "account_frozen"),
        ("restricted, and without the feature", "account_frozen"),
    ] {
        let (given, payment) = on_its_way();
        if why.ends_with("feature") {
            let off = [("intra_stripe_flows[requested]", "false")];
            given.k2.post(&format!("{}/features", given.b.path()), &off).ok();
        }
        match why {
            "closed" => given.b.close(),
            _ => given.b.update(&[("platform_restrictions[inbound_flows]", "restricted")]),
        }
        .ok();
        given.settle();
        payment.expect("status", "returned").expect("returned_details.code", code);
        given.a.expect_balance(5_000, 0);
        given.b.expect_balance(0, 0);
        let credit = credit_of_b(&given);
        credit.expect("status", "failed").expect("failure_code", code).expect("transaction", ());
        given.k1.expect_events(&["treasury.outbound_payment.created", ".posted", ".returned"]);
    }
}

#[test]
fn a_destination_whose_account_was_deleted_meanwhile() {
    for by_helper in [true, false] {
        let (given, payment) = on_its_way();
        given.b.close().ok();
        let account = format!("/v1/accounts/{}", given.k2.account_id());
        given.platform.delete(&account).ok().expect("deleted", true);
        if by_helper {
            payment.test_helper("post", &[]).ok().expect("status", "returned");
        }
        given.settle();
        payment.expect("status", "returned").expect("returned_details.code", "account_closed");
        given.a.expect_balance(5_000, 0);
        given.k1.expect_events(&["treasury.outbound_payment.created", ".posted", ".returned"]);
    }
}
