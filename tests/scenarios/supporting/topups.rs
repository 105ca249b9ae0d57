//! Top-ups: from banks, and from FinancialAccounts.

use exchequer_tests::{Answer, Sandbox};
use serde_json::json;

use super::{INVALID, expect_balance};

const TOPUPS: &str = "/v1/topups";
const DEBITS: &str = "/v1/treasury/received_debits";
const TUESDAY: i64 = 1_680_648_660;

fn top_up(given: &Sandbox, cents: i64, more: &[(&str, &str)]) -> Answer {
    let cents = cents.to_string();
    let mut params = vec![("amount", cents.as_str()), ("currency", "usd")];
    params.extend_from_slice(more);
    given.post(TOPUPS, &params)
}

fn get(given: &Sandbox, topup: &Answer) -> Answer {
    given.get(&format!("{TOPUPS}/{}", topup.id()))
}

#[test]
fn supporting_19_a_top_up_fills_the_balance() {
    let given = Sandbox::new();
    given.clock_freeze(TUESDAY);
    let topup = top_up(&given, 2_000, &[("description", "more"), ("transfer_group", "g")]);
    topup.ok().expect("object", "topup").expect("status", "pending").expect("amount", 2_000);
    topup.expect("balance_transaction", ()).expect("source", ()).expect("failure_code", ());
    topup.expect("transfer_group", "g").expect("initiated_by", "user");
    expect_balance(&given, 0, 0);
    given.settle();
    let done = get(&given, &topup);
    done.ok().expect("status", "succeeded");
    expect_balance(&given, 2_000, 0);
    let path = format!("/v1/balance_transactions/{}", done.text("balance_transaction"));
    given.get(&path).ok().expect("type", "topup").expect("net", 2_000).expect("fee", 0);
    let path = format!("{TOPUPS}/{}", topup.id());
    given.post(&format!("{path}/cancel"), &[]).expect_error(400, INVALID, None, None);
    let updated = given.post(&path, &[("description", ""), ("metadata[a]", "1")]);
    updated.ok().expect("description", ()).expect("metadata", json!({"a": "1"}));
    given.expect_events(&["topup.created", ".succeeded"]);
}

#[test]
fn supporting_19_a_top_up_fails() {
    let given = Sandbox::new();
    given.clock_freeze(TUESDAY);
    for (token, code) in [
        ("insufficientFunds", "insufficient_funds"),
        ("noAccount", "no_account"),
        ("accountClosed", "account_closed"),
        ("debitNotAuthorized", "debit_not_authorized"),
        ("invalidCurrency", "invalid_currency"),
    ] {
        let source = format!("btok_us_verified_{token}");
        let topup = top_up(&given, 2_000, &[("source", &source)]);
        topup.ok().expect("status", "pending").expect("failure_code", ());
        topup.expect("source.object", "source").expect("source.type", "ach_debit");
        given.settle();
        let failed = get(&given, &topup);
        failed.ok().expect("status", "failed").expect("failure_code", code);
        failed.expect("balance_transaction", ());
    }
    expect_balance(&given, 0, 0);
    assert_eq!(given.events("topup.failed").len(), 5);
    let verified = top_up(&given, 300, &[("source", "btok_us_verified")]);
    verified.ok().expect("source.ach_debit.last4", "6789");
    given.settle();
    expect_balance(&given, 300, 0);
}

#[test]
fn supporting_19_a_pending_top_up_is_canceled() {
    let given = Sandbox::new();
    given.clock_freeze(TUESDAY);
    let topup = top_up(&given, 2_000, &[]);
    let path = format!("{TOPUPS}/{}/cancel", topup.id());
    given.post(&path, &[]).ok().expect("status", "canceled");
    given.post(&path, &[]).expect_status(400);
    given.settle();
    get(&given, &topup).ok().expect("status", "canceled");
    expect_balance(&given, 0, 0);
    given.expect_events(&["topup.created", ".canceled"]);
}

#[test]
fn supporting_19_a_top_up_from_a_financial_account() {
    let given = Sandbox::new();
    given.clock_freeze(TUESDAY);
    let account = given.financial_account();
    given.settle();
    let account = account.holding(5_000);
    let bank = account.as_external_account();
    let topup = top_up(&given, 2_000, &[("source", &bank)]);
    account.expect_balance(5_000, 0);
    given.settle();
    get(&given, &topup).ok().expect("status", "succeeded");
    account.expect_balance(3_000, 0);
    expect_balance(&given, 2_000, 0);
    let debit = account.list(DEBITS, &[]);
    debit.ok().expect("data.0.status", "succeeded").expect("data.0.network", "stripe");
    debit.expect("data.0.linked_flows.topup", topup.id());
    let more = top_up(&given, 4_000, &[]);
    given.settle();
    let failed = get(&given, &more);
    failed.ok().expect("status", "failed").expect("failure_code", "insufficient_funds");
    account.expect_balance(3_000, 0);
    let debits = account.list(DEBITS, &[("status", "failed")]);
    debits.ok().expect("data.0.failure_code", "insufficient_funds");
}

#[test]
fn top_ups_by_what_they_are() {
    let given = Sandbox::new();
    given.clock_freeze(TUESDAY);
    let first = top_up(&given, 100, &[]);
    given.settle();
    let second = top_up(&given, 200, &[]);
    let of = |params: &[(&str, &str)]| given.list(TOPUPS, params).ids();
    assert_eq!(of(&[]), [second.id(), first.id()]);
    assert_eq!(of(&[("status", "succeeded")]), [first.id()]);
    assert_eq!(of(&[("amount", "200")]), [second.id()]);
    let answer = top_up(&given, 100, &[("currency", "eur")]);
    answer.expect_status(400).expect("error.param", "currency");
    let answer = top_up(&given, 100, &[("source", "btok_nope")]);
    answer.expect_error(400, INVALID, "resource_missing", "source");
}
