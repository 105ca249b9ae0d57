//! Features: what a FinancialAccount may do, what restricts it, and who is refused for it.

use exchequer_tests::{ALL_FEATURES, FinancialAccount};
use serde_json::{Value, json};

use super::{ACCOUNTS, Given, INVALID, ROUTING, WAITS, WEDNESDAY, frozen, payment_that_is};

const CHANGED: &str = "treasury.financial_account.features_status_updated";
const CREATED: &str = "treasury.received_credit.created";

#[track_caller]
fn restrict(account: &FinancialAccount, flows: &str, to: &str) {
    let name = format!("platform_restrictions[{flows}]");
    let answer = account.update(&[(&name, to)]);
    answer.ok().expect(&format!("platform_restrictions.{flows}"), to);
}

#[track_caller]
fn features(account: &FinancialAccount) -> Value {
    let hash = account.owner.get(&format!("{}/features", account.path()));
    hash.ok().body.clone()
}

#[test]
fn treasury_43_no_money_goes_out() {
    let given = Given::with(1_000);
    restrict(&given.a, "outbound_flows", "restricted");
    let now = given.a.get();
    now.expect(
        "active_features",
        json!(["card_issuing", "deposit_insurance", "inbound_transfers.ach"]),
    );
    now.expect(
        "restricted_features",
        json!([
            "financial_addresses.aba",
            "intra_stripe_flows",
            "outbound_payments.ach",
            "outbound_payments.us_domestic_wire",
            "outbound_transfers.ach",
            "outbound_transfers.us_domestic_wire"
        ]),
    );
    let answer = given.refuses(|| given.a.pays(100).bank(ROUTING, WAITS).send());
    answer.expect_error(400, INVALID, None, "financial_account");
    answer.expect_message_contains("outbound_payments.ach");
    given.refuses(|| given.a.pays(100).financial_account(&given.b).send());
    given.a.receives(500, "ach").ok().expect("status", "succeeded");
    given.a.expect_balance(1_500, 0);
    let updated = &given.k1.events(CHANGED)[0]["data"];
    assert_eq!(updated["previous_attributes"]["restricted_features"], json!([]));
    assert_eq!(updated["previous_attributes"]["active_features"], json!(ALL_FEATURES));
}

#[test]
fn treasury_43_no_money_comes_in() {
    let given = Given::with(1_000);
    restrict(&given.a, "inbound_flows", "restricted");
    for network in ["ach", "rtp"] {
        let frozen = given.a.receives(500, network);
        frozen.ok().expect("status", "failed").expect("failure_code", "account_frozen");
        frozen.expect("transaction", ()).expect("reversal_details", ());
    }
    given.a.expect_balance(1_000, 0);
    assert_eq!(given.a.transactions().len(), 1, "a failed credit has no Transaction");
    assert_eq!(given.k1.event_types("treasury.received_credit.*"), [CREATED; 3]);
    given.a.receives(300, "us_domestic_wire").ok().expect("status", "succeeded");
    given.a.expect_balance(1_300, 0);
    given.a.pays(100).to_bank(ROUTING, WAITS);
    given.a.pays(100).to_financial_account(&given.b);
    given.a.expect_balance(1_100, 200);
}

#[test]
fn treasury_43_why_a_feature_is_restricted() {
    let given = Given::new();
    restrict(&given.a, "outbound_flows", "restricted");
    let because = |restriction: &str| {
        json!({
            "code": "restricted_by_platform",
            "resolution": "remove_restriction",
            "restriction": restriction,
        })
    };
    let one = json!({
        "requested": true,
        "status": "restricted",
        "status_details": [because("outbound_flows")],
    });
    assert_eq!(features(&given.a)["outbound_payments"]["ach"], one);
    assert_eq!(features(&given.a)["deposit_insurance"]["status"], "active");
    restrict(&given.a, "inbound_flows", "restricted");
    let details = features(&given.a)["intra_stripe_flows"]["status_details"].clone();
    let details = details.as_array().expect("a list");
    assert_eq!(details.len(), 2, "{details:?}");
    for flows in ["inbound_flows", "outbound_flows"] {
        assert!(details.contains(&because(flows)), "{details:?}");
    }
}

#[test]
fn treasury_43_a_lifted_restriction() {
    let given = Given::with(1_000);
    for flows in ["outbound_flows", "inbound_flows"] {
        let before = given.k1.events(CHANGED).len();
        restrict(&given.a, flows, "restricted");
        restrict(&given.a, flows, "unrestricted");
        given.a.get().expect("active_features", json!(ALL_FEATURES));
        given.a.get().expect("restricted_features", json!([]));
        assert_eq!(given.k1.events(CHANGED).len(), before + 2, "each change is an event");
    }
    given.a.pays(100).to_bank(ROUTING, WAITS);
    given.a.receives(100, "ach").ok().expect("status", "succeeded");
    given.refuses(|| given.a.update(&[("platform_restrictions[outbound_flows]", "maybe")]));
}

#[test]
fn treasury_44_a_removed_feature() {
    let given = Given::new();
    let path = format!("{}/features", given.a.path());
    let hash = given.k1.post(&path, &[("card_issuing[requested]", "false")]);
    hash.ok().expect_absent("card_issuing").expect("outbound_payments.ach.status", "active");
    given.k1.get(&path).ok().expect("", &hash.body);
    let now = given.a.get();
    now.expect("active_features", json!(ALL_FEATURES[1..]));
    now.expect("pending_features", json!([])).expect("restricted_features", json!([]));
    let before = &given.k1.events(CHANGED)[0]["data"]["previous_attributes"];
    assert_eq!(before["active_features"], json!(ALL_FEATURES));
}

#[test]
fn treasury_44_a_payment_on_its_way_goes_on() {
    let given = Given::with(1_000);
    let payment = payment_that_is("processing", &given.a);
    let path = format!("{}/features", given.a.path());
    let hash = given.k1.post(&path, &[("outbound_payments[ach][requested]", "false")]);
    hash.ok().expect_absent("outbound_payments.ach");
    hash.expect("outbound_payments.us_domestic_wire.status", "active");
    let answer = given.refuses(|| given.a.pays(100).bank(ROUTING, WAITS).send());
    answer.expect_error(400, INVALID, None, "financial_account");
    answer.expect_message_contains("outbound_payments.ach");
    payment.test_helper("post", &[]).ok().expect("status", "posted");
    let wires = ("outbound_payments[us_domestic_wire][requested]", "false");
    given.k1.post(&path, &[wires]).ok().expect_absent("outbound_payments");
}

#[test]
fn treasury_44_an_update_changes_the_named_features_alone() {
    let given = Given::new();
    let account = given.k1.financial_account_with(&["financial_addresses.aba"]);
    let answer = account.update(&[("features[deposit_insurance][requested]", "true")]);
    answer.ok().expect("active_features", json!(["financial_addresses.aba"]));
    answer.expect("pending_features", json!(["deposit_insurance"]));
    let both = json!(["deposit_insurance", "financial_addresses.aba"]);
    account.get().expect("active_features", both).expect("pending_features", json!([]));
}

#[test]
fn treasury_45_requirements_are_due() {
    let platform = frozen(WEDNESDAY);
    let account = platform.post(
        "/v1/accounts",
        &[
            ("type", "custom"),
            ("country", "US"),
            ("business_type", "company"),
            ("company[tax_id]", "111111111"),
            ("capabilities[transfers][requested]", "true"),
            ("capabilities[card_payments][requested]", "true"),
            ("capabilities[treasury][requested]", "true"),
        ],
    );
    account.ok().expect("capabilities.treasury", "inactive");
    let k = platform.on(&account.id());
    let account = k.financial_account_with(&["financial_addresses.aba"]);
    let now = account.get();
    now.expect("restricted_features", json!(["financial_addresses.aba"]));
    now.expect("active_features", json!([])).expect("pending_features", json!([]));
    now.expect("financial_addresses", json!([]));
    let due = json!([{"code": "requirements_past_due", "resolution": "provide_information"}]);
    assert_eq!(features(&account)["financial_addresses"]["aba"]["status_details"], due);
    let answer = account.receives(500, "ach");
    answer.expect_error(400, INVALID, None, "financial_account");
    answer.expect_message_contains("financial_addresses.aba");
    assert!(k.events("treasury.received_credit.*").is_empty());
    let answer = account.is_debited(500);
    answer.expect_error(400, INVALID, None, "financial_account");
    answer.expect_message_contains("financial_addresses.aba");
    let inbound = [("inbound_transfers[ach][requested]", "true")];
    k.post(&format!("{}/features", account.path()), &inbound).ok();
    let answer = account.transfers_in(500, "pm_usBankAccount");
    answer.expect_error(400, INVALID, None, "financial_account");
    answer.expect_message_contains("inbound_transfers.ach");
    for list in [super::DEBITS, super::INBOUND] {
        assert!(account.list(list, &[]).ids().is_empty());
    }
    assert!(k.events("treasury.received_debit.*").is_empty());
    assert!(k.events("treasury.inbound_transfer.*").is_empty());
}

/// What was received while all was well can be reversed without any feature.
#[test]
fn treasury_44_reversals_need_no_feature() {
    let given = Given::with(1_000);
    let debit = given.a.is_debited(400).id();
    let credit = given.a.receives(500, "ach").id();
    let off: Vec<(String, String)> = ALL_FEATURES
        .iter()
        .map(|feature| (format!("{}[requested]", bracketed(feature)), "false".to_owned()))
        .collect();
    given.k1.post_all(&format!("{}/features", given.a.path()), &off).ok();
    given.a.get().expect("active_features", json!([]));
    given.a.takes_back(&debit).ok();
    given.a.sends_back(&credit).ok();
    given.settle();
    given.a.expect_balance(1_000, 0);
}

/// `outbound_payments.ach` as a parameter: `outbound_payments[ach]`.
fn bracketed(feature: &str) -> String {
    match feature.split_once('.') {
        Some((group, member)) => format!("{group}[{member}]"),
        None => feature.to_owned(),
    }
}

#[test]
fn what_an_operation_needs() {
    let given = Given::new();
    let bare = given.k1.financial_account_with(&["financial_addresses.aba"]).holding(1_000);
    for (draft, feature) in [
        (bare.pays(100).bank(ROUTING, WAITS), "outbound_payments.ach"),
        (
            bare.pays(100).bank(ROUTING, WAITS).network("us_domestic_wire").address(),
            "outbound_payments.us_domestic_wire",
        ),
        (bare.pays(100).financial_account(&given.b), "intra_stripe_flows"),
    ] {
        let answer = given.refuses(|| draft.send());
        answer.expect_error(400, INVALID, None, "financial_account");
        answer.expect_message_contains(feature);
    }
    bare.expect_balance(1_000, 0);
    let closed_in = given.k1.financial_account_with(&["outbound_payments.ach"]);
    let answer = given.refuses(|| closed_in.receives(100, "ach"));
    answer.expect_error(400, INVALID, None, "financial_account");
    assert!(given.k1.list(ACCOUNTS, &[]).ids().contains(&closed_in.id));
}
