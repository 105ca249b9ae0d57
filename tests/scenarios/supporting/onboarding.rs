//! Onboarding as it really is: capabilities wait until all that is due was told.

use exchequer_tests::{Answer, Sandbox};
use serde_json::json;

use super::INVALID;

const ACCOUNTS: &str = "/v1/accounts";

/// One update with everything that test mode asks for.
const EVERYTHING: [(&str, &str); 22] = [
    ("business_type", "individual"),
    ("business_profile[mcc]", "5045"),
    ("business_profile[url]", "https://accessible.stripe.com"),
    ("company[name]", "Ann's Paper"),
    ("company[tax_id]", "000000000"),
    ("company[phone]", "8888675309"),
    ("company[address][line1]", "address_full_match"),
    ("company[address][city]", "Springfield"),
    ("company[address][state]", "IL"),
    ("company[address][postal_code]", "62701"),
    ("individual[first_name]", "Ann"),
    ("individual[last_name]", "Vendor"),
    ("individual[id_number]", "000000000"),
    ("individual[address][line1]", "address_full_match"),
    ("individual[address][city]", "Springfield"),
    ("individual[address][state]", "IL"),
    ("individual[address][postal_code]", "62701"),
    ("tos_acceptance[date]", "1700000000"),
    ("tos_acceptance[ip]", "127.0.0.1"),
    ("settings[treasury][tos_acceptance][date]", "1700000000"),
    ("settings[treasury][tos_acceptance][ip]", "127.0.0.1"),
    ("metadata[told]", "all"),
];

/// A platform whose accounts have to be onboarded, and one such account.
#[track_caller]
fn waiting() -> (Sandbox, Answer) {
    let given = Sandbox::new();
    given.post_json("/_exchequer/account", &json!({"onboarding": "real"})).ok();
    let account = given.post(
        ACCOUNTS,
        &[
            ("type", "custom"),
            ("country", "US"),
            ("capabilities[transfers][requested]", "true"),
            ("capabilities[treasury][requested]", "true"),
            ("capabilities[card_payments][requested]", "true"),
        ],
    );
    account.ok();
    (given, account)
}

#[test]
fn supporting_11_nothing_is_active_at_first() {
    let (_, account) = waiting();
    account.expect(
        "capabilities",
        json!({"card_payments": "inactive", "transfers": "inactive", "treasury": "inactive"}),
    );
    assert!(!account.list("requirements.currently_due").is_empty(), "{account:?}");
    account.expect("requirements.disabled_reason", "requirements.past_due");
}

#[test]
fn supporting_12_one_update_with_everything() {
    let (given, account) = waiting();
    let owner = given.on(&account.id());
    let financial = owner.financial_account_with(&["financial_addresses.aba"]);
    financial.get().expect("restricted_features", json!(["financial_addresses.aba"]));
    let updated = given.post(&format!("{ACCOUNTS}/{}", account.id()), &EVERYTHING);
    updated.ok().expect("capabilities.treasury", "active");
    updated.expect("capabilities.transfers", "active").expect("metadata.told", "all");
    updated.expect("requirements.currently_due", json!([]));
    updated.expect("requirements.disabled_reason", ());
    let now = financial.get();
    now.expect("restricted_features", json!([]));
    financial.get().expect("active_features", json!(["financial_addresses.aba"]));
    assert_eq!(financial.get().list("financial_addresses").len(), 1);
    let changed = &owner.events("account.updated")[0]["data"];
    assert_eq!(changed["object"]["capabilities"]["treasury"], "active");
    assert_eq!(changed["previous_attributes"]["capabilities"]["treasury"], "inactive");
    let capabilities = owner.events("capability.updated");
    let treasury = capabilities.iter().find(|event| event["data"]["object"]["id"] == "treasury");
    assert_eq!(treasury.expect("its event")["data"]["object"]["status"], "active");
    let features = owner.events("treasury.financial_account.features_status_updated");
    assert!(!features.is_empty());
    financial.receives(500, "ach").ok().expect("status", "succeeded");
}

#[test]
fn supporting_12_half_of_it_is_not_enough() {
    let (given, account) = waiting();
    let path = format!("{ACCOUNTS}/{}", account.id());
    let without = |start: &str| -> Vec<(&str, &str)> {
        EVERYTHING.into_iter().filter(|(name, _)| !name.starts_with(start)).collect()
    };
    let updated = given.post(&path, &without("settings[treasury]"));
    updated.ok().expect("capabilities.treasury", "inactive");
    let rest = [
        ("settings[treasury][tos_acceptance][date]", "1700000000"),
        ("settings[treasury][tos_acceptance][ip]", "127.0.0.1"),
    ];
    given.post(&path, &rest).ok().expect("capabilities.treasury", "active");
}

#[test]
fn supporting_13_treasury_is_for_one_country() {
    let given = Sandbox::new();
    let params = [
        ("type", "custom"),
        ("country", "GB"),
        ("capabilities[transfers][requested]", "true"),
        ("capabilities[treasury][requested]", "true"),
    ];
    given.post(ACCOUNTS, &params).expect_status(400).expect("error.type", INVALID);
    assert!(given.get(ACCOUNTS).ids().is_empty());
    given.post(ACCOUNTS, &params[..3]).ok().expect("country", "GB");
}
