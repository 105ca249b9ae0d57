//! Money on its way out of a FinancialAccount: what OutboundPayments and OutboundTransfers have in
//! common, which is nearly everything.
//!
//! Creating one moves the amount from `cash` to `outbound_pending`, so that it cannot be spent
//! twice while the bank decides. [`state`] has the table of what can become of it, [`steps`] the
//! moves in the book and the events that belong to each step. The two flows differ in whom they
//! may pay, in what only one of them keeps, and in their names: that is their [`Kind`].

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use api::params::Currency;
use api::{ApiError, Index, Json, Result, Tx};
use ledger::Amount;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::book::{self, EntryType, Flow, FlowType};
use crate::destination::{self, Network, Resolved};
use crate::features::{self, Direction, Feature};
use crate::financial_account::FinancialAccount;
use crate::received_credit::SourceFlowType;

pub use state::{Action, Outbound, RULES, Refusal, Rule, Stage, State, Status, TrackingDetails};

pub mod params;
mod picture;
mod render;
pub mod schedule;
mod state;
pub mod steps;

/// One of the two flows: what only it keeps, and what is called by its name.
pub trait Kind:
    Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    const NAMES: &'static Names;

    /// What the source needs for a network.
    fn feature(network: Network) -> Feature;

    /// The values by which only its lists find it.
    fn index(&self, _: &mut Index) {}

    /// Adds the members that only it shows.
    fn show(&self, _: &mut Json) {}
}

/// How a flow is called, wherever it is told of.
pub struct Names {
    pub object: &'static str,
    pub prefix: &'static str,
    pub label: &'static str,
    /// In messages: `OutboundPayment`.
    pub title: &'static str,
    /// On its Transactions: `Outbound payment`.
    pub flow: &'static str,
    /// What the receiver reads where nothing was given.
    pub descriptor_default: &'static str,
    pub flow_type: FlowType,
    pub source_flow_type: SourceFlowType,
    pub entries: Entries,
    pub events: Events,
    /// The kind of the job that takes it one automatic step further.
    pub step_job: &'static str,
}

/// The types of its entries, by what happens.
pub struct Entries {
    pub creation: EntryType,
    pub cancellation: EntryType,
    pub failure: EntryType,
    pub posting: EntryType,
    pub return_: EntryType,
}

/// The types of its events, by what happens.
pub struct Events {
    pub created: &'static str,
    pub canceled: &'static str,
    pub expected_arrival_date_updated: &'static str,
    pub failed: &'static str,
    pub posted: &'static str,
    pub returned: &'static str,
    pub tracking_details_updated: &'static str,
}

impl Events {
    pub const fn all(&self) -> [&'static str; 7] {
        [
            self.canceled,
            self.created,
            self.expected_arrival_date_updated,
            self.failed,
            self.posted,
            self.returned,
            self.tracking_details_updated,
        ]
    }
}

/// An outbound flow that has been checked, save what depends on its network.
pub struct New<'a, K> {
    pub source: &'a FinancialAccount,
    pub amount: Amount,
    pub resolved: Resolved,
    pub description: Option<&'a str>,
    pub metadata: BTreeMap<String, String>,
    pub statement_descriptor: Option<&'a str>,
    pub kind: K,
}

/// The amount of a request, which its parameters keep within its limits.
pub fn amount(cents: i64, currency: Currency) -> Result<Amount, ApiError> {
    let Some(amount) = Amount::new(cents) else {
        return Err(ApiError::param("parameter_invalid_integer", "amount", "Invalid amount"));
    };
    if currency != Currency::USD {
        return Err(Currency::refusal(currency.as_str(), &["usd"], "currency"));
    }
    Ok(amount)
}

/// Holds the money, keeps the flow, tells of it and plans what test mode does by itself.
pub fn begin<K: Kind>(tx: &mut Tx<'_>, new: New<'_, K>) -> Result<Arc<Outbound<K>>> {
    let New { source, amount, resolved, .. } = new;
    let destination = resolved.destination;
    features::check(source, K::feature(destination.network()), Direction::Outbound)?;
    if let Some(descriptor) = new.statement_descriptor {
        destination::check_descriptor(descriptor, destination.network())?;
    }
    let names = K::NAMES;
    let descriptor = new.statement_descriptor.filter(|text| *text != names.descriptor_default);
    let id = tx.new_id::<Outbound<K>>();
    let words = descriptor.unwrap_or(names.descriptor_default);
    let description = destination.describe(names.flow, words);
    let flow = flow::<K>(&id, &source.id, amount, description);
    let transaction = book::hold(tx, &flow, names.entries.creation)?;
    let settles = tx.settles() && destination.network() != Network::Stripe;
    let outbound = tx.save_new(Outbound {
        id,
        created: tx.now_ms(),
        financial_account: source.id.clone(),
        amount,
        destination,
        transaction,
        stage: Stage::Processing,
        settles,
        file: None,
        description: new.description.map(str::to_owned),
        is_delayed: false,
        kind: new.kind,
        metadata: new.metadata,
        statement_descriptor: descriptor.map(str::to_owned),
        tracking_details: None,
    })?;
    tx.event(names.events.created, &*outbound)?;
    schedule::plan(tx, &outbound, resolved.outcome)?;
    Ok(outbound)
}

/// What stands on each of its Transactions.
fn flow<'a, K: Kind>(
    id: &'a str,
    account: &'a str,
    amount: Amount,
    description: String,
) -> Flow<'a> {
    let kind = K::NAMES.flow_type;
    Flow { account, id: Some(id), kind, amount, currency: Currency::USD, description }
}
