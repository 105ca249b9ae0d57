//! Whose money it is: connected accounts see their own, and nobody else's.

use serde_json::json;

use super::{
    ACCOUNTS, CREDITS, ENTRIES, Given, INVALID, PAYMENTS, ROUTING, TRANSACTIONS, WAITS, WEDNESDAY,
    frozen,
};

#[test]
fn treasury_50_what_belongs_to_another_account() {
    let given = Given::with(1_000);
    let payment = given.a.pays(100).to_bank(ROUTING, WAITS);
    let transaction = format!("{TRANSACTIONS}/{}", payment.created.text("transaction"));
    let entry = format!("{ENTRIES}/{}", given.a.list(ENTRIES, &[]).ids()[0]);
    let credit = format!("{CREDITS}/{}", given.a.list(CREDITS, &[]).ids()[0]);
    for path in [payment.path(), transaction, entry, credit, given.a.path()] {
        given.k1.get(&path).ok();
        for stranger in [&given.platform, &given.k2] {
            let answer = stranger.get(&path);
            answer.expect_error(404, INVALID, "resource_missing", "id");
        }
    }
}

#[test]
fn treasury_50_what_another_account_may_not_do() {
    let given = Given::with(1_000);
    let payment = given.a.pays(100).to_bank(ROUTING, WAITS);
    let helpers = format!("/v1/test_helpers{}", payment.path().trim_start_matches("/v1"));
    for stranger in [&given.platform, &given.k2] {
        for path in [
            format!("{}/cancel", payment.path()),
            format!("{helpers}/post"),
            format!("{helpers}/fail"),
            format!("{helpers}/return"),
            format!("{}/close", given.a.path()),
        ] {
            let answer = stranger.post(&path, &[]);
            answer.expect_error(404, INVALID, "resource_missing", "id");
        }
        let answer = given.a.pays(100).bank(ROUTING, WAITS).send_as(stranger);
        answer.expect_error(400, INVALID, "resource_missing", "financial_account");
        for list in [PAYMENTS, CREDITS, TRANSACTIONS, ENTRIES] {
            let answer = stranger.list(list, &[("financial_account", &given.a.id)]);
            answer.expect_error(400, INVALID, "resource_missing", "financial_account");
        }
    }
    payment.expect("status", "processing");
    given.a.expect_balance(900, 100);
}

#[test]
fn treasury_50_another_accounts_customer() {
    let given = Given::with(1_000);
    let ann = given.k2.post("/v1/customers", &[("name", "Ann")]).id();
    let draft = given.a.pays(100).bank(ROUTING, WAITS).with("customer", &ann);
    let answer = given.refuses(|| draft.send());
    answer.expect_error(400, INVALID, "resource_missing", "customer");
}

#[test]
fn treasury_50_each_lists_its_own() {
    let given = Given::with(1_000);
    let own = given.platform.financial_account();
    assert_eq!(given.k1.get(ACCOUNTS).ids(), [&*given.a.id]);
    assert_eq!(given.k2.get(ACCOUNTS).ids(), [&*given.b.id]);
    assert_eq!(given.platform.get(ACCOUNTS).ids(), [&*own.id]);
    given.a.pays(100).to_bank(ROUTING, WAITS);
    assert_eq!(given.k1.events("treasury.outbound_payment.*").len(), 1);
    for stranger in [&given.platform, &given.k2] {
        assert!(stranger.events("treasury.outbound_payment.*").is_empty());
    }
    let created = &given.k1.events("treasury.outbound_payment.created")[0];
    assert_eq!(created["account"], given.k1.account_id().as_str());
}

#[test]
fn treasury_51_a_platform_without_treasury() {
    let platform = frozen(WEDNESDAY);
    let k1 = platform.connected_account();
    platform.post_json("/_exchequer/account", &json!({"treasury": false})).ok();
    let list = format!("{PAYMENTS}?financial_account=fa_x");
    for (method, path) in [
        ("GET", ACCOUNTS),
        ("POST", ACCOUNTS),
        ("GET", &*list),
        ("GET", "/v1/treasury/outbound_payments/obp_x"),
        ("POST", "/v1/test_helpers/treasury/received_credits"),
        ("POST", "/v1/test_helpers/treasury/outbound_payments/obp_x/post"),
    ] {
        for caller in [&platform, &k1] {
            let answer = caller.send(method, path, b"");
            answer.expect_error(404, INVALID, None, None);
            answer.expect_message_starts(&format!("Unrecognized request URL ({method}: "));
            answer.expect_message_contains("(Hint: Have you onboarded to Treasury?");
        }
    }
    platform.get("/v1/customers").ok();
}
