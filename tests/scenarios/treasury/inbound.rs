//! InboundTransfers: money from the owner's own bank, what the bank makes of it, and what it takes
//! back.

use exchequer_tests::Answer;
use serde_json::{Value, json};

use super::{
    DEBITS, Given, INBOUND, INVALID, ROUTING, WAITS, WEDNESDAY, events_of, expect_entries,
    expect_keys, expect_wrong_state, impact,
};

/// The token whose transfers wait for a test helper.
const PENDING: &str = "pm_usBankAccount_processing";

/// 20000 are on their way to A.
fn on_its_way() -> (Given, String) {
    let given = Given::new();
    let created = given.a.transfers_in(20_000, PENDING);
    created.ok().expect("status", "processing");
    (given, created.id())
}

#[track_caller]
fn helper(given: &Given, id: &str, name: &str, params: &[(&str, &str)]) -> Answer {
    given.k1.post(&format!("/v1/test_helpers/treasury/inbound_transfers/{id}/{name}"), params)
}

#[track_caller]
fn cancel(given: &Given, id: &str) -> Answer {
    given.k1.post(&format!("{INBOUND}/{id}/cancel"), &[])
}

#[track_caller]
fn get(given: &Given, id: &str) -> Answer {
    let answer = given.k1.get(&format!("{INBOUND}/{id}"));
    answer.ok();
    answer
}

fn times(canceled: Option<i64>, failed: Option<i64>, succeeded: Option<i64>) -> Value {
    json!({"canceled_at": canceled, "failed_at": failed, "succeeded_at": succeeded})
}

#[test]
fn treasury_30_money_comes_when_the_bank_says_so() {
    let given = Given::new();
    let events = events_of(&given.k1).len();
    let created = given.a.transfers_in(20_000, PENDING);
    created.ok().expect("status", "processing").expect("cancelable", true);
    created.expect("transaction", ()).expect("status_transitions", times(None, None, None));
    given.a.expect_balance(0, 0);
    assert!(given.a.transactions().is_empty());
    given.settle();
    get(&given, &created.id()).expect("", &created.body);
    given.platform.advance("1s");
    let now = given.platform.now();
    let succeeded = helper(&given, &created.id(), "succeed", &[]);
    succeeded.ok().expect("status", "succeeded").expect("cancelable", false);
    succeeded.expect("status_transitions", times(None, None, Some(now)));
    succeeded.expect("returned", false).expect("failure_details", ());
    given.a.expect_balance(20_000, 0);
    let path = format!("/v1/treasury/transactions/{}", succeeded.text("transaction"));
    let transaction = given.k1.list(&path, &[("expand[]", "entries")]);
    transaction.ok().expect("amount", 20_000).expect("status", "posted");
    transaction.expect("flow", created.id()).expect("flow_type", "inbound_transfer");
    transaction.expect("balance_impact", impact(20_000, 0)).expect("created", now);
    transaction.expect("description", "Jane Austen (6789) | Inbound transfer | transfer");
    expect_entries(&transaction, &[("inbound_transfer", 20_000, 0)]);
    given.k1.expect_events(&["treasury.inbound_transfer.created", ".succeeded"]);
    assert_eq!(events_of(&given.k1).len(), events + 2, "two events and no other");
    for call in ["succeed", "fail"] {
        expect_wrong_state(&given.refuses(|| helper(&given, &created.id(), call, &[])));
    }
}

#[test]
fn treasury_30_what_a_transfer_shows() {
    let given = Given::new();
    let metadata = [("metadata[order]", "7"), ("description", "Savings")];
    let created = given.a.transfers_in_with(20_000, PENDING, &metadata);
    expect_keys(
        &created,
        "",
        &[
            "id",
            "object",
            "amount",
            "cancelable",
            "created",
            "currency",
            "description",
            "failure_details",
            "financial_account",
            "hosted_regulatory_receipt_url",
            "linked_flows",
            "livemode",
            "metadata",
            "origin_payment_method",
            "origin_payment_method_details",
            "returned",
            "statement_descriptor",
            "status",
            "status_transitions",
            "transaction",
        ],
    );
    assert!(created.id().starts_with("ibt_"), "{created:?}");
    created.expect("object", "treasury.inbound_transfer").expect("amount", 20_000);
    created.expect("created", WEDNESDAY).expect("currency", "usd").expect("livemode", false);
    created.expect("description", "Savings").expect("metadata", json!({"order": "7"}));
    created.expect("financial_account", &given.a.id).expect("statement_descriptor", "transfer");
    created.expect("linked_flows", json!({"received_debit": null})).expect("returned", false);
    let details = "origin_payment_method_details";
    expect_keys(&created, details, &["billing_details", "type", "us_bank_account"]);
    created.expect(&format!("{details}.type"), "us_bank_account");
    created.expect(&format!("{details}.billing_details.name"), "Jane Austen");
    created.expect(&format!("{details}.billing_details.address.line1"), "1234 Fake Street");
    let bank = created.at(&format!("{details}.us_bank_account"));
    let shown = ["account_holder_type", "account_type", "bank_name", "last4", "network"]
        .map(|name| bank[name].as_str().unwrap_or_default());
    assert_eq!(shown, ["company", "checking", "STRIPE TEST BANK", "6789", "ach"]);
    let method = created.text("origin_payment_method");
    given.k1.get(&format!("/v1/payment_methods/{method}")).ok().expect("customer", ());
    let event = &given.k1.events("treasury.inbound_transfer.created")[0];
    assert_eq!(event["data"]["object"], created.body);
    assert_eq!(event["account"], given.k1.account_id().as_str());
}

#[test]
fn treasury_31_the_bank_gives_nothing() {
    let (given, id) = on_its_way();
    let code = [("failure_details[code]", "insufficient_funds")];
    let failed = helper(&given, &id, "fail", &code);
    failed.ok().expect("status", "failed").expect("cancelable", false);
    failed.expect("failure_details", json!({"code": "insufficient_funds"}));
    failed.expect("status_transitions", times(None, Some(WEDNESDAY), None));
    failed.expect("transaction", ()).expect("returned", false);
    given.a.expect_balance(0, 0);
    assert!(given.a.transactions().is_empty() && given.a.entries().is_empty());
    given.k1.expect_events(&["treasury.inbound_transfer.created", ".failed"]);
    for call in ["succeed", "fail", "return"] {
        expect_wrong_state(&given.refuses(|| helper(&given, &id, call, &[])));
    }
    expect_wrong_state(&given.refuses(|| cancel(&given, &id)));
    let other = given.a.transfers_in(100, PENDING).id();
    let param = "failure_details[code]";
    let answer = given.refuses(|| helper(&given, &other, "fail", &[(param, "bogus")]));
    answer.expect_error(400, INVALID, None, param);
    helper(&given, &other, "fail", &[]).ok().expect("failure_details.code", "other");
}

#[test]
fn treasury_32_called_back_in_time() {
    let (given, id) = on_its_way();
    let canceled = cancel(&given, &id);
    canceled.ok().expect("status", "canceled").expect("cancelable", false);
    canceled.expect("status_transitions", times(Some(WEDNESDAY), None, None));
    canceled.expect("failure_details", ()).expect("transaction", ());
    given.a.expect_balance(0, 0);
    given.k1.expect_events(&["treasury.inbound_transfer.created", ".canceled"]);
    for call in ["succeed", "fail", "return"] {
        expect_wrong_state(&given.refuses(|| helper(&given, &id, call, &[])));
    }
    expect_wrong_state(&given.refuses(|| cancel(&given, &id)));
    let other = given.a.transfers_in(100, PENDING).id();
    helper(&given, &other, "succeed", &[]).ok();
    expect_wrong_state(&given.refuses(|| cancel(&given, &other)));
}

/// What would have happened by itself does not happen to what was called back.
#[test]
fn treasury_32_called_back_before_it_came() {
    let given = Given::new();
    let id = given.a.transfers_in(20_000, "pm_usBankAccount").id();
    cancel(&given, &id).ok();
    given.settle();
    get(&given, &id).expect("status", "canceled");
    given.a.expect_balance(0, 0);
}

#[test]
fn treasury_33_the_bank_takes_it_back() {
    let (given, id) = on_its_way();
    helper(&given, &id, "succeed", &[]).ok();
    given.a.pays(15_000).to_bank(ROUTING, WAITS).test_helper("post", &[]).ok();
    given.a.expect_balance(5_000, 0);
    given.platform.advance("1s");
    let returned = helper(&given, &id, "return", &[]);
    returned.ok().expect("status", "succeeded").expect("returned", true);
    returned.expect("failure_details", json!({"code": "other"}));
    returned.expect("status_transitions", times(None, None, Some(WEDNESDAY)));
    given.a.expect_balance(-15_000, 0);
    let debit = returned.text("linked_flows.received_debit");
    let debit = given.k1.get(&format!("{DEBITS}/{debit}"));
    debit.ok().expect("status", "succeeded").expect("network", "ach").expect("amount", 20_000);
    debit.expect("linked_flows.inbound_transfer", &id).expect("description", "transfer");
    debit.expect("created", WEDNESDAY + 1);
    let restricted = json!({"deadline": null, "restricted_reason": "source_flow_restricted"});
    debit.expect("reversal_details", restricted);
    let from = "initiating_payment_method_details";
    debit.expect(&format!("{from}.billing_details.address.city"), "San Francisco");
    debit.expect(&format!("{from}.us_bank_account.last4"), "6789");
    let path = format!("/v1/treasury/transactions/{}", debit.text("transaction"));
    let transaction = given.k1.list(&path, &[("expand[]", "entries")]);
    transaction.ok().expect("flow", debit.id()).expect("flow_type", "received_debit");
    transaction.expect("amount", -20_000).expect("status", "posted");
    expect_entries(&transaction, &[("inbound_transfer_return", -20_000, 0)]);
    given.k1.expect_events(&["treasury.inbound_transfer.created", ".succeeded"]);
    given.k1.expect_events(&["treasury.received_debit.created"]);
    let answer = given.refuses(|| given.a.pays(1).bank(ROUTING, WAITS).send());
    answer.expect_error(400, INVALID, "balance_insufficient", "amount");
    given.a.is_debited(1).ok().expect("failure_code", "insufficient_funds");
    expect_wrong_state(&given.refuses(|| helper(&given, &id, "return", &[])));
    // What comes in fills the hole first.
    given.refuses(|| given.a.close());
    given.a.receives(15_000, "ach").ok();
    given.a.expect_balance(0, 0);
    given.a.close().ok();
}

#[test]
fn treasury_34_disputed_by_itself() {
    let given = Given::new();
    let id = given.a.transfers_in(4_000, "pm_usBankAccount_dispute").id();
    given.platform.advance("1s");
    get(&given, &id).expect("status", "succeeded").expect("returned", false);
    given.a.expect_balance(4_000, 0);
    given.settle();
    let returned = get(&given, &id);
    returned.expect("status", "succeeded").expect("returned", true);
    returned.expect("failure_details.code", "debit_not_authorized");
    returned.expect("status_transitions", times(None, None, Some(WEDNESDAY + 1)));
    given.a.expect_balance(0, 0);
    let transactions = given.a.transactions();
    let amounts: Vec<_> = transactions.iter().map(|one| &one["amount"]).collect();
    assert_eq!(amounts, [&json!(-4_000), &json!(4_000)]);
    assert!(transactions.iter().all(|one| one["status"] == "posted"), "{transactions:?}");
    let path = format!("{DEBITS}/{}", returned.text("linked_flows.received_debit"));
    given.k1.get(&path).ok().expect("created", WEDNESDAY + 2);
}

#[test]
fn treasury_35_nothing_to_take_back_yet() {
    let (given, id) = on_its_way();
    expect_wrong_state(&given.refuses(|| helper(&given, &id, "return", &[])));
    get(&given, &id).expect("status", "processing");
}

#[test]
fn treasury_46_not_closed_while_money_is_on_its_way_in() {
    let (given, id) = on_its_way();
    let answer = given.refuses(|| given.a.close());
    answer.expect_error(400, INVALID, None, None);
    cancel(&given, &id).ok();
    given.a.close().ok().expect("status", "closed");
    let answer = given.refuses(|| given.a.transfers_in(100, PENDING));
    answer.expect_error(400, INVALID, None, "financial_account");
}

/// The bank takes back what it gave from a closed account too: a debt is left.
#[test]
fn a_return_after_the_account_was_closed() {
    let (given, id) = on_its_way();
    helper(&given, &id, "succeed", &[]).ok();
    given.a.pays(20_000).to_bank(ROUTING, "000123456789");
    given.settle();
    given.a.close().ok();
    helper(&given, &id, "return", &[]).ok().expect("returned", true);
    given.a.expect_balance(-20_000, 0);
    given.a.get().expect("status", "closed");
    // Nobody can pay the debt, and nobody is rid of it by deleting the account.
    given.a.receives(20_000, "ach").ok().expect("failure_code", "account_closed");
    given.refuses(|| given.a.close());
    let answer = given.platform.delete(&format!("/v1/accounts/{}", given.k1.account_id()));
    answer.expect_error(400, INVALID, None, None).expect_message_contains("owes money");
}

#[test]
fn what_a_return_is_told_of_by_expansion() {
    let (given, id) = on_its_way();
    helper(&given, &id, "succeed", &[]).ok();
    let path = format!("{INBOUND}/{id}");
    let expanded = given.k1.list(&path, &[("expand[]", "transaction.flow_details")]);
    expanded.ok().expect("transaction.flow_details.type", "inbound_transfer");
    let flow = expanded.at("transaction.flow_details.inbound_transfer").clone();
    assert_eq!(flow, get(&given, &id).body);
    let entries =
        given.a.list("/v1/treasury/transaction_entries", &[("expand[]", "data.flow_details")]);
    entries.ok().expect("data.0.flow_details.inbound_transfer.id", &id);
}

#[test]
fn transfers_by_status() {
    let given = Given::new();
    let ids: Vec<String> = (0..4).map(|_| given.a.transfers_in(100, PENDING).id()).collect();
    helper(&given, &ids[0], "succeed", &[]).ok();
    helper(&given, &ids[1], "fail", &[]).ok();
    cancel(&given, &ids[2]).ok();
    let list = |params: &[(&str, &str)]| given.a.list(INBOUND, params).ids();
    let newest: Vec<String> = ids.iter().rev().cloned().collect();
    assert_eq!(list(&[]), newest);
    for (status, id) in ["succeeded", "failed", "canceled", "processing"].iter().zip(&ids) {
        assert_eq!(list(&[("status", status)]), [id.as_str()], "{status}");
    }
    helper(&given, &ids[0], "return", &[]).ok();
    assert_eq!(list(&[("status", "succeeded")]), [ids[0].as_str()], "also once it is returned");
    assert_eq!(list(&[("limit", "2"), ("starting_after", &ids[3])]), newest[1..3]);
    let answer = given.a.list(INBOUND, &[("status", "returned")]);
    answer.expect_error(400, INVALID, None, "status");
    let answer = given.k1.get(INBOUND);
    answer.expect_error(400, INVALID, "parameter_missing", "financial_account");
    let answer = given.a.list(INBOUND, &[("created", "1")]);
    answer.expect_error(400, INVALID, "parameter_unknown", "created");
}

#[test]
fn a_transfer_is_its_owners() {
    let (given, id) = on_its_way();
    let path = format!("{INBOUND}/{id}");
    given.k2.get(&path).expect_error(404, INVALID, "resource_missing", "id");
    given.platform.get(&path).expect_error(404, INVALID, "resource_missing", "id");
    given.k1.post(&path, &[("description", "b")]).expect_error(404, INVALID, None, None);
}
