//! What every product needs: accounts, customers, PaymentMethods and how they are set up.

pub mod account;
pub mod bank;
pub mod bank_account;
pub mod billing;
pub mod capability;
pub mod card;
pub mod change;
pub mod client_secret;
pub mod country;
pub mod customer;
pub mod egress;
pub mod event;
pub mod event_types;
pub mod mandate;
pub mod payment_method;
pub mod setup_attempt;
pub mod setup_intent;
pub mod subscriptions;
pub mod test_token;
pub mod token;
pub mod webhook_endpoint;

use api::operation::Resource;

/// Everything this crate declares.
pub fn resources() -> Vec<Resource> {
    vec![
        account::resource(),
        bank_account::resource(),
        capability::resource(),
        customer::resource(),
        event::resource(),
        mandate::resource(),
        payment_method::resource(),
        setup_attempt::resource(),
        setup_intent::resource(),
        token::resource(),
        webhook_endpoint::resource(),
    ]
}
