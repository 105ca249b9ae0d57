//! ReceivedCredits: money that somebody else sent to a FinancialAccount.
//!
//! ```text
//!   ─┬─▶ succeeded      the money is in the account
//!    └─▶ failed         the account is closed or may not take it; nothing moved
//! ```
//! The status is fixed at birth. What changes later is whether it can be reversed.

use api::list::{Page, Query};
use api::operation;
use api::params::{Choice, Currency, ListParams, Params};
use api::{Expandable, Include, Index, Json, Path, Resource, Result, View, object, seconds};
use ledger::{Amount, Contra};
use serde::{Deserialize, Serialize};
use store::Millis;

use crate::addresses;
use crate::book::FlowType;
use crate::financial_account::FinancialAccount;
use crate::receipt;
use crate::received::{Initiator, Status};
use crate::transaction::{self, Transaction};

pub(crate) use birth::receive;
pub use birth::{FromStripe, receive_stripe};

mod birth;
mod reversal;

pub const CREATED: &str = "treasury.received_credit.created";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReceivedCredit {
    pub id: String,
    pub created: Millis,
    pub amount: Amount,
    pub currency: Currency,
    pub description: String,
    pub financial_account: String,
    pub network: Network,
    pub sender: Initiator,
    /// Why it failed; none where it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_code: Option<FailureCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The CreditReversal that sent it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit_reversal: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Network {
    Ach,
    Card,
    Rtp,
    Stripe,
    UsDomesticWire,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum FailureCode {
    AccountClosed,
    AccountFrozen,
}

/// The flow on the other side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    #[serde(rename = "type")]
    pub kind: SourceFlowType,
    pub id: String,
    /// The number of the account that it belongs to.
    pub acct: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum SourceFlowType {
    CreditReversal,
    Other,
    OutboundPayment,
    OutboundTransfer,
    Payout,
}

#[derive(Clone, Debug, Params)]
pub struct LinkedFlowsFilter {
    /// The type of the flow on the other side.
    pub source_flow_type: SourceFlowType,
}

#[derive(Clone, Debug, Params)]
pub struct ListReceivedCredits {
    /// The FinancialAccount that received the money.
    pub financial_account: String,
    /// Only ReceivedCredits that come from such a flow.
    pub linked_flows: Option<LinkedFlowsFilter>,
    /// Only ReceivedCredits of this status.
    pub status: Option<Status>,
    #[param(flatten)]
    pub page: ListParams,
}

pub fn resource() -> operation::Resource {
    operation::Resource::of::<ReceivedCredit>()
        .events(&[CREATED])
        .retrieve("/v1/treasury/received_credits/{id}", "Retrieves a ReceivedCredit.")
        .list(
            "/v1/treasury/received_credits",
            "Lists the ReceivedCredits of a FinancialAccount.",
            list,
        )
        .create(
            "/v1/test_helpers/treasury/received_credits",
            "Sends money to a FinancialAccount, as somebody outside would.",
            birth::send,
        )
        .done()
}

fn list(view: &View<'_>, _: &Path, p: &ListReceivedCredits) -> Result<Page<ReceivedCredit>> {
    let account = &p.financial_account;
    view.require::<FinancialAccount>(account, "financial_account")?;
    let source = p.linked_flows.as_ref().map(|flows| source_key(account, flows.source_flow_type));
    let query = Query::new(&p.page).filter_some("source_flow_type", source);
    let query = match p.status {
        Some(status) => query.filter("status", status.key(account)),
        None => query.any("status", Status::ALL.map(|status| status.key(account)).to_vec()),
    };
    api::list(view, &query)
}

/// The value of the index by FinancialAccount and source.
fn source_key(account: &str, kind: SourceFlowType) -> String {
    format!("{account}:{}", kind.as_str())
}

impl ReceivedCredit {
    pub fn status(&self) -> Status {
        if self.failure_code.is_some() { Status::Failed } else { Status::Succeeded }
    }
}

impl ReceivedCredit {
    /// Where its money is before it comes in.
    pub fn contra(&self) -> Contra {
        match &self.source {
            Some(Source { kind: SourceFlowType::Payout, .. }) => Contra::PaymentsBalance,
            _ => self.network.contra(),
        }
    }
}

impl Network {
    /// The same for money that is no payout's.
    pub fn contra(self) -> Contra {
        match self {
            Network::Ach => Contra::AchClearing,
            Network::Card => Contra::CardClearing,
            Network::Rtp => Contra::RtpClearing,
            Network::Stripe => Contra::IntraStripeTransit,
            Network::UsDomesticWire => Contra::WireClearing,
        }
    }
}

impl SourceFlowType {
    fn flow_type(self) -> FlowType {
        match self {
            SourceFlowType::CreditReversal => FlowType::CreditReversal,
            SourceFlowType::OutboundPayment => FlowType::OutboundPayment,
            SourceFlowType::OutboundTransfer => FlowType::OutboundTransfer,
            SourceFlowType::Other | SourceFlowType::Payout => FlowType::Other,
        }
    }
}

impl Resource for ReceivedCredit {
    const OBJECT: &'static str = "treasury.received_credit";
    const PREFIX: &'static str = "rc";
    const LABEL: &'static str = "received credit";
    const EXPANDS: &'static [Expandable] = &[
        Expandable::included("linked_flows.source_flow_details"),
        Expandable::reference::<Transaction>("transaction"),
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        entries.add("status", self.status().key(&self.financial_account));
        if let Some(source) = &self.source {
            let key = source_key(&self.financial_account, source.kind);
            entries.add("source_flow_type", key);
        }
    }

    fn render(&self, view: &View<'_>, include: &Include<'_>) -> Result<Json> {
        let source = self.source.as_ref();
        let mut linked_flows = object([
            ("credit_reversal", Json::from(&self.credit_reversal)),
            ("issuing_authorization", Json::Null),
            ("issuing_transaction", Json::Null),
            ("source_flow", source.map(|source| source.id.clone()).into()),
            ("source_flow_type", source.map(|source| source.kind).into()),
        ]);
        if include.has("linked_flows.source_flow_details") {
            let details = match source {
                Some(source) if source.kind == SourceFlowType::Payout => {
                    addresses::flow_details(view, "payout", source.acct, &source.id)?
                }
                Some(source) => transaction::flow_details_of(
                    view,
                    source.acct,
                    source.kind.flow_type(),
                    &source.id,
                )?,
                None => Json::Null,
            };
            linked_flows.set("source_flow_details", details);
        }
        let reversal = self.reversal(view.now()).map(|reversal| reversal.render());
        Ok(object([
            ("id", Json::from(&self.id)),
            ("object", Self::OBJECT.into()),
            ("amount", self.amount.minor_units().into()),
            ("created", seconds(self.created).into()),
            ("currency", self.currency.into()),
            ("description", Json::from(&self.description)),
            ("failure_code", self.failure_code.into()),
            ("financial_account", Json::from(&self.financial_account)),
            ("hosted_regulatory_receipt_url", receipt::url(view, &self.id).into()),
            ("initiating_payment_method_details", self.sender.render()),
            ("linked_flows", linked_flows),
            ("livemode", view.livemode().into()),
            ("network", self.network.into()),
            ("reversal_details", reversal.into()),
            ("status", self.status().into()),
            ("transaction", Json::from(&self.transaction)),
        ]))
    }
}
