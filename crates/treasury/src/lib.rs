//! Treasury: FinancialAccounts, what moves their money, and the book it is written in.

pub mod book;
pub mod features;
pub mod financial_account;
pub mod sealed;
pub mod transaction;
