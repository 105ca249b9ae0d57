//! How an outbound flow is kept, found and shown.

use api::params::Currency;
use api::{
    Expandable, Include, Index, Json, Resource, Result, View, object, seconds, seconds_or_null,
};
use store::Millis;

use super::{Kind, Outbound, Stage, TrackingDetails};
use exchequer_core::mandate::Mandate;

use super::schedule::DELAY_MS;
use crate::rails::{self, FileEntry};
use crate::receipt;
use crate::transaction::Transaction;

impl<K: Kind> Resource for Outbound<K> {
    const OBJECT: &'static str = K::NAMES.object;
    const PREFIX: &'static str = K::NAMES.prefix;
    const LABEL: &'static str = K::NAMES.label;
    const STATE_ONLY: bool = true;
    const EXPANDS: &'static [Expandable] = &[
        // Never there, because money that leaves needs none; asking for it is no mistake.
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
        self.kind.index(entries);
        entries.add("financial_account", &self.financial_account);
        entries.add("status", self.status().as_str());
        if let (Some(file), Some(trace)) = (&self.file, self.trace_id()) {
            FileEntry { file: file.clone(), trace: trace.to_owned() }.index(entries);
        }
    }

    fn render(&self, view: &View<'_>, _include: &Include<'_>) -> Result<Json> {
        let mut json = object([
            ("id", Json::from(&self.id)),
            ("object", Self::OBJECT.into()),
            ("amount", self.amount.minor_units().into()),
            ("cancelable", self.is_cancelable().into()),
            ("created", seconds(self.created).into()),
            ("currency", Currency::USD.into()),
            ("description", Json::from(&self.description)),
            ("destination_payment_method", self.destination.payment_method().into()),
            ("destination_payment_method_details", self.destination.render()),
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
        ]);
        self.kind.show(&mut json);
        Ok(json)
    }
}

impl<K: Kind> Outbound<K> {
    pub fn trace_id(&self) -> Option<&str> {
        match &self.tracking_details {
            Some(TrackingDetails::Ach { trace_id }) => Some(trace_id),
            Some(TrackingDetails::UsDomesticWire { .. }) | None => None,
        }
    }

    /// In seconds. Computed anew each time: it follows from the network and the creation.
    fn expected_arrival(&self) -> i64 {
        let promise = rails::of(self.destination.network()).promise(self.created);
        if self.is_delayed { promise + DELAY_MS / 1000 } else { promise }
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
