//! FinancialAccounts: where the money is.

use std::collections::BTreeMap;

use api::{Include, Index, Json, Resource, Result, View, object, seconds};
use ledger::Impact;
use serde::{Deserialize, Serialize};
use store::Millis;

use crate::features::{Feature, Restrictions, Standing};
use crate::sealed::Sealed;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FinancialAccount {
    pub id: String,
    pub created: Millis,
    /// The running sum of all its entries, in cents.
    pub balance: Impact,
    /// What was requested, and how far each has come.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub features: BTreeMap<Feature, Standing>,
    #[serde(default, skip_serializing_if = "Restrictions::is_none")]
    pub restrictions: Restrictions,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_default: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_closed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// Where others can send money to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Address {
    pub account_holder_name: String,
    pub account_number: Sealed,
    pub last4: String,
}

impl Resource for FinancialAccount {
    const OBJECT: &'static str = "treasury.financial_account";
    const PREFIX: &'static str = "fa";
    const LABEL: &'static str = "financial account";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        entries.add("status", if self.is_closed { "closed" } else { "open" });
    }

    fn render(&self, _view: &View<'_>, _include: &Include<'_>) -> Result<Json> {
        Ok(object([
            ("id", Json::from(&self.id)),
            ("object", Self::OBJECT.into()),
            ("created", seconds(self.created).into()),
        ]))
    }
}
