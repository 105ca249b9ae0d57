//! Connected accounts and their capabilities.

use exchequer_tests::{Answer, Receiver, Sandbox};
use serde_json::json;

use super::{INVALID, customer};

const ACCOUNTS: &str = "/v1/accounts";
const CUSTOM: [(&str, &str); 4] = [
    ("type", "custom"),
    ("country", "US"),
    ("capabilities[transfers][requested]", "true"),
    ("capabilities[card_payments][requested]", "true"),
];
const CONTROLLER: [(&str, &str); 4] = [
    ("controller[stripe_dashboard][type]", "none"),
    ("controller[requirement_collection]", "application"),
    ("controller[losses][payments]", "application"),
    ("controller[fees][payer]", "application"),
];

#[track_caller]
fn expect_controlled_by_us(account: &Answer) {
    account.expect("controller.type", "application").expect("controller.is_controller", true);
    account.expect("controller.stripe_dashboard.type", "none");
    account.expect("controller.requirement_collection", "application");
    account.expect("controller.losses.payments", "application");
}

#[test]
fn an_account_by_its_type() {
    let given = Sandbox::new();
    let account = given.post(ACCOUNTS, &CUSTOM);
    account.ok().expect("object", "account").expect("type", "custom").expect("country", "US");
    assert!(account.id().starts_with("acct_"), "{account:?}");
    expect_controlled_by_us(&account);
    account.expect("capabilities", json!({"card_payments": "active", "transfers": "active"}));
    account.expect("requirements.currently_due", json!([]));
    account.expect("requirements.disabled_reason", ()).expect("default_currency", "usd");
    account.expect("metadata", json!({})).expect("external_accounts.data", json!([]));
    given.get(&format!("{ACCOUNTS}/{}", account.id())).ok().expect("", &account.body);
}

#[test]
fn an_account_by_its_controller() {
    let given = Sandbox::new();
    let account = given.post(ACCOUNTS, &CONTROLLER);
    account.ok().expect("capabilities", json!({}));
    expect_controlled_by_us(&account);
    account.expect("controller.fees.payer", "application");
    let both = [CONTROLLER[0], CUSTOM[0]];
    given.post(ACCOUNTS, &both).expect_status(400).expect("error.type", INVALID);
}

#[test]
fn an_account_is_updated() {
    let given = Sandbox::new();
    let path = format!("{ACCOUNTS}/{}", given.post(ACCOUNTS, &CUSTOM).id());
    let updated = given.post(
        &path,
        &[
            ("email", "ann@example.com"),
            ("business_profile[mcc]", "5045"),
            ("business_profile[url]", "https://accessible.stripe.com"),
            ("capabilities[treasury][requested]", "true"),
            ("metadata[a]", "1"),
        ],
    );
    updated.ok().expect("email", "ann@example.com").expect("business_profile.mcc", "5045");
    updated.expect("capabilities.treasury", "active").expect("metadata", json!({"a": "1"}));
    updated.expect("capabilities.card_payments", "active");
    given.get(&path).ok().expect("", &updated.body);
}

#[test]
fn the_accounts_of_a_platform() {
    let given = Sandbox::new();
    let mut ids = [(); 3].map(|()| given.post(ACCOUNTS, &CUSTOM).id());
    ids.reverse();
    assert_eq!(given.get(ACCOUNTS).ids(), ids);
    let page = given.list(ACCOUNTS, &[("limit", "2")]);
    assert_eq!(page.ids(), ids[..2]);
    page.expect("has_more", true).expect("url", ACCOUNTS);
    assert!(Sandbox::new().get(ACCOUNTS).ids().is_empty());
}

#[test]
fn a_deleted_account() {
    let given = Sandbox::new();
    let id = given.post(ACCOUNTS, &CUSTOM).id();
    let stub = json!({"id": id, "object": "account", "deleted": true});
    given.delete(&format!("{ACCOUNTS}/{id}")).ok().expect("", &stub);
    assert!(given.get(ACCOUNTS).ids().is_empty());
    let answer = given.on(&id).get("/v1/customers");
    answer.expect_error(403, INVALID, "account_invalid", None);
}

#[test]
fn an_account_with_money_is_not_deleted() {
    let given = Sandbox::new();
    let owner = given.connected_account();
    let account = owner.financial_account().holding(500);
    let path = format!("{ACCOUNTS}/{}", owner.account_id());
    given.delete(&path).expect_status(400).expect("error.type", INVALID);
    account.expect_balance(500, 0);
}

#[test]
fn whose_account() {
    let given = Sandbox::new();
    let owner = given.connected_account();
    let (platform, connected) = (given.get("/v1/account"), owner.get("/v1/account"));
    platform.ok().expect("object", "account");
    connected.ok().expect("object", "account");
    assert_ne!(platform.id(), connected.id());
    let named = given.get(&format!("{ACCOUNTS}/{}", connected.id()));
    named.ok().expect("", &connected.body);
    assert_eq!(given.get(ACCOUNTS).ids(), [connected.id()], "the platform is not its own account");
    customer(&owner, "Ann");
    assert!(given.get("/v1/customers").ids().is_empty());
}

#[test]
fn capabilities_one_by_one() {
    let given = Sandbox::new();
    let id = given.post(ACCOUNTS, &CUSTOM).id();
    let path = format!("{ACCOUNTS}/{id}/capabilities");
    let mut names = given.get(&path).ids();
    names.sort();
    assert_eq!(names, ["card_payments", "transfers"]);
    let transfers = given.get(&format!("{path}/transfers"));
    transfers.ok().expect("object", "capability").expect("id", "transfers");
    transfers.expect("account", &id).expect("requested", true).expect("status", "active");
    let treasury = format!("{path}/treasury");
    let asked = given.post(&treasury, &[("requested", "true")]);
    asked.ok().expect("status", "active").expect("requested", true);
    let account = given.get(&format!("{ACCOUNTS}/{id}"));
    account.ok().expect("capabilities.treasury", "active");
    given.post(&treasury, &[("requested", "false")]).ok();
    let account = given.get(&format!("{ACCOUNTS}/{id}"));
    account.ok().expect_absent("capabilities.treasury");
    assert!(!given.on(&id).events("capability.updated").is_empty());
}

#[test]
fn what_an_account_refuses() {
    let given = Sandbox::new();
    let refused = |params: &[(&str, &str)]| given.post(ACCOUNTS, params);
    refused(&[("type", "royal")]).expect_error(400, INVALID, None, "type");
    refused(&[("nope", "1")]).expect_error(400, INVALID, "parameter_unknown", "nope");
    let country = refused(&[("type", "custom"), ("country", "XX")]);
    country.expect_status(400).expect("error.param", "country");
    let answer = given.get(&format!("{ACCOUNTS}/acct_nope"));
    assert!([403, 404].contains(&answer.status), "{answer:?}");
    assert!(given.get(ACCOUNTS).ids().is_empty());
}

#[test]
fn an_account_that_is_not_there() {
    let given = Sandbox::new();
    let tail = &given.key()[given.key().len() - 4..];
    let masked = format!("sk_test_{}{tail}", "*".repeat(20));
    let message = format!(
        "The provided key '{masked}' does not have access to account 'acct_unknown' (or that \
         account does not exist). Application access may have been revoked."
    );
    let path = format!("{ACCOUNTS}/acct_unknown");
    for answer in [given.get(&path), given.post(&path, &[]), given.delete(&path)] {
        answer.expect_error(403, INVALID, "account_invalid", None).expect_message(&message);
    }
}

#[test]
fn a_deleted_accounts_endpoints_hear_nothing_more() {
    let given = Sandbox::new();
    given.clock_freeze(1_680_716_009);
    let receiver = Receiver::answering(&[500]);
    let account = given.connected_account();
    account.webhook(&receiver, &["customer.created"]);
    given.webhook_with(&receiver, &["customer.created"], &[("connect", "true")]);
    customer(&account, "Ann");
    given.deliveries_wait();
    let own = |received: &exchequer_tests::Received| received.json().get("account").is_none();
    let first = receiver.wait_for(2);
    assert_eq!(first.iter().filter(|received| own(received)).count(), 1);
    given.delete(&format!("{ACCOUNTS}/{}", account.account_id())).ok();
    given.advance("1h");
    given.deliveries_wait();
    let all = receiver.received();
    assert_eq!(all.iter().filter(|received| own(received)).count(), 1);
    let told: Vec<_> = all.iter().filter(|received| !own(received)).collect();
    assert!(told.len() > 1, "the platform's endpoint is told again");
    assert!(told.iter().all(|received| received.body == told[0].body), "in the same words");
}

#[test]
fn what_nobody_is_told_any_more_is_not_pending() {
    for end in ["deleted", "disabled"] {
        let given = Sandbox::new();
        given.clock_freeze(1_680_716_009);
        let receiver = Receiver::answering(&[500]);
        let endpoint = given.webhook(&receiver, &["customer.created"]);
        customer(&given, "Ann");
        given.deliveries_wait();
        let event = format!("/v1/events/{}", receiver.wait_for_one().event_id());
        given.get(&event).ok().expect("pending_webhooks", 1);
        let path = format!("/v1/webhook_endpoints/{}", endpoint.id);
        match end {
            "deleted" => given.delete(&path),
            _ => given.post(&path, &[("disabled", "true")]),
        }
        .ok();
        given.advance("1h");
        given.deliveries_wait();
        given.get(&event).ok().expect("pending_webhooks", 0);
        let undelivered = given.list("/v1/events", &[("delivery_success", "false")]);
        assert_eq!(undelivered.ids().len(), 1, "{end}");
    }
}
