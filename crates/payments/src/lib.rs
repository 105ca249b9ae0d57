//! Payments: what customers pay, the balance that it makes, and how money leaves and enters that
//! balance.
//!
//! A flow (a Charge, a Payout) decides; `book` moves the balance and writes the BalanceTransaction
//! and its entries; nothing else does.

pub mod audit;
pub mod balance;
pub mod balance_transaction;
pub mod book;
pub mod charge;
pub mod dates;
pub mod payment_intent;
pub mod payout;
pub mod refund;
pub mod topup;

/// Everything that this product declares.
pub fn resources() -> Vec<api::operation::Resource> {
    vec![
        balance::resource(),
        balance_transaction::resource(),
        charge::resource(),
        payment_intent::resource(),
        payout::resource(),
        refund::resource(),
        topup::resource(),
    ]
}
