//! Bank accounts kept the older way: an account's own, and those of its customers.

use exchequer_tests::{Answer, Sandbox};
use serde_json::json;

use super::{INVALID, customer};

/// The numbers of a bank account, below `name`.
fn numbers(name: &str, account: &str) -> Vec<(String, String)> {
    let at = |key: &str, value: &str| (format!("{name}[{key}]"), value.to_owned());
    vec![
        at("object", "bank_account"),
        at("country", "US"),
        at("currency", "usd"),
        at("routing_number", "110000000"),
        at("account_number", account),
        at("account_holder_name", "Ann Vendor"),
        at("account_holder_type", "individual"),
    ]
}

#[track_caller]
fn external(given: &Sandbox, of: &str, account: &str) -> Answer {
    let path = format!("/v1/accounts/{of}/external_accounts");
    given.post_all(&path, &numbers("external_account", account))
}

#[track_caller]
fn token(given: &Sandbox) -> String {
    let token = given.post_all("/v1/tokens", &numbers("bank_account", "000123456789"));
    token.ok().expect("object", "token").expect("type", "bank_account").expect("used", false);
    token.expect("bank_account.last4", "6789").expect_absent("card");
    token.id()
}

#[test]
fn an_accounts_own_bank_account() {
    let platform = Sandbox::new();
    let owner = platform.connected_account();
    let id = owner.account_id();
    let bank = external(&platform, &id, "000123456789");
    bank.ok().expect("object", "bank_account").expect("account", &id);
    assert!(bank.id().starts_with("ba_"), "{bank:?}");
    bank.expect("default_for_currency", true).expect("status", "new").expect("last4", "6789");
    bank.expect("routing_number", "110000000").expect("account_holder_name", "Ann Vendor");
    bank.expect("available_payout_methods", json!(["standard", "instant"]));
    assert!(!String::from_utf8_lossy(&bank.bytes).contains("000123456789"), "{bank:?}");
    let path = format!("/v1/accounts/{id}/external_accounts/{}", bank.id());
    platform.get(&path).ok().expect("", &bank.body);
    owner.get(&path).ok().expect("", &bank.body);
    let account = platform.get(&format!("/v1/accounts/{id}"));
    account.ok().expect("external_accounts.data.0", &bank.body);
    owner.expect_events(&["account.external_account.created"]);
    platform.on(&platform.connected_account().account_id()).get(&path).expect_status(403);
}

#[test]
fn the_first_in_a_currency_is_the_default_until_another_is() {
    let given = Sandbox::new();
    let id = given.get("/v1/account").id();
    let first = external(&given, &id, "000123456789");
    let second = external(&given, &id, "000111111116");
    first.ok().expect("default_for_currency", true);
    second.ok().expect("default_for_currency", false);
    let path = |bank: &Answer| format!("/v1/accounts/{id}/external_accounts/{}", bank.id());
    given.delete(&path(&first)).expect_error(400, INVALID, None, None);
    let updated =
        given.post(&path(&second), &[("default_for_currency", "true"), ("metadata[a]", "1")]);
    updated.ok().expect("default_for_currency", true).expect("metadata", json!({"a": "1"}));
    given.get(&path(&first)).ok().expect("default_for_currency", false);
    let unset = given.post(&path(&second), &[("default_for_currency", "false")]);
    unset.expect_error(400, INVALID, None, "default_for_currency");
    let deleted = given.delete(&path(&first));
    deleted.ok().expect("deleted", true).expect("object", "bank_account").expect("id", first.id());
    let all = given.get(&format!("/v1/accounts/{id}/external_accounts"));
    assert_eq!(all.ids(), [second.id()]);
    given.get(&path(&first)).expect_error(404, INVALID, "resource_missing", "id");
    let told = [".created", ".updated", ".updated", ".deleted"];
    given.expect_events(&[&["account.external_account.created"][..], &told].concat());
}

#[test]
fn an_account_is_created_with_its_bank_account() {
    let platform = Sandbox::new();
    let account = platform
        .post("/v1/accounts", &[("type", "custom"), ("external_account", "btok_us_verified")]);
    account.ok();
    let shown = platform.get(&format!("/v1/accounts/{}", account.id()));
    shown.ok().expect("external_accounts.data.0.last4", "6789");
    shown.expect("external_accounts.data.0.account", account.id());
}

#[test]
fn what_a_bank_account_needs() {
    let given = Sandbox::new();
    let id = given.get("/v1/account").id();
    let path = format!("/v1/accounts/{id}/external_accounts");
    for (name, code) in [
        ("country", Some("parameter_missing")),
        ("routing_number", Some("parameter_missing")),
        ("account_number", Some("parameter_missing")),
    ] {
        let name = format!("external_account[{name}]");
        let mut rest = numbers("external_account", "000123456789");
        rest.retain(|(key, _)| *key != name);
        given.post_all(&path, &rest).expect_error(400, INVALID, code, &*name);
    }
    let bad = external(&given, &id, "12");
    bad.expect_error(400, INVALID, "account_number_invalid", "external_account[account_number]");
    let answer = given.post(&path, &[("external_account", "btok_nope")]);
    answer.expect_error(400, INVALID, "resource_missing", "external_account");
}

#[test]
fn supporting_31_a_token_is_used_once() {
    let given = Sandbox::new();
    let (ann, bea) = (customer(&given, "Ann"), customer(&given, "Bea"));
    let token = token(&given);
    let add =
        |who: &str| given.post(&format!("/v1/customers/{who}/sources"), &[("source", &token)]);
    add(&ann).ok().expect("customer", &ann);
    add(&bea).expect_error(400, INVALID, "token_already_used", "source");
    given.get(&format!("/v1/tokens/{token}")).ok().expect("used", true);
    let card = [
        ("card[number]", "4242424242424242"),
        ("card[exp_month]", "8"),
        ("card[exp_year]", "2040"),
        ("card[cvc]", "314"),
    ];
    let card = given.post("/v1/tokens", &card);
    card.ok().expect("type", "card").expect("card.brand", "Visa").expect("card.last4", "4242");
    given.post("/v1/tokens", &[]).expect_error(400, INVALID, None, None);
}

#[test]
fn supporting_32_a_customers_bank_account_is_verified_by_two_amounts() {
    let given = Sandbox::new();
    let ann = customer(&given, "Ann");
    let sources = format!("/v1/customers/{ann}/sources");
    let bank = given.post(&sources, &[("source", &token(&given))]);
    bank.ok().expect("object", "bank_account").expect("status", "new").expect("customer", &ann);
    let one = format!("{sources}/{}", bank.id());
    let verify = |first: &str, second: &str| {
        given.post(&format!("{one}/verify"), &[("amounts[]", first), ("amounts[]", second)])
    };
    let wrong = verify("1", "2");
    wrong.expect_error(400, INVALID, "bank_account_verification_failed", "amounts");
    given.get(&one).ok().expect("status", "new");
    verify("32", "45").ok().expect("status", "verified");
    verify("32", "45").expect_status(400);
    given.get(&format!("/v1/customers/{ann}")).ok().expect("default_source", bank.id());
    let expanded = given.get(&format!("/v1/customers/{ann}?expand[]=sources"));
    expanded.ok().expect("sources.data.0.id", bank.id());
    given.expect_events(&["customer.source.created", ".updated"]);
}

#[test]
fn wrong_amounts_are_counted() {
    let given = Sandbox::new();
    let ann = customer(&given, "Ann");
    let sources = format!("/v1/customers/{ann}/sources");
    let bank = given.post(&sources, &[("source", &token(&given))]);
    let one = format!("{sources}/{}", bank.id());
    let verify = |first: &str, second: &str| {
        given.post(&format!("{one}/verify"), &[("amounts[]", first), ("amounts[]", second)])
    };
    for _ in 0..10 {
        verify("1", "2").expect_status(400);
    }
    given.get(&one).ok().expect("status", "verification_failed");
    verify("32", "45").expect_error(400, INVALID, "bank_account_verification_failed", None);
}

#[test]
fn a_customers_bank_accounts() {
    let given = Sandbox::new();
    let ann = customer(&given, "Ann");
    let sources = format!("/v1/customers/{ann}/sources");
    let first = given.post(&sources, &[("source", "btok_us_verified")]);
    first.ok().expect("status", "verified");
    let twice = given.post(&sources, &[("source", "btok_us_verified")]);
    twice.expect_error(400, INVALID, "bank_account_exists", "source");
    let second = given.post(&sources, &[("source", "btok_us_verified_noAccount")]);
    assert_eq!(given.get(&sources).ids(), [second.id(), first.id()]);
    assert!(given.list(&sources, &[("object", "card")]).ids().is_empty());
    let one = format!("{sources}/{}", first.id());
    given.post(&one, &[("account_holder_name", "Bea")]).ok().expect("account_holder_name", "Bea");
    given.delete(&one).ok().expect("deleted", true);
    given.get(&one).expect_error(404, INVALID, "resource_missing", "id");
    given.get(&format!("/v1/customers/{ann}")).ok().expect("default_source", second.id());
    let bea = given.post("/v1/customers", &[("name", "Bea"), ("source", "btok_us_verified")]);
    assert!(bea.ok().text("default_source").starts_with("ba_"), "{bea:?}");
    let foreign = format!("/v1/customers/{}/sources/{}", bea.id(), second.id());
    given.get(&foreign).expect_error(404, INVALID, "resource_missing", "id");
    let told = [".created", ".updated", ".deleted", ".created"];
    given.expect_events(&[&["customer.source.created"][..], &told].concat());
}

#[test]
fn treasury_pays_a_customers_bank_account() {
    let given = Sandbox::new();
    let ann = customer(&given, "Ann");
    let sources = format!("/v1/customers/{ann}/sources");
    let bank = given.post(&sources, &[("source", "btok_us_verified")]).id();
    let account = given.financial_account().holding(5_000);
    let pays = |more: &[(&str, &str)]| {
        let mut params = vec![
            ("amount", "2000"),
            ("currency", "usd"),
            ("financial_account", &*account.id),
            ("destination_payment_method", &*bank),
        ];
        params.extend_from_slice(more);
        given.post("/v1/treasury/outbound_payments", &params)
    };
    let payment = pays(&[("customer", &ann)]);
    payment.ok().expect("destination_payment_method", ()).expect("customer", &ann);
    let details = "destination_payment_method_details";
    payment.expect(&format!("{details}.destination"), &bank);
    payment.expect(&format!("{details}.us_bank_account.last4"), "6789");
    payment.expect(&format!("{details}.billing_details.name"), "Jane Austen");
    given.settle();
    let path = format!("/v1/treasury/outbound_payments/{}", payment.id());
    given.get(&path).ok().expect("status", "posted");
    pays(&[]).expect_error(400, INVALID, "parameter_missing", "customer");
    let bea = customer(&given, "Bea");
    let nobodys = pays(&[("customer", &bea)]);
    nobodys.expect_error(400, INVALID, None, "destination_payment_method");
}

#[test]
fn treasury_moves_money_to_and_from_an_accounts_own_bank_account() {
    let given = Sandbox::new();
    let id = given.get("/v1/account").id();
    let path = format!("/v1/accounts/{id}/external_accounts");
    let bank = given.post(&path, &[("external_account", "btok_us_verified")]);
    bank.ok().expect("status", "verified");
    let unverified = external(&given, &id, "000123456780").id();
    let account = given.financial_account().holding(5_000);
    let flow = |kind: &str, end: &str, of: &str| {
        let params = [
            ("amount", "2000"),
            ("currency", "usd"),
            ("financial_account", &*account.id),
            (end, of),
        ];
        given.post(&format!("/v1/treasury/{kind}"), &params)
    };
    let out = flow("outbound_transfers", "destination_payment_method", &bank.id());
    out.ok().expect("destination_payment_method_details.destination", bank.id());
    let back = flow("inbound_transfers", "origin_payment_method", &bank.id());
    back.ok().expect("origin_payment_method", bank.id());
    given.settle();
    account.expect_balance(5_000, 0);
    let refused = flow("inbound_transfers", "origin_payment_method", &unverified);
    let code = "payment_method_unexpected_state";
    refused.expect_error(400, INVALID, code, "origin_payment_method");
    let nobodys = flow("outbound_transfers", "destination_payment_method", "ba_nope");
    nobodys.expect_error(400, INVALID, "resource_missing", "destination_payment_method");
}
