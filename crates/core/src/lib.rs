//! What every product needs: accounts, customers, PaymentMethods and how they are set up.

pub mod bank;
pub mod billing;
pub mod change;
pub mod egress;
pub mod event;
pub mod event_types;
pub mod subscriptions;
pub mod webhook_endpoint;

use api::operation::Resource;

/// Everything this crate declares.
pub fn resources() -> Vec<Resource> {
    vec![event::resource(), webhook_endpoint::resource()]
}
