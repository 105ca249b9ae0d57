//! What a request can say about a PaymentIntent.

use std::sync::Arc;

use api::params::{Choice, Currency, Email, ListParams, Metadata, Params, Range, Unset};
use api::{ApiError, Result, Tx};
use exchequer_core::card::CardParams;
use exchequer_core::customer::ShippingParams;
use exchequer_core::payment_method::{self, PaymentMethod, PaymentMethodData};

use super::{CancellationReason, CaptureMethod, ConfirmationMethod, SetupFutureUsage};
use crate::charge::AMOUNT_MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum AllowRedirects {
    Always,
    Never,
}

/// The types that can pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum MethodType {
    Card,
}

#[derive(Params)]
pub struct AutomaticParams {
    /// Whether methods that leave the page are allowed; `always` unless given.
    allow_redirects: Option<AllowRedirects>,
    /// Whether the types are chosen by themselves.
    enabled: bool,
}

#[derive(Params)]
pub struct CreatePaymentIntent {
    /// How much is paid, in the currency's smallest unit.
    #[param(min = 1, max = AMOUNT_MAX, over_max = "amount_too_large")]
    pub amount: i64,
    /// Lets the types of PaymentMethods be chosen by themselves, as they are unless named.
    automatic_payment_methods: Option<AutomaticParams>,
    /// `manual` takes the money later, by a capture.
    pub capture_method: Option<CaptureMethod>,
    /// Whether to confirm it at once.
    pub confirm: Option<bool>,
    #[param(flatten)]
    pub confirmation: ConfirmParams,
    /// Whether it is confirmed from the server alone.
    pub confirmation_method: Option<ConfirmationMethod>,
    /// The currency.
    pub currency: Currency,
    #[param(flatten)]
    pub intent: IntentParams,
    /// The types that the PaymentMethod may have: `card`.
    payment_method_types: Option<Vec<MethodType>>,
}

/// What can be given at first and changed later.
#[derive(Params)]
pub struct IntentParams {
    /// The customer who pays.
    pub customer: Option<String>,
    /// A text of your own.
    pub description: Unset<String>,
    /// Names and values of your own.
    pub metadata: Metadata,
    #[param(flatten)]
    pub method: MethodParams,
    /// Where a receipt would be sent.
    pub receipt_email: Option<Email>,
    /// Attaches the PaymentMethod to the customer once it has paid.
    pub setup_future_usage: Option<SetupFutureUsage>,
    /// Where goods are sent to.
    pub shipping: Option<ShippingParams>,
    /// What the customer reads on the statement.
    #[param(max = 22)]
    pub statement_descriptor: Option<String>,
    /// What is added to what the customer reads.
    #[param(max = 22)]
    pub statement_descriptor_suffix: Option<String>,
    /// A name for payments that belong together.
    pub transfer_group: Option<String>,
}

#[derive(Params)]
pub struct MethodParams {
    /// The PaymentMethod to pay by, or a test token such as `pm_card_visa`.
    pub payment_method: Option<String>,
    /// A new PaymentMethod to pay by.
    pub payment_method_data: Option<MethodData>,
}

#[derive(Params)]
pub struct MethodData {
    #[param(flatten)]
    data: PaymentMethodData,
    /// The card.
    card: Option<CardParams>,
}

#[derive(Params)]
pub struct ConfirmParams {
    /// Whether to fail rather than wait for the customer.
    pub error_on_requires_action: Option<bool>,
    /// Whether the customer is not there.
    pub off_session: Option<bool>,
    /// Where the customer returns to from the bank's page.
    pub return_url: Option<String>,
    /// Whether the SDK in the browser handles what comes next.
    pub use_stripe_sdk: Option<bool>,
}

#[derive(Params)]
pub struct RetrievePaymentIntent {
    /// Its client secret, if the caller knows it by that.
    pub client_secret: Option<String>,
}

#[derive(Params)]
pub struct UpdatePaymentIntent {
    /// How much is paid, in the currency's smallest unit.
    #[param(min = 1, max = AMOUNT_MAX, over_max = "amount_too_large")]
    pub amount: Option<i64>,
    /// `manual` takes the money later, by a capture.
    pub capture_method: Option<CaptureMethod>,
    /// The currency.
    pub currency: Option<Currency>,
    #[param(flatten)]
    pub intent: IntentParams,
}

#[derive(Params)]
pub struct ConfirmPaymentIntent {
    #[param(flatten)]
    pub confirmation: ConfirmParams,
    #[param(flatten)]
    pub method: MethodParams,
    /// Where a receipt would be sent.
    pub receipt_email: Option<Email>,
    /// Attaches the PaymentMethod to the customer once it has paid.
    pub setup_future_usage: Option<SetupFutureUsage>,
    /// Where goods are sent to.
    pub shipping: Option<ShippingParams>,
}

#[derive(Params)]
pub struct CapturePaymentIntent {
    /// How much to take; all of it unless given. The rest is given up.
    #[param(min = 1)]
    pub amount_to_capture: Option<i64>,
    /// Whether nothing more will be captured. It is always so.
    pub final_capture: Option<bool>,
    /// Names and values of your own.
    pub metadata: Metadata,
    /// What the customer reads on the statement.
    #[param(max = 22)]
    pub statement_descriptor: Option<String>,
    /// What is added to what the customer reads.
    #[param(max = 22)]
    pub statement_descriptor_suffix: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum GivenReason {
    Abandoned,
    Duplicate,
    Fraudulent,
    RequestedByCustomer,
}

#[derive(Params)]
pub struct CancelPaymentIntent {
    /// Why it is canceled.
    cancellation_reason: Option<GivenReason>,
}

#[derive(Params)]
pub struct ListPaymentIntents {
    #[param(flatten)]
    pub page: ListParams,
    /// Only those created then.
    pub created: Option<Range>,
    /// Only those of this customer.
    pub customer: Option<String>,
}

impl CreatePaymentIntent {
    /// Whether redirects are allowed; none where the types were named.
    pub fn automatic(&self) -> Result<Option<AllowRedirects>, ApiError> {
        let given = self.automatic_payment_methods.as_ref();
        let is_enabled = given.is_some_and(|automatic| automatic.enabled);
        match &self.payment_method_types {
            Some(_) if is_enabled => {
                let message = "You may only specify one of these parameters: \
                               automatic_payment_methods, payment_method_types.";
                Err(ApiError::invalid(message).on("automatic_payment_methods"))
            }
            Some(_) => Ok(None),
            None if given.is_some() && !is_enabled => Ok(None),
            None => {
                let redirects = given.and_then(|automatic| automatic.allow_redirects);
                Ok(Some(redirects.unwrap_or(AllowRedirects::Always)))
            }
        }
    }
}

impl ConfirmParams {
    /// They say how to confirm, and nothing to those who do not.
    pub fn check_given(&self, confirms: bool) -> Result<(), ApiError> {
        let given = [
            ("error_on_requires_action", self.error_on_requires_action.is_some()),
            ("off_session", self.off_session.is_some()),
            ("return_url", self.return_url.is_some()),
        ];
        match given.iter().find(|(_, is_given)| *is_given && !confirms) {
            Some((name, _)) => {
                let message = format!("You can only pass {name} when confirm is true.");
                Err(ApiError::invalid(message).on(*name))
            }
            None => Ok(()),
        }
    }
}

impl CancelPaymentIntent {
    pub fn reason(&self) -> Option<CancellationReason> {
        self.cancellation_reason.map(|reason| match reason {
            GivenReason::Abandoned => CancellationReason::Abandoned,
            GivenReason::Duplicate => CancellationReason::Duplicate,
            GivenReason::Fraudulent => CancellationReason::Fraudulent,
            GivenReason::RequestedByCustomer => CancellationReason::RequestedByCustomer,
        })
    }
}

impl MethodData {
    pub fn create(&self, tx: &mut Tx<'_>, path: &str) -> Result<Arc<PaymentMethod>> {
        payment_method::new_of(tx, &self.data, self.card.as_ref(), path)
    }
}
