//! How an OutboundPayment is kept, found and shown.

use api::params::Currency;
use api::{
    Expandable, Include, Index, Json, Resource, Result, View, object, seconds, seconds_or_null,
};
use store::Millis;

use super::state::{OutboundPayment, Stage, TrackingDetails};
use exchequer_core::mandate::Mandate;

use crate::calendar;
use crate::receipt;
use crate::transaction::Transaction;

const DAY_SECONDS: i64 = 86_400;

impl Resource for OutboundPayment {
    const OBJECT: &'static str = "treasury.outbound_payment";
    const PREFIX: &'static str = "obp";
    const LABEL: &'static str = "outbound payment";
    const STATE_ONLY: bool = true;
    const EXPANDS: &'static [Expandable] = &[
        // Never there, because outbound payments need none; asking for it is no mistake.
        Expandable::reference::<Mandate>(
            "destination_payment_method_details.us_bank_account.mandate",
        ),
        Expandable::reference::<Transaction>("returned_details.transaction"),
        Expandable::reference::<Transaction>("transaction"),
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        entries.add_some("customer", self.customer.as_ref());
        entries.add("financial_account", &self.financial_account);
        entries.add("status", self.status().as_str());
    }

    fn render(&self, view: &View<'_>, _include: &Include<'_>) -> Result<Json> {
        Ok(object([
            ("id", Json::from(&self.id)),
            ("object", Self::OBJECT.into()),
            ("amount", self.amount.minor_units().into()),
            ("cancelable", self.is_cancelable().into()),
            ("created", seconds(self.created).into()),
            ("currency", Currency::USD.into()),
            ("customer", Json::from(&self.customer)),
            ("description", Json::from(&self.description)),
            ("destination_payment_method", self.destination.payment_method().into()),
            ("destination_payment_method_details", self.destination.render()),
            ("end_user_details", self.end_user_details()),
            ("expected_arrival_date", self.expected_arrival().into()),
            ("financial_account", Json::from(&self.financial_account)),
            ("hosted_regulatory_receipt_url", receipt::url(view, &self.id).into()),
            ("livemode", view.livemode().into()),
            ("metadata", Json::from(&self.metadata)),
            ("returned_details", self.returned_details()),
            ("statement_descriptor", self.statement_descriptor().to_owned().into()),
            ("status", self.status().into()),
            ("status_transitions", self.status_transitions()),
            (
                "tracking_details",
                self.tracking_details.as_ref().map(TrackingDetails::render).into(),
            ),
            ("transaction", Json::from(&self.transaction)),
        ]))
    }
}

impl OutboundPayment {
    /// In seconds. Computed anew each time: it follows from the network and the creation.
    fn expected_arrival(&self) -> i64 {
        let expected = calendar::expected_arrival(self.destination.network(), self.created);
        if self.is_delayed { expected + DAY_SECONDS } else { expected }
    }

    fn end_user_details(&self) -> Json {
        object([
            ("ip_address", self.end_user_ip.map(|ip| ip.to_string()).into()),
            ("present", self.end_user_ip.is_some().into()),
        ])
    }

    fn returned_details(&self) -> Json {
        let Stage::Returned { code, transaction, .. } = &self.stage else { return Json::Null };
        object([("code", (*code).into()), ("transaction", Json::from(transaction))])
    }

    fn status_transitions(&self) -> Json {
        object([
            ("canceled_at", seconds_or_null(self.stage.canceled_at())),
            ("failed_at", seconds_or_null(self.stage.failed_at())),
            ("posted_at", seconds_or_null(self.stage.posted_at())),
            ("returned_at", seconds_or_null(self.stage.returned_at())),
        ])
    }
}

impl TrackingDetails {
    fn render(&self) -> Json {
        match self {
            TrackingDetails::Ach { trace_id } => object([
                ("ach", object([("trace_id", Json::from(trace_id))])),
                ("type", "ach".into()),
            ]),
            TrackingDetails::UsDomesticWire { chips, imad, omad } => object([
                ("type", "us_domestic_wire".into()),
                (
                    "us_domestic_wire",
                    object([
                        ("chips", Json::from(chips)),
                        ("imad", Json::from(imad)),
                        ("omad", Json::from(omad)),
                    ]),
                ),
            ]),
        }
    }
}
