//! OutboundTransfers: money on its way from a FinancialAccount to its owner's own bank account, or
//! to another FinancialAccount of the same owner.
//!
//! What becomes of one is told in [`crate::outbound`]; here stands where it may go, and how it is
//! called.

use std::sync::Arc;

use api::params::{At, Choice, Currency, ListParams, Metadata, NoParams, Params};
use api::{Page, Path, Query, Result, Tx, View, operation};
use serde::{Deserialize, Serialize};

use crate::book::{EntryType, FlowType};
use crate::destination::{self, DestinationData, DestinationOptions, Network, Payee};
use crate::features::Feature;
use crate::financial_account::FinancialAccount;
use crate::outbound::params::{AMOUNT_MAX, one_destination};
use crate::outbound::{
    self, Action, Entries, Events, Kind, Names, New, Outbound, Status, schedule, steps,
};
use crate::received_credit::SourceFlowType;

pub type OutboundTransfer = Outbound<ToOneself>;

/// An OutboundTransfer keeps nothing but what all outbound flows do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ToOneself {}

#[derive(Params)]
#[params(check = has_one_destination)]
pub struct Create {
    /// How much to transfer, in cents.
    #[param(min = 1, max = AMOUNT_MAX, over_max = "amount_too_large")]
    pub amount: i64,
    /// `usd`.
    pub currency: Currency,
    /// A text for yourself and your users.
    pub description: Option<String>,
    /// The PaymentMethod to transfer to: one of the account's own, or a test token.
    pub destination_payment_method: Option<String>,
    /// A FinancialAccount to transfer to, in place of a PaymentMethod.
    pub destination_payment_method_data: Option<OwnAccountData>,
    /// How the money gets there.
    pub destination_payment_method_options: Option<DestinationOptions>,
    /// The FinancialAccount that the money comes from.
    pub financial_account: String,
    /// Your own keys and values.
    pub metadata: Metadata,
    /// What stands on the bank statement: up to 10 characters by `ach`, 140 by `us_domestic_wire`,
    /// 500 to another FinancialAccount. Letters, digits, spaces and `-#.$&*_`.
    pub statement_descriptor: Option<String>,
}

/// A destination that is no PaymentMethod.
#[derive(Clone, Params)]
pub struct OwnAccountData {
    /// Another FinancialAccount of the same account.
    pub financial_account: Option<String>,
    /// What kind of destination it is.
    #[param(name = "type")]
    pub kind: OwnAccountType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum OwnAccountType {
    FinancialAccount,
}

fn has_one_destination(params: &Create, at: &At<'_>) {
    let method = params.destination_payment_method.is_some();
    one_destination(method, params.destination_payment_method_data.is_some(), at);
}

#[derive(Params)]
pub struct List {
    /// Transfers from this FinancialAccount.
    pub financial_account: String,
    #[param(flatten)]
    pub page: ListParams,
    /// Only transfers with this status.
    pub status: Option<Status>,
}

pub fn resource() -> operation::Resource {
    const ALL: &str = "/v1/treasury/outbound_transfers";
    const EVENTS: &[&str] = &ToOneself::NAMES.events.all();
    operation::Resource::of::<OutboundTransfer>()
        .events(EVENTS)
        .create(ALL, "Transfers money from a FinancialAccount to its owner's bank.", create)
        .retrieve("/v1/treasury/outbound_transfers/{id}", "Retrieves an OutboundTransfer.")
        .list(ALL, "Lists the OutboundTransfers of a FinancialAccount, newest first.", list)
        .action(
            "/v1/treasury/outbound_transfers/{id}/cancel",
            "Cancels an OutboundTransfer that has not been sent yet.",
            cancel,
        )
        .action(
            "/v1/test_helpers/treasury/outbound_transfers/{id}",
            "Sets the tracking details of a test OutboundTransfer.",
            steps::update,
        )
        .action(
            "/v1/test_helpers/treasury/outbound_transfers/{id}/fail",
            "Lets a test OutboundTransfer fail.",
            steps::fail,
        )
        .action(
            "/v1/test_helpers/treasury/outbound_transfers/{id}/post",
            "Lets a test OutboundTransfer be posted.",
            steps::post,
        )
        .action(
            "/v1/test_helpers/treasury/outbound_transfers/{id}/return",
            "Lets the bank send a test OutboundTransfer back.",
            steps::return_,
        )
        .job(ToOneself::NAMES.step_job, schedule::run::<ToOneself>)
        .done()
}

fn create(tx: &mut Tx<'_>, p: &Create) -> Result<Arc<OutboundTransfer>> {
    let amount = outbound::amount(p.amount, p.currency)?;
    let metadata = p.metadata.for_new()?;
    let account = tx.reference::<FinancialAccount>(&p.financial_account, "financial_account")?;
    let data = p.destination_payment_method_data.as_ref();
    let data = data.map(|data| DestinationData::of_account(data.financial_account.clone()));
    let request = destination::Request {
        source: &account,
        payee: Payee::Oneself,
        payment_method: p.destination_payment_method.as_deref(),
        data: data.as_ref(),
        options: p.destination_payment_method_options.as_ref(),
    };
    let resolved = destination::resolve(tx, &request)?;
    let new = New {
        source: &account,
        amount,
        resolved,
        description: p.description.as_deref(),
        metadata,
        statement_descriptor: p.statement_descriptor.as_deref(),
        kind: ToOneself {},
    };
    outbound::begin(tx, new)
}

fn list(view: &View<'_>, _path: &Path, p: &List) -> Result<Page<OutboundTransfer>> {
    view.require::<FinancialAccount>(&p.financial_account, "financial_account")?;
    let query = Query::new(&p.page)
        .filter("financial_account", p.financial_account.as_str())
        .filter_some("status", p.status.map(|status| status.as_str()));
    api::list(view, &query)
}

fn cancel(tx: &mut Tx<'_>, path: &Path, _: &NoParams) -> Result<Arc<OutboundTransfer>> {
    let transfer = tx.find::<OutboundTransfer>(path.id())?;
    steps::perform(tx, &transfer, Action::Cancel)
}

impl Kind for ToOneself {
    const NAMES: &'static Names = &Names {
        object: "treasury.outbound_transfer",
        prefix: "obt",
        label: "outbound transfer",
        title: "OutboundTransfer",
        flow: "Outbound transfer",
        descriptor_default: "transfer",
        flow_type: FlowType::OutboundTransfer,
        source_flow_type: SourceFlowType::OutboundTransfer,
        entries: Entries {
            creation: EntryType::OutboundTransfer,
            cancellation: EntryType::OutboundTransferCancellation,
            failure: EntryType::OutboundTransferFailure,
            posting: EntryType::OutboundTransferPosting,
            return_: EntryType::OutboundTransferReturn,
        },
        events: Events {
            canceled: "treasury.outbound_transfer.canceled",
            created: "treasury.outbound_transfer.created",
            expected_arrival_date_updated: "treasury.outbound_transfer.expected_arrival_date_updated",
            failed: "treasury.outbound_transfer.failed",
            posted: "treasury.outbound_transfer.posted",
            returned: "treasury.outbound_transfer.returned",
            tracking_details_updated: "treasury.outbound_transfer.tracking_details_updated",
        },
        step_job: "outbound_transfer.step",
    };

    fn feature(network: Network) -> Feature {
        match network {
            Network::Ach => Feature::OutboundTransfersAch,
            Network::UsDomesticWire => Feature::OutboundTransfersUsDomesticWire,
            Network::Stripe => Feature::IntraStripeFlows,
        }
    }
}
