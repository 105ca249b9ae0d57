//! Transactions: what a flow does to the balance of its FinancialAccount.
//!
//! ```text
//!   open ─┬─ the held money leaves ───▶ posted
//!         └─ it is given back ────────▶ void
//! ```
//! Money that is not held first makes a Transaction that is posted from the start.

use api::params::Currency;
use api::{Include, Index, Json, Resource, Result, View, object, seconds, seconds_or_null};
use ledger::Impact;
use serde::{Deserialize, Serialize};
use store::Millis;

use crate::book::FlowType;

/// Each end knows when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Open,
    Posted(Millis),
    Void(Millis),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Transaction {
    pub id: String,
    pub created: Millis,
    pub financial_account: String,
    /// While it is open: what the current balance will change by. Void: nothing.
    pub amount: i64,
    pub currency: Currency,
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    pub flow_type: FlowType,
    pub status: Status,
    /// The ids of its entries, oldest first: two at most.
    pub entries: Vec<String>,
}

impl Transaction {
    /// The sum of its entries.
    pub fn impact(&self) -> Impact {
        let held = if self.status == Status::Open { -self.amount } else { 0 };
        Impact { cash: self.amount, inbound_pending: 0, outbound_pending: held }
    }
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Open => "open",
            Status::Posted(_) => "posted",
            Status::Void(_) => "void",
        }
    }

    pub fn posted_at(self) -> Option<Millis> {
        match self {
            Status::Posted(at) => Some(at),
            Status::Open | Status::Void(_) => None,
        }
    }

    pub fn void_at(self) -> Option<Millis> {
        match self {
            Status::Void(at) => Some(at),
            Status::Open | Status::Posted(_) => None,
        }
    }
}

impl Resource for Transaction {
    const OBJECT: &'static str = "treasury.transaction";
    const PREFIX: &'static str = "trxn";
    const LABEL: &'static str = "transaction";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, _entries: &mut Index) {}

    fn render(&self, view: &View<'_>, _include: &Include<'_>) -> Result<Json> {
        Ok(object([
            ("id", Json::from(&self.id)),
            ("object", Self::OBJECT.into()),
            ("amount", self.amount.into()),
            ("balance_impact", impact(&self.impact())),
            ("created", seconds(self.created).into()),
            ("currency", self.currency.into()),
            ("description", Json::from(&self.description)),
            ("financial_account", Json::from(&self.financial_account)),
            ("flow", Json::from(&self.flow)),
            ("flow_type", self.flow_type.into()),
            ("livemode", view.livemode().into()),
            ("status", self.status.as_str().into()),
            (
                "status_transitions",
                object([
                    ("posted_at", seconds_or_null(self.status.posted_at())),
                    ("void_at", seconds_or_null(self.status.void_at())),
                ]),
            ),
        ]))
    }
}

/// A change of the three sub-balances.
pub fn impact(impact: &Impact) -> Json {
    object([
        ("cash", impact.cash.into()),
        ("inbound_pending", impact.inbound_pending.into()),
        ("outbound_pending", impact.outbound_pending.into()),
    ])
}
