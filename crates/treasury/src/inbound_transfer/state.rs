//! What an InboundTransfer is, and the table of what can be done with it.
//!
//! ```text
//!                ┌─ cancel ──▶ canceled
//!   processing ──┼─ fail ────▶ failed
//!                ├─ succeed ─▶ succeeded ── return ─▶ succeeded, and returned
//!                └─ submit ──▶ submitted, which can fail and succeed
//! ```
//! What is submitted is `processing` to the API, and can no longer be canceled.
//!
//! The functions here decide and change nothing but the value they are given.

use std::collections::BTreeMap;

use api::ApiError;
use api::params::Choice;
use ledger::Amount;
use serde::{Deserialize, Serialize};
use store::Millis;

use super::origin::Origin;
use crate::rails::FileEntry;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Status {
    Canceled,
    Failed,
    Processing,
    Succeeded,
}

impl Status {
    pub const VALUES: [Status; 4] =
        [Status::Canceled, Status::Failed, Status::Processing, Status::Succeeded];

    /// The value of the index by FinancialAccount.
    pub fn key(self, account: &str) -> String {
        format!("{account}:{}", self.as_str())
    }
}

/// Why a bank gives nothing, or takes back what it gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum FailureCode {
    AccountClosed,
    AccountFrozen,
    BankAccountRestricted,
    BankOwnershipChanged,
    DebitNotAuthorized,
    IncorrectAccountHolderAddress,
    IncorrectAccountHolderName,
    IncorrectAccountHolderTaxId,
    InsufficientFunds,
    InvalidAccountNumber,
    InvalidCurrency,
    NoAccount,
    Other,
}

/// Where a transfer is in its life; each stage knows what is true only then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The bank has not answered; nothing has moved.
    Processing,
    /// It was handed over then.
    Submitted(Millis),
    Canceled(Millis),
    Failed {
        at: Millis,
        code: FailureCode,
    },
    Succeeded {
        at: Millis,
        transaction: String,
    },
    /// The bank took it back. To the API it has succeeded all the same.
    Returned {
        succeeded_at: Millis,
        transaction: String,
        code: FailureCode,
        received_debit: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum StageName {
    Canceled,
    Failed,
    Processing,
    Returned,
    Submitted,
    Succeeded,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InboundTransfer {
    pub id: String,
    pub created: Millis,
    pub financial_account: String,
    pub amount: Amount,
    pub origin: Origin,
    pub stage: Stage,
    /// Whether the bank moves it by the clock.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settles: bool,
    /// The entry that it was handed over as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<FileEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// What stands on the bank's statement, unless it is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement_descriptor: Option<String>,
}

/// What stands on the bank's statement where nothing was given.
pub const DESCRIPTOR_DEFAULT: &str = "transfer";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Action {
    Cancel,
    Fail,
    Return,
    /// Hands it over to the network; only the bank does.
    Submit,
    Succeed,
}

pub struct Rule {
    pub from: StageName,
    pub action: Action,
    pub to: StageName,
}

/// All that is allowed. What is not here is refused.
pub const RULES: &[Rule] = {
    use StageName::{Canceled, Failed, Processing, Returned, Submitted, Succeeded};
    const fn rule(from: StageName, action: Action, to: StageName) -> Rule {
        Rule { from, action, to }
    }
    &[
        rule(Processing, Action::Cancel, Canceled),
        rule(Processing, Action::Fail, Failed),
        rule(Processing, Action::Submit, Submitted),
        rule(Processing, Action::Succeed, Succeeded),
        rule(Submitted, Action::Fail, Failed),
        rule(Submitted, Action::Succeed, Succeeded),
        rule(Succeeded, Action::Return, Returned),
    ]
};

/// An action that the table does not have for a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal(pub Action, pub StageName);

impl From<Refusal> for ApiError {
    fn from(Refusal(action, stage): Refusal) -> Self {
        let (action, stage) = (action.as_str(), stage.as_str());
        ApiError::transition(format!(
            "The action {action} is not possible for an InboundTransfer that is {stage}."
        ))
    }
}

impl Stage {
    pub fn name(&self) -> StageName {
        match self {
            Stage::Processing => StageName::Processing,
            Stage::Submitted(_) => StageName::Submitted,
            Stage::Canceled(_) => StageName::Canceled,
            Stage::Failed { .. } => StageName::Failed,
            Stage::Succeeded { .. } => StageName::Succeeded,
            Stage::Returned { .. } => StageName::Returned,
        }
    }

    pub fn canceled_at(&self) -> Option<Millis> {
        if let Stage::Canceled(at) = self { Some(*at) } else { None }
    }

    pub fn failed_at(&self) -> Option<Millis> {
        if let Stage::Failed { at, .. } = self { Some(*at) } else { None }
    }

    pub fn succeeded_at(&self) -> Option<Millis> {
        match self {
            Stage::Succeeded { at, .. } | Stage::Returned { succeeded_at: at, .. } => Some(*at),
            _ => None,
        }
    }

    /// The Transaction that brought the money.
    pub fn transaction(&self) -> Option<&String> {
        match self {
            Stage::Succeeded { transaction, .. } | Stage::Returned { transaction, .. } => {
                Some(transaction)
            }
            _ => None,
        }
    }

    /// Why the money did not come, or did not stay.
    pub fn failure_code(&self) -> Option<FailureCode> {
        match self {
            Stage::Failed { code, .. } | Stage::Returned { code, .. } => Some(*code),
            _ => None,
        }
    }

    pub fn received_debit(&self) -> Option<&String> {
        if let Stage::Returned { received_debit, .. } = self { Some(received_debit) } else { None }
    }
}

impl InboundTransfer {
    pub fn status(&self) -> Status {
        match self.stage.name() {
            StageName::Canceled => Status::Canceled,
            StageName::Failed => Status::Failed,
            StageName::Processing | StageName::Submitted => Status::Processing,
            StageName::Returned | StageName::Succeeded => Status::Succeeded,
        }
    }

    pub fn statement_descriptor(&self) -> &str {
        self.statement_descriptor.as_deref().unwrap_or(DESCRIPTOR_DEFAULT)
    }

    /// Whether it can still be called back: until the network has it.
    pub fn is_cancelable(&self) -> bool {
        self.check(Action::Cancel).is_ok()
    }

    /// Whether an action is taken now.
    pub fn check(&self, action: Action) -> Result<(), Refusal> {
        let stage = self.stage.name();
        let rule = RULES.iter().find(|rule| rule.from == stage && rule.action == action);
        rule.map(|_| ()).ok_or(Refusal(action, stage))
    }

    pub fn cancel(self, now: Millis) -> Result<Self, Refusal> {
        self.step(Action::Cancel, Stage::Canceled(now))
    }

    pub fn fail(self, now: Millis, code: FailureCode) -> Result<Self, Refusal> {
        self.step(Action::Fail, Stage::Failed { at: now, code })
    }

    pub fn submit(self, now: Millis) -> Result<Self, Refusal> {
        self.step(Action::Submit, Stage::Submitted(now))
    }

    /// `transaction` brought the money.
    pub fn succeed(self, now: Millis, transaction: String) -> Result<Self, Refusal> {
        self.step(Action::Succeed, Stage::Succeeded { at: now, transaction })
    }

    /// `received_debit` took the money away again.
    pub fn return_(self, code: FailureCode, received_debit: String) -> Result<Self, Refusal> {
        let Stage::Succeeded { at, transaction } = self.stage else {
            return Err(Refusal(Action::Return, self.stage.name()));
        };
        let stage = Stage::Returned { succeeded_at: at, transaction, code, received_debit };
        Ok(InboundTransfer { stage, ..self })
    }

    fn step(self, action: Action, stage: Stage) -> Result<Self, Refusal> {
        self.check(action)?;
        Ok(InboundTransfer { stage, ..self })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn transfer(stage: Stage) -> InboundTransfer {
        let origin = serde_json::json!({"bank": {
            "network": "ach",
            "payment_method": "pm_1",
            "routing_number": "110000000",
            "last4": "6789",
            "fingerprint": "f",
            "billing_details": exchequer_core::billing::BillingDetails::default(),
        }});
        InboundTransfer {
            id: "ibt_1".into(),
            created: 1_000,
            financial_account: "fa_1".into(),
            amount: Amount::new(700).unwrap(),
            origin: serde_json::from_value(origin).unwrap(),
            stage,
            settles: false,
            entry: None,
            description: None,
            metadata: BTreeMap::new(),
            statement_descriptor: None,
        }
    }

    fn stages() -> [Stage; 6] {
        let code = FailureCode::NoAccount;
        [
            Stage::Processing,
            Stage::Submitted(2_000),
            Stage::Canceled(2_000),
            Stage::Failed { at: 2_000, code },
            Stage::Succeeded { at: 2_000, transaction: "trxn_1".into() },
            Stage::Returned {
                succeeded_at: 2_000,
                transaction: "trxn_1".into(),
                code,
                received_debit: "rd_1".into(),
            },
        ]
    }

    fn act(transfer: InboundTransfer, action: Action) -> Result<InboundTransfer, Refusal> {
        match action {
            Action::Cancel => transfer.cancel(3_000),
            Action::Fail => transfer.fail(3_000, FailureCode::Other),
            Action::Return => transfer.return_(FailureCode::Other, "rd_1".into()),
            Action::Submit => transfer.submit(3_000),
            Action::Succeed => transfer.succeed(3_000, "trxn_1".into()),
        }
    }

    #[test]
    fn every_stage_and_action() {
        use Action::{Cancel, Fail, Return, Submit, Succeed};
        use StageName::{Canceled, Failed, Processing, Returned, Submitted, Succeeded};
        for stage in stages() {
            let name = stage.name();
            for action in [Cancel, Fail, Return, Submit, Succeed] {
                let expected = match (name, action) {
                    (Processing, Cancel) => Ok(Canceled),
                    (Processing, Submit) => Ok(Submitted),
                    (Processing | Submitted, Fail) => Ok(Failed),
                    (Processing | Submitted, Succeed) => Ok(Succeeded),
                    (Succeeded, Return) => Ok(Returned),
                    _ => Err(Refusal(action, name)),
                };
                let found = act(transfer(stage.clone()), action).map(|next| next.stage.name());
                assert_eq!(found, expected, "{name:?} {action:?}");
            }
        }
    }

    #[test]
    fn what_each_stage_shows() {
        let shown = stages().map(|stage| {
            let transfer = transfer(stage);
            let stage = &transfer.stage;
            let times = [stage.canceled_at(), stage.failed_at(), stage.succeeded_at()];
            (transfer.status(), times.map(|at| at.is_some()), stage.failure_code().is_some())
        });
        let expected = [
            (Status::Processing, [false, false, false], false),
            (Status::Processing, [false, false, false], false),
            (Status::Canceled, [true, false, false], false),
            (Status::Failed, [false, true, false], true),
            (Status::Succeeded, [false, false, true], false),
            (Status::Succeeded, [false, false, true], true),
        ];
        assert_eq!(shown, expected);
        let has =
            stages().map(|stage| (stage.transaction().is_some(), stage.received_debit().is_some()));
        let none = (false, false);
        assert_eq!(has, [none, none, none, none, (true, false), (true, true)]);
    }
}
