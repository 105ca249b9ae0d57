//! What ReceivedCredits and ReceivedDebits have in common: somebody outside moved the money, it is
//! done or has failed from the start, and it can be reversed for a while.

use api::params::{Choice, Currency, Params};
use api::{ApiError, Json, object};
use exchequer_core::bank::{self, BANK_NAME, TEST_ROUTING_NUMBER};
use exchequer_core::billing::BillingDetails;
use serde::{Deserialize, Serialize};
use store::Millis;

use crate::calendar;
use crate::receipt;

/// What the test helpers' other side is called, and the end of its account number.
const NAME: &str = "Jane Austen";
const LAST4: &str = "6789";
/// What the money is for where nobody says it.
pub const DESCRIPTION: &str = "Stripe Test";
/// What fits the amount field of an ACH file.
pub const AMOUNT_MAX: i64 = 9_999_999_999;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Status {
    Succeeded,
    Failed,
}

impl Status {
    pub const ALL: [Status; 2] = [Status::Succeeded, Status::Failed];

    /// The value of the index by FinancialAccount.
    pub fn key(self, account: &str) -> String {
        format!("{account}:{}", self.as_str())
    }
}

/// Who moved the money: the sender of a credit, or whoever pulled a debit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initiator {
    UsBankAccount {
        #[serde(flatten)]
        billing_details: Box<BillingDetails>,
        last4: String,
        routing_number: String,
    },
    /// Its id; it can be of any account of the platform.
    FinancialAccount(String),
    /// The balance of the account's payments.
    Payments,
}

impl Initiator {
    pub fn name(&self) -> Option<&str> {
        match self {
            Initiator::UsBankAccount { billing_details, .. } => billing_details.name.as_deref(),
            Initiator::FinancialAccount(_) | Initiator::Payments => None,
        }
    }

    pub fn last4(&self) -> Option<&str> {
        match self {
            Initiator::UsBankAccount { last4, .. } => Some(last4),
            Initiator::FinancialAccount(id) => Some(receipt::last4(id)),
            Initiator::Payments => None,
        }
    }

    /// The value of `initiating_payment_method_details`.
    pub fn render(&self) -> Json {
        match self {
            Initiator::UsBankAccount { billing_details, last4, routing_number } => object([
                ("billing_details", billing_details.render_for_treasury()),
                ("type", "us_bank_account".into()),
                (
                    "us_bank_account",
                    object([
                        ("bank_name", BANK_NAME.into()),
                        ("last4", Json::from(last4)),
                        ("routing_number", Json::from(routing_number)),
                    ]),
                ),
            ]),
            Initiator::FinancialAccount(id) => object([
                ("billing_details", BillingDetails::default().render_for_treasury()),
                (
                    "financial_account",
                    object([("id", Json::from(id)), ("network", "stripe".into())]),
                ),
                ("type", "financial_account".into()),
            ]),
            Initiator::Payments => object([
                ("balance", "payments".into()),
                ("billing_details", BillingDetails::default().render_for_treasury()),
                ("type", "balance".into()),
            ]),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum InitiatorType {
    UsBankAccount,
}

#[derive(Clone, Default, Params)]
pub struct InitiatorBankAccount {
    /// The name of whoever moves the money.
    pub account_holder_name: Option<String>,
    /// The number of their bank account; only its end is kept.
    pub account_number: Option<String>,
    /// The routing number of that bank.
    pub routing_number: Option<String>,
}

#[derive(Clone, Params)]
pub struct InitiatorParams {
    /// What kind of account is on the other side: a bank account.
    pub r#type: InitiatorType,
    /// The bank account; what is not given is made up.
    pub us_bank_account: Option<InitiatorBankAccount>,
}

impl Initiator {
    /// The other side of what a test helper moves.
    pub fn of(params: Option<&InitiatorParams>) -> Initiator {
        let account = match params {
            Some(InitiatorParams { r#type: InitiatorType::UsBankAccount, us_bank_account }) => {
                us_bank_account.clone().unwrap_or_default()
            }
            None => InitiatorBankAccount::default(),
        };
        let last4 = account.account_number.as_deref().map(bank::last4);
        let or = |given: Option<String>, default: &str| given.unwrap_or_else(|| default.to_owned());
        let name = Some(or(account.account_holder_name, NAME));
        Initiator::UsBankAccount {
            billing_details: BillingDetails { name, ..BillingDetails::default() }.into(),
            last4: or(last4, LAST4),
            routing_number: or(account.routing_number, TEST_ROUTING_NUMBER),
        }
    }
}

/// The refusal of every currency but the one that FinancialAccounts hold.
pub fn check_currency(currency: Currency) -> Result<(), ApiError> {
    if currency == Currency::USD {
        return Ok(());
    }
    Err(Currency::refusal(currency.as_str(), &["usd"], "currency"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum RestrictedReason {
    AlreadyReversed,
    DeadlinePassed,
    NetworkRestricted,
    SourceFlowRestricted,
}

/// Whether, and until when, something received can be reversed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reversal {
    /// In seconds.
    pub deadline: Option<i64>,
    /// None: it can be reversed now.
    pub restricted_reason: Option<RestrictedReason>,
}

impl Reversal {
    pub fn restricted(reason: RestrictedReason) -> Reversal {
        Reversal { deadline: None, restricted_reason: Some(reason) }
    }

    /// What came or went by ach is reversed until its deadline. `now` is in seconds.
    pub fn by_ach(created: Millis, now: i64) -> Reversal {
        let deadline = calendar::reversal_deadline(created);
        let is_late = now >= deadline;
        Reversal {
            deadline: Some(deadline),
            restricted_reason: is_late.then_some(RestrictedReason::DeadlinePassed),
        }
    }

    /// The same once it has been reversed: its deadline stays.
    pub fn done(self) -> Reversal {
        Reversal { restricted_reason: Some(RestrictedReason::AlreadyReversed), ..self }
    }

    /// The value of `reversal_details`.
    pub fn render(&self) -> Json {
        object([
            ("deadline", self.deadline.into()),
            ("restricted_reason", self.restricted_reason.into()),
        ])
    }
}

/// The refusal of a reversal that is restricted. What failed has moved nothing that could be
/// reversed.
pub fn check_reversible(reversal: Option<Reversal>, title: &str) -> Result<(), ApiError> {
    let why = match reversal.map(|reversal| reversal.restricted_reason) {
        Some(None) => return Ok(()),
        Some(Some(reason)) => reason.as_str(),
        None => "it failed",
    };
    Err(ApiError::transition(format!("This {title} cannot be reversed: {why}.")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_told_about_the_other_side_is_made_up() {
        let told = Initiator::of(None);
        assert_eq!((told.name(), told.last4()), (Some("Jane Austen"), Some("6789")));
        let kept = serde_json::to_value(&told).unwrap();
        let bank = serde_json::json!({
            "name": "Jane Austen",
            "last4": "6789",
            "routing_number": "110000000",
        });
        assert_eq!(kept, serde_json::json!({"us_bank_account": bank}));
        assert_eq!(serde_json::from_value::<Initiator>(kept).unwrap(), told);
        let account = InitiatorBankAccount {
            account_number: Some("000999991234".into()),
            ..InitiatorBankAccount::default()
        };
        let r#type = InitiatorType::UsBankAccount;
        let told = Initiator::of(Some(&InitiatorParams { r#type, us_bank_account: Some(account) }));
        assert_eq!((told.name(), told.last4()), (Some("Jane Austen"), Some("1234")));
    }
}
