//! The parameters that say where an outbound flow goes.

use api::params::{Choice, Email, Metadata, Params, Unset};
use exchequer_core::bank::{AccountHolderType, AccountType};
use exchequer_core::billing::{AddressParams, BillingDetailsParams};

use super::Network;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum DestinationType {
    FinancialAccount,
    UsBankAccount,
}

/// A destination described on the spot.
#[derive(Clone, Params)]
pub struct DestinationData {
    /// Who is paid. A bank account needs the name, a wire the address too.
    pub billing_details: Option<RecipientParams>,
    /// The FinancialAccount that is paid, where `type` says so. It belongs to another account of
    /// the same platform.
    pub financial_account: Option<String>,
    /// Read and checked; no PaymentMethod is kept that could have it.
    pub metadata: Metadata,
    /// What kind of destination it is.
    #[param(name = "type")]
    pub kind: DestinationType,
    /// The bank account that is paid, where `type` says so.
    pub us_bank_account: Option<BankParams>,
}

#[derive(Clone, Default, Params)]
pub struct RecipientParams {
    /// Postal address.
    pub address: Unset<AddressParams>,
    /// Email address.
    pub email: Unset<Email>,
    /// Full name.
    pub name: Unset<String>,
    /// Phone number, with its extension. It is not shown.
    pub phone: Unset<String>,
}

#[derive(Clone, Params)]
pub struct BankParams {
    /// Whose account it is: `individual` or `company`.
    pub account_holder_type: Option<AccountHolderType>,
    /// The account's number at the bank, 4 to 17 digits. It is not kept.
    pub account_number: Option<String>,
    /// `checking` unless given.
    pub account_type: Option<AccountType>,
    /// A Financial Connections Account, in place of the two numbers.
    pub financial_connections_account: Option<String>,
    /// The bank's ABA routing number, nine digits.
    pub routing_number: Option<String>,
}

/// How a destination is paid.
#[derive(Clone, Params)]
pub struct DestinationOptions {
    /// For bank accounts.
    pub us_bank_account: Unset<BankOptions>,
}

#[derive(Clone, Params)]
pub struct BankOptions {
    /// The network that carries the money; `ach` unless the PaymentMethod prefers another.
    pub network: Option<BankNetwork>,
}

/// The networks that lead to banks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum BankNetwork {
    Ach,
    UsDomesticWire,
}

impl From<BankNetwork> for Network {
    fn from(network: BankNetwork) -> Self {
        match network {
            BankNetwork::Ach => Network::Ach,
            BankNetwork::UsDomesticWire => Network::UsDomesticWire,
        }
    }
}

impl DestinationData {
    /// A FinancialAccount.
    pub fn of_account(id: Option<String>) -> Self {
        DestinationData {
            billing_details: None,
            financial_account: id,
            metadata: Metadata::default(),
            kind: DestinationType::FinancialAccount,
            us_bank_account: None,
        }
    }
}

impl DestinationOptions {
    pub fn network(&self) -> Option<Network> {
        match &self.us_bank_account {
            Unset::Set(options) => options.network.map(Network::from),
            Unset::Keep | Unset::Clear => None,
        }
    }
}

impl From<&RecipientParams> for BillingDetailsParams {
    /// The phone number is left behind: no flow shows it.
    fn from(params: &RecipientParams) -> Self {
        BillingDetailsParams {
            address: params.address.clone(),
            email: params.email.clone(),
            name: params.name.clone(),
            ..BillingDetailsParams::default()
        }
    }
}
