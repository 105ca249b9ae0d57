use std::net::IpAddr;

use api::params::Timestamp;

use super::details::{Acceptance, Date, PostalAddress};
use super::settings::Terms;
use super::*;

fn custom() -> Account {
    let (kind, controller) = kind::of(Some(kind::ClassicType::Custom), None).unwrap();
    Account { number: 1, kind, controller, ..Account::blank("acct_1".into(), 0) }
}

fn asking(names: &[&'static str]) -> Account {
    let mut account = custom();
    let requests = names.iter().map(|name| (*name, true)).collect();
    account.request(&Requests(requests), 5_000, "capabilities").unwrap();
    account
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Tells everything that a company has to tell.
fn tells_everything(account: &mut Account) {
    let at = Some(Timestamp(1_700_000_000));
    let ip = "203.0.113.1".parse::<IpAddr>().ok();
    account.business_profile.mcc = text("5045");
    account.business_profile.url = text("https://accessible.stripe.com");
    account.company.name = text("Ann's Books");
    account.company.phone = text("8888675309");
    account.company.address = Some(PostalAddress {
        city: text("Springfield"),
        line1: text("1 Main Street"),
        postal_code: text("62701"),
        state: text("IL"),
        ..PostalAddress::default()
    });
    account.tax_id = Some(Number::of("000000000"));
    account.individual.first_name = text("Ann");
    account.individual.last_name = text("Vendor");
    account.tos_acceptance.date = at;
    account.tos_acceptance.ip = ip;
    let agreed = Acceptance { date: at, ip, user_agent: None };
    account.settings.treasury = Some(Terms { tos_acceptance: Some(agreed) });
}

#[test]
fn a_requested_capability_works_at_once() {
    let mut account = asking(&["transfers", "treasury"]);
    account.settle(false);
    assert_eq!(account.capability("treasury"), Some(CapabilityStatus::Active));
    assert_eq!(account.capability("card_payments"), None);
    let json = account.to_json().unwrap();
    let requirements = json.get("requirements").unwrap();
    assert_eq!(requirements.get("currently_due"), Some(&Json::Array(vec![])));
    assert_eq!(requirements.get("disabled_reason"), Some(&Json::Null));
}

#[test]
fn real_onboarding_asks_until_everything_is_told() {
    let mut account = asking(&["transfers", "treasury"]);
    account.settle(true);
    assert_eq!(account.capability("transfers"), Some(CapabilityStatus::Inactive));
    assert!(account.requirements.due.contains(&"business_type".to_owned()));
    let reason = |account: &Account| {
        let json = account.to_json().unwrap();
        json.get("requirements").and_then(|r| r.get("disabled_reason")).cloned().unwrap()
    };
    assert_eq!(reason(&account), "requirements.past_due".into());
    tells_everything(&mut account);
    account.settle(true);
    assert_eq!(account.requirements, Requirements::default());
    assert_eq!(account.capability("treasury"), Some(CapabilityStatus::Active));
    assert_eq!(reason(&account), Json::Null);
}

#[test]
fn the_terms_of_treasury_concern_treasury_alone() {
    let mut account = asking(&["transfers", "treasury"]);
    tells_everything(&mut account);
    account.settings.treasury = None;
    account.settle(true);
    assert_eq!(account.capability("treasury"), Some(CapabilityStatus::Inactive));
    assert_eq!(account.capability("transfers"), Some(CapabilityStatus::Active));
}

#[test]
fn special_values_keep_capabilities_back() {
    let mut account = asking(&["transfers"]);
    account.tax_id = Some(Number::of("11-1111111"));
    account.settle(false);
    assert_eq!(account.capability("transfers"), Some(CapabilityStatus::Inactive));
    assert_eq!(account.requirements.due, ["company.tax_id"]);
    assert_eq!(account.requirements.failed, ["company.tax_id"]);

    let mut account = asking(&["transfers"]);
    account.individual.dob = Some(Date { day: Some(1), month: Some(1), year: Some(1900) });
    account.settle(false);
    assert_eq!(account.capability("transfers"), Some(CapabilityStatus::Pending));
    assert!(account.requirements.due.is_empty());
}

#[test]
fn a_rejected_account_can_do_nothing() {
    let mut account = asking(&["transfers"]);
    let reason = RejectReason::FraudOther;
    account.rejected = Some(Rejection { reason, pauses_payouts: true });
    account.settle(false);
    assert_eq!(account.capability("transfers"), Some(CapabilityStatus::Inactive));
    let json = account.to_json().unwrap();
    assert_eq!(json.get("payouts_enabled"), Some(&false.into()));
    let reason = json.get("requirements").and_then(|r| r.get("disabled_reason"));
    assert_eq!(reason, Some(&"rejected.fraud".into()));
}

#[test]
fn treasury_is_for_custom_accounts_in_the_us() {
    let requests = || Requests([("treasury", true)].into());
    let refusal = |account: &mut Account| match account.request(&requests(), 0, "capabilities") {
        Err(api::Failure::Refused(error)) => error.param,
        _ => None,
    };
    let param = text("capabilities[treasury][requested]");
    let mut british = Account { country: "GB".into(), ..custom() };
    assert_eq!(refusal(&mut british), param);
    let (kind, controller) = kind::of(None, None).unwrap();
    let mut standard = Account { kind, controller, ..custom() };
    assert_eq!(refusal(&mut standard), param);
    assert!(custom().request(&requests(), 0, "capabilities").is_ok());
}

#[test]
fn a_capability_is_given_up_and_asked_for_again() {
    let mut account = asking(&["transfers"]);
    account.request(&Requests([("transfers", true)].into()), 9_000, "requested").unwrap();
    assert_eq!(account.capabilities["transfers"].at, 5_000, "asking twice changes nothing");
    account.request(&Requests([("transfers", false)].into()), 9_000, "requested").unwrap();
    assert_eq!(account.capability("transfers"), None);
}

#[test]
fn its_state_survives_being_kept() {
    let mut account = asking(&["transfers", "treasury"]);
    tells_everything(&mut account);
    account.settle(true);
    let kept = serde_json::to_string(&account).unwrap();
    assert!(!kept.contains("null"), "{kept}");
    let back: Account = serde_json::from_str(&kept).unwrap();
    assert_eq!(back.to_json().unwrap(), account.to_json().unwrap());
}
