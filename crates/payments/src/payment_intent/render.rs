//! A PaymentIntent as the API shows it.

use api::{Include, Json, Resource, Result, View, array, object, seconds, seconds_or_null};
use exchequer_core::client_secret::client_secret;

use super::params::AllowRedirects;
use super::{CancellationReason, PaymentIntent};

impl PaymentIntent {
    pub(super) fn to_json(&self, view: &View<'_>, _: &Include<'_>) -> Result<Json> {
        let automatic = self.automatic.map(|redirects: AllowRedirects| {
            object([("allow_redirects", redirects.into()), ("enabled", true.into())])
        });
        let error = self.last_payment_error.as_ref();
        let error = error.map(|error| error.render(view)).transpose()?;
        let action = self.next_action.as_ref().map(|action| action.render(view, &self.id));
        let reason = self.cancellation_reason.map(CancellationReason::shown);
        let card = object([
            ("installments", Json::Null),
            ("mandate_options", Json::Null),
            ("network", Json::Null),
            ("request_three_d_secure", "automatic".into()),
        ]);
        let words = &self.words;
        Ok(object([
            ("id", (&self.id).into()),
            ("object", Self::OBJECT.into()),
            ("allowed_payment_method_types", Json::Null),
            ("amount", self.amount.into()),
            ("amount_capturable", self.capturable().into()),
            ("amount_details", object([("tip", object([]))])),
            ("amount_received", self.amount_received.into()),
            ("application", Json::Null),
            ("application_fee_amount", Json::Null),
            ("automatic_payment_methods", automatic.into()),
            ("canceled_at", seconds_or_null(self.canceled_at)),
            ("cancellation_reason", reason.into()),
            ("capture_method", self.capture_method.into()),
            ("client_secret", client_secret(view, &self.id).into()),
            ("confirmation_method", self.confirmation_method.into()),
            ("created", seconds(self.created).into()),
            ("currency", self.currency.into()),
            ("customer", (&words.customer).into()),
            ("customer_account", Json::Null),
            ("description", (&words.description).into()),
            ("excluded_payment_method_types", Json::Null),
            ("last_payment_error", error.into()),
            ("latest_charge", (&self.latest_charge).into()),
            ("livemode", view.livemode().into()),
            ("managed_payments", Json::Null),
            ("metadata", (&self.metadata).into()),
            ("next_action", action.into()),
            ("on_behalf_of", Json::Null),
            ("payment_method", (&self.payment_method).into()),
            ("payment_method_configuration_details", Json::Null),
            ("payment_method_options", object([("card", card)])),
            ("payment_method_types", array(["card"])),
            ("processing", Json::Null),
            ("receipt_email", (&words.receipt_email).into()),
            ("review", Json::Null),
            ("setup_future_usage", self.setup_future_usage.into()),
            ("shipping", words.shipping.as_ref().map(|shipping| shipping.render()).into()),
            ("source", Json::Null),
            ("statement_descriptor", (&words.statement_descriptor).into()),
            ("statement_descriptor_suffix", (&words.statement_descriptor_suffix).into()),
            ("status", self.status.into()),
            ("transfer_data", Json::Null),
            ("transfer_group", (&words.transfer_group).into()),
        ]))
    }
}

impl CancellationReason {
    fn shown(self) -> &'static str {
        match self {
            CancellationReason::Expired => "automatic",
            given => given.as_str(),
        }
    }
}
