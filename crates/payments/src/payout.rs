//! Payouts: money of the balance on its way to a bank account of the account's own, or back.
//!
//! ```text
//!   pending ─┬─ submit ──▶ in_transit ─┬─ arrive ──▶ paid
//!            │                         └─ refuse ──▶ failed
//!            └─ cancel ──▶ canceled
//! ```
//! The amount leaves the available balance at once, and stays in transit until it has arrived. A
//! payout that was paid is reversed by another one of a negative amount, whose money is back in the
//! balance on the day it arrives.
//!
//! A bank account that is a FinancialAccount's address is paid within Stripe.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::list::{Page, Query, list, list_where};
use api::operation;
use api::params::{Choice, Currency, ListParams, Metadata, Params, Range};
use api::resource::Expandable;
use api::{ApiError, Include, Index, Json, Path, Resource, Result, Tx, View, object, seconds};
use exchequer_core::account;
use exchequer_core::bank_account::{self, BankAccount, Holder};
use exchequer_core::change::save_changed;
use serde::{Deserialize, Serialize};
use store::Millis;

use crate::balance_transaction::{BalanceTransaction, Type};
use crate::book::{self, Record};
use crate::dates;

use state::{Failure, Status};

pub(crate) mod automatic;
mod reverse;
pub mod state;
pub(crate) mod steps;

/// What has nine digits, in dollars.
const AMOUNT_MAX: i64 = 99_999_999_999;
/// No payout takes longer: a weekend is the most that lies before it.
const ARRIVES_WITHIN_MS: Millis = 4 * dates::DAY_MS;
/// How long an instant payout takes.
const INSTANT_MS: Millis = 30 * 60_000;

#[derive(Clone, Serialize, Deserialize)]
pub struct Payout {
    pub id: String,
    created: Millis,
    /// Less than none where it pulls money back.
    pub amount: i64,
    pub currency: Currency,
    pub arrival: Millis,
    pub status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// The FinancialAccount whose address the destination is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub financial_account: Option<String>,
    /// What the bank will say to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub will_fail: Option<Failure>,
    pub balance_transaction: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What gave the money of a failed or canceled one back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_balance_transaction: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    method: PayoutMethod,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    statement_descriptor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    original_payout: Option<String>,
    /// What it gathers, where it was made by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swept: Option<Swept>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reversed_by: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

/// The BalanceTransactions of a payout that was made by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swept {
    /// The place of the payout before it; none for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
pub enum PayoutMethod {
    Instant,
    #[default]
    Standard,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum SourceType {
    BankAccount,
    Card,
    Fpx,
}

#[derive(Params)]
struct CreatePayout {
    /// How much to pay out, in the currency's smallest unit.
    #[param(min = 1, max = AMOUNT_MAX, over_max = "amount_too_large")]
    amount: i64,
    /// The currency.
    currency: Currency,
    /// A text of your own.
    description: Option<String>,
    /// An external account of the account; the default one of the currency unless given.
    destination: Option<String>,
    /// Names and values of your own.
    metadata: Metadata,
    /// `instant` arrives within half an hour.
    method: Option<PayoutMethod>,
    /// Which payments the money is from; all of it is from cards.
    source_type: Option<SourceType>,
    /// What stands on the statement of the bank account.
    #[param(max = 22)]
    statement_descriptor: Option<String>,
}

#[derive(Params)]
struct UpdatePayout {
    /// Names and values of your own.
    metadata: Metadata,
}

#[derive(Params)]
struct ListPayouts {
    #[param(flatten)]
    page: ListParams,
    /// Only those that arrive then.
    arrival_date: Option<Range>,
    /// Only those created then.
    created: Option<Range>,
    /// Only those to this external account.
    destination: Option<String>,
    /// Only those of this status.
    status: Option<Status>,
}

pub fn resource() -> operation::Resource {
    const ALL: &str = "/v1/payouts";
    const ONE: &str = "/v1/payouts/{payout}";
    operation::Resource::of::<Payout>()
        .events(&[
            "payout.canceled",
            "payout.created",
            "payout.failed",
            "payout.paid",
            "payout.reconciliation_completed",
            "payout.updated",
        ])
        .create(ALL, "Pays money of the balance out.", create)
        .retrieve(ONE, "Retrieves a Payout.")
        .action(ONE, "Updates the metadata of a Payout.", update)
        .list(ALL, "Lists Payouts, newest first.", list_all)
        .action("/v1/payouts/{payout}/cancel", "Cancels a Payout that is pending.", steps::cancel)
        .action(
            "/v1/payouts/{payout}/reverse",
            "Pulls the money of a Payout back from the bank.",
            reverse::reverse,
        )
        .job(steps::SUBMIT, steps::submit)
        .job(steps::ARRIVE, steps::arrive)
        .done()
}

fn create(tx: &mut Tx<'_>, params: &CreatePayout) -> Result<Arc<Payout>> {
    check_allowed(tx)?;
    let destination = destination(tx, params)?;
    let method = params.method.unwrap_or_default();
    let number = match &destination {
        Some(bank) => Some(bank.numbers.number(tx.session.sealer)?),
        None => None,
    };
    if method == PayoutMethod::Instant && number.as_deref() == Some(state::NOT_INSTANT) {
        let message = "The destination does not take instant payouts.";
        return Err(ApiError::invalid(message).on("method").into());
    }
    if matches!(params.source_type, Some(SourceType::BankAccount | SourceType::Fpx)) {
        // Nothing is ever in the balance of those.
        book::afford(tx, params.currency, i64::MAX)?;
    }
    book::afford(tx, params.currency, params.amount)?;
    let financial_account = match &destination {
        Some(bank) => (tx.app.api.addresses.find)(tx, &bank.numbers.fingerprint)?,
        None => None,
    };
    let created = tx.now_ms();
    let arrival = match method {
        PayoutMethod::Instant => created + INSTANT_MS,
        PayoutMethod::Standard => dates::next_bank_day(created),
    };
    let id = tx.new_id::<Payout>();
    let payout = Payout {
        id: id.clone(),
        created,
        amount: params.amount,
        currency: params.currency,
        arrival,
        status: Status::Pending,
        destination: destination.map(|bank| bank.id.clone()),
        will_fail: number.filter(|_| !tx.livemode()).and_then(|number| Failure::of(&number)),
        financial_account,
        balance_transaction: String::new(),
        failure: None,
        failure_balance_transaction: None,
        method,
        description: params.description.clone(),
        statement_descriptor: params.statement_descriptor.clone(),
        original_payout: None,
        swept: None,
        reversed_by: None,
        metadata: params.metadata.for_new()?,
    };
    begin(tx, payout)
}

/// Books a new payout, keeps it and tells of it.
fn begin(tx: &mut Tx<'_>, mut payout: Payout) -> Result<Arc<Payout>> {
    let is_back = payout.amount < 0;
    let record = Record {
        kind: Type::Payout,
        source: &payout.id,
        currency: payout.currency,
        amount: -payout.amount,
        fee: 0,
        // What comes back can be paid out again once it has arrived.
        available_on: is_back.then_some(payout.arrival),
        description: Some(if is_back { "REVERSED PAYOUT" } else { "STRIPE PAYOUT" }.to_owned()),
        contra: book::IN_TRANSIT,
    };
    payout.balance_transaction = book::record(tx, &record)?;
    let payout = tx.save(payout)?;
    tx.event("payout.created", &*payout)?;
    tx.plan(payout.created + tx.app.config.step_delay_ms, steps::SUBMIT, &payout.id, "")?;
    Ok(payout)
}

/// An account that was rejected, or may not do anything yet, is paid nothing out.
fn check_allowed(view: &View<'_>) -> Result<()> {
    if view.is_platform() || account::current(view)?.payouts_enabled() {
        return Ok(());
    }
    let message = "Cannot create payouts: this account has payouts disabled.";
    Err(ApiError::invalid(message).code("payouts_not_allowed").into())
}

/// Where the money goes: in test mode nowhere, if the account has no bank account.
fn destination(view: &View<'_>, params: &CreatePayout) -> Result<Option<Arc<BankAccount>>> {
    const PARAM: &str = "destination";
    let Some(id) = &params.destination else {
        let default = bank_account::default_external(view, params.currency)?;
        if default.is_none() && view.livemode() {
            let message = "Sorry, you don't have any external accounts in that currency.";
            return Err(ApiError::invalid(message).on(PARAM).into());
        }
        return Ok(default);
    };
    let missing = || ApiError::missing_reference("external account", id, PARAM);
    let bank = view.load::<BankAccount>(id)?.ok_or_else(missing)?;
    if !matches!(bank.holder, Holder::Account(_)) {
        return Err(missing().into());
    }
    if bank.currency != params.currency {
        let message = format!("The external account {id} is not in the currency of the payout.");
        return Err(ApiError::invalid(message).on(PARAM).into());
    }
    Ok(Some(bank))
}

fn update(tx: &mut Tx<'_>, path: &Path, params: &UpdatePayout) -> Result<Arc<Payout>> {
    let before = tx.find::<Payout>(path.id())?;
    let mut payout = api::copy(&before);
    params.metadata.apply(&mut payout.metadata)?;
    save_changed(tx, before, payout, "payout.updated")
}

fn list_all(view: &View<'_>, _: &Path, params: &ListPayouts) -> Result<Page<Payout>> {
    if let Some(destination) = &params.destination {
        view.require::<BankAccount>(destination, "destination")?;
    }
    let query = Query::new(&params.page)
        .filter_some("destination", params.destination.as_ref())
        .filter_some("status", params.status.map(Status::as_str));
    let Some(arrival) = &params.arrival_date else {
        return list(view, &query.created(params.created.as_ref()));
    };
    // Every payout arrives soon after it was made.
    let (first, last) = arrival.bounds();
    let near = Range {
        gte: first.map(|first| first.saturating_sub(seconds(ARRIVES_WITHIN_MS))),
        lte: last,
        ..Range::default()
    };
    let is_wanted = |payout: &Payout| {
        let created = params.created.as_ref();
        arrival.contains(seconds(payout.arrival))
            && created.is_none_or(|created| created.contains(seconds(payout.created)))
    };
    list_where(view, &query.created(Some(&near)), is_wanted)
}

impl Payout {
    /// Whether it is on its way.
    pub fn is_moving(&self) -> bool {
        matches!(self.status, Status::Pending | Status::InTransit)
    }

    fn reconciliation(&self) -> &'static str {
        match (&self.swept, self.status) {
            (None, _) => "not_applicable",
            (Some(_), Status::Paid) => "completed",
            (Some(_), _) => "in_progress",
        }
    }

    fn trace_id(&self) -> Json {
        let (status, value) = match self.status {
            Status::Pending | Status::InTransit => ("pending", None),
            Status::Paid if self.destination.is_some() && self.financial_account.is_none() => {
                ("supported", Some(state::trace_of(&self.id)))
            }
            Status::Paid | Status::Failed | Status::Canceled => ("unsupported", None),
        };
        object([("status", status.into()), ("value", value.into())])
    }
}

impl Resource for Payout {
    const OBJECT: &'static str = "payout";
    const PREFIX: &'static str = "po";
    const LABEL: &'static str = "payout";
    const PARAM: &'static str = "payout";
    const EXPANDS: &'static [Expandable] = &[
        Expandable::reference::<BalanceTransaction>("balance_transaction"),
        Expandable::reference::<BankAccount>("destination"),
        Expandable::reference::<BalanceTransaction>("failure_balance_transaction"),
        Expandable::reference::<Payout>("original_payout"),
        Expandable::reference::<Payout>("reversed_by"),
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        entries.add("status", self.status.as_str());
        entries.add_some("destination", self.destination.as_ref());
    }

    fn render(&self, view: &View<'_>, _: &Include<'_>) -> Result<Json> {
        let failure = self.failure;
        Ok(object([
            ("id", (&self.id).into()),
            ("object", Self::OBJECT.into()),
            ("amount", self.amount.into()),
            ("application_fee", Json::Null),
            ("application_fee_amount", Json::Null),
            ("arrival_date", seconds(self.arrival).into()),
            ("automatic", self.swept.is_some().into()),
            ("balance_transaction", (&self.balance_transaction).into()),
            ("created", seconds(self.created).into()),
            ("currency", self.currency.into()),
            ("description", (&self.description).into()),
            ("destination", (&self.destination).into()),
            ("failure_balance_transaction", (&self.failure_balance_transaction).into()),
            ("failure_code", failure.into()),
            ("failure_message", failure.map(Failure::message).into()),
            ("livemode", view.livemode().into()),
            ("metadata", (&self.metadata).into()),
            ("method", self.method.into()),
            ("original_payout", (&self.original_payout).into()),
            ("payout_method", Json::Null),
            ("reconciliation_status", self.reconciliation().into()),
            ("reversed_by", (&self.reversed_by).into()),
            ("source_type", "card".into()),
            ("statement_descriptor", (&self.statement_descriptor).into()),
            ("status", self.status.into()),
            ("trace_id", self.trace_id()),
            ("type", "bank_account".into()),
        ]))
    }
}
