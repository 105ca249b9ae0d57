//! The parameters of the operations on OutboundPayments.

use std::net::IpAddr;

use api::params::{At, Choice, Currency, ListParams, Metadata, Params, Range};

use super::state::{Status, TrackingDetails};
use crate::destination::{DestinationData, DestinationOptions, ReturnCode};

/// In cents: what fits the amount field of an ach entry.
pub const AMOUNT_MAX: i64 = 9_999_999_999;

#[derive(Params)]
#[params(check = one_destination)]
pub struct Create {
    /// How much to pay, in cents.
    #[param(min = 1, max = AMOUNT_MAX, over_max = "amount_too_large")]
    pub amount: i64,
    /// `usd`.
    pub currency: Currency,
    /// The Customer who is paid. A PaymentMethod must be theirs.
    pub customer: Option<String>,
    /// A text for yourself and your users.
    pub description: Option<String>,
    /// The PaymentMethod that is paid, or a test token.
    pub destination_payment_method: Option<String>,
    /// A destination described here, in place of a PaymentMethod.
    pub destination_payment_method_data: Option<DestinationData>,
    /// How the destination is paid.
    pub destination_payment_method_options: Option<DestinationOptions>,
    /// The user on whose behalf the payment is made.
    pub end_user_details: Option<EndUserDetails>,
    /// The FinancialAccount that pays.
    pub financial_account: String,
    /// Your own keys and values.
    pub metadata: Metadata,
    /// What the receiver reads: up to 10 characters by `ach`, 140 by `us_domestic_wire`, 500 to
    /// another FinancialAccount. Letters, digits, spaces and `-#.$&*_`.
    pub statement_descriptor: Option<String>,
}

#[derive(Clone, Params)]
#[params(check = present_has_address)]
pub struct EndUserDetails {
    /// Where the user is; needed where one is present.
    pub ip_address: Option<IpAddr>,
    /// Whether a user is there for whom the platform pays.
    pub present: bool,
}

fn one_destination(params: &Create, at: &At<'_>) {
    at.at_most_one(&["destination_payment_method", "destination_payment_method_data"]);
    let is_given = params.destination_payment_method.is_some()
        || params.destination_payment_method_data.is_some();
    if !is_given {
        at.child("destination_payment_method").missing::<()>();
    }
}

fn present_has_address(params: &EndUserDetails, at: &At<'_>) {
    if params.present && params.ip_address.is_none() {
        at.child("ip_address").missing::<()>();
    }
}

#[derive(Params)]
pub struct List {
    /// When it was created.
    pub created: Option<Range>,
    /// Only payments to this Customer.
    pub customer: Option<String>,
    /// Payments of this FinancialAccount.
    pub financial_account: String,
    #[param(flatten)]
    pub page: ListParams,
    /// Only payments with this status.
    pub status: Option<Status>,
}

#[derive(Params)]
pub struct Return {
    /// Why the money came back.
    pub returned_details: Option<ReturnedDetails>,
}

#[derive(Params)]
pub struct ReturnedDetails {
    /// The bank's reason; `declined` unless given.
    pub code: Option<ReturnCode>,
}

#[derive(Params)]
pub struct Update {
    /// What the bank's network calls the payment.
    pub tracking_details: TrackingParams,
}

#[derive(Params)]
#[params(check = matching_details)]
pub struct TrackingParams {
    /// For `ach`.
    pub ach: Option<AchTracking>,
    /// The network of the payment.
    #[param(name = "type")]
    pub kind: TrackingType,
    /// For `us_domestic_wire`.
    pub us_domestic_wire: Option<WireTracking>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum TrackingType {
    Ach,
    UsDomesticWire,
}

#[derive(Params)]
pub struct AchTracking {
    /// The trace id of the ach entry.
    pub trace_id: String,
}

#[derive(Params)]
pub struct WireTracking {
    /// The sequence number of CHIPS.
    pub chips: Option<String>,
    /// The number that Fedwire gave on the way in.
    pub imad: Option<String>,
    /// The number that Fedwire gave on the way out.
    pub omad: Option<String>,
}

/// The details are those of `type` and of no other network; ach cannot do without.
fn matching_details(params: &TrackingParams, at: &At<'_>) {
    let other = match params.kind {
        TrackingType::Ach if params.ach.is_none() => {
            at.child("ach").child("trace_id").missing::<()>();
            params.us_domestic_wire.is_some().then_some("us_domestic_wire")
        }
        TrackingType::Ach => params.us_domestic_wire.is_some().then_some("us_domestic_wire"),
        TrackingType::UsDomesticWire => params.ach.is_some().then_some("ach"),
    };
    if let Some(other) = other {
        let kind = params.kind.as_str();
        let message = format!("{other} cannot be given where the type is {kind}.");
        at.child(other).wrong::<()>(message);
    }
}

impl From<&TrackingParams> for TrackingDetails {
    fn from(params: &TrackingParams) -> Self {
        let text = |of: fn(&WireTracking) -> &Option<String>| {
            params.us_domestic_wire.as_ref().and_then(|wire| of(wire).clone())
        };
        match params.kind {
            TrackingType::Ach => {
                let trace_id = params.ach.as_ref().map(|ach| ach.trace_id.clone());
                TrackingDetails::Ach { trace_id: trace_id.unwrap_or_default() }
            }
            TrackingType::UsDomesticWire => TrackingDetails::UsDomesticWire {
                chips: text(|wire| &wire.chips),
                imad: text(|wire| &wire.imad),
                omad: text(|wire| &wire.omad),
            },
        }
    }
}
