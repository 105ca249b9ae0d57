//! The states of a PaymentIntent, and what can be done in each.

use api::ApiError;
use api::params::Choice;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Status {
    Canceled,
    RequiresAction,
    RequiresCapture,
    RequiresConfirmation,
    RequiresPaymentMethod,
    Succeeded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Changing who pays, and by what.
    Update,
    /// Changing what is paid.
    Reprice,
    Confirm,
    Capture,
    Cancel,
}

const BEFORE_PAYMENT: &[Status] =
    &[Status::RequiresPaymentMethod, Status::RequiresConfirmation, Status::RequiresAction];

/// In which states an action is possible.
pub const TABLE: &[(Action, &[Status])] = &[
    (Action::Update, BEFORE_PAYMENT),
    (Action::Reprice, BEFORE_PAYMENT),
    (Action::Confirm, &[Status::RequiresPaymentMethod, Status::RequiresConfirmation]),
    (Action::Capture, &[Status::RequiresCapture]),
    (
        Action::Cancel,
        &[
            Status::RequiresPaymentMethod,
            Status::RequiresConfirmation,
            Status::RequiresAction,
            Status::RequiresCapture,
        ],
    ),
];

impl Status {
    pub fn allows(self, action: Action) -> bool {
        TABLE.iter().any(|(known, statuses)| *known == action && statuses.contains(&self))
    }

    pub fn check(self, action: Action) -> Result<(), ApiError> {
        if self.allows(action) {
            return Ok(());
        }
        let verb = match action {
            Action::Update | Action::Reprice => "update",
            Action::Confirm => "confirm",
            Action::Capture => "capture",
            Action::Cancel => "cancel",
        };
        let status = self.as_str();
        Err(unexpected_state(format!(
            "You cannot {verb} this PaymentIntent because it has a status of {status}."
        )))
    }
}

pub fn unexpected_state(message: impl Into<String>) -> ApiError {
    ApiError::invalid(message).code("payment_intent_unexpected_state")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_in_every_state() {
        use Action::*;
        use Status::*;
        let table = [
            (RequiresPaymentMethod, vec![Update, Reprice, Confirm, Cancel]),
            (RequiresConfirmation, vec![Update, Reprice, Confirm, Cancel]),
            (RequiresAction, vec![Update, Reprice, Cancel]),
            (RequiresCapture, vec![Capture, Cancel]),
            (Succeeded, vec![]),
            (Canceled, vec![]),
        ];
        for (status, allowed) in table {
            for action in [Update, Reprice, Confirm, Capture, Cancel] {
                let is_allowed = status.check(action).is_ok();
                assert_eq!(is_allowed, allowed.contains(&action), "{action:?} in {status:?}");
            }
        }
    }
}
