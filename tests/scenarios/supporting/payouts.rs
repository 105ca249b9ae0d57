//! Payouts: to banks, and to FinancialAccounts.

use exchequer_tests::{Answer, Sandbox};

use super::{INVALID, expect_balance, external_account, fund, pay};

const PAYOUTS: &str = "/v1/payouts";
const CREDITS: &str = "/v1/treasury/received_credits";
const DEBITS: &str = "/v1/treasury/received_debits";
const ROUTING: &str = "110000000";
/// 2023-04-04 22:51, a Tuesday, and the midnight after it.
const TUESDAY: i64 = 1_680_648_660;
const WEDNESDAY: i64 = 1_680_652_800;

/// An account with 9680 available, on Tuesday.
fn funded() -> Sandbox {
    let given = Sandbox::new();
    given.clock_freeze(TUESDAY);
    fund(&given, 10_000);
    given
}

fn payout(given: &Sandbox, cents: i64, more: &[(&str, &str)]) -> Answer {
    let cents = cents.to_string();
    let mut params = vec![("amount", cents.as_str()), ("currency", "usd")];
    params.extend_from_slice(more);
    given.post(PAYOUTS, &params)
}

fn get(given: &Sandbox, payout: &Answer) -> Answer {
    given.get(&format!("{PAYOUTS}/{}", payout.id()))
}

#[test]
fn supporting_14_a_payout_arrives_the_next_day() {
    let given = funded();
    let sent = payout(&given, 500, &[("metadata[a]", "1"), ("statement_descriptor", "wages")]);
    sent.ok().expect("object", "payout").expect("status", "pending").expect("amount", 500);
    sent.expect("arrival_date", WEDNESDAY).expect("automatic", false).expect("method", "standard");
    sent.expect("destination", ()).expect("trace_id.status", "pending");
    sent.expect("reconciliation_status", "not_applicable").expect("metadata.a", "1");
    expect_balance(&given, 9_180, 0);
    let path = format!("/v1/balance_transactions/{}", sent.text("balance_transaction"));
    let transaction = given.get(&path);
    transaction.ok().expect("type", "payout").expect("amount", -500).expect("net", -500);
    transaction.expect("source", sent.id()).expect("status", "available");
    given.settle();
    get(&given, &sent).ok().expect("status", "in_transit");
    given.clock_set(WEDNESDAY);
    get(&given, &sent).ok().expect("status", "paid");
    expect_balance(&given, 9_180, 0);
    given.expect_events(&["payout.created", ".updated", ".paid"]);
    let of = given.list("/v1/balance_transactions", &[("payout", &sent.id())]);
    assert_eq!(of.ids(), [transaction.id()]);
}

#[test]
fn supporting_15_no_more_than_is_available() {
    let given = funded();
    let more = payout(&given, 9_681, &[]);
    more.expect_error(400, INVALID, "balance_insufficient", None);
    more.expect_message_starts("Insufficient funds in Stripe account. In test mode, you can add");
    assert!(given.get(PAYOUTS).ids().is_empty());
    let other = payout(&given, 1, &[("source_type", "bank_account")]);
    other.expect_error(400, INVALID, "balance_insufficient", None);
    payout(&given, 9_680, &[]).ok();
    expect_balance(&given, 0, 0);
}

#[test]
fn supporting_16_the_bank_refuses() {
    for (number, code) in [
        ("000111111116", "no_account"),
        ("000111111113", "account_closed"),
        ("000222222227", "insufficient_funds"),
        ("000333333335", "debit_not_authorized"),
        ("000444444440", "invalid_currency"),
    ] {
        let given = funded();
        let bank = external_account(&given, ROUTING, number);
        let sent = payout(&given, 500, &[]);
        sent.ok().expect("status", "pending").expect("destination", &bank);
        given.settle();
        let failed = get(&given, &sent);
        failed.ok().expect("status", "failed").expect("failure_code", code);
        assert!(!failed.text("failure_message").is_empty());
        let back = failed.text("failure_balance_transaction");
        let back = given.get(&format!("/v1/balance_transactions/{back}"));
        back.ok().expect("type", "payout_failure").expect("amount", 500);
        expect_balance(&given, 9_680, 0);
        given.expect_events(&["payout.created", ".updated", ".failed"]);
        given.advance("7d");
        get(&given, &sent).expect("status", "failed");
    }
}

#[test]
fn supporting_17_a_pending_payout_is_canceled() {
    let given = funded();
    external_account(&given, ROUTING, "000123456789");
    let sent = payout(&given, 500, &[]);
    let path = format!("{PAYOUTS}/{}/cancel", sent.id());
    let canceled = given.post(&path, &[]);
    canceled.ok().expect("status", "canceled");
    let back = canceled.text("failure_balance_transaction");
    let back = given.get(&format!("/v1/balance_transactions/{back}"));
    back.ok().expect("type", "payout_cancel").expect("amount", 500);
    expect_balance(&given, 9_680, 0);
    given.post(&path, &[]).expect_error(400, INVALID, None, None);
    let paid = payout(&given, 500, &[]);
    given.advance("1d");
    get(&given, &paid).expect("status", "paid").expect("trace_id.status", "supported");
    given.post(&format!("{PAYOUTS}/{}/cancel", paid.id()), &[]).expect_status(400);
    get(&given, &sent).expect("status", "canceled");
    let reverse = format!("{PAYOUTS}/{}/reverse", paid.id());
    given.post(&reverse, &[]).expect_error(400, INVALID, None, None);
}

#[test]
fn supporting_17_a_paid_payout_is_reversed() {
    let platform = Sandbox::new();
    platform.clock_freeze(TUESDAY);
    let owner = platform.connected_account();
    fund(&owner, 10_000);
    external_account(&owner, ROUTING, "000123456789");
    let sent = payout(&owner, 500, &[]);
    let path = format!("{PAYOUTS}/{}/reverse", sent.id());
    owner.post(&path, &[]).expect_error(400, INVALID, None, None);
    platform.advance("1d");
    let back = owner.post(&path, &[("metadata[a]", "1")]);
    back.ok().expect("amount", -500).expect("original_payout", sent.id());
    back.expect("status", "pending").expect("metadata.a", "1");
    get(&owner, &sent).ok().expect("status", "paid").expect("reversed_by", back.id());
    expect_balance(&owner, 9_180, 500);
    owner.post(&path, &[]).expect_error(400, INVALID, None, None);
    platform.advance("2d");
    get(&owner, &back).ok().expect("status", "paid");
    expect_balance(&owner, 9_680, 0);
    let again = format!("{PAYOUTS}/{}/reverse", back.id());
    owner.post(&again, &[]).expect_error(400, INVALID, None, None);
}

#[test]
fn supporting_18_a_payout_to_a_financial_account() {
    let platform = Sandbox::new();
    platform.clock_freeze(TUESDAY);
    let owner = platform.connected_account();
    let account = owner.financial_account();
    platform.settle();
    let bank = account.as_external_account();
    fund(&owner, 10_000);
    let sent = payout(&owner, 3_000, &[]);
    sent.ok().expect("destination", &bank);
    account.expect_balance(0, 0);
    platform.advance("1d");
    get(&owner, &sent).ok().expect("status", "paid");
    account.expect_balance(3_000, 0);
    let credit = account.list(CREDITS, &[]);
    credit.ok().expect("data.0.status", "succeeded").expect("data.0.network", "stripe");
    credit.expect("data.0.amount", 3_000);
    credit.expect("data.0.linked_flows.source_flow", sent.id());
    credit.expect("data.0.linked_flows.source_flow_type", "payout");
    credit.expect("data.0.initiating_payment_method_details.type", "balance");
    credit.expect("data.0.reversal_details.restricted_reason", "source_flow_restricted");
    let path = format!("{CREDITS}/{}?expand[]=linked_flows.source_flow_details", credit.ids()[0]);
    let details = "linked_flows.source_flow_details";
    let shown = owner.get(&path);
    shown.ok().expect(&format!("{details}.type"), "payout");
    shown.expect(&format!("{details}.payout.id"), sent.id());
    let of_payouts = [("linked_flows[source_flow_type]", "payout")];
    assert_eq!(account.list(CREDITS, &of_payouts).ids().len(), 1);
}

#[test]
fn supporting_18_a_payout_is_clawed_back_even_from_an_empty_account() {
    let platform = Sandbox::new();
    platform.clock_freeze(TUESDAY);
    let owner = platform.connected_account();
    let account = owner.financial_account();
    platform.settle();
    account.as_external_account();
    fund(&owner, 10_000);
    let sent = payout(&owner, 3_000, &[]);
    platform.advance("1d");
    account.pays(2_500).to_bank(ROUTING, "000000000009");
    let back = owner.post(&format!("{PAYOUTS}/{}/reverse", sent.id()), &[]);
    platform.advance("2d");
    get(&owner, &back).ok().expect("status", "paid");
    account.expect_balance(-2_500, 2_500);
    expect_balance(&owner, 9_680, 0);
    let debit = account.list(DEBITS, &[]);
    debit.ok().expect("data.0.status", "succeeded").expect("data.0.network", "stripe");
    debit.expect("data.0.linked_flows.payout", back.id());
    debit.expect("data.0.reversal_details.restricted_reason", "source_flow_restricted");
}

#[test]
fn supporting_18_a_closed_financial_account_takes_no_payout() {
    let platform = Sandbox::new();
    platform.clock_freeze(TUESDAY);
    let owner = platform.connected_account();
    let account = owner.financial_account();
    platform.settle();
    account.as_external_account();
    fund(&owner, 10_000);
    let sent = payout(&owner, 3_000, &[]);
    account.close().ok();
    platform.advance("1d");
    let failed = get(&owner, &sent);
    failed.ok().expect("status", "failed").expect("failure_code", "account_closed");
    expect_balance(&owner, 9_680, 0);
    let credit = account.list(CREDITS, &[("status", "failed")]);
    credit.ok().expect("data.0.failure_code", "account_closed").expect("data.0.transaction", ());
}

#[test]
fn where_a_payout_goes() {
    let given = funded();
    let first = external_account(&given, ROUTING, "000123456789");
    let second = external_account(&given, ROUTING, "000888888883");
    payout(&given, 100, &[]).ok().expect("destination", &second);
    let named = payout(&given, 100, &[("destination", &first)]);
    named.ok().expect("destination", &first);
    assert_eq!(given.list(PAYOUTS, &[("destination", &first)]).ids(), [named.id()]);
    let nowhere = payout(&given, 100, &[("destination", "ba_nope")]);
    nowhere.expect_error(400, INVALID, "resource_missing", "destination");
    let instant = payout(&given, 100, &[("method", "instant")]);
    instant.expect_error(400, INVALID, None, "method");
    let instant = payout(&given, 100, &[("method", "instant"), ("destination", &first)]);
    instant.ok().expect("arrival_date", TUESDAY + 1_800).expect("method", "instant");
    let expanded = given.get(&format!("{PAYOUTS}/{}?expand[]=destination", named.id()));
    expanded.ok().expect("destination.object", "bank_account");
}

#[test]
fn payouts_by_what_they_are() {
    let given = funded();
    let first = payout(&given, 100, &[]);
    given.advance("1d");
    let second = payout(&given, 200, &[]);
    let of = |params: &[(&str, &str)]| given.list(PAYOUTS, params).ids();
    assert_eq!(of(&[]), [second.id(), first.id()]);
    assert_eq!(of(&[("status", "paid")]), [first.id()]);
    assert_eq!(of(&[("status", "pending")]), [second.id()]);
    let wednesday = WEDNESDAY.to_string();
    assert_eq!(of(&[("arrival_date", &wednesday)]), [first.id()]);
    assert_eq!(of(&[("arrival_date[gt]", &wednesday)]), [second.id()]);
    assert_eq!(of(&[("created[lt]", &wednesday)]), [first.id()]);
    let both = [("arrival_date[gte]", &*wednesday), ("created[lt]", &wednesday)];
    assert_eq!(of(&both), [first.id()]);
    let updated = given.post(&format!("{PAYOUTS}/{}", first.id()), &[("metadata[a]", "1")]);
    updated.ok().expect("metadata.a", "1");
}

#[test]
fn a_rejected_account_is_paid_nothing_out() {
    let platform = Sandbox::new();
    let owner = platform.connected_account();
    fund(&owner, 10_000);
    payout(&owner, 100, &[]).ok();
    let reject = format!("/v1/accounts/{}/reject", owner.account_id());
    platform.post(&reject, &[("reason", "fraud")]).ok();
    let refused = payout(&owner, 100, &[]);
    refused.expect_error(400, INVALID, "payouts_not_allowed", None);
}

#[test]
fn payouts_are_made_on_the_days_of_the_schedule() {
    const DAILY: [(&str, &str); 1] = [("settings[payouts][schedule][interval]", "daily")];
    let platform = Sandbox::new();
    platform.clock_freeze(TUESDAY);
    let owner = platform.connected_account();
    external_account(&owner, ROUTING, "000123456789");
    fund(&owner, 10_000);
    pay(&owner, 1_000, "pm_card_visa", &[]).ok();
    platform.advance("1h");
    assert!(owner.get(PAYOUTS).ids().is_empty());
    let settings = format!("/v1/accounts/{}", owner.account_id());
    platform.post(&settings, &DAILY).ok();
    platform.clock_set(WEDNESDAY + 59);
    assert!(owner.get(PAYOUTS).ids().is_empty());
    platform.clock_set(WEDNESDAY + 60);
    let made = owner.get(PAYOUTS);
    made.ok().expect("data.0.amount", 9_680).expect("data.0.automatic", true);
    made.expect("data.0.reconciliation_status", "in_progress");
    expect_balance(&owner, 0, 941);
    let first = made.ids().remove(0);
    let cancel = owner.post(&format!("{PAYOUTS}/{first}/cancel"), &[]);
    cancel.expect_error(400, INVALID, None, None);
    platform.advance("1d");
    let paid = owner.get(&format!("{PAYOUTS}/{first}"));
    paid.ok().expect("status", "paid").expect("reconciliation_status", "completed");
    assert_eq!(owner.events("payout.reconciliation_completed").len(), 1);
    platform.advance("4d");
    let second = owner.get(PAYOUTS);
    second.ok().expect("data.0.amount", 941);
    let rows = |payout: &str, more: &[(&str, &str)]| {
        let all = [&[("payout", payout)][..], more].concat();
        let found = owner.list("/v1/balance_transactions", &all);
        let of = |row: &serde_json::Value| (row["type"].clone(), row["net"].clone());
        found.data().iter().map(of).collect::<Vec<_>>()
    };
    let of = |kind: &str, net: i64| (kind.into(), net.into());
    assert_eq!(rows(&first, &[]), [of("payout", -9_680), of("charge", 9_680)]);
    assert_eq!(rows(&second.ids()[0], &[]), [of("payout", -941), of("charge", 941)]);
    assert_eq!(rows(&first, &[("type", "charge")]), [of("charge", 9_680)]);
    assert_eq!(rows(&first, &[("limit", "1")]), [of("payout", -9_680)]);
    let manual = [("settings[payouts][schedule][interval]", "manual")];
    platform.post(&settings, &manual).ok();
    fund(&owner, 10_000);
    platform.advance("3d");
    assert_eq!(owner.get(PAYOUTS).ids().len(), 2);
}

#[test]
fn charges_are_pending_as_long_as_the_schedule_says() {
    let platform = Sandbox::new();
    platform.clock_freeze(TUESDAY);
    let owner = platform.connected_account();
    let delay = [("settings[payouts][schedule][delay_days]", "5")];
    platform.post(&format!("/v1/accounts/{}", owner.account_id()), &delay).ok();
    pay(&owner, 1_000, "pm_card_visa", &[]).ok();
    platform.advance("5d");
    expect_balance(&owner, 0, 941);
    platform.advance("1d");
    expect_balance(&owner, 941, 0);
}
