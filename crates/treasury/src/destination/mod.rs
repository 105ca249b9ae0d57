//! Where an outbound flow goes: decided when it is created, and frozen then.

use api::params::Choice;
use api::{Json, View, object};
use exchequer_core::bank::{AccountHolderType, AccountType, BANK_NAME, BankAccount};
use exchequer_core::billing::BillingDetails;
use serde::{Deserialize, Serialize};

use crate::receipt::last4;
use crate::transaction;

pub use outcome::{OUTCOMES, Outcome, ReturnCode};
pub use params::{DestinationData, DestinationOptions};
pub use resolve::{Payee, Request, Resolved, check_descriptor, resolve};

mod outcome;
mod params;
mod resolve;

/// How money leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Network {
    Ach,
    /// From one FinancialAccount of a platform to another.
    Stripe,
    UsDomesticWire,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    UsBankAccount(Box<UsBankAccount>),
    FinancialAccount {
        id: String,
        /// The number of the account that owns it.
        owner: i64,
    },
}

/// A bank account as it was when the flow was created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsBankAccount {
    pub network: Network,
    /// The PaymentMethod, where it was not described on the spot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
    /// The BankAccount, where it was one, which the API names in a place of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank_account: Option<String>,
    pub routing_number: String,
    pub last4: String,
    /// The whole number, sealed; only where it will be written to a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    pub fingerprint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_holder_type: Option<AccountHolderType>,
    #[serde(default, skip_serializing_if = "is_checking")]
    pub account_type: AccountType,
    pub billing_details: BillingDetails,
}

fn is_checking(account_type: &AccountType) -> bool {
    *account_type == AccountType::Checking
}

impl UsBankAccount {
    /// With what a file will need of it, where files are written.
    pub fn for_files(self, view: &View<'_>, account: &BankAccount) -> Self {
        let number = view.app.config.rail_files.then(|| account.sealed_number().to_owned());
        UsBankAccount { number, ..self }
    }

    pub fn new(account: &BankAccount, billing_details: BillingDetails, network: Network) -> Self {
        UsBankAccount {
            network,
            payment_method: None,
            bank_account: None,
            routing_number: account.routing_number.clone(),
            last4: account.last4.clone(),
            number: None,
            fingerprint: account.fingerprint.clone(),
            account_holder_type: account.account_holder_type,
            account_type: account.account_type,
            billing_details,
        }
    }

    /// The `us_bank_account` of the details of a flow.
    pub fn render(&self) -> Json {
        object([
            ("account_holder_type", self.account_holder_type.into()),
            ("account_type", self.account_type.into()),
            ("bank_name", BANK_NAME.into()),
            ("fingerprint", Json::from(&self.fingerprint)),
            ("last4", Json::from(&self.last4)),
            ("network", self.network.into()),
            ("routing_number", Json::from(&self.routing_number)),
        ])
    }
}

impl Destination {
    pub fn network(&self) -> Network {
        match self {
            Destination::UsBankAccount(bank) => bank.network,
            Destination::FinancialAccount { .. } => Network::Stripe,
        }
    }

    pub fn payment_method(&self) -> Option<&String> {
        match self {
            Destination::UsBankAccount(bank) => bank.payment_method.as_ref(),
            Destination::FinancialAccount { .. } => None,
        }
    }

    /// Whether its bank's network is handed a file with it.
    pub fn is_for_a_file(&self) -> bool {
        match self {
            Destination::UsBankAccount(bank) => {
                bank.network == Network::Ach && bank.number.is_some()
            }
            Destination::FinancialAccount { .. } => false,
        }
    }

    /// The value of `destination_payment_method_details`.
    pub fn render(&self) -> Json {
        match self {
            Destination::UsBankAccount(bank) => {
                let mut details = object([
                    ("billing_details", bank.billing_details.render_for_treasury()),
                    ("type", "us_bank_account".into()),
                    ("us_bank_account", bank.render()),
                ]);
                if let Some(id) = &bank.bank_account {
                    details.set("destination", Json::from(id));
                }
                details
            }
            Destination::FinancialAccount { id, .. } => object([
                ("billing_details", BillingDetails::default().render_for_treasury()),
                (
                    "financial_account",
                    object([("id", Json::from(id)), ("network", Network::Stripe.into())]),
                ),
                ("type", "financial_account".into()),
            ]),
        }
    }

    /// The words of a Transaction: who, by which flow, and what for.
    pub fn describe(&self, flow: &str, purpose: &str) -> String {
        let (name, last4) = match self {
            Destination::UsBankAccount(bank) => {
                (bank.billing_details.name.as_deref(), bank.last4.as_str())
            }
            Destination::FinancialAccount { id, .. } => (None, last4(id)),
        };
        transaction::describe(name, Some(last4), flow, purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_described_by_what_is_known() {
        let to = Destination::FinancialAccount { id: "fa_1Abcd6789".into(), owner: 0 };
        let words = to.describe("Outbound payment", "payment");
        assert_eq!(words, "(6789) | Outbound payment | payment");
        let bank = UsBankAccount {
            network: Network::Ach,
            payment_method: None,
            bank_account: None,
            routing_number: "110000000".into(),
            last4: "0009".into(),
            number: None,
            fingerprint: "f".into(),
            account_holder_type: None,
            account_type: AccountType::Checking,
            billing_details: BillingDetails { name: Some("Ann".into()), ..Default::default() },
        };
        let words = Destination::UsBankAccount(bank.into()).describe("Outbound payment", "rent");
        assert_eq!(words, "Ann (0009) | Outbound payment | rent");
    }
}
