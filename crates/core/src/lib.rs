//! What every product needs: accounts, customers, PaymentMethods and how they are set up.

pub mod bank;
pub mod billing;
pub mod change;

use api::operation::Resource;

/// Everything this crate declares.
pub fn resources() -> Vec<Resource> {
    vec![]
}
