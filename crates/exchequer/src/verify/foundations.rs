//! The rules of the objects that every product uses: what is sealed in them opens with the key.

use api::audit::{Audit, Audits, Row};
use api::{Result, View};
use exchequer_core::payment_method::{Kind, PaymentMethod};
use exchequer_core::subscriptions::Subscriptions;
use exchequer_core::webhook_endpoint::WebhookEndpoint;

pub fn audits() -> Audits {
    Audits {
        objects: vec![
            Audit::of::<PaymentMethod>(payment_method),
            Audit::of::<WebhookEndpoint>(webhook_endpoint),
            // No object of the API, so that no operation declares it.
            Audit::plain::<Subscriptions>(),
        ],
        books: vec![],
    }
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
