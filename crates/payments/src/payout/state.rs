//! The states of a Payout, and what the banks of test mode say to one.

use api::ApiError;
use api::params::Choice;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Status {
    Canceled,
    Failed,
    InTransit,
    Paid,
    Pending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Submit,
    Arrive,
    Refuse,
    Cancel,
    Reverse,
}

/// Which action leads from which state to which; none where the state stays.
pub const TABLE: &[(Action, Status, Status)] = &[
    (Action::Submit, Status::Pending, Status::InTransit),
    (Action::Arrive, Status::InTransit, Status::Paid),
    (Action::Refuse, Status::InTransit, Status::Failed),
    (Action::Cancel, Status::Pending, Status::Canceled),
    (Action::Reverse, Status::Paid, Status::Paid),
];

impl Status {
    /// Where an action leads to from here.
    pub fn after(self, action: Action) -> Option<Status> {
        let moves = TABLE.iter().find(|(known, from, _)| *known == action && *from == self);
        moves.map(|(_, _, to)| *to)
    }

    /// The same, or the refusal.
    pub fn check(self, action: Action) -> Result<Status, ApiError> {
        let verb = match action {
            Action::Submit => "submitted",
            Action::Arrive => "paid",
            Action::Refuse => "refused",
            Action::Cancel => "canceled",
            Action::Reverse => "reversed",
        };
        let status = self.as_str();
        self.after(action).ok_or_else(|| {
            ApiError::invalid(format!("Payouts with status {status} cannot be {verb}."))
        })
    }
}

/// Why a payout failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Failure {
    AccountClosed,
    AccountFrozen,
    DebitNotAuthorized,
    InsufficientFunds,
    InvalidCurrency,
    NoAccount,
}

/// The account number to which no instant payout goes.
pub const NOT_INSTANT: &str = "000888888883";

const NUMBERS: &[(&str, Failure)] = &[
    ("000111111116", Failure::NoAccount),
    ("000111111113", Failure::AccountClosed),
    ("000222222227", Failure::InsufficientFunds),
    ("000333333335", Failure::DebitNotAuthorized),
    ("000444444440", Failure::InvalidCurrency),
];

impl Failure {
    /// What the bank of an account with that number says.
    pub fn of(number: &str) -> Option<Failure> {
        NUMBERS.iter().find(|(known, _)| *known == number).map(|(_, failure)| *failure)
    }

    /// The failure of that code, which another product gives.
    pub fn of_code(code: &str) -> Failure {
        Failure::parse(code).unwrap_or(Failure::AccountClosed)
    }

    pub fn message(self) -> &'static str {
        match self {
            Failure::AccountClosed => "The bank account has been closed.",
            Failure::AccountFrozen => "The bank account has been frozen.",
            Failure::DebitNotAuthorized => "Debit transactions are not approved on the account.",
            Failure::InsufficientFunds => "The account has insufficient funds.",
            Failure::InvalidCurrency => {
                "The bank was unable to process this because of its currency."
            }
            Failure::NoAccount => {
                "The bank account details on file are probably incorrect. No bank account could be \
                 located with those details."
            }
        }
    }
}

/// By what the bank of the receiver finds a payout: digits that follow from its id.
pub fn trace_of(id: &str) -> String {
    const DIGITS: usize = 15;
    let sum = id.bytes().fold(0u64, |sum, byte| sum.wrapping_mul(131).wrapping_add(byte.into()));
    let digits = format!("{sum:020}");
    digits.get(digits.len() - DIGITS..).unwrap_or(&digits).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_in_every_state() {
        use Action::*;
        use Status::*;
        let table = [
            (Pending, vec![(Submit, InTransit), (Cancel, Canceled)]),
            (InTransit, vec![(Arrive, Paid), (Refuse, Failed)]),
            (Paid, vec![(Reverse, Paid)]),
            (Failed, vec![]),
            (Canceled, vec![]),
        ];
        for (status, moves) in table {
            for action in [Submit, Arrive, Refuse, Cancel, Reverse] {
                let to = moves.iter().find(|(known, _)| *known == action).map(|(_, to)| *to);
                assert_eq!(status.after(action), to, "{action:?} in {status:?}");
                assert_eq!(status.check(action).is_ok(), to.is_some(), "{action:?} in {status:?}");
            }
        }
    }

    #[test]
    fn numbers_decide() {
        assert_eq!(Failure::of("000111111116"), Some(Failure::NoAccount));
        assert_eq!(Failure::of("000123456789"), None);
        assert_eq!(Failure::of_code("account_frozen"), Failure::AccountFrozen);
    }

    #[test]
    fn a_trace_is_fifteen_digits() {
        let trace = trace_of("po_1TestTest");
        assert_eq!(trace.len(), 15);
        assert!(trace.bytes().all(|byte| byte.is_ascii_digit()));
        assert_ne!(trace, trace_of("po_1TestTesu"));
    }
}
