//! Transactions and TransactionEntries: their lists, their filters, and what they expand to.

use exchequer_tests::{Answer, Payment};
use serde_json::{Value, json};

use super::{
    CREDITS, ENTRIES, Given, INVALID, ROUTING, TRANSACTIONS, WAITS, WEDNESDAY, expect_keys,
};

/// Two payments a second apart, posted in the other order, each a second after the one before.
fn crossed() -> (Given, Payment, Payment) {
    let given = Given::with(10_000);
    given.platform.advance("1s");
    let first = given.a.pays(100).to_bank(ROUTING, WAITS);
    given.platform.advance("1s");
    let second = given.a.pays(200).to_bank(ROUTING, WAITS);
    given.platform.advance("1s");
    second.test_helper("post", &[]).ok();
    given.platform.advance("1s");
    first.test_helper("post", &[]).ok();
    (given, first, second)
}

#[track_caller]
fn amounts(list: &Answer) -> Vec<i64> {
    list.data().iter().map(|item| item["amount"].as_i64().expect("an amount")).collect()
}

#[test]
fn treasury_47_in_the_order_of_posting() {
    let (given, ..) = crossed();
    let list = |params: &[(&str, &str)]| given.a.list(TRANSACTIONS, params);
    assert_eq!(amounts(&list(&[])), [-200, -100, 10_000]);
    let posted = [("status", "posted"), ("order_by", "posted_at")];
    assert_eq!(amounts(&list(&posted)), [-100, -200, 10_000]);
    let at = (WEDNESDAY + 3).to_string();
    let since = |name: &str| {
        let name = format!("status_transitions[posted_at]{name}");
        list(&[posted[0], posted[1], (&name, &at)])
    };
    assert_eq!(amounts(&since("[gte]")), [-100, -200]);
    assert_eq!(amounts(&since("[gt]")), [-100]);
    assert_eq!(amounts(&since("")), [-200]);
    assert_eq!(amounts(&since("[lt]")), [10_000]);
    let first = list(&[posted[0], posted[1], ("limit", "1")]);
    first.expect("has_more", true);
    let after = first.ids()[0].clone();
    let rest = list(&[posted[0], posted[1], ("starting_after", &after)]);
    assert_eq!(amounts(&rest), [-200, 10_000]);
}

#[test]
fn treasury_47_what_does_not_go_together() {
    let (given, ..) = crossed();
    let now = WEDNESDAY.to_string();
    let by_posting = ("order_by", "posted_at");
    let posted = ("status", "posted");
    let posted_since = ("status_transitions[posted_at][gte]", now.as_str());
    let created_since = ("created[gte]", now.as_str());
    for params in [
        &[by_posting][..],
        &[by_posting, ("status", "open")],
        &[posted_since],
        &[posted_since, posted],
        &[posted_since, by_posting],
        &[by_posting, posted, created_since],
    ] {
        let answer = given.a.list(TRANSACTIONS, params);
        answer.expect_status(400).expect("error.type", INVALID);
    }
    given.a.list(TRANSACTIONS, &[by_posting, posted, posted_since]).ok();
    given.a.list(TRANSACTIONS, &[("order_by", "created"), created_since]).ok();
    let answer = given.k1.list(TRANSACTIONS, &[posted]);
    answer.expect_error(400, INVALID, "parameter_missing", "financial_account");
    let answer = given.a.list(TRANSACTIONS, &[("order_by", "amount")]);
    answer.expect_error(400, INVALID, None, "order_by");
    let answer = given.a.list(TRANSACTIONS, &[("status", "late")]);
    answer.expect_error(400, INVALID, None, "status");
    let answer = given.a.list(TRANSACTIONS, &[("flow", "obp_x")]);
    answer.expect_error(400, INVALID, "parameter_unknown", "flow");
}

#[test]
fn treasury_47_by_status_and_creation() {
    let (given, ..) = crossed();
    given.a.pays(300).to_bank(ROUTING, WAITS);
    given.a.pays(400).to_bank(ROUTING, WAITS).cancel().ok();
    let list = |params: &[(&str, &str)]| amounts(&given.a.list(TRANSACTIONS, params));
    assert_eq!(list(&[("status", "open")]), [-300]);
    assert_eq!(list(&[("status", "void")]), [0]);
    assert_eq!(list(&[("status", "posted")]), [-200, -100, 10_000]);
    let second = (WEDNESDAY + 1).to_string();
    assert_eq!(list(&[("created", &second)]), [-100]);
    assert_eq!(list(&[("created[lte]", &second)]), [-100, 10_000]);
    assert_eq!(list(&[("created[gt]", &second), ("status", "posted")]), [-200]);
}

#[test]
fn treasury_48_the_entries_of_a_transaction() {
    let (given, first, _) = crossed();
    let transaction = first.transaction();
    let (id, account) = (transaction.id(), &given.a.id);
    transaction.expect("entries.object", "list").expect("entries.has_more", false);
    transaction
        .expect("entries.url", format!("{ENTRIES}?financial_account={account}&transaction={id}"));
    transaction.expect("entries.data.0.type", "outbound_payment_posting");
    transaction.expect("entries.data.1.type", "outbound_payment");
    let listed = given.a.list(ENTRIES, &[("transaction", &id)]);
    listed.ok().expect("data", transaction.at("entries.data")).expect("url", ENTRIES);
    let plain = given.k1.get(&format!("{TRANSACTIONS}/{id}"));
    plain.ok().expect_absent("entries").expect_absent("flow_details");
    for path in ["data.entries", "entries"] {
        let answer = given.a.list(TRANSACTIONS, &[("expand[]", path)]);
        answer.expect_error(400, INVALID, None, None);
    }
    let entry = listed.ids()[0].clone();
    given.k1.get(&format!("{ENTRIES}/{entry}")).ok().expect("", listed.at("data.0"));
}

#[test]
fn treasury_48_entries_by_date() {
    let (given, first, second) = crossed();
    let types = |params: &[(&str, &str)]| -> Vec<Value> {
        let list = given.a.list(ENTRIES, params);
        list.data().iter().map(|entry| entry["type"].clone()).collect()
    };
    let (posting, hold) = ("outbound_payment_posting", "outbound_payment");
    assert_eq!(types(&[]), [posting, posting, hold, hold, "received_credit"]);
    assert_eq!(types(&[("limit", "2")]), [posting, posting]);
    let at = (WEDNESDAY + 2).to_string();
    assert_eq!(types(&[("created[gte]", &at)]), [posting, posting, hold]);
    assert_eq!(types(&[("created", &at)]), [hold]);
    let effective = ("order_by", "effective_at");
    assert_eq!(types(&[effective, ("effective_at[gt]", &at)]), [posting, posting]);
    for params in [
        &[("effective_at[gt]", at.as_str())][..],
        &[("effective_at[gt]", &at), ("order_by", "created")],
        &[effective, ("created[gt]", &at)],
    ] {
        let answer = given.a.list(ENTRIES, params);
        answer.expect_status(400).expect("error.type", INVALID);
    }
    let of = |payment: &Payment| payment.created.text("transaction").to_owned();
    let both = [of(&first), of(&second)].map(|id| types(&[("transaction", &id)]).len());
    assert_eq!(both, [2, 2]);
    let answer = given.a.list(ENTRIES, &[("transaction", "trxn_nope")]);
    answer.expect_error(400, INVALID, "resource_missing", "transaction");
    let answer = given.k1.get(ENTRIES);
    answer.expect_error(400, INVALID, "parameter_missing", "financial_account");
}

#[test]
fn treasury_49_a_payment_with_its_transactions() {
    let given = Given::with(10_000);
    let payment = given.a.pays(2_000).to_bank(ROUTING, WAITS);
    let both = [("expand[]", "transaction"), ("expand[]", "returned_details.transaction")];
    let held = payment.get_with(&both);
    held.ok().expect("transaction.id", payment.created.text("transaction"));
    held.expect("transaction.object", "treasury.transaction").expect("returned_details", ());
    let returned = payment.test_helper("return", &both);
    returned.ok().expect("transaction.status", "posted").expect("transaction.amount", -2_000);
    returned.expect("returned_details.transaction.amount", 2_000);
    let now = payment.get_with(&both);
    now.ok().expect("", &returned.body);
    let listed = given.a.list(
        "/v1/treasury/outbound_payments",
        &[("expand[]", "data.transaction"), ("expand[]", "data.returned_details.transaction")],
    );
    listed.ok().expect("data.0", &now.body);
    for path in ["financial_account", "customer", "destination_payment_method"] {
        let answer = payment.get_with(&[("expand[]", path)]);
        answer.expect_error(400, INVALID, None, None);
    }
}

#[test]
fn treasury_49_the_flow_behind_a_transaction() {
    let given = Given::with(10_000);
    let payment = given.a.pays(2_000).to_bank(ROUTING, WAITS);
    let path = format!("{TRANSACTIONS}/{}", payment.created.text("transaction"));
    let transaction = given.k1.list(&path, &[("expand[]", "flow_details")]);
    let details = json!({"type": "outbound_payment", "outbound_payment": payment.get().body});
    transaction.ok().expect("flow_details", &details);
    for list in [TRANSACTIONS, ENTRIES] {
        let listed = given.a.list(list, &[("expand[]", "data.flow_details")]);
        listed.ok().expect("data.0.flow_details", &details);
        listed.expect("data.1.flow_details.type", "received_credit");
    }
    let entries = given.a.list(ENTRIES, &[("expand[]", "data.transaction")]);
    entries.ok().expect("data.0.transaction.id", transaction.id());
}

#[test]
fn treasury_49_where_a_credit_came_from() {
    let given = Given::with(5_000);
    let payment = given.a.pays(3_000).to_financial_account(&given.b);
    given.settle();
    let id = given.b.list(CREDITS, &[]).ids()[0].clone();
    let path = format!("{CREDITS}/{id}");
    given.k2.get(&path).ok().expect_absent("linked_flows.source_flow_details");
    let details = "linked_flows.source_flow_details";
    let credit = given.k2.list(&path, &[("expand[]", details), ("expand[]", "transaction")]);
    expect_keys(&credit, details, &["outbound_payment", "type"]);
    credit.expect(&format!("{details}.type"), "outbound_payment");
    credit.expect(&format!("{details}.outbound_payment"), payment.get().body);
    credit.expect("transaction.amount", 3_000);
}
