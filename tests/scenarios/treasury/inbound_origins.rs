//! Where InboundTransfers may take money, what tokens lead to, and what is refused.

use exchequer_tests::{Answer, Sandbox};
use serde_json::json;

use super::{Given, INBOUND, INVALID, ROUTING, expect_keys};

const ORIGIN: &str = "origin_payment_method";

/// A SetupIntent of the account's own bank account, for these directions.
#[track_caller]
fn set_up(owner: &Sandbox, more: &[(&str, &str)]) -> Answer {
    let mut params = vec![
        ("payment_method_types[]", "us_bank_account"),
        ("payment_method_data[type]", "us_bank_account"),
        ("payment_method_data[billing_details][name]", "Ann Owner"),
        ("payment_method_data[us_bank_account][account_holder_type]", "individual"),
        ("payment_method_data[us_bank_account][account_number]", "000000000009"),
        ("payment_method_data[us_bank_account][routing_number]", ROUTING),
        ("confirm", "true"),
    ];
    params.extend_from_slice(more);
    let intent = owner.post("/v1/setup_intents", &params);
    intent.ok();
    intent
}

const MANDATE: [(&str, &str); 2] =
    [("mandate_data[customer_acceptance][type]", "offline"), ("attach_to_self", "true")];

/// Set up for money in, and verified by the two small amounts.
#[track_caller]
fn verified(owner: &Sandbox) -> Answer {
    let intent = set_up(owner, &[MANDATE[0], MANDATE[1], ("flow_directions[]", "inbound")]);
    intent.expect("status", "requires_action");
    let path = format!("/v1/setup_intents/{}/verify_microdeposits", intent.id());
    let intent = owner.post(&path, &[("amounts[]", "32"), ("amounts[]", "45")]);
    intent.ok().expect("status", "succeeded");
    intent
}

#[test]
fn tokens_decide_what_the_bank_says() {
    let given = Given::new();
    let table = [
        ("", "succeeded", None),
        ("_success", "succeeded", None),
        ("_processing", "processing", None),
        ("_internalFailure", "failed", Some("other")),
        ("_noAccount", "failed", Some("no_account")),
        ("_accountClosed", "failed", Some("account_closed")),
        ("_invalidAccountNumber", "failed", Some("invalid_account_number")),
        ("_insufficientFunds", "failed", Some("insufficient_funds")),
        ("_debitNotAuthorized", "failed", Some("debit_not_authorized")),
        ("_invalidCurrency", "failed", Some("invalid_currency")),
        ("_sameDayACHIneligible", "succeeded", None),
    ];
    for (tail, status, code) in table {
        let before = given.a.balance().0;
        let created = given.a.transfers_in(100, &format!("pm_usBankAccount{tail}"));
        created.ok().expect("status", "processing").expect("transaction", ());
        given.settle();
        let transfer = given.k1.get(&format!("{INBOUND}/{}", created.id()));
        transfer.ok().expect("status", status);
        let code = code.map(|code| json!({"code": code})).unwrap_or_default();
        transfer.expect("failure_details", code);
        let came = if status == "succeeded" { 100 } else { 0 };
        given.a.expect_balance(before + came, 0);
    }
}

#[test]
fn treasury_30_from_a_verified_account_of_ones_own() {
    let given = Given::new();
    let intent = verified(&given.k1);
    let method = intent.text("payment_method");
    let created = given.a.transfers_in_with(700, method, &[("statement_descriptor", "savings")]);
    created.ok().expect(ORIGIN, method).expect("statement_descriptor", "savings");
    let bank = "origin_payment_method_details.us_bank_account";
    created.expect(&format!("{bank}.last4"), "0009");
    created.expect(&format!("{bank}.mandate"), intent.text("mandate"));
    expect_keys(
        &created,
        bank,
        &[
            "account_holder_type",
            "account_type",
            "bank_name",
            "fingerprint",
            "last4",
            "mandate",
            "network",
            "routing_number",
        ],
    );
    let path = format!("{INBOUND}/{}", created.id());
    let expanded = given.k1.list(&path, &[("expand[]", &format!("{bank}.mandate"))]);
    expanded.ok().expect(&format!("{bank}.mandate.object"), "mandate");
    given.settle();
    given.k1.get(&path).ok().expect("status", "succeeded");
    given.a.expect_balance(700, 0);
    let transaction = &given.a.transactions()[0];
    assert_eq!(transaction["description"], "Ann Owner (0009) | Inbound transfer | savings");
}

#[test]
fn treasury_30_not_from_just_any_account() {
    let given = Given::new();
    let refused = |method: &str, code: &str| {
        let answer = given.refuses(|| given.a.transfers_in(100, method));
        answer.expect_error(400, INVALID, code, ORIGIN);
    };
    const STATE: &str = "payment_method_unexpected_state";
    let card =
        given.k1.post("/v1/payment_methods", &[("type", "card"), ("card[token]", "tok_visa")]);
    refused(&card.ok().id(), "payment_method_unsupported_type");
    let customer = given.k1.post("/v1/customers", &[]).id();
    let of_customer = [MANDATE[0], ("customer", customer.as_str())];
    let skip = ("payment_method_options[us_bank_account][verification_method]", "skip");
    let intent = set_up(&given.k1, &[&of_customer[..], &[skip]].concat());
    refused(intent.expect("status", "succeeded").text("payment_method"), STATE);
    let outbound = [("attach_to_self", "true"), ("flow_directions[]", "outbound")];
    let intent = set_up(&given.k1, &outbound);
    refused(intent.expect("status", "succeeded").text("payment_method"), STATE);
    // Nobody has told the two amounts yet.
    let unverified = [MANDATE[0], MANDATE[1], ("flow_directions[]", "inbound")];
    let intent = set_up(&given.k1, &unverified);
    refused(intent.expect("status", "requires_action").text("payment_method"), STATE);
    let of_k2 = verified(&given.k2);
    refused(of_k2.text("payment_method"), "resource_missing");
    refused("pm_nope", "resource_missing");
    refused("ba_nope", "resource_missing");
    let bank = [
        ("source[object]", "bank_account"),
        ("source[country]", "US"),
        ("source[currency]", "usd"),
        ("source[routing_number]", ROUTING),
        ("source[account_number]", "000123456789"),
    ];
    let source = given.k1.post(&format!("/v1/customers/{customer}/sources"), &bank);
    refused(&source.ok().id(), STATE);
    let external = bank.map(|(name, value)| (name.replace("source", "external_account"), value));
    let external: Vec<(&str, &str)> =
        external.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let path = format!("/v1/accounts/{}/external_accounts", given.k1.account_id());
    // One to which payouts can go has not been verified.
    refused(&given.platform.post(&path, &external).ok().id(), STATE);
}

#[test]
fn what_a_transfer_must_say() {
    let given = Given::new();
    let ask = |name: &str, value: &str| {
        let params = [
            ("amount", "500"),
            ("currency", "usd"),
            ("financial_account", &given.a.id),
            (ORIGIN, "pm_usBankAccount"),
        ];
        let mut params: Vec<(&str, &str)> =
            params.into_iter().filter(|(key, _)| *key != name).collect();
        if !value.is_empty() {
            params.push((name, value));
        }
        given.refuses(|| given.k1.post(INBOUND, &params))
    };
    for name in ["amount", "currency", "financial_account", ORIGIN] {
        ask(name, "").expect_error(400, INVALID, "parameter_missing", name);
    }
    ask("amount", "0").expect_error(400, INVALID, "parameter_invalid_integer", "amount");
    ask("amount", "10000000000").expect_error(400, INVALID, "amount_too_large", "amount");
    ask("currency", "eur").expect_error(400, INVALID, None, "currency");
    let (code, param) = ("resource_missing", "financial_account");
    ask("financial_account", "fa_nope").expect_error(400, INVALID, code, param);
    let param = "statement_descriptor";
    ask(param, "elevenchars").expect_error(400, INVALID, None, param);
    ask(param, "bad!").expect_error(400, INVALID, "invalid_characters", param);
    let param = "origin_payment_method_options";
    let answer = ask(&format!("{param}[us_bank_account][ach][submission]"), "same_day");
    answer.expect_error(400, INVALID, "parameter_unknown", param);
    ask("customer", "cus_1").expect_error(400, INVALID, "parameter_unknown", "customer");
}

#[test]
fn treasury_44_the_feature_is_needed() {
    let given = Given::new();
    let off = [("inbound_transfers[ach][requested]", "false")];
    let created = given.a.transfers_in(100, "pm_usBankAccount");
    given.k1.post(&format!("{}/features", given.a.path()), &off).ok();
    let answer = given.refuses(|| given.a.transfers_in(100, "pm_usBankAccount"));
    answer.expect_error(400, INVALID, None, "financial_account");
    answer.expect_message_contains("inbound_transfers.ach");
    // What is on its way already comes in.
    given.settle();
    given.k1.get(&format!("{INBOUND}/{}", created.id())).ok().expect("status", "succeeded");
}

#[test]
fn treasury_43_restricted_flows_and_transfers() {
    let given = Given::new();
    given.a.update(&[("platform_restrictions[outbound_flows]", "restricted")]).ok();
    given.a.transfers_in(100, "pm_usBankAccount").ok();
    given.a.update(&[("platform_restrictions[inbound_flows]", "restricted")]).ok();
    let answer = given.refuses(|| given.a.transfers_in(100, "pm_usBankAccount"));
    answer.expect_error(400, INVALID, None, "financial_account");
    given.settle();
    given.a.expect_balance(100, 0);
}
