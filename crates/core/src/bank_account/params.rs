//! A bank account in a request: a token, or its numbers.

use api::params::{At, Choice, Currency, Field, Kind, Param, Params, Value, read_hash};
use api::{ApiError, Result, Tx, View};
use serde::{Deserialize, Serialize};

use crate::bank::{
    AccountHolderType, AccountType, BankAccount as Numbers, UsBankAccountParams, missing_param,
};
use crate::token;

/// What stands where a bank account is expected.
pub enum BankSource {
    Token(String),
    Described(Box<BankAccountParams>),
}

impl Param for BankSource {
    fn kind() -> Kind {
        Kind::Hash(<BankAccountParams as Params>::fields as fn() -> Vec<Field>)
    }

    fn read(at: &At<'_>) -> Option<Self> {
        match at.value() {
            Value::Hash(_) => read_hash(at).map(|described| Self::Described(Box::new(described))),
            Value::Absent | Value::Text(_) | Value::List(_) => String::read(at).map(Self::Token),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum ObjectName {
    BankAccount,
}

#[derive(Params)]
pub struct BankAccountParams {
    /// The name of whoever holds it.
    account_holder_name: Option<String>,
    /// Whether a person or a company holds it.
    account_holder_type: Option<AccountHolderType>,
    /// Its number at the bank. It is kept sealed and never answered.
    account_number: String,
    /// `checking` or `savings`.
    account_type: Option<AccountType>,
    /// The bank's country: `US`.
    country: String,
    /// Its currency: `usd`.
    currency: Option<Currency>,
    /// The word `bank_account`; what else the parameter could be.
    object: Option<ObjectName>,
    /// The bank's ABA routing number.
    routing_number: Option<String>,
}

/// A bank account that nobody keeps yet.
#[derive(Clone, Serialize, Deserialize)]
pub struct Described {
    pub numbers: Numbers,
    pub currency: Currency,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_holder_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_type: Option<AccountType>,
    /// Whether a test token says that it has been verified.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_verified: bool,
}

impl BankSource {
    /// The bank account that is meant. A token is used up by that.
    pub fn resolve(&self, tx: &mut Tx<'_>, param: &str) -> Result<Described> {
        match self {
            BankSource::Token(id) => token::take_bank(tx, id, param),
            BankSource::Described(params) => {
                let (None | Some(ObjectName::BankAccount)) = params.object;
                params.describe(tx, param)
            }
        }
    }
}

impl BankAccountParams {
    /// Checks what stands at `path`.
    pub fn describe(&self, view: &View<'_>, path: &str) -> Result<Described> {
        let at = |name: &str| format!("{path}[{name}]");
        if !self.country.eq_ignore_ascii_case("US") {
            let message = format!("Bank accounts in {} are not supported: US is.", self.country);
            return Err(ApiError::invalid(message).on(at("country")).into());
        }
        let currency = self.currency.unwrap_or(Currency::USD);
        if currency != Currency::USD {
            return Err(Currency::refusal(currency.as_str(), &["usd"], at("currency")).into());
        }
        if self.routing_number.is_none() {
            return Err(missing_param(&at("routing_number")).into());
        }
        let numbers = UsBankAccountParams {
            account_holder_type: self.account_holder_type,
            account_number: Some(self.account_number.clone()),
            account_type: self.account_type,
            routing_number: self.routing_number.clone(),
        };
        Ok(Described {
            numbers: Numbers::new(view, &numbers, path)?,
            currency,
            account_holder_name: self.account_holder_name.clone(),
            account_type: self.account_type,
            is_verified: false,
        })
    }
}
