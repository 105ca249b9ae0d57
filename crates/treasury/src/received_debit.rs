//! ReceivedDebits: money that somebody else pulled from a FinancialAccount.
//!
//! ```text
//!   ─┬─▶ succeeded      the money has left the account
//!    └─▶ failed         too little was there, or the account is closed or may not give
//! ```
//! The status is fixed at birth. What changes later is whether it can be reversed.

use api::list::{Page, Query};
use api::operation;
use api::params::{Choice, Currency, ListParams, Params};
use api::{Expandable, Include, Index, Json, Path, Resource, Result, View, object, seconds};
use ledger::{Amount, Contra};
use serde::{Deserialize, Serialize};
use store::Millis;

use crate::financial_account::FinancialAccount;
use crate::receipt;
use crate::received::{Initiator, Status};
use crate::transaction::Transaction;

pub(crate) use birth::failure;
pub use birth::receive;

mod birth;
mod reversal;

pub const CREATED: &str = "treasury.received_debit.created";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReceivedDebit {
    pub id: String,
    pub created: Millis,
    pub amount: Amount,
    pub currency: Currency,
    pub description: String,
    pub financial_account: String,
    pub network: Network,
    pub initiator: Initiator,
    /// Why it failed; none where it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_code: Option<FailureCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The DebitReversal that took it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debit_reversal: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Network {
    Ach,
    Card,
    Stripe,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum FailureCode {
    AccountClosed,
    AccountFrozen,
    InsufficientFunds,
}

/// The flow that took the money back; a debit from outside has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It was returned by the bank that it came from.
    InboundTransfer(String),
    /// It was paid out, and pulled back.
    Payout(String),
    /// The payments balance was filled by it.
    Topup(String),
}

#[derive(Clone, Debug, Params)]
pub struct ListReceivedDebits {
    /// The FinancialAccount that the money was pulled from.
    pub financial_account: String,
    /// Only ReceivedDebits of this status.
    pub status: Option<Status>,
    #[param(flatten)]
    pub page: ListParams,
}

pub fn resource() -> operation::Resource {
    operation::Resource::of::<ReceivedDebit>()
        .events(&[CREATED])
        .retrieve("/v1/treasury/received_debits/{id}", "Retrieves a ReceivedDebit.")
        .list(
            "/v1/treasury/received_debits",
            "Lists the ReceivedDebits of a FinancialAccount.",
            list,
        )
        .create(
            "/v1/test_helpers/treasury/received_debits",
            "Pulls money from a FinancialAccount, as somebody outside would.",
            birth::pull,
        )
        .done()
}

fn list(view: &View<'_>, _: &Path, p: &ListReceivedDebits) -> Result<Page<ReceivedDebit>> {
    let account = &p.financial_account;
    view.require::<FinancialAccount>(account, "financial_account")?;
    let query = Query::new(&p.page);
    let query = match p.status {
        Some(status) => query.filter("status", status.key(account)),
        None => query.any("status", Status::ALL.map(|status| status.key(account)).to_vec()),
    };
    api::list(view, &query)
}

impl ReceivedDebit {
    pub fn status(&self) -> Status {
        if self.failure_code.is_some() { Status::Failed } else { Status::Succeeded }
    }
}

impl Cause {
    pub fn inbound_transfer(&self) -> Option<&String> {
        match self {
            Cause::InboundTransfer(id) => Some(id),
            Cause::Payout(_) | Cause::Topup(_) => None,
        }
    }

    pub fn payout(&self) -> Option<&String> {
        match self {
            Cause::Payout(id) => Some(id),
            Cause::InboundTransfer(_) | Cause::Topup(_) => None,
        }
    }

    pub fn topup(&self) -> Option<&String> {
        match self {
            Cause::Topup(id) => Some(id),
            Cause::InboundTransfer(_) | Cause::Payout(_) => None,
        }
    }
}

impl Network {
    /// Where its money goes.
    pub fn contra(self) -> Contra {
        match self {
            Network::Ach => Contra::AchClearing,
            Network::Card => Contra::CardClearing,
            Network::Stripe => Contra::PaymentsBalance,
        }
    }
}

impl Resource for ReceivedDebit {
    const OBJECT: &'static str = "treasury.received_debit";
    const PREFIX: &'static str = "rd";
    const LABEL: &'static str = "received debit";
    const EXPANDS: &'static [Expandable] = &[Expandable::reference::<Transaction>("transaction")];

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        entries.add("status", self.status().key(&self.financial_account));
    }

    fn render(&self, view: &View<'_>, _: &Include<'_>) -> Result<Json> {
        let cause = |of: fn(&Cause) -> Option<&String>| self.cause.as_ref().and_then(of).cloned();
        let linked_flows = object([
            ("debit_reversal", Json::from(&self.debit_reversal)),
            ("inbound_transfer", cause(Cause::inbound_transfer).into()),
            ("issuing_authorization", Json::Null),
            ("issuing_transaction", Json::Null),
            ("payout", cause(Cause::payout).into()),
            ("topup", cause(Cause::topup).into()),
        ]);
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
            ("initiating_payment_method_details", self.initiator.render()),
            ("linked_flows", linked_flows),
            ("livemode", view.livemode().into()),
            ("network", self.network.into()),
            ("reversal_details", reversal.into()),
            ("status", self.status().into()),
            ("transaction", Json::from(&self.transaction)),
        ]))
    }
}
