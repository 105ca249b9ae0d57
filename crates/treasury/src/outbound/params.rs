//! The parameters that both outbound flows take.

use api::params::{At, Choice, Params};

use super::TrackingDetails;
use crate::destination::ReturnCode;

/// In cents: what fits the amount field of an ach entry.
pub const AMOUNT_MAX: i64 = 9_999_999_999;

/// A flow goes to a PaymentMethod or to what is described on the spot.
pub fn one_destination(has_method: bool, has_data: bool, at: &At<'_>) {
    at.at_most_one(&["destination_payment_method", "destination_payment_method_data"]);
    if !has_method && !has_data {
        at.child("destination_payment_method").missing::<()>();
    }
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
    /// What the bank's network calls it.
    pub tracking_details: TrackingParams,
}

#[derive(Params)]
#[params(check = matching_details)]
pub struct TrackingParams {
    /// For `ach`.
    pub ach: Option<AchTracking>,
    /// The network that carries it.
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
