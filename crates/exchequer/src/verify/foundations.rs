//! The rules of the objects that every product uses: accounts have numbers of their own, and what
//! is sealed opens with the key.

use api::audit::{Audit, Audits, Row};
use api::{Resource, Result, View};
use exchequer_core::account::Account;
use exchequer_core::payment_method::{Kind, PaymentMethod};
use exchequer_core::subscriptions::Subscriptions;
use exchequer_core::webhook_endpoint::WebhookEndpoint;
use store::IdRange;

pub fn audits() -> Audits {
    Audits {
        objects: vec![
            Audit::of::<Account>(account),
            Audit::of::<PaymentMethod>(payment_method),
            Audit::of::<WebhookEndpoint>(webhook_endpoint),
            // No object of the API, so that no operation declares it.
            Audit::plain::<Subscriptions>(),
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

fn webhook_endpoint(view: &View<'_>, endpoint: &WebhookEndpoint, row: &mut Row<'_>) -> Result<()> {
    row.must(endpoint.signing_secrets(view).is_ok(), "its secret does not open with the key");
    Ok(())
}
