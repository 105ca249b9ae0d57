//! Treasury: FinancialAccounts, what moves their money, and the book it is written in.
//!
//! A flow (an OutboundPayment, a ReceivedCredit) decides; `book` moves the balance and writes the
//! Transaction and its entries; nothing else does.

pub mod addresses;
pub mod audit;
pub mod book;
pub mod calendar;
pub mod capability;
pub mod credit_reversal;
pub mod debit_reversal;
pub mod destination;
pub mod features;
pub mod financial_account;
pub mod flows;
pub mod inbound_transfer;
pub mod outbound;
pub mod outbound_payment;
pub mod outbound_transfer;
pub mod rails;
pub mod receipt;
pub mod received;
pub mod received_credit;
pub mod received_debit;
pub mod transaction;
pub mod transaction_entry;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod testing;

/// Everything that this product declares.
pub fn resources() -> Vec<api::operation::Resource> {
    vec![
        credit_reversal::resource(),
        debit_reversal::resource(),
        financial_account::resource(),
        financial_account::hash::resource(),
        inbound_transfer::resource(),
        outbound_payment::resource(),
        outbound_transfer::resource(),
        received_credit::resource(),
        received_debit::resource(),
        transaction::resource(),
        transaction_entry::resource(),
    ]
}
