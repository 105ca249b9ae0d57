//! Charges: one attempt each to take money from a card.
//!
//! ```text
//!   ─┬─▶ failed                          the bank refused, or nobody asked it
//!    └─▶ succeeded ─┬─ captured at once
//!                   └─ not captured ─┬─ capture ──▶ captured
//!                                    └─ void ─────▶ refunded, for good
//! ```
//! Only what is captured comes into the balance.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::list::{Page, Query, list};
use api::operation;
use api::params::{Currency, ListParams, Metadata, Params, Range, Unset};
use api::resource::Expandable;
use api::{ApiError, Failure, Include, Index, Json, Path, Resource, Result, Tx, View};
use exchequer_core::account;
use exchequer_core::billing::BillingDetails;
use exchequer_core::card::{Card, Check, Decline};
use exchequer_core::customer::{Customer, Shipping, ShippingParams};
use exchequer_core::token;
use serde::{Deserialize, Serialize};
use store::Millis;

use crate::balance_transaction::{BalanceTransaction, Type};
use crate::book::{self, Record};
use crate::dates;
use crate::payment_intent::PaymentIntent;

mod render;

/// What a payment costs: a part of it, in tenths of a percent, and a fixed sum.
const FEE_PER_MILLE: i128 = 29;
const FEE_FIXED: i64 = 30;
/// The least that can be charged.
pub const AMOUNT_MIN: i64 = 50;
/// What has eight digits.
pub const AMOUNT_MAX: i64 = 99_999_999;

#[derive(Clone, Serialize, Deserialize)]
pub struct Charge {
    pub id: String,
    created: Millis,
    pub amount: i64,
    pub currency: Currency,
    pub amount_captured: i64,
    pub amount_refunded: i64,
    pub is_captured: bool,
    /// Why it failed; none where it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Refused>,
    card: Card,
    /// What the test card will do later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behavior: Option<String>,
    /// The PaymentMethod, or the card of a token.
    pub payment_method: String,
    /// Whether it was made from a token, which shows the card as its source.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_of_token: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance_transaction: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    billing_details: BillingDetails,
    #[serde(flatten)]
    words: Words,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_intent: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What a payment says of itself; it changes nothing about the money.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Words {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Shipping>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement_descriptor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement_descriptor_suffix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer_group: Option<String>,
}

/// Why a bank refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline_code: Option<String>,
    pub message: String,
    /// Whether the bank was not even asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_blocked: bool,
}

#[derive(Params)]
struct CreateCharge {
    /// How much to charge, in the currency's smallest unit.
    #[param(min = 1, max = AMOUNT_MAX, over_max = "amount_too_large")]
    amount: i64,
    /// Whether to take the money now; `true` unless given. Otherwise it is captured later.
    capture: Option<bool>,
    /// The currency.
    currency: Currency,
    /// The customer who pays.
    customer: Option<String>,
    /// A text of your own.
    description: Option<String>,
    /// Names and values of your own.
    metadata: Metadata,
    /// Where a receipt would be sent.
    receipt_email: Option<api::params::Email>,
    /// Where goods are sent to.
    shipping: Option<ShippingParams>,
    /// A token of the card, such as `tok_visa`.
    source: Option<String>,
    /// What the customer reads on the statement.
    #[param(max = 22)]
    statement_descriptor: Option<String>,
    /// What is added to what the customer reads.
    #[param(max = 22)]
    statement_descriptor_suffix: Option<String>,
    /// A name for payments that belong together.
    transfer_group: Option<String>,
}

#[derive(Params)]
struct UpdateCharge {
    /// The customer who paid, where none is known.
    customer: Option<String>,
    /// A text of your own.
    description: Unset<String>,
    /// Names and values of your own.
    metadata: Metadata,
    /// Where a receipt would be sent.
    receipt_email: Option<api::params::Email>,
    /// Where goods are sent to.
    shipping: Option<ShippingParams>,
    /// A name for payments that belong together, where none is known.
    transfer_group: Option<String>,
}

#[derive(Params)]
struct CaptureCharge {
    /// How much to take; all of it unless given. The rest is given up.
    #[param(min = 1)]
    amount: Option<i64>,
    /// Where a receipt would be sent.
    receipt_email: Option<api::params::Email>,
    /// What the customer reads on the statement.
    #[param(max = 22)]
    statement_descriptor: Option<String>,
    /// What is added to what the customer reads.
    #[param(max = 22)]
    statement_descriptor_suffix: Option<String>,
}

#[derive(Params)]
struct ListCharges {
    #[param(flatten)]
    page: ListParams,
    /// Only those created then.
    created: Option<Range>,
    /// Only those of this customer.
    customer: Option<String>,
    /// Only those of this PaymentIntent.
    payment_intent: Option<String>,
    /// Only those with this name.
    transfer_group: Option<String>,
}

pub fn resource() -> operation::Resource {
    const ONE: &str = "/v1/charges/{charge}";
    operation::Resource::of::<Charge>()
        .events(&[
            "charge.captured",
            "charge.failed",
            "charge.refunded",
            "charge.succeeded",
            "charge.updated",
        ])
        .create("/v1/charges", "Charges a card by a token.", create)
        .retrieve(ONE, "Retrieves a Charge.")
        .action(ONE, "Updates a Charge.", update)
        .list("/v1/charges", "Lists Charges, newest first.", list_all)
        .action("/v1/charges/{charge}/capture", "Takes the money of a Charge.", capture_alone)
        .done()
}

/// A card that is to be charged.
pub struct Order<'a> {
    pub amount: i64,
    pub currency: Currency,
    pub is_captured: bool,
    pub card: &'a Card,
    pub behavior: Option<&'a str>,
    pub payment_method: &'a str,
    pub is_of_token: bool,
    pub billing_details: &'a BillingDetails,
    pub words: &'a Words,
    pub payment_intent: Option<&'a str>,
    pub metadata: BTreeMap<String, String>,
    /// What the card says to it.
    pub check: Check,
}

/// Keeps a Charge, succeeded or failed, with the money that it brings.
pub fn place(tx: &mut Tx<'_>, order: Order<'_>) -> Result<Arc<Charge>> {
    let failure = match order.check {
        Check::Declines(decline) => Some(Refused::of(decline)),
        Check::Passes | Check::Authenticates => None,
    };
    let has_failed = failure.is_some();
    let charge = Charge {
        id: tx.new_id::<Charge>(),
        created: tx.now_ms(),
        amount: order.amount,
        currency: order.currency,
        amount_captured: 0,
        amount_refunded: 0,
        is_captured: false,
        failure,
        card: order.card.clone(),
        behavior: order.behavior.map(str::to_owned),
        payment_method: order.payment_method.to_owned(),
        is_of_token: order.is_of_token,
        balance_transaction: None,
        billing_details: order.billing_details.clone(),
        words: order.words.clone(),
        payment_intent: order.payment_intent.map(str::to_owned),
        metadata: order.metadata,
    };
    if has_failed {
        let charge = tx.save(charge)?;
        tx.event("charge.failed", &*charge)?;
        return Ok(charge);
    }
    let charge = if order.is_captured { take(tx, charge, order.amount)? } else { tx.save(charge)? };
    tx.event("charge.succeeded", &*charge)?;
    Ok(charge)
}

/// Brings the money of a Charge into the balance.
fn take(tx: &mut Tx<'_>, mut charge: Charge, amount: i64) -> Result<Arc<Charge>> {
    let is_bypassing = charge.behavior.as_deref() == Some("bypassPending");
    let pending_ms = account::current(tx)?.settings.payout_delay_days() * dates::DAY_MS;
    let available_on = dates::midnight_from(tx.now_ms() + pending_ms);
    let record = Record {
        kind: Type::Charge,
        source: &charge.id,
        currency: charge.currency,
        amount,
        fee: fee_of(amount).min(amount),
        available_on: (!is_bypassing).then_some(available_on),
        description: charge.words.description.clone(),
        contra: book::CARDS,
    };
    charge.balance_transaction = Some(book::record(tx, &record)?);
    charge.is_captured = true;
    charge.amount_captured = amount;
    tx.save(charge)
}

/// What Stripe keeps of a payment, rounded to the nearest.
fn fee_of(amount: i64) -> i64 {
    let part = (i128::from(amount) * FEE_PER_MILLE + 500) / 1000;
    i64::try_from(part).unwrap_or(i64::MAX).saturating_add(FEE_FIXED)
}

/// Takes the money of a Charge that waits for it.
pub fn capture(tx: &mut Tx<'_>, id: &str, amount: Option<i64>) -> Result<Arc<Charge>> {
    let before = tx.find::<Charge>(id)?;
    if before.is_captured || before.failure.is_some() || before.amount_refunded > 0 {
        let message = format!("Charge {id} has already been captured or cannot be captured.");
        let error = ApiError::invalid(message).code("charge_already_captured");
        return Err(error.into());
    }
    let amount = amount.unwrap_or(before.amount);
    if amount > before.amount {
        let message = "The amount to capture is greater than the amount that was authorized.";
        return Err(ApiError::param("amount_too_large", "amount", message).into());
    }
    let old = tx.render(&*before)?;
    let charge = take(tx, api::copy(&before), amount)?;
    tx.event_changed("charge.captured", &old, &*charge)?;
    Ok(charge)
}

/// Gives up a Charge whose money was not taken.
pub fn void(tx: &mut Tx<'_>, id: &str) -> Result<()> {
    let before = tx.find::<Charge>(id)?;
    let old = tx.render(&*before)?;
    let charge = tx.save(Charge { amount_refunded: before.amount, ..api::copy(&before) })?;
    tx.event_changed("charge.refunded", &old, &*charge)
}

pub fn check_amount(amount: i64, currency: Currency) -> Result<(), ApiError> {
    if amount >= AMOUNT_MIN {
        return Ok(());
    }
    let currency = currency.as_str();
    let message =
        format!("Amount must be at least {AMOUNT_MIN} of the smallest unit of {currency}");
    Err(ApiError::param("amount_too_small", "amount", message))
}

fn create(tx: &mut Tx<'_>, params: &CreateCharge) -> Result<Arc<Charge>> {
    check_amount(params.amount, params.currency)?;
    if let Some(customer) = &params.customer {
        tx.reference::<Customer>(customer, "customer")?;
    }
    let Some(source) = &params.source else {
        let message = "Must provide source or customer with an active card.";
        let error = ApiError::invalid(message).code("missing").on("source");
        return Err(error.into());
    };
    let (card, behavior) = token::take_card(tx, source, "source")?;
    let words = Words {
        customer: params.customer.clone(),
        description: params.description.clone(),
        receipt_email: params.receipt_email.clone().map(|email| email.0),
        shipping: params.shipping.as_ref().map(Shipping::from),
        statement_descriptor: params.statement_descriptor.clone(),
        statement_descriptor_suffix: params.statement_descriptor_suffix.clone(),
        transfer_group: params.transfer_group.clone(),
    };
    let check = exchequer_core::card::payment_of(behavior.as_deref());
    let card_id = tx.new_id_with("card");
    let order = Order {
        amount: params.amount,
        currency: params.currency,
        is_captured: params.capture != Some(false),
        card: &card,
        behavior: behavior.as_deref(),
        payment_method: &card_id,
        is_of_token: true,
        billing_details: &BillingDetails::default(),
        words: &words,
        payment_intent: None,
        metadata: params.metadata.for_new()?,
        check,
    };
    let charge = place(tx, order)?;
    match &charge.failure {
        Some(_) => {
            let mut error = decline_of(check).error();
            error.extra.push(("charge", (&charge.id).into()));
            Err(Failure::Declined(Box::new(error)))
        }
        None => Ok(charge),
    }
}

fn decline_of(check: Check) -> Decline {
    match check {
        Check::Declines(decline) => decline,
        Check::Passes | Check::Authenticates => Decline::Generic,
    }
}

fn update(tx: &mut Tx<'_>, path: &Path, params: &UpdateCharge) -> Result<Arc<Charge>> {
    let before = tx.find::<Charge>(path.id())?;
    let mut charge = api::copy(&before);
    let words = &mut charge.words;
    for (name, given, known) in [
        ("customer", &params.customer, &mut words.customer),
        ("transfer_group", &params.transfer_group, &mut words.transfer_group),
    ] {
        let Some(given) = given else { continue };
        if known.as_ref().is_some_and(|known| known != given) {
            let message = format!("The {name} of a Charge cannot be changed once it is set.");
            return Err(ApiError::invalid(message).on(name).into());
        }
        *known = Some(given.clone());
    }
    if let Some(customer) = &params.customer {
        tx.reference::<Customer>(customer, "customer")?;
    }
    params.description.clone().apply(&mut words.description);
    if let Some(email) = &params.receipt_email {
        words.receipt_email = Some(email.0.clone());
    }
    if let Some(shipping) = &params.shipping {
        words.shipping = Some(shipping.into());
    }
    params.metadata.apply(&mut charge.metadata)?;
    exchequer_core::change::save_changed(tx, before, charge, "charge.updated")
}

fn capture_alone(tx: &mut Tx<'_>, path: &Path, params: &CaptureCharge) -> Result<Arc<Charge>> {
    let before = tx.find::<Charge>(path.id())?;
    if let Some(intent) = &before.payment_intent {
        let message = format!("This Charge is captured by capturing its PaymentIntent {intent}.");
        return Err(ApiError::invalid(message).into());
    }
    let mut told = api::copy(&before);
    let words = &mut told.words;
    words.receipt_email =
        params.receipt_email.clone().map(|email| email.0).or(words.receipt_email.take());
    words.statement_descriptor =
        params.statement_descriptor.clone().or(words.statement_descriptor.take());
    words.statement_descriptor_suffix =
        params.statement_descriptor_suffix.clone().or(words.statement_descriptor_suffix.take());
    tx.save(told)?;
    capture(tx, path.id(), params.amount)
}

fn list_all(view: &View<'_>, _: &Path, params: &ListCharges) -> Result<Page<Charge>> {
    if let Some(customer) = &params.customer {
        view.require::<Customer>(customer, "customer")?;
    }
    if let Some(intent) = &params.payment_intent {
        view.require::<PaymentIntent>(intent, "payment_intent")?;
    }
    let query = Query::new(&params.page)
        .filter_some("customer", params.customer.as_ref())
        .filter_some("payment_intent", params.payment_intent.as_ref())
        .filter_some("transfer_group", params.transfer_group.as_ref());
    list(view, &query.created(params.created.as_ref()))
}

impl Refused {
    pub fn of(decline: Decline) -> Refused {
        let error = decline.error();
        let decline_code = error.extra.iter().find(|(name, _)| *name == "decline_code");
        let decline_code = decline_code.and_then(|(_, value)| value.as_str()).map(str::to_owned);
        let code = error.code.unwrap_or_default().to_owned();
        let is_blocked = decline == Decline::Blocked;
        Refused { code, decline_code, message: error.message, is_blocked }
    }
}

impl Resource for Charge {
    const OBJECT: &'static str = "charge";
    const PREFIX: &'static str = "ch";
    const LABEL: &'static str = "charge";
    const PARAM: &'static str = "charge";
    const EXPANDS: &'static [Expandable] = &[
        Expandable::reference::<BalanceTransaction>("balance_transaction"),
        Expandable::reference::<Customer>("customer"),
        Expandable::reference::<PaymentIntent>("payment_intent"),
        Expandable::included("refunds"),
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        entries.add_some("customer", self.words.customer.as_ref());
        entries.add_some("payment_intent", self.payment_intent.as_ref());
        entries.add_some("transfer_group", self.words.transfer_group.as_ref());
    }

    fn render(&self, view: &View<'_>, include: &Include<'_>) -> Result<Json> {
        self.to_json(view, include)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_costs_a_part_of_it_and_a_fixed_sum() {
        for (amount, fee) in [(1_000, 59), (10_000, 320), (50, 31), (99, 33), (1_017, 59)] {
            assert_eq!(fee_of(amount), fee, "{amount}");
        }
        assert_eq!(fee_of(1_018), 60);
    }

    #[test]
    fn amounts_have_a_least() {
        assert!(check_amount(50, Currency::USD).is_ok());
        let error = check_amount(49, Currency::USD).err();
        assert_eq!(error.and_then(|error| error.code), Some("amount_too_small"));
    }
}
