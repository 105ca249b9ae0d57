//! PaymentIntents: a payment from the first thought of it to the money.
//!
//! ```text
//!   requires_payment_method ─▶ requires_confirmation ─ confirm ─┬─▶ succeeded
//!            ▲                                                  ├─▶ requires_capture ─▶ succeeded
//!            └──────────────── the card is declined ◀───────────┴─▶ requires_action
//! ```
//! All but the final states, `succeeded` and `canceled`, can be canceled. What is not captured
//! within seven days is canceled by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::list::{Page, Query, list};
use api::operation;
use api::params::{Choice, Currency};
use api::resource::Expandable;
use api::{ApiError, Include, Index, Json, Path, Resource, Result, Tx, View};
use exchequer_core::client_secret::{client_secret, tell};
use exchequer_core::customer::{Customer, Shipping};
use exchequer_core::payment_method::{self, PaymentMethod};
use serde::{Deserialize, Serialize};
use store::Millis;

use crate::charge::{self, Charge, Words};

use params::{
    AllowRedirects, CancelPaymentIntent, CapturePaymentIntent, ConfirmPaymentIntent,
    CreatePaymentIntent, IntentParams, ListPaymentIntents, MethodParams, RetrievePaymentIntent,
    UpdatePaymentIntent,
};
use state::{Action, Status};

mod confirm;
mod params;
mod render;
pub mod state;

#[derive(Clone, Serialize, Deserialize)]
pub struct PaymentIntent {
    pub id: String,
    created: Millis,
    pub amount: i64,
    pub currency: Currency,
    pub status: Status,
    pub amount_received: i64,
    /// Whether redirects are allowed; none where the types were named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    automatic: Option<AllowRedirects>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    canceled_at: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cancellation_reason: Option<CancellationReason>,
    capture_method: CaptureMethod,
    confirmation_method: ConfirmationMethod,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_payment_error: Option<confirm::PaymentError>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_charge: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_action: Option<confirm::NextAction>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payment_method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    setup_future_usage: Option<SetupFutureUsage>,
    words: Words,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
pub enum CaptureMethod {
    Automatic,
    #[default]
    AutomaticAsync,
    Manual,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
pub enum ConfirmationMethod {
    #[default]
    Automatic,
    Manual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum SetupFutureUsage {
    OffSession,
    OnSession,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum CancellationReason {
    Abandoned,
    /// It was not captured in time; nobody can say so in a request.
    Expired,
    Duplicate,
    Fraudulent,
    RequestedByCustomer,
}

pub fn resource() -> operation::Resource {
    const ALL: &str = "/v1/payment_intents";
    const ONE: &str = "/v1/payment_intents/{intent}";
    operation::Resource::of::<PaymentIntent>()
        .events(&[
            "payment_intent.amount_capturable_updated",
            "payment_intent.canceled",
            "payment_intent.created",
            "payment_intent.payment_failed",
            "payment_intent.requires_action",
            "payment_intent.succeeded",
        ])
        .create(ALL, "Creates a PaymentIntent.", create)
        .read(ONE, "Retrieves a PaymentIntent.", retrieve)
        .action(ONE, "Updates a PaymentIntent.", update)
        .list(ALL, "Lists PaymentIntents, newest first.", list_all)
        .action("/v1/payment_intents/{intent}/confirm", "Confirms a PaymentIntent.", confirm_it)
        .action(
            "/v1/payment_intents/{intent}/capture",
            "Takes the money of a PaymentIntent that waits for it.",
            capture,
        )
        .action("/v1/payment_intents/{intent}/cancel", "Cancels a PaymentIntent.", cancel)
        .job(confirm::CAPTURE_EXPIRES, confirm::capture_expires)
        .done()
}

fn create(tx: &mut Tx<'_>, params: &CreatePaymentIntent) -> Result<Arc<PaymentIntent>> {
    charge::check_amount(params.amount, params.currency)?;
    let mut intent = PaymentIntent {
        id: tx.new_id::<PaymentIntent>(),
        created: tx.now_ms(),
        amount: params.amount,
        currency: params.currency,
        status: Status::RequiresPaymentMethod,
        amount_received: 0,
        automatic: params.automatic()?,
        canceled_at: None,
        cancellation_reason: None,
        capture_method: params.capture_method.unwrap_or_default(),
        confirmation_method: params.confirmation_method.unwrap_or_default(),
        last_payment_error: None,
        latest_charge: None,
        metadata: BTreeMap::new(),
        next_action: None,
        payment_method: None,
        setup_future_usage: None,
        words: Words::default(),
    };
    intent.update(tx, &params.intent)?;
    let confirms = params.confirm == Some(true);
    params.confirmation.check_given(confirms)?;
    let intent = tx.save(intent)?;
    tell(tx, "payment_intent.created", &*intent)?;
    if confirms { confirm::confirm(tx, intent, &params.confirmation) } else { Ok(intent) }
}

fn retrieve(
    view: &View<'_>,
    path: &Path,
    params: &RetrievePaymentIntent,
) -> Result<Arc<PaymentIntent>> {
    let intent = view.find::<PaymentIntent>(path.id())?;
    let secret = client_secret(view, &intent.id);
    if params.client_secret.as_ref().is_some_and(|given| *given != secret) {
        let message = "The client_secret provided does not match any associated PaymentIntent.";
        return Err(ApiError::invalid(message).on("client_secret").into());
    }
    Ok(intent)
}

fn update(
    tx: &mut Tx<'_>,
    path: &Path,
    params: &UpdatePaymentIntent,
) -> Result<Arc<PaymentIntent>> {
    let before = tx.find::<PaymentIntent>(path.id())?;
    let mut intent = api::copy(&before);
    if params.amount.is_some() || params.currency.is_some() {
        intent.status.check(Action::Reprice)?;
        intent.amount = params.amount.unwrap_or(intent.amount);
        intent.currency = params.currency.unwrap_or(intent.currency);
        charge::check_amount(intent.amount, intent.currency)?;
    }
    if let Some(method) = params.capture_method {
        intent.status.check(Action::Reprice)?;
        intent.capture_method = method;
    }
    intent.update(tx, &params.intent)?;
    tx.save(intent)
}

fn confirm_it(
    tx: &mut Tx<'_>,
    path: &Path,
    params: &ConfirmPaymentIntent,
) -> Result<Arc<PaymentIntent>> {
    let mut intent = api::copy(&tx.find::<PaymentIntent>(path.id())?);
    intent.status.check(Action::Confirm)?;
    intent.update_words(params.receipt_email.as_ref(), params.shipping.as_ref());
    intent.setup_future_usage = params.setup_future_usage.or(intent.setup_future_usage);
    intent.update_method(tx, &params.method)?;
    let intent = tx.save(intent)?;
    confirm::confirm(tx, intent, &params.confirmation)
}

fn capture(
    tx: &mut Tx<'_>,
    path: &Path,
    params: &CapturePaymentIntent,
) -> Result<Arc<PaymentIntent>> {
    let before = tx.find::<PaymentIntent>(path.id())?;
    before.status.check(Action::Capture)?;
    if params.final_capture == Some(false) {
        let message = "This PaymentIntent can be captured once: multicapture is unavailable.";
        return Err(ApiError::invalid(message).on("final_capture").into());
    }
    let amount = params.amount_to_capture.unwrap_or(before.amount);
    if amount > before.amount {
        let message = format!(
            "The provided amount_to_capture is greater than what can be captured: {}.",
            before.amount
        );
        return Err(ApiError::param("amount_too_large", "amount_to_capture", message).into());
    }
    let mut intent = api::copy(&before);
    params.metadata.apply(&mut intent.metadata)?;
    let words = &mut intent.words;
    words.statement_descriptor =
        params.statement_descriptor.clone().or(words.statement_descriptor.take());
    words.statement_descriptor_suffix =
        params.statement_descriptor_suffix.clone().or(words.statement_descriptor_suffix.take());
    let held = before.latest_charge.as_deref().unwrap_or_default();
    charge::capture(tx, held, Some(amount))?;
    intent.amount_received = amount;
    intent.status = Status::Succeeded;
    let intent = tx.save(intent)?;
    tell(tx, "payment_intent.succeeded", &*intent)?;
    Ok(intent)
}

fn cancel(
    tx: &mut Tx<'_>,
    path: &Path,
    params: &CancelPaymentIntent,
) -> Result<Arc<PaymentIntent>> {
    let intent = tx.find::<PaymentIntent>(path.id())?;
    intent.status.check(Action::Cancel)?;
    give_up(tx, &intent, params.reason())
}

/// Cancels an intent, and lets go what its card has set aside.
fn give_up(
    tx: &mut Tx<'_>,
    intent: &Arc<PaymentIntent>,
    reason: Option<CancellationReason>,
) -> Result<Arc<PaymentIntent>> {
    if let (Status::RequiresCapture, Some(held)) = (intent.status, &intent.latest_charge) {
        charge::void(tx, held)?;
    }
    let canceled = tx.save(PaymentIntent {
        status: Status::Canceled,
        canceled_at: Some(tx.now_ms()),
        cancellation_reason: reason,
        next_action: None,
        ..api::copy(intent)
    })?;
    tell(tx, "payment_intent.canceled", &*canceled)?;
    Ok(canceled)
}

fn list_all(view: &View<'_>, _: &Path, params: &ListPaymentIntents) -> Result<Page<PaymentIntent>> {
    if let Some(customer) = &params.customer {
        view.require::<Customer>(customer, "customer")?;
    }
    let query = Query::new(&params.page).filter_some("customer", params.customer.as_ref());
    list(view, &query.created(params.created.as_ref()))
}

impl PaymentIntent {
    fn update(&mut self, tx: &mut Tx<'_>, params: &IntentParams) -> Result<()> {
        if let Some(customer) = &params.customer {
            self.status.check(Action::Update)?;
            tx.reference::<Customer>(customer, "customer")?;
            self.words.customer = Some(customer.clone());
        }
        params.description.clone().apply(&mut self.words.description);
        params.metadata.apply(&mut self.metadata)?;
        self.update_words(params.receipt_email.as_ref(), params.shipping.as_ref());
        self.setup_future_usage = params.setup_future_usage.or(self.setup_future_usage);
        let words = &mut self.words;
        for (given, known) in [
            (&params.statement_descriptor, &mut words.statement_descriptor),
            (&params.statement_descriptor_suffix, &mut words.statement_descriptor_suffix),
            (&params.transfer_group, &mut words.transfer_group),
        ] {
            *known = given.clone().or(known.take());
        }
        self.update_method(tx, &params.method)
    }

    fn update_words(
        &mut self,
        email: Option<&api::params::Email>,
        shipping: Option<&exchequer_core::customer::ShippingParams>,
    ) {
        if let Some(email) = email {
            self.words.receipt_email = Some(email.0.clone());
        }
        if let Some(shipping) = shipping {
            self.words.shipping = Some(Shipping::from(shipping));
        }
    }

    fn update_method(&mut self, tx: &mut Tx<'_>, params: &MethodParams) -> Result<()> {
        let (method, param) = match (&params.payment_method, &params.payment_method_data) {
            (None, None) => return Ok(()),
            (Some(_), Some(_)) => {
                let message = "You may only specify one of these parameters: payment_method, \
                               payment_method_data.";
                return Err(ApiError::invalid(message).on("payment_method").into());
            }
            (Some(id), None) => {
                (payment_method::resolve(tx, id, "payment_method")?, "payment_method")
            }
            (None, Some(data)) => {
                const PARAM: &str = "payment_method_data";
                (data.create(tx, PARAM)?, PARAM)
            }
        };
        self.status.check(Action::Update)?;
        self.check_method(&method, param)?;
        self.payment_method = Some(method.id().to_owned());
        self.status = Status::RequiresConfirmation;
        self.next_action = None;
        Ok(())
    }

    /// The Charge that brought its money, if there is one.
    pub fn succeeded_charge(&self, view: &View<'_>) -> Result<Option<Arc<Charge>>> {
        let Some(id) = &self.latest_charge else { return Ok(None) };
        Ok(view.load::<Charge>(id)?.filter(|charge| charge.failure.is_none()))
    }

    /// What waits to be captured.
    fn capturable(&self) -> i64 {
        if self.status == Status::RequiresCapture { self.amount } else { 0 }
    }
}

impl Resource for PaymentIntent {
    const OBJECT: &'static str = "payment_intent";
    const PREFIX: &'static str = "pi";
    const LABEL: &'static str = "payment_intent";
    const PARAM: &'static str = "intent";
    const EXPANDS: &'static [Expandable] = &[
        Expandable::reference::<Customer>("customer"),
        Expandable::reference::<Charge>("latest_charge"),
        Expandable::reference::<PaymentMethod>("payment_method"),
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        entries.add_some("customer", self.words.customer.as_ref());
    }

    fn render(&self, view: &View<'_>, include: &Include<'_>) -> Result<Json> {
        self.to_json(view, include)
    }
}
