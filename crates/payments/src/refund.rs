//! Refunds: money of a Charge that goes back to the card it came from.
//!
//! ```text
//!   ─┬─▶ pending ────▶ succeeded     the card's bank takes its time
//!    └─▶ succeeded ─┬─ stays
//!                   └─▶ failed       the card's bank sends it back
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use api::list::{Page, Query, list};
use api::operation;
use api::params::{Choice, Currency, ListParams, Metadata, NoParams, Params, Range};
use api::resource::Expandable;
use api::{ApiError, Include, Index, Json, Path, Resource, Result, Tx, View, object};
use exchequer_core::change::save_changed;
use exchequer_core::customer::Customer;
use exchequer_core::payment_method::PaymentMethod;
use serde::{Deserialize, Serialize};
use store::Millis;

use crate::balance_transaction::{BalanceTransaction, Type};
use crate::book::{self, Record};
use crate::charge::Charge;
use crate::payment_intent::PaymentIntent;

#[derive(Clone, Serialize, Deserialize)]
pub struct Refund {
    pub id: String,
    created: Millis,
    pub amount: i64,
    pub currency: Currency,
    pub charge: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payment_intent: Option<String>,
    pub status: RefundStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    pub balance_transaction: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_balance_transaction: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum RefundStatus {
    Failed,
    Pending,
    Succeeded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Reason {
    Duplicate,
    Fraudulent,
    RequestedByCustomer,
}

#[derive(Params)]
struct CreateRefund {
    /// How much to give back; all that is left unless given.
    #[param(min = 1)]
    amount: Option<i64>,
    /// The Charge to give back.
    charge: Option<String>,
    /// Names and values of your own.
    metadata: Metadata,
    /// The PaymentIntent whose Charge to give back.
    payment_intent: Option<String>,
    /// Why it is given back.
    reason: Option<Reason>,
}

#[derive(Params)]
struct UpdateRefund {
    /// Names and values of your own.
    metadata: Metadata,
}

#[derive(Params)]
struct ListRefunds {
    #[param(flatten)]
    page: ListParams,
    /// Only those of this Charge.
    charge: Option<String>,
    /// Only those created then.
    created: Option<Range>,
    /// Only those of this PaymentIntent.
    payment_intent: Option<String>,
}

/// What the bank of a test card does with a refund some time later.
const STEP: &str = "refund.step";

pub fn resource() -> operation::Resource {
    const ONE: &str = "/v1/refunds/{refund}";
    operation::Resource::of::<Refund>()
        .events(&["charge.refund.updated", "refund.created", "refund.failed", "refund.updated"])
        .create("/v1/refunds", "Gives back the money of a Charge, or a part of it.", create)
        .retrieve(ONE, "Retrieves a Refund.")
        .action(ONE, "Updates the metadata of a Refund.", update)
        .list("/v1/refunds", "Lists Refunds, newest first.", list_all)
        .list("/v1/charges/{charge}/refunds", "Lists the Refunds of a Charge.", list_of_charge)
        .read("/v1/charges/{charge}/refunds/{refund}", "Retrieves a Refund of a Charge.", of_charge)
        .action("/v1/refunds/{refund}/cancel", "Cancels a Refund that needs an action.", cancel)
        .job(STEP, step)
        .done()
}

fn create(tx: &mut Tx<'_>, params: &CreateRefund) -> Result<Arc<Refund>> {
    let charge = charge_of(tx, params)?;
    let amount = refundable(&charge, params.amount)?;
    let behavior = charge.behavior.as_deref();
    let original = match &charge.balance_transaction {
        Some(id) => tx.load::<BalanceTransaction>(id)?,
        None => None,
    };
    let id = tx.new_id::<Refund>();
    // What has not become available yet is taken from where it is.
    let pending = original.filter(|original| original.is_pending);
    let record = Record {
        kind: Type::Refund,
        source: &id,
        currency: charge.currency,
        amount: -amount,
        fee: 0,
        available_on: pending.map(|original| original.available_on),
        description: Some(format!("REFUND FOR CHARGE {}", charge.id)),
        contra: book::CARDS,
    };
    let balance_transaction = book::record(tx, &record)?;
    let is_slow = behavior == Some("pendingRefund");
    let refund = tx.save(Refund {
        id: id.clone(),
        created: tx.now_ms(),
        amount,
        currency: charge.currency,
        charge: charge.id.clone(),
        payment_intent: charge.payment_intent.clone(),
        status: if is_slow { RefundStatus::Pending } else { RefundStatus::Succeeded },
        reason: params.reason,
        balance_transaction,
        failure_balance_transaction: None,
        metadata: params.metadata.for_new()?,
    })?;
    if is_slow || behavior == Some("refundFail") {
        tx.plan(tx.now_ms() + tx.app.config.step_delay_ms, STEP, &id, "")?;
    }
    let old = tx.render(&*charge)?;
    let amount_refunded = charge.amount_refunded + amount;
    let charge = tx.save(api::copy(&charge).with_refunded(amount_refunded))?;
    tx.event_changed("charge.refunded", &old, &*charge)?;
    tx.event("refund.created", &*refund)?;
    Ok(refund)
}

/// The Charge that is meant, by itself or by its PaymentIntent.
fn charge_of(view: &View<'_>, params: &CreateRefund) -> Result<Arc<Charge>> {
    match (&params.charge, &params.payment_intent) {
        (Some(charge), None) => view.reference::<Charge>(charge, "charge"),
        (None, Some(id)) => {
            let intent = view.reference::<PaymentIntent>(id, "payment_intent")?;
            let charge = intent.succeeded_charge(view)?;
            let message = format!("The PaymentIntent {id} does not have a successful charge.");
            charge.ok_or_else(|| ApiError::invalid(message).on("payment_intent").into())
        }
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: charge, payment_intent.";
            Err(ApiError::invalid(message).on("charge").into())
        }
        (None, None) => {
            let message = "One of the following params should be provided for this request: \
                           payment_intent or charge.";
            Err(ApiError::invalid(message).into())
        }
    }
}

/// How much is given back, if that is possible.
fn refundable(charge: &Charge, wanted: Option<i64>) -> Result<i64, ApiError> {
    let id = &charge.id;
    if !charge.is_captured {
        let message = format!("Charge {id} has not been captured, so that nothing can go back.");
        return Err(ApiError::invalid(message).code("charge_not_refundable"));
    }
    let rest = charge.refundable();
    if rest <= 0 {
        let message = format!("Charge {id} has already been refunded.");
        return Err(ApiError::invalid(message).code("charge_already_refunded"));
    }
    let amount = wanted.unwrap_or(rest);
    if amount > rest {
        let message =
            format!("Refund amount ({amount}) is greater than unrefunded amount ({rest})");
        return Err(ApiError::invalid(message).on("amount"));
    }
    Ok(amount)
}

fn update(tx: &mut Tx<'_>, path: &Path, params: &UpdateRefund) -> Result<Arc<Refund>> {
    let before = tx.find::<Refund>(path.id())?;
    let mut refund = api::copy(&before);
    params.metadata.apply(&mut refund.metadata)?;
    save_changed(tx, before, refund, "refund.updated")
}

fn list_all(view: &View<'_>, _: &Path, params: &ListRefunds) -> Result<Page<Refund>> {
    if let Some(charge) = &params.charge {
        view.require::<Charge>(charge, "charge")?;
    }
    if let Some(intent) = &params.payment_intent {
        view.require::<PaymentIntent>(intent, "payment_intent")?;
    }
    let query = Query::new(&params.page)
        .filter_some("charge", params.charge.as_ref())
        .filter_some("payment_intent", params.payment_intent.as_ref());
    list(view, &query.created(params.created.as_ref()))
}

#[derive(Params)]
struct ListRefundsOfCharge {
    #[param(flatten)]
    page: ListParams,
}

fn list_of_charge(
    view: &View<'_>,
    path: &Path,
    params: &ListRefundsOfCharge,
) -> Result<Page<Refund>> {
    view.find::<Charge>(path.id())?;
    list(view, &Query::new(&params.page).filter("charge", path.id()))
}

fn of_charge(view: &View<'_>, path: &Path, _: &NoParams) -> Result<Arc<Refund>> {
    view.find::<Charge>(path.id())?;
    let missing = || ApiError::not_found(Refund::LABEL, path.second(), Refund::PARAM);
    let refund = view.load::<Refund>(path.second())?;
    Ok(refund.filter(|refund| refund.charge == path.id()).ok_or_else(missing)?)
}

/// No refund to a card ever needs an action.
fn cancel(tx: &mut Tx<'_>, path: &Path, _: &NoParams) -> Result<Arc<Refund>> {
    let refund = tx.find::<Refund>(path.id())?;
    let status = refund.status.as_str();
    let message = format!("A Refund with status {status} cannot be canceled: requires_action can.");
    Err(ApiError::invalid(message).into())
}

/// What the card's bank says in the end.
fn step(tx: &mut Tx<'_>, id: &str, _: &str) -> Result<()> {
    let Some(before) = tx.load::<Refund>(id)? else { return Ok(()) };
    let Some(charge) = tx.load::<Charge>(&before.charge)? else { return Ok(()) };
    let old = tx.render(&*before)?;
    let mut after = api::copy(&before);
    if before.status == RefundStatus::Pending {
        after.status = RefundStatus::Succeeded;
        let after = tx.save(after)?;
        tx.event_changed("charge.refund.updated", &old, &*after)?;
        return tx.event_changed("refund.updated", &old, &*after);
    }
    let record = Record {
        kind: Type::RefundFailure,
        source: id,
        currency: before.currency,
        amount: before.amount,
        fee: 0,
        available_on: None,
        description: Some(format!("REFUND FAILURE FOR CHARGE {}", before.charge)),
        contra: book::CARDS,
    };
    after.failure_balance_transaction = Some(book::record(tx, &record)?);
    after.status = RefundStatus::Failed;
    let after = tx.save(after)?;
    let amount_refunded = charge.amount_refunded - before.amount;
    tx.save(api::copy(&charge).with_refunded(amount_refunded))?;
    tx.event_changed("charge.refund.updated", &old, &*after)?;
    tx.event_changed("refund.failed", &old, &*after)
}

impl Resource for Refund {
    const OBJECT: &'static str = "refund";
    const PREFIX: &'static str = "re";
    const LABEL: &'static str = "refund";
    const PARAM: &'static str = "refund";
    const EXPANDS: &'static [Expandable] = &[
        Expandable::reference::<BalanceTransaction>("balance_transaction"),
        Expandable::reference::<Charge>("charge"),
        Expandable::reference::<Customer>("customer"),
        Expandable::reference::<BalanceTransaction>("failure_balance_transaction"),
        Expandable::reference::<PaymentIntent>("payment_intent"),
        Expandable::reference::<PaymentMethod>("payment_method"),
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        entries.add("charge", &self.charge);
        entries.add_some("payment_intent", self.payment_intent.as_ref());
    }

    fn render(&self, view: &View<'_>, _: &Include<'_>) -> Result<Json> {
        let charge = view.load::<Charge>(&self.charge)?;
        let customer = charge.as_ref().and_then(|charge| charge.customer().cloned());
        let method = charge.as_ref().and_then(|charge| charge.saved_method().cloned());
        let kind = if self.status == RefundStatus::Pending { "pending" } else { "refund" };
        let card = object([
            ("reference_status", "pending".into()),
            ("reference_type", "acquirer_reference_number".into()),
            ("type", kind.into()),
        ]);
        let mut json = object([
            ("id", (&self.id).into()),
            ("object", Self::OBJECT.into()),
            ("amount", self.amount.into()),
            ("balance_transaction", (&self.balance_transaction).into()),
            ("charge", (&self.charge).into()),
            ("created", api::seconds(self.created).into()),
            ("currency", self.currency.into()),
            ("customer", customer.into()),
            ("customer_account", Json::Null),
            ("destination_details", object([("card", card), ("type", "card".into())])),
            ("metadata", (&self.metadata).into()),
            ("payment_intent", (&self.payment_intent).into()),
            ("payment_method", method.into()),
            ("reason", self.reason.into()),
            ("receipt_number", Json::Null),
            ("source_transfer_reversal", Json::Null),
            ("status", self.status.into()),
            ("transfer_reversal", Json::Null),
        ]);
        if self.status == RefundStatus::Pending {
            json.set("pending_reason", "processing".into());
        }
        if let Some(transaction) = &self.failure_balance_transaction {
            json.set("failure_balance_transaction", transaction.into());
            json.set("failure_reason", "expired_or_canceled_card".into());
        }
        Ok(json)
    }
}
