//! How an InboundTransfer is kept, found and shown.

use api::params::Currency;
use api::{
    Expandable, Include, Index, Json, Resource, Result, View, object, seconds, seconds_or_null,
};
use exchequer_core::mandate::Mandate;
use store::Millis;

use super::state::{InboundTransfer, Stage};
use crate::receipt;
use crate::transaction::Transaction;

impl Resource for InboundTransfer {
    const OBJECT: &'static str = "treasury.inbound_transfer";
    const PREFIX: &'static str = "ibt";
    const LABEL: &'static str = "inbound transfer";
    const STATE_ONLY: bool = true;
    const EXPANDS: &'static [Expandable] = &[
        Expandable::reference::<Mandate>("origin_payment_method_details.us_bank_account.mandate"),
        Expandable::reference::<Transaction>("transaction"),
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        entries.add("status", self.status().key(&self.financial_account));
        if let Some(entry) = &self.entry {
            entry.index(entries);
        }
    }

    fn render(&self, view: &View<'_>, _: &Include<'_>) -> Result<Json> {
        let stage = &self.stage;
        let failure = stage.failure_code().map(|code| object([("code", code.into())]));
        Ok(object([
            ("id", Json::from(&self.id)),
            ("object", Self::OBJECT.into()),
            ("amount", self.amount.minor_units().into()),
            ("cancelable", self.is_cancelable().into()),
            ("created", seconds(self.created).into()),
            ("currency", Currency::USD.into()),
            ("description", Json::from(&self.description)),
            ("failure_details", failure.into()),
            ("financial_account", Json::from(&self.financial_account)),
            ("hosted_regulatory_receipt_url", receipt::url(view, &self.id).into()),
            ("linked_flows", object([("received_debit", stage.received_debit().into())])),
            ("livemode", view.livemode().into()),
            ("metadata", Json::from(&self.metadata)),
            ("origin_payment_method", Json::from(&self.origin.bank.payment_method)),
            ("origin_payment_method_details", self.origin.render()),
            ("returned", matches!(stage, Stage::Returned { .. }).into()),
            ("statement_descriptor", self.statement_descriptor().to_owned().into()),
            ("status", self.status().into()),
            (
                "status_transitions",
                object([
                    ("canceled_at", seconds_or_null(stage.canceled_at())),
                    ("failed_at", seconds_or_null(stage.failed_at())),
                    ("succeeded_at", seconds_or_null(stage.succeeded_at())),
                ]),
            ),
            ("transaction", stage.transaction().into()),
        ]))
    }
}
