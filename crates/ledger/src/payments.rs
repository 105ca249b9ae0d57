//! The parts of a payments balance, in one currency.

use serde::{Deserialize, Serialize};

use crate::{Account, LedgerError, Posting};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// What can be paid out now.
    Available,
    /// What was taken in and can be paid out later.
    Pending,
    /// Payouts on their way to a bank; less than none while one is being pulled back.
    InTransit,
}

/// A change of the parts, or what they hold. Each may be less than none: a refund is given back
/// even where the money for it has been paid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funds {
    pub available: i64,
    pub pending: i64,
    pub in_transit: i64,
}

impl Funds {
    /// What a posting does to the parts.
    pub fn impact(posting: &Posting) -> Funds {
        let mut impact = Funds::default();
        let amount = posting.amount.minor_units();
        for (account, change) in [(posting.from, -amount), (posting.to, amount)] {
            if let Account::Payments(part) = account {
                *impact.part_mut(part) += change;
            }
        }
        impact
    }

    fn part_mut(&mut self, part: Part) -> &mut i64 {
        match part {
            Part::Available => &mut self.available,
            Part::Pending => &mut self.pending,
            Part::InTransit => &mut self.in_transit,
        }
    }

    /// What belongs to the account: money in transit has left it.
    pub fn owned(&self) -> Option<i64> {
        self.available.checked_add(self.pending)
    }

    pub fn plus(&self, other: &Funds) -> Result<Funds, LedgerError> {
        let add = |a: i64, b: i64| a.checked_add(b).ok_or(LedgerError::Overflow);
        Ok(Funds {
            available: add(self.available, other.available)?,
            pending: add(self.pending, other.pending)?,
            in_transit: add(self.in_transit, other.in_transit)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Amount, Contra};

    const AVAILABLE: Account = Account::Payments(Part::Available);
    const IN_TRANSIT: Account = Account::Payments(Part::InTransit);
    const BANK: Account = Account::Contra(Contra::AchClearing);

    fn posting(from: Account, to: Account) -> Posting {
        Posting::new(from, to, Amount::new(700).unwrap())
    }

    #[test]
    fn a_payout_leaves_in_two_steps() {
        let held = Funds { available: 1_000, ..Funds::default() };
        let sent = held.plus(&Funds::impact(&posting(AVAILABLE, IN_TRANSIT))).unwrap();
        assert_eq!(sent, Funds { available: 300, pending: 0, in_transit: 700 });
        assert_eq!(sent.owned(), Some(300));
        let arrived = sent.plus(&Funds::impact(&posting(IN_TRANSIT, BANK))).unwrap();
        assert_eq!(arrived, Funds { available: 300, ..Funds::default() });
    }

    #[test]
    fn what_is_pulled_back_is_first_missing_on_the_way() {
        let pulled = Funds::impact(&posting(IN_TRANSIT, Account::Payments(Part::Pending)));
        assert_eq!(pulled, Funds { available: 0, pending: 700, in_transit: -700 });
        assert_eq!(pulled.owned(), Some(700));
    }

    #[test]
    fn sums_are_checked() {
        let full = Funds { available: i64::MAX, pending: 1, in_transit: 0 };
        assert_eq!(full.owned(), None);
        let more = Funds { available: 1, ..Funds::default() };
        assert_eq!(full.plus(&more), Err(LedgerError::Overflow));
    }
}
