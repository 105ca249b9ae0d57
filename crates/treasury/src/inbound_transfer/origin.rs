//! Where an InboundTransfer takes its money: a bank account of the owner's own, which was verified
//! and may be debited.

use std::sync::Arc;

use api::{ApiError, Json, Resource, Result, Tx, View, object};
use exchequer_core::bank::BankAccount;
use exchequer_core::bank_account::BankAccount as LegacyBankAccount;
use exchequer_core::billing::BillingDetails;
use exchequer_core::mandate;
use exchequer_core::payment_method::{self, FlowDirection, PaymentMethod};
use serde::{Deserialize, Serialize};

use super::state::FailureCode;
use crate::destination::{Network, UsBankAccount};
use crate::received::Initiator;
use crate::transaction;

const PARAM: &str = "origin_payment_method";

/// The bank account as it was when the transfer was created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    pub bank: Box<UsBankAccount>,
    /// The permission to debit it; test tokens need none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mandate: Option<String>,
}

/// What test mode lets become of a transfer by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing happens until a test helper is called.
    Waits,
    Succeeds,
    Fails(FailureCode),
    /// It succeeds, and then its bank takes it back.
    IsDisputed,
}

/// How test tokens behave, by the end of their names (`pm_usBankAccount` itself is the one for
/// `success`). Those that mean something to outbound flows alone wait.
pub const OUTCOMES: &[(&str, Outcome)] = &[
    ("success", Outcome::Succeeds),
    ("internalFailure", Outcome::Fails(FailureCode::Other)),
    ("accountClosed", Outcome::Fails(FailureCode::AccountClosed)),
    ("noAccount", Outcome::Fails(FailureCode::NoAccount)),
    ("invalidAccountNumber", Outcome::Fails(FailureCode::InvalidAccountNumber)),
    ("insufficientFunds", Outcome::Fails(FailureCode::InsufficientFunds)),
    ("debitNotAuthorized", Outcome::Fails(FailureCode::DebitNotAuthorized)),
    ("invalidCurrency", Outcome::Fails(FailureCode::InvalidCurrency)),
    ("dispute", Outcome::IsDisputed),
    // Not being fit for the same day matters only to those who ask for it.
    ("sameDayACHIneligible", Outcome::Succeeds),
];

impl Outcome {
    /// By what the PaymentMethod's token says; one that was described by its owner has none.
    fn of_behavior(behavior: Option<&str>) -> Outcome {
        let Some(behavior) = behavior else { return Outcome::Succeeds };
        let known = OUTCOMES.iter().find(|(name, _)| *name == behavior);
        known.map_or(Outcome::Waits, |(_, outcome)| *outcome)
    }
}

/// The origin that a request names, and what will become of what is taken from there.
pub fn resolve(tx: &mut Tx<'_>, id: &str) -> Result<(Origin, Outcome)> {
    if api::resource::is_id_of::<LegacyBankAccount>(id) {
        return of_external_account(tx, id);
    }
    let method = match payment_method::mint(tx, id, None)? {
        Some(minted) => minted,
        None => tx.reference::<PaymentMethod>(id, PARAM)?,
    };
    let account = debitable(&method)?;
    let mandate = mandate::active_of(tx, method.id())?;
    if mandate.is_none() && method.test_behavior.is_none() {
        return Err(unexpected("There is no active mandate to debit the PaymentMethod.").into());
    }
    // Without what no flow shows.
    let shown = BillingDetails { phone: None, tax_id: None, ..method.billing_details.clone() };
    let mut bank = UsBankAccount::new(account, shown, Network::Ach).for_files(tx, account);
    bank.payment_method = Some(method.id().to_owned());
    let outcome = if tx.livemode() {
        Outcome::Waits
    } else {
        Outcome::of_behavior(method.test_behavior.as_deref())
    };
    let mandate = mandate.map(|mandate| mandate.id().to_owned());
    Ok((Origin { bank: bank.into(), mandate }, outcome))
}

/// An account's own bank account that was added the older way: verified, it needs no more.
fn of_external_account(view: &View<'_>, id: &str) -> Result<(Origin, Outcome)> {
    let external = view.reference::<LegacyBankAccount>(id, PARAM)?;
    if external.customer().is_some() {
        return Err(unexpected("The bank account must be the account's own.").into());
    }
    if !external.is_verified() {
        return Err(unexpected("The bank account has to be verified.").into());
    }
    let name = external.account_holder_name.clone();
    let shown = BillingDetails { name, ..BillingDetails::default() };
    let numbers = &external.numbers;
    let mut bank = UsBankAccount::new(numbers, shown, Network::Ach).for_files(view, numbers);
    bank.payment_method = Some(external.id.clone());
    let outcome = if view.livemode() { Outcome::Waits } else { Outcome::Succeeds };
    Ok((Origin { bank: bank.into(), mandate: None }, outcome))
}

/// The bank account of a PaymentMethod that may be debited for its owner.
fn debitable(method: &Arc<PaymentMethod>) -> Result<&BankAccount, ApiError> {
    let Some(account) = method.bank() else {
        let message = "An InboundTransfer comes from a PaymentMethod of the type us_bank_account.";
        return Err(ApiError::param("payment_method_unsupported_type", PARAM, message));
    };
    if !method.is_of_account() {
        return Err(unexpected(
            "The PaymentMethod must be the account's own: set it up by a SetupIntent with \
             attach_to_self.",
        ));
    }
    if !method.allows(FlowDirection::Inbound) {
        return Err(unexpected("The PaymentMethod has not been set up for inbound flows."));
    }
    if !method.is_verified {
        return Err(unexpected("The bank account of the PaymentMethod has to be verified."));
    }
    Ok(account)
}

fn unexpected(message: &str) -> ApiError {
    ApiError::param("payment_method_unexpected_state", PARAM, message)
}

impl Origin {
    /// The value of `origin_payment_method_details`.
    pub fn render(&self) -> Json {
        let mut bank = self.bank.render();
        if let Some(mandate) = &self.mandate {
            bank.set("mandate", Json::from(mandate));
        }
        object([
            ("billing_details", self.bank.billing_details.render_for_treasury()),
            ("type", "us_bank_account".into()),
            ("us_bank_account", bank),
        ])
    }

    /// The words of a Transaction: who, by which flow, and what for.
    pub fn describe(&self, flow: &str, purpose: &str) -> String {
        let name = self.bank.billing_details.name.as_deref();
        transaction::describe(name, Some(&self.bank.last4), flow, purpose)
    }

    /// The same bank account where it takes the money back.
    pub fn initiator(&self) -> Initiator {
        Initiator::UsBankAccount {
            billing_details: self.bank.billing_details.clone().into(),
            last4: self.bank.last4.clone(),
            routing_number: self.bank.routing_number.clone(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{NOW, in_transaction};
    use exchequer_core::bank::TEST_ROUTING_NUMBER;

    #[test]
    fn a_verified_bank_account_of_the_account_itself() {
        in_transaction(|tx| {
            let numbers = BankAccount::of(tx, TEST_ROUTING_NUMBER, "000123456789");
            let keep = |tx: &mut Tx<'_>, status: &str, holder: serde_json::Value| {
                let kept = serde_json::json!({
                    "id": "ba_1",
                    "created": NOW,
                    "holder": holder,
                    "numbers": serde_json::to_value(&numbers).unwrap(),
                    "currency": "usd",
                    "account_holder_name": "Ann Owner",
                    "status": status,
                });
                tx.save(serde_json::from_value::<LegacyBankAccount>(kept).unwrap()).unwrap();
            };
            let own = || serde_json::json!({"account": "acct_1"});
            keep(tx, "verified", own());
            let (origin, outcome) = resolve(tx, "ba_1").unwrap();
            assert_eq!((outcome, &origin.mandate), (Outcome::Succeeds, &None));
            assert_eq!(origin.bank.payment_method.as_deref(), Some("ba_1"));
            let words = origin.describe("Inbound transfer", "transfer");
            assert_eq!(words, "Ann Owner (6789) | Inbound transfer | transfer");
            keep(tx, "new", own());
            resolve(tx, "ba_1").unwrap_err();
            keep(tx, "verified", serde_json::json!({"customer": "cus_1"}));
            resolve(tx, "ba_1").unwrap_err();
        });
    }

    #[test]
    fn tokens_decide_and_what_is_verified_succeeds() {
        assert_eq!(Outcome::of_behavior(None), Outcome::Succeeds);
        for (behavior, outcome) in OUTCOMES {
            assert_eq!(Outcome::of_behavior(Some(behavior)), *outcome);
        }
        for other in ["processing", "canceledByUser", "expectedArrivalDateUpdated"] {
            assert_eq!(Outcome::of_behavior(Some(other)), Outcome::Waits, "{other}");
        }
    }
}
