//! FinancialAccounts: creation, address, number, nickname, lists.

use exchequer_tests::{Answer, Sandbox};
use serde_json::json;

use super::{ACCOUNTS, Given, INVALID, WEDNESDAY, expect_keys, frozen};

const USD: (&str, &str) = ("supported_currencies[]", "usd");
const KEYS: [&str; 17] = [
    "id",
    "object",
    "active_features",
    "balance",
    "country",
    "created",
    "financial_addresses",
    "is_default",
    "livemode",
    "metadata",
    "nickname",
    "pending_features",
    "platform_restrictions",
    "restricted_features",
    "status",
    "status_details",
    "supported_currencies",
];

#[test]
fn treasury_01_create() {
    let k1 = frozen(WEDNESDAY).connected_account();
    let features = [
        USD,
        ("features[card_issuing][requested]", "true"),
        ("features[financial_addresses][aba][requested]", "true"),
    ];
    let created = k1.post(ACCOUNTS, &features);
    created.ok().expect("object", "treasury.financial_account").expect("status", "open");
    created.expect("active_features", json!(["card_issuing"]));
    created.expect("pending_features", json!(["financial_addresses.aba"]));
    created.expect("restricted_features", json!([])).expect("financial_addresses", json!([]));
    created.expect("balance", no_money()).expect_absent("features");
    assert!(created.id().starts_with("fa_"), "{created:?}");
    let now = k1.get(&format!("{ACCOUNTS}/{}", created.id()));
    now.ok().expect("pending_features", json!([]));
    now.expect("active_features", json!(["card_issuing", "financial_addresses.aba"]));
    assert_eq!(now.list("financial_addresses").len(), 1);
    now.expect("financial_addresses.0.type", "aba");
    k1.expect_events(&[
        "treasury.financial_account.created",
        "treasury.financial_account.features_status_updated",
    ]);
    let updated = &k1.events("treasury.financial_account.features_status_updated")[0]["data"];
    let before = &updated["previous_attributes"];
    assert_eq!(before["pending_features"], json!(["financial_addresses.aba"]));
    assert_eq!(before["active_features"], json!(["card_issuing"]));
    assert_eq!(updated["object"]["pending_features"], json!([]));
}

#[test]
fn treasury_01_what_a_bare_account_looks_like() {
    let given = frozen(WEDNESDAY);
    let created = given.post(ACCOUNTS, &[USD]);
    expect_keys(&created, "", &KEYS);
    created.expect("country", "US").expect("created", WEDNESDAY).expect("livemode", false);
    created.expect("metadata", json!({})).expect("nickname", ()).expect("is_default", true);
    created.expect("supported_currencies", json!(["usd"])).expect("balance", no_money());
    for array in ["active_features", "pending_features", "restricted_features"] {
        created.expect(array, json!([]));
    }
    created.expect("status_details", json!({"closed": null}));
    let open = json!({"inbound_flows": "unrestricted", "outbound_flows": "unrestricted"});
    created.expect("platform_restrictions", open);
    given.get(&format!("{ACCOUNTS}/{}", created.id())).ok().expect("", &created.body);
    given.post(ACCOUNTS, &[USD]).ok().expect("is_default", false);
}

#[test]
fn treasury_02_the_account_number_is_shown_on_request() {
    let given = Given::new();
    let plain = given.a.get();
    plain.expect_absent("financial_addresses.0.aba.account_number");
    let aba = ["account_holder_name", "account_number_last4", "bank_name", "routing_number"];
    expect_keys(&plain, "financial_addresses.0.aba", &aba);
    plain.expect("financial_addresses.0.aba.bank_name", "STRIPE TEST BANK");
    plain.expect("financial_addresses.0.supported_networks", json!(["ach", "us_domestic_wire"]));
    let last4 = plain.text("financial_addresses.0.aba.account_number_last4");
    let path = "financial_addresses.aba.account_number";
    let full = given.k1.list(&given.a.path(), &[("expand[]", path)]);
    let number = full.ok().text("financial_addresses.0.aba.account_number").to_owned();
    assert!(number.len() == 16 && number.bytes().all(|byte| byte.is_ascii_digit()), "{number}");
    assert!(number.ends_with(last4), "{number} should end with {last4}");
    let listed = given.k1.list(ACCOUNTS, &[("expand[]", &format!("data.{path}"))]);
    listed.ok().expect("data.0.financial_addresses.0.aba.account_number", number);
}

#[test]
fn treasury_02_the_features_are_shown_on_request() {
    let given = Given::new();
    given.a.get().expect_absent("features");
    let hash = given.k1.get(&format!("{}/features", given.a.path()));
    hash.ok().expect("object", "treasury.financial_account_features");
    hash.expect(
        "outbound_payments.us_domestic_wire",
        json!({"requested": true, "status": "active", "status_details": []}),
    );
    let expanded = given.k1.list(&given.a.path(), &[("expand[]", "features")]);
    expanded.ok().expect("features", &hash.body);
}

#[test]
fn treasury_03_three_open_accounts_at_most() {
    let k1 = frozen(WEDNESDAY).connected_account();
    let accounts = [(); 3].map(|()| k1.financial_account());
    k1.post(ACCOUNTS, &[USD]).expect_status(400).expect("error.type", INVALID);
    accounts[1].close().ok();
    k1.post(ACCOUNTS, &[USD]).ok();
    k1.post(ACCOUNTS, &[USD]).expect_status(400);
    assert_eq!(k1.get(ACCOUNTS).ids().len(), 4, "closed ones are kept");
}

#[test]
fn treasury_04_nicknames() {
    let given = Given::new();
    for name in ["n".repeat(250), " ".to_owned()] {
        let answer = given.refuses(|| given.a.update(&[("nickname", &name)]));
        answer.expect("error.param", "nickname");
    }
    let name = "n".repeat(249);
    given.a.update(&[("nickname", &name)]).ok().expect("nickname", &name);
    given.a.update(&[("nickname", "")]).ok().expect("nickname", ());
}

#[test]
fn metadata_is_merged() {
    let given = Given::new();
    given.a.update(&[("metadata[a]", "1"), ("metadata[b]", "2")]).ok();
    let updated = given.a.update(&[("metadata[a]", ""), ("metadata[c]", "3")]);
    updated.ok().expect("metadata", json!({"b": "2", "c": "3"}));
    given.a.update(&[("metadata", "")]).ok().expect("metadata", json!({}));
}

#[test]
fn currencies_are_required_and_only_dollars() {
    let given = frozen(WEDNESDAY);
    let answer = given.post(ACCOUNTS, &[("nickname", "a")]);
    answer.expect_error(400, INVALID, "parameter_missing", "supported_currencies");
    let answer = given.post(ACCOUNTS, &[("supported_currencies[]", "eur")]);
    answer.expect_status(400).expect("error.type", INVALID);
    assert!(given.get(ACCOUNTS).ids().is_empty());
}

#[test]
fn a_leaf_says_whether_it_is_requested() {
    let given = frozen(WEDNESDAY);
    let answer = given.post(ACCOUNTS, &[USD, ("features[deposit_insurance][wanted]", "true")]);
    answer.expect_error(400, INVALID, "parameter_unknown", "features[deposit_insurance][wanted]");
    let answer = given.post(ACCOUNTS, &[USD, ("features[outbound_payments][rtp][requested]", "1")]);
    answer.expect_error(400, INVALID, "parameter_unknown", "features[outbound_payments][rtp]");
}

#[test]
fn an_account_that_never_asked_for_treasury() {
    let k = account_with(&frozen(WEDNESDAY), &["transfers", "card_payments"]);
    k.post(ACCOUNTS, &[USD]).expect_status(400).expect("error.code", "capability_not_active");
    assert!(k.get(ACCOUNTS).ids().is_empty());
}

#[test]
fn cards_need_their_own_capability() {
    let k = account_with(&frozen(WEDNESDAY), &["transfers", "card_payments", "treasury"]);
    let cards = [USD, ("features[card_issuing][requested]", "true")];
    k.post(ACCOUNTS, &cards).expect_status(400).expect("error.type", INVALID);
    k.post(ACCOUNTS, &[USD]).ok();
}

#[test]
fn lists_by_status_and_date() {
    let given = Given::new();
    given.platform.advance("1d");
    let second = given.k1.financial_account();
    given.platform.advance("1d");
    let third = given.k1.financial_account();
    second.close().ok();
    let list = |params: &[(&str, &str)]| given.k1.list(ACCOUNTS, params).ids();
    let (a, b, c) = (given.a.id.clone(), second.id.clone(), third.id.clone());
    assert_eq!(list(&[]), [&*c, &*b, &*a]);
    assert_eq!(list(&[("status", "open")]), [&*c, &*a]);
    assert_eq!(list(&[("status", "closed")]), [&*b]);
    let (first, later) = (WEDNESDAY.to_string(), (WEDNESDAY + 86_400).to_string());
    assert_eq!(list(&[("created", &first)]), [&*a]);
    assert_eq!(list(&[("created[gt]", &first)]), [&*c, &*b]);
    assert_eq!(list(&[("created[gt]", &first), ("created[lte]", &later)]), [&*b]);
    assert_eq!(list(&[("starting_after", &b)]), [&*a]);
    let answer = given.k1.list(ACCOUNTS, &[("status", "shut")]);
    answer.expect_error(400, INVALID, None, "status");
    let answer = given.k1.list(ACCOUNTS, &[("financial_account", &a)]);
    answer.expect_error(400, INVALID, "parameter_unknown", "financial_account");
}

#[test]
fn an_account_that_is_not_there() {
    let given = frozen(WEDNESDAY);
    let calls: [Answer; 4] = [
        given.get(&format!("{ACCOUNTS}/fa_nope")),
        given.post(&format!("{ACCOUNTS}/fa_nope"), &[("nickname", "a")]),
        given.post(&format!("{ACCOUNTS}/fa_nope/close"), &[]),
        given.get(&format!("{ACCOUNTS}/fa_nope/features")),
    ];
    for answer in &calls {
        answer.expect_error(404, INVALID, "resource_missing", "id");
    }
}

fn no_money() -> serde_json::Value {
    json!({"cash": {"usd": 0}, "inbound_pending": {"usd": 0}, "outbound_pending": {"usd": 0}})
}

/// A connected account that asked for these capabilities alone.
#[track_caller]
fn account_with(platform: &Sandbox, capabilities: &[&str]) -> Sandbox {
    let mut params =
        vec![("type".to_owned(), "custom".to_owned()), ("country".to_owned(), "US".to_owned())];
    for name in capabilities {
        params.push((format!("capabilities[{name}][requested]"), "true".to_owned()));
    }
    platform.on(&platform.post_all("/v1/accounts", &params).id())
}
