//! Confirming: how a PaymentIntent comes to its money.

use std::sync::Arc;

use api::error::ErrorType;
use api::{ApiError, Failure, Json, Resource, Result, Tx, View, object};
use exchequer_core::card::{self, Check, Decline};
use exchequer_core::client_secret::tell;
use exchequer_core::payment_method::{self, Kind, PaymentMethod, Type};
use serde::{Deserialize, Serialize};
use store::Millis;

use super::params::{AllowRedirects, ConfirmParams};
use super::state::{Action, Status, unexpected_state};
use super::{CancellationReason, CaptureMethod, PaymentIntent, give_up};
use crate::charge::{self, Order, Refused};
use crate::dates::DAY_MS;

/// How long a card sets money aside.
const CAPTURE_WITHIN_MS: Millis = 7 * DAY_MS;

pub const CAPTURE_EXPIRES: &str = "payment_intent.capture_expires";

/// What has to happen outside before it can succeed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NextAction {
    UseStripeSdk,
    RedirectToUrl(String),
}

/// Why the last attempt failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaymentError {
    refused: Refused,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    charge: Option<String>,
    payment_method: String,
}

pub fn confirm(
    tx: &mut Tx<'_>,
    intent: Arc<PaymentIntent>,
    params: &ConfirmParams,
) -> Result<Arc<PaymentIntent>> {
    intent.status.check(Action::Confirm)?;
    let Some(method) = &intent.payment_method else {
        return Err(unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can \
             either update the PaymentIntent with a payment method and then confirm it again, or \
             confirm it again directly with a payment method or ConfirmationToken.",
        )
        .into());
    };
    if intent.automatic == Some(AllowRedirects::Always) && params.return_url.is_none() {
        let message = "This PaymentIntent is configured to accept payment methods that may \
                       redirect your customer off of your page, so you must provide a \
                       `return_url`. If you don't want to accept them, set \
                       `automatic_payment_methods[enabled]` to `true` and \
                       `automatic_payment_methods[allow_redirects]` to `never`.";
        return Err(ApiError::invalid(message).into());
    }
    let method = tx.reference::<PaymentMethod>(method, "payment_method")?;
    intent.check_method(&method, "payment_method")?;
    let check = card::payment_of(method.test_behavior.as_deref());
    let intent = api::copy(&intent);
    match check {
        Check::Authenticates => authenticate(tx, intent, &method, params),
        Check::Passes | Check::Declines(_) => pay(tx, intent, &method, check),
    }
}

/// The card's holder has to say yes at the bank first.
fn authenticate(
    tx: &mut Tx<'_>,
    mut intent: PaymentIntent,
    method: &Arc<PaymentMethod>,
    params: &ConfirmParams,
) -> Result<Arc<PaymentIntent>> {
    if params.off_session == Some(true) || params.error_on_requires_action == Some(true) {
        let decline = Decline::AuthenticationRequired;
        return pay(tx, intent, method, Check::Declines(decline));
    }
    intent.next_action = Some(match (&params.return_url, params.use_stripe_sdk) {
        (Some(url), None | Some(false)) => NextAction::RedirectToUrl(url.clone()),
        _ => NextAction::UseStripeSdk,
    });
    intent.status = Status::RequiresAction;
    let intent = tx.save(intent)?;
    tell(tx, "payment_intent.requires_action", &*intent)?;
    Ok(intent)
}

fn pay(
    tx: &mut Tx<'_>,
    mut intent: PaymentIntent,
    method: &Arc<PaymentMethod>,
    check: Check,
) -> Result<Arc<PaymentIntent>> {
    let Kind::Card(card) = &method.kind else {
        return Err(unexpected_state("The PaymentMethod is no card.").into());
    };
    let is_manual = intent.capture_method == CaptureMethod::Manual;
    let order = Order {
        amount: intent.amount,
        currency: intent.currency,
        is_captured: !is_manual,
        card,
        behavior: method.test_behavior.as_deref(),
        payment_method: method.id(),
        is_of_token: false,
        billing_details: &method.billing_details,
        words: &intent.words,
        payment_intent: Some(&intent.id),
        metadata: intent.metadata.clone(),
        check,
    };
    let charge = charge::place(tx, order)?;
    intent.latest_charge = Some(charge.id.clone());
    if let Check::Declines(decline) = check {
        return Err(fail(tx, intent, method, decline)?);
    }
    intent.last_payment_error = None;
    intent.next_action = None;
    attach(tx, &intent, method)?;
    let event = if is_manual {
        intent.status = Status::RequiresCapture;
        tx.plan(tx.now_ms() + CAPTURE_WITHIN_MS, CAPTURE_EXPIRES, &intent.id, &charge.id)?;
        "payment_intent.amount_capturable_updated"
    } else {
        intent.status = Status::Succeeded;
        intent.amount_received = intent.amount;
        "payment_intent.succeeded"
    };
    let intent = tx.save(intent)?;
    tell(tx, event, &*intent)?;
    Ok(intent)
}

/// Keeps the card with its customer, where the intent said so.
fn attach(tx: &mut Tx<'_>, intent: &PaymentIntent, method: &Arc<PaymentMethod>) -> Result<()> {
    if let (Some(_), Some(customer)) = (intent.setup_future_usage, &intent.words.customer) {
        payment_method::attach_to(tx, method, customer)?;
    }
    Ok(())
}

/// Puts the intent back to needing a PaymentMethod; the failure to answer with keeps that.
fn fail(
    tx: &mut Tx<'_>,
    mut intent: PaymentIntent,
    method: &Arc<PaymentMethod>,
    decline: Decline,
) -> Result<Failure> {
    let charge = intent.latest_charge.clone();
    intent.last_payment_error = Some(PaymentError {
        refused: Refused::of(decline),
        charge: charge.clone(),
        payment_method: method.id().to_owned(),
    });
    intent.status = Status::RequiresPaymentMethod;
    intent.payment_method = None;
    intent.next_action = None;
    let intent = tx.save(intent)?;
    tell(tx, "payment_intent.payment_failed", &*intent)?;
    let mut error = decline.error();
    error.extra.push(("charge", charge.into()));
    error.extra.push(("payment_intent", tx.render(&*intent)?));
    error.extra.push(("payment_method", tx.render(&**method)?));
    Ok(Failure::Declined(Box::new(error)))
}

/// Nobody captured it in time.
pub fn capture_expires(tx: &mut Tx<'_>, intent: &str, charge: &str) -> Result<()> {
    let Some(intent) = tx.load::<PaymentIntent>(intent)? else { return Ok(()) };
    let waits = intent.status == Status::RequiresCapture;
    if waits && intent.latest_charge.as_deref() == Some(charge) {
        give_up(tx, &intent, Some(CancellationReason::Expired))?;
    }
    Ok(())
}

impl PaymentIntent {
    /// Whether that PaymentMethod can pay for this.
    pub(super) fn check_method(&self, method: &PaymentMethod, param: &str) -> Result<(), ApiError> {
        if method.kind_name() != Type::Card {
            let message = format!(
                "The PaymentMethod provided ({}) is not allowed for this PaymentIntent: cards are.",
                method.kind_name().as_str()
            );
            return Err(ApiError::param("payment_intent_invalid_parameter", param, message));
        }
        if method.is_detached() {
            return Err(method.used_up().on(param));
        }
        let Some(holder) = method.customer() else { return Ok(()) };
        if self.words.customer.as_deref() == Some(holder) {
            return Ok(());
        }
        let message = format!(
            "The provided PaymentMethod {} belongs to the customer {holder}. Include it in the \
             `customer` parameter to pay by it.",
            method.id()
        );
        Err(ApiError::invalid(message).on(param))
    }
}

impl NextAction {
    pub(super) fn render(&self, view: &View<'_>, intent: &str) -> Json {
        match self {
            NextAction::UseStripeSdk => {
                object([("type", "use_stripe_sdk".into()), ("use_stripe_sdk", object([]))])
            }
            NextAction::RedirectToUrl(url) => {
                let page =
                    format!("{}/_exchequer/authenticate/{intent}", view.app.config.public_url);
                let redirect = object([("return_url", url.into()), ("url", page.into())]);
                object([("redirect_to_url", redirect), ("type", "redirect_to_url".into())])
            }
        }
    }
}

impl PaymentError {
    pub(super) fn render(&self, view: &View<'_>) -> Result<Json> {
        let page = self.refused.code.replace('_', "-");
        let mut json = object([
            ("code", (&self.refused.code).into()),
            ("doc_url", format!("https://stripe.com/docs/error-codes/{page}").into()),
            ("message", (&self.refused.message).into()),
            ("type", ErrorType::CardError.as_str().into()),
        ]);
        if let Some(charge) = &self.charge {
            json.set("charge", charge.into());
        }
        if let Some(decline_code) = &self.refused.decline_code {
            json.set("decline_code", decline_code.into());
        }
        if let Some(method) = view.load::<PaymentMethod>(&self.payment_method)? {
            json.set("payment_method", view.render(&*method)?);
        }
        Ok(json)
    }
}
