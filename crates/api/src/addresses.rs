//! FinancialAccounts as a bank would see them: numbers that money can be sent to and taken from.
//!
//! Products do not see each other. One that pays a bank account asks here whether it is a
//! FinancialAccount's, and lets the money cross; the program says who answers.

use crate::error::Result;
use crate::params::Currency;
use crate::view::{Tx, View};

/// Who answers for the FinancialAccounts of the acting account.
pub struct Addresses {
    /// The FinancialAccount of a bank account, by the fingerprint of its numbers.
    pub find: fn(&View<'_>, fingerprint: &str) -> Result<Option<String>>,
    /// Lets money arrive.
    pub credit: fn(&mut Tx<'_>, &Crossing<'_>) -> Result<Arrival>,
    /// Takes money out.
    pub debit: fn(&mut Tx<'_>, &Crossing<'_>) -> Result<Arrival>,
}

impl Addresses {
    /// Where there are no FinancialAccounts, every bank account is somebody else's.
    pub const NONE: Addresses = Addresses {
        find: |_, _| Ok(None),
        credit: |_, _| Ok(Arrival::Failed("no_account")),
        debit: |_, _| Ok(Arrival::Failed("no_account")),
    };
}

/// Money on its way between the books of two products.
pub struct Crossing<'a> {
    pub financial_account: &'a str,
    /// More than none.
    pub amount: i64,
    pub currency: Currency,
    /// The object that moves it, and its `object`.
    pub flow: &'a str,
    pub flow_type: &'static str,
    pub description: &'a str,
    /// Whether it is taken even where there is too little.
    pub may_overdraw: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    Done,
    /// Nothing moved, for this reason.
    Failed(&'static str),
}
