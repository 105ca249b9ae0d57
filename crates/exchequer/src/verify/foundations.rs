//! The rules of the objects that every product uses: accounts have numbers of their own, and what
//! is sealed opens with the key.

use api::audit::{Audit, Audits, Row};
use api::{Resource, Result, View};
use exchequer_core::account::Account;
use exchequer_core::payment_method::{Kind, PaymentMethod};
use exchequer_core::subscriptions::Subscriptions;
use exchequer_core::webhook_endpoint::WebhookEndpoint;
use serde_json::{Value, json};
use store::IdRange;

/// The id of an account's set of endpoints.
const SET_ID: &str = "weset_1";

pub fn audits() -> Audits {
    Audits {
        objects: vec![
            Audit::of::<Account>(account),
            Audit::of::<PaymentMethod>(payment_method),
            Audit::of::<WebhookEndpoint>(webhook_endpoint),
            // No object of the API, so that no operation declares it.
            Audit::of::<Subscriptions>(subscriptions),
        ],
        books: vec![],
    }
}

/// Accounts are the platform's, its own among them, each under its own number.
fn account(view: &View<'_>, account: &Account, row: &mut Row<'_>) -> Result<()> {
    let number = account.number;
    row.must(view.is_platform(), "it is kept by an account that is no platform");
    let is_given = (0..=view.session.state.accounts).contains(&number);
    row.must(is_given, format!("the workspace never gave its number {number}"));
    if number != 0 {
        let all = IdRange::prefix(Account::PREFIX, false);
        let same = view.session.index(0, "number", &number.to_string(), &all, 2)?;
        row.must(same.len() == 1, format!("{} accounts have its number {number}", same.len()));
    }
    Ok(())
}

fn payment_method(view: &View<'_>, method: &PaymentMethod, row: &mut Row<'_>) -> Result<()> {
    if let Kind::UsBankAccount(account) = &method.kind {
        let opens = account.number(view.session.sealer).is_ok();
        row.must(opens, "its account number does not open with the key");
    }
    Ok(())
}

/// An endpoint is in its account's set, by which events find it, as it is.
fn webhook_endpoint(view: &View<'_>, endpoint: &WebhookEndpoint, row: &mut Row<'_>) -> Result<()> {
    row.must(endpoint.signing_secrets(view).is_ok(), "its secret does not open with the key");
    let Some(set) = view.load::<Subscriptions>(SET_ID)? else {
        row.wrong("its account has no set of endpoints");
        return Ok(());
    };
    let entries = entries_of(&set).into_iter().filter(|entry| entry["id"] == *endpoint.id);
    let entries: Vec<Value> = entries.collect();
    let count = entries.len();
    row.must(count == 1, format!("it is {count} times in its account's set of endpoints"));
    for entry in entries {
        let is_same = entry["connect"].as_bool().unwrap_or(false) == endpoint.connect
            && entry["disabled"].as_bool().unwrap_or(false) == endpoint.disabled
            && entry["enabled_events"] == json!(endpoint.enabled_events);
        row.must(is_same, "its account's set of endpoints knows it otherwise");
    }
    Ok(())
}

/// A set has no endpoint that is not there.
fn subscriptions(view: &View<'_>, set: &Subscriptions, row: &mut Row<'_>) -> Result<()> {
    for entry in entries_of(set) {
        let id = entry["id"].as_str().unwrap_or_default();
        let is_there = view.load::<WebhookEndpoint>(id)?.is_some();
        row.must(is_there, format!("its endpoint {id} is not there"));
    }
    Ok(())
}

/// What a set knows of its endpoints, as it is kept.
fn entries_of(set: &Subscriptions) -> Vec<Value> {
    let set = serde_json::to_value(set).unwrap_or_default();
    set["endpoints"].as_array().cloned().unwrap_or_default()
}
