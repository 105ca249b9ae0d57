//! What test mode lets become of an outbound flow, by the token or account number it goes to.

use api::params::Choice;
use exchequer_core::bank::TEST_ROUTING_NUMBER;

/// What a bank may say when it sends money back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum ReturnCode {
    AccountClosed,
    AccountFrozen,
    BankAccountRestricted,
    BankOwnershipChanged,
    Declined,
    IncorrectAccountHolderName,
    InvalidAccountNumber,
    InvalidCurrency,
    NoAccount,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Posted,
    /// Nothing happens until a test helper is called.
    Waits,
    /// It is announced a day later, then posted.
    Delayed,
    Canceled,
    Failed,
    /// Posted, then sent back.
    Returned(ReturnCode),
}

/// How a test token behaves (`pm_usBankAccount` itself is the one for `success`), and the account
/// number at the test bank that means the same. All others wait.
pub const OUTCOMES: &[(&str, &str, Outcome)] = &[
    ("success", "000123456789", Outcome::Posted),
    ("processing", "000000000009", Outcome::Waits),
    ("expectedArrivalDateUpdated", "000123457890", Outcome::Delayed),
    ("canceledByUser", "000000000123", Outcome::Canceled),
    ("internalFailure", "000000000234", Outcome::Failed),
    ("accountClosed", "000111111113", Outcome::Returned(ReturnCode::AccountClosed)),
    ("noAccount", "000111111116", Outcome::Returned(ReturnCode::NoAccount)),
    ("invalidAccountNumber", "000111111119", Outcome::Returned(ReturnCode::InvalidAccountNumber)),
];

/// A valid routing number whose bank takes no wires. Published lists name none for test mode; this
/// one is ours.
pub const ROUTING_NUMBER_WITHOUT_WIRES: &str = "110000013";

impl Outcome {
    pub fn of_behavior(behavior: &str) -> Outcome {
        let known = OUTCOMES.iter().find(|(name, _, _)| *name == behavior);
        known.map_or(Outcome::Waits, |(_, _, outcome)| *outcome)
    }

    pub fn of_account(routing_number: &str, account_number: &str) -> Outcome {
        if routing_number != TEST_ROUTING_NUMBER {
            return Outcome::Waits;
        }
        let known = OUTCOMES.iter().find(|(_, number, _)| *number == account_number);
        known.map_or(Outcome::Waits, |(_, _, outcome)| *outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_numbers_mean_the_same() {
        for (behavior, number, outcome) in OUTCOMES {
            assert_eq!(Outcome::of_behavior(behavior), *outcome);
            assert_eq!(Outcome::of_account(TEST_ROUTING_NUMBER, number), *outcome);
            assert_eq!(Outcome::of_account("021000021", number), Outcome::Waits);
        }
        assert_eq!(Outcome::of_behavior("dispute"), Outcome::Waits);
        assert_eq!(Outcome::of_account(TEST_ROUTING_NUMBER, "0009"), Outcome::Waits);
    }

    #[test]
    fn the_bank_without_wires_exists() {
        assert!(exchequer_core::bank::is_routing_number(ROUTING_NUMBER_WITHOUT_WIRES));
    }
}
