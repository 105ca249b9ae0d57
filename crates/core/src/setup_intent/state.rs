//! The states of a SetupIntent, what moves it between them, and what the outside is told when a
//! move fails.

use api::error::ErrorType;
use api::params::Choice;
use api::{ApiError, Json, Result, View, object};
use serde::{Deserialize, Serialize};

use crate::payment_method::PaymentMethod;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Status {
    Canceled,
    Processing,
    RequiresAction,
    RequiresConfirmation,
    RequiresPaymentMethod,
    Succeeded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Changing more than description and metadata.
    Update,
    Confirm,
    VerifyMicrodeposits,
    Cancel,
}

/// In which states an action is possible.
pub const TABLE: &[(Action, &[Status])] = &[
    (
        Action::Update,
        &[Status::RequiresPaymentMethod, Status::RequiresConfirmation, Status::RequiresAction],
    ),
    (Action::Confirm, &[Status::RequiresPaymentMethod, Status::RequiresConfirmation]),
    (Action::VerifyMicrodeposits, &[Status::RequiresAction]),
    (
        Action::Cancel,
        &[Status::RequiresPaymentMethod, Status::RequiresConfirmation, Status::RequiresAction],
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
            Action::Update => "update",
            Action::Confirm => "confirm",
            Action::VerifyMicrodeposits => "verify microdeposits for",
            Action::Cancel => "cancel",
        };
        let status = self.as_str();
        Err(unexpected_state(format!(
            "You cannot {verb} this SetupIntent because it has a status of {status}."
        )))
    }
}

pub fn unexpected_state(message: impl Into<String>) -> ApiError {
    ApiError::invalid(message).code("setup_intent_unexpected_state")
}

/// Why the last attempt failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetupError {
    pub code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline_code: Option<String>,
    pub message: String,
    pub is_card_error: bool,
    /// The PaymentMethod that was tried.
    pub payment_method: String,
}

impl SetupError {
    pub fn of(error: &ApiError, payment_method: &str) -> SetupError {
        let decline_code = error.extra.iter().find(|(name, _)| *name == "decline_code");
        let decline_code = decline_code.and_then(|(_, value)| value.as_str());
        SetupError {
            code: error.code.unwrap_or_default().to_owned(),
            decline_code: decline_code.map(str::to_owned),
            message: error.message.clone(),
            is_card_error: error.kind == ErrorType::CardError,
            payment_method: payment_method.to_owned(),
        }
    }

    pub fn render(&self, view: &View<'_>) -> Result<Json> {
        let page = self.code.replace('_', "-");
        let kind =
            if self.is_card_error { ErrorType::CardError } else { ErrorType::InvalidRequestError };
        let mut json = object([
            ("code", (&self.code).into()),
            ("doc_url", format!("https://stripe.com/docs/error-codes/{page}").into()),
            ("message", (&self.message).into()),
            ("type", kind.as_str().into()),
        ]);
        if let Some(decline_code) = &self.decline_code {
            json.set("decline_code", decline_code.into());
        }
        if let Some(method) = view.load::<PaymentMethod>(&self.payment_method)? {
            json.set("payment_method", view.render(&*method)?);
            json.set("payment_method_type", method.kind_name().into());
        }
        Ok(json)
    }
}

/// What a verification by microdeposits says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    Yes,
    /// Wrong; it may be tried again.
    Mismatch(&'static str),
    /// Over: another PaymentMethod is needed.
    Failed(&'static str),
}

const ATTEMPTS_EXCEEDED: &str = "payment_method_microdeposit_verification_attempts_exceeded";
pub const TIMEOUT: &str = "payment_method_microdeposit_verification_timeout";

/// The two amounts, whatever their order.
pub fn verify_amounts(amounts: [i64; 2]) -> Verified {
    let [first, second] = amounts;
    match (first.min(second), first.max(second)) {
        (32, 45) => Verified::Yes,
        (10, 11) => Verified::Failed(ATTEMPTS_EXCEEDED),
        (40, 41) => Verified::Failed(TIMEOUT),
        _ => Verified::Mismatch("payment_method_microdeposit_verification_amounts_mismatch"),
    }
}

pub fn verify_descriptor_code(code: &str) -> Verified {
    match code {
        "SM11AA" => Verified::Yes,
        "SM33CC" => Verified::Failed(ATTEMPTS_EXCEEDED),
        "SM44DD" => Verified::Failed(TIMEOUT),
        _ => {
            Verified::Mismatch("payment_method_microdeposit_verification_descriptor_code_mismatch")
        }
    }
}

/// The error that goes with a code of a failed verification.
pub fn verification_error(code: &'static str) -> ApiError {
    let message = match code {
        ATTEMPTS_EXCEEDED => "You have exceeded the number of allowed verification attempts.",
        TIMEOUT => "The time in which the microdeposits could be verified is over.",
        "payment_method_microdeposit_failed" => {
            "Microdeposit transfers failed. Please check the account, institution and transit \
             numbers provided."
        }
        "payment_method_microdeposit_verification_descriptor_code_mismatch" => {
            "The descriptor code provided does not match the one sent to the bank account."
        }
        _ => "The amounts provided do not match the amounts that were sent to the bank account.",
    };
    ApiError::invalid(message).code(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_in_every_state() {
        use Action::*;
        use Status::*;
        let table = [
            (RequiresPaymentMethod, vec![Update, Confirm, Cancel]),
            (RequiresConfirmation, vec![Update, Confirm, Cancel]),
            (RequiresAction, vec![Update, VerifyMicrodeposits, Cancel]),
            (Processing, vec![]),
            (Succeeded, vec![]),
            (Canceled, vec![]),
        ];
        for (status, allowed) in table {
            for action in [Update, Confirm, VerifyMicrodeposits, Cancel] {
                let is_allowed = status.check(action).is_ok();
                assert_eq!(is_allowed, allowed.contains(&action), "{action:?} in {status:?}");
            }
        }
    }

    #[test]
    fn what_microdeposits_say() {
        let amounts = [
            ([32, 45], Verified::Yes),
            ([45, 32], Verified::Yes),
            ([10, 11], Verified::Failed(ATTEMPTS_EXCEEDED)),
            ([40, 41], Verified::Failed(TIMEOUT)),
        ];
        for (amounts, verified) in amounts {
            assert_eq!(verify_amounts(amounts), verified, "{amounts:?}");
        }
        assert!(matches!(verify_amounts([1, 2]), Verified::Mismatch(_)));
        assert_eq!(verify_descriptor_code("SM11AA"), Verified::Yes);
        assert_eq!(verify_descriptor_code("SM33CC"), Verified::Failed(ATTEMPTS_EXCEEDED));
        assert_eq!(verify_descriptor_code("SM44DD"), Verified::Failed(TIMEOUT));
        assert!(matches!(verify_descriptor_code("SM00XX"), Verified::Mismatch(_)));
    }
}
