//! Double entry, pure: accounts, postings, balances. It knows nothing of the API or the store.
//!
//! A posting names the account it takes from and the account it gives to, so that a book which does
//! not sum to zero cannot be written down. A hold is an account of its own, not a flag; a
//! correction is a new posting, never an edit.

use std::fmt;

use serde::{Deserialize, Serialize};

pub use payments::{Funds, Part};

mod payments;

/// The three sub-accounts of a FinancialAccount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Money that can be spent now.
    Cash,
    /// Reserved by the API, always zero.
    InboundPending,
    /// Money set aside for a flow on its way out.
    OutboundPending,
}

/// Where money is outside every FinancialAccount, seen from inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contra {
    AchClearing,
    WireClearing,
    RtpClearing,
    CardClearing,
    PaymentsBalance,
    /// Between two FinancialAccounts of one platform.
    IntraStripeTransit,
    /// What processing a payment costs, seen from a payments balance.
    StripeFees,
    /// The FinancialAccounts, seen from a payments balance.
    FinancialAccounts,
    Other,
}

/// One end of a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    Own(Side),
    /// A part of a payments balance.
    Payments(Part),
    Contra(Contra),
}

const NAMES: [(Account, &str); 15] = [
    (Account::Own(Side::Cash), "cash"),
    (Account::Own(Side::InboundPending), "inbound_pending"),
    (Account::Own(Side::OutboundPending), "outbound_pending"),
    (Account::Payments(Part::Available), "payments_available"),
    (Account::Payments(Part::Pending), "payments_pending"),
    (Account::Payments(Part::InTransit), "payouts_in_transit"),
    (Account::Contra(Contra::AchClearing), "ach_clearing"),
    (Account::Contra(Contra::WireClearing), "wire_clearing"),
    (Account::Contra(Contra::RtpClearing), "rtp_clearing"),
    (Account::Contra(Contra::CardClearing), "card_clearing"),
    (Account::Contra(Contra::PaymentsBalance), "payments_balance"),
    (Account::Contra(Contra::IntraStripeTransit), "intra_stripe_transit"),
    (Account::Contra(Contra::StripeFees), "stripe_fees"),
    (Account::Contra(Contra::FinancialAccounts), "financial_accounts"),
    (Account::Contra(Contra::Other), "other"),
];

impl Account {
    pub const CASH: Account = Account::Own(Side::Cash);
    pub const OUTBOUND_PENDING: Account = Account::Own(Side::OutboundPending);

    /// Its name in the store.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(account, _)| *account == self).map_or("other", |(_, name)| name)
    }

    pub fn parse(name: &str) -> Option<Account> {
        NAMES.iter().find(|(_, known)| *known == name).map(|(account, _)| *account)
    }
}

/// Minor units of money, more than none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Amount(i64);

impl Amount {
    pub fn new(minor_units: i64) -> Option<Amount> {
        (minor_units > 0).then_some(Amount(minor_units))
    }

    pub fn minor_units(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for Amount {
    type Error = LedgerError;
    fn try_from(value: i64) -> Result<Self, LedgerError> {
        Amount::new(value).ok_or(LedgerError::NotPositive(value))
    }
}

impl From<Amount> for i64 {
    fn from(amount: Amount) -> i64 {
        amount.0
    }
}

/// One amount, out of one account and into another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    pub from: Account,
    pub to: Account,
    pub amount: Amount,
}

impl Posting {
    pub fn new(from: Account, to: Account, amount: Amount) -> Posting {
        Posting { from, to, amount }
    }

    /// What it does to the three sub-accounts.
    pub fn impact(&self) -> Impact {
        let mut impact = Impact::default();
        let amount = self.amount.minor_units();
        for (account, change) in [(self.from, -amount), (self.to, amount)] {
            if let Account::Own(side) = account {
                *impact.side_mut(side) += change;
            }
        }
        impact
    }

    /// What it does to everything outside: the negative of the impact's sum.
    pub fn contra(&self) -> i64 {
        -self.impact().current()
    }
}

/// A change of the three sub-accounts, or their balances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impact {
    pub cash: i64,
    pub inbound_pending: i64,
    pub outbound_pending: i64,
}

impl Impact {
    fn side_mut(&mut self, side: Side) -> &mut i64 {
        match side {
            Side::Cash => &mut self.cash,
            Side::InboundPending => &mut self.inbound_pending,
            Side::OutboundPending => &mut self.outbound_pending,
        }
    }

    /// The sum of all three: the current balance.
    pub fn current(&self) -> i64 {
        self.cash + self.inbound_pending + self.outbound_pending
    }

    pub fn plus(&self, other: &Impact) -> Result<Impact, LedgerError> {
        let add = |a: i64, b: i64| a.checked_add(b).ok_or(LedgerError::Overflow);
        Ok(Impact {
            cash: add(self.cash, other.cash)?,
            inbound_pending: add(self.inbound_pending, other.inbound_pending)?,
            outbound_pending: add(self.outbound_pending, other.outbound_pending)?,
        })
    }

    /// The balance after a posting. Held money can never fall below nothing; cash can, where a
    /// payment that was taken back leaves a debt.
    pub fn apply(&self, posting: &Posting) -> Result<Impact, LedgerError> {
        let after = self.plus(&posting.impact())?;
        if after.outbound_pending < 0 || after.inbound_pending != 0 {
            return Err(LedgerError::HoldBroken(after));
        }
        Ok(after)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerError {
    NotPositive(i64),
    Overflow,
    /// A posting would have released more than was held.
    HoldBroken(Impact),
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LedgerError::NotPositive(value) => write!(f, "an amount must be positive, not {value}"),
            LedgerError::Overflow => f.write_str("a balance would exceed 64 bits"),
            LedgerError::HoldBroken(after) => write!(f, "a hold would be broken: {after:?}"),
        }
    }
}

impl std::error::Error for LedgerError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(value: i64) -> Amount {
        Amount::new(value).unwrap()
    }

    #[test]
    fn every_pair_of_accounts_balances() {
        for (from, _) in NAMES {
            for (to, _) in NAMES {
                let posting = Posting::new(from, to, amount(700));
                assert_eq!(posting.impact().current() + posting.contra(), 0);
            }
        }
    }

    #[test]
    fn a_hold_moves_money_aside_and_a_posting_takes_it_away() {
        let funded = Impact { cash: 1000, ..Impact::default() };
        let hold = Posting::new(Account::CASH, Account::OUTBOUND_PENDING, amount(700));
        let held = funded.apply(&hold).unwrap();
        assert_eq!(held, Impact { cash: 300, outbound_pending: 700, inbound_pending: 0 });
        assert_eq!(hold.contra(), 0);
        let clearing = Account::Contra(Contra::AchClearing);
        let settle = Posting::new(Account::OUTBOUND_PENDING, clearing, amount(700));
        assert_eq!(settle.contra(), 700);
        let settled = held.apply(&settle).unwrap();
        assert_eq!(settled, Impact { cash: 300, ..Impact::default() });
        assert!(matches!(settled.apply(&settle), Err(LedgerError::HoldBroken(_))));
    }

    #[test]
    fn amounts_are_positive_and_sums_are_checked() {
        assert_eq!(Amount::new(0), None);
        assert_eq!(Amount::new(-1), None);
        let full = Impact { cash: i64::MAX, ..Impact::default() };
        let more = Posting::new(Account::Contra(Contra::Other), Account::CASH, amount(1));
        assert_eq!(full.apply(&more), Err(LedgerError::Overflow));
    }

    #[test]
    fn an_amount_is_kept_as_its_minor_units() {
        for cents in [1, 2, 700, i64::MAX] {
            let amount = Amount::try_from(cents).unwrap();
            assert_eq!((i64::from(amount), amount.minor_units()), (cents, cents));
        }
        assert_eq!(Amount::try_from(-5), Err(LedgerError::NotPositive(-5)));
    }

    #[test]
    fn the_current_balance_is_the_sum_of_all_three() {
        let balance = Impact { cash: 100, inbound_pending: 20, outbound_pending: 3 };
        assert_eq!(balance.current(), 123);
        let sum = balance.plus(&Impact { cash: -1, inbound_pending: -2, outbound_pending: -3 });
        assert_eq!(sum, Ok(Impact { cash: 99, inbound_pending: 18, outbound_pending: 0 }));
    }

    #[test]
    fn nothing_is_held_on_its_way_in() {
        let pending = Account::Own(Side::InboundPending);
        let posting = Posting::new(Account::Contra(Contra::AchClearing), pending, amount(5));
        let broken = Impact { inbound_pending: 5, ..Impact::default() };
        let refused = Impact::default().apply(&posting);
        assert_eq!(refused, Err(LedgerError::HoldBroken(broken)));
    }

    #[test]
    fn an_error_says_what_was_wrong() {
        let broken = LedgerError::HoldBroken(Impact { outbound_pending: -7, ..Impact::default() });
        for (error, words) in [
            (LedgerError::NotPositive(-5), "-5"),
            (LedgerError::Overflow, "64 bits"),
            (broken, "-7"),
        ] {
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn names_are_read_back() {
        for (account, name) in NAMES {
            assert_eq!(Account::parse(name), Some(account));
            assert_eq!(account.name(), name);
        }
        assert_eq!(Account::parse("nothing"), None);
    }
}
