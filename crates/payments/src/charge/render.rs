//! A Charge as the API shows it.

use api::operation::list_object;
use api::{Include, Json, Resource, Result, View, object};
use store::IdRange;

use super::{Charge, Refused};
use crate::refund::Refund;

/// How many of its refunds a Charge shows.
const REFUNDS_SHOWN: usize = 10;

impl Charge {
    /// What can still be given back.
    pub fn refundable(&self) -> i64 {
        self.amount_captured.saturating_sub(self.amount_refunded)
    }

    pub fn with_refunded(self, amount_refunded: i64) -> Charge {
        Charge { amount_refunded, ..self }
    }

    pub fn customer(&self) -> Option<&String> {
        self.words.customer.as_ref()
    }

    /// The PaymentMethod; a token's card is none.
    pub fn saved_method(&self) -> Option<&String> {
        (!self.is_of_token).then_some(&self.payment_method)
    }

    fn is_refunded(&self) -> bool {
        let whole = if self.is_captured { self.amount_captured } else { self.amount };
        self.failure.is_none() && self.amount_refunded >= whole
    }

    pub(super) fn to_json(&self, view: &View<'_>, include: &Include<'_>) -> Result<Json> {
        let words = &self.words;
        let failure = self.failure.as_ref();
        let status = if failure.is_some() { "failed" } else { "succeeded" };
        let source = self.is_of_token.then(|| self.card.render_as_source(&self.payment_method));
        let descriptor = words.statement_descriptor.clone();
        let calculated = descriptor.clone().unwrap_or_else(|| "Stripe".to_owned());
        let mut json = object([
            ("id", (&self.id).into()),
            ("object", Self::OBJECT.into()),
            ("amount", self.amount.into()),
            ("amount_captured", self.amount_captured.into()),
            ("amount_refunded", self.amount_refunded.into()),
            ("application", Json::Null),
            ("application_fee", Json::Null),
            ("application_fee_amount", Json::Null),
            ("balance_transaction", (&self.balance_transaction).into()),
            ("billing_details", self.billing_details.render()),
            ("calculated_statement_descriptor", calculated.into()),
            ("captured", self.is_captured.into()),
            ("created", api::seconds(self.created).into()),
            ("currency", self.currency.into()),
            ("customer", (&words.customer).into()),
            ("description", (&words.description).into()),
            ("disputed", false.into()),
            ("failure_balance_transaction", Json::Null),
            ("failure_code", failure.map(|refused| refused.code.clone()).into()),
            ("failure_message", failure.map(|refused| refused.message.clone()).into()),
            ("fraud_details", object([])),
            ("livemode", view.livemode().into()),
            ("metadata", (&self.metadata).into()),
            ("on_behalf_of", Json::Null),
            ("outcome", outcome(failure)),
            ("paid", failure.is_none().into()),
            ("payment_intent", (&self.payment_intent).into()),
            ("payment_method", (&self.payment_method).into()),
            ("payment_method_details", self.render_card()),
            ("radar_options", object([])),
            ("receipt_email", (&words.receipt_email).into()),
            ("receipt_number", Json::Null),
            ("receipt_url", Json::Null),
            ("refunded", self.is_refunded().into()),
            ("review", Json::Null),
            ("shipping", words.shipping.as_ref().map(|shipping| shipping.render()).into()),
            ("source", source.into()),
            ("source_transfer", Json::Null),
            ("statement_descriptor", descriptor.into()),
            ("statement_descriptor_suffix", (&words.statement_descriptor_suffix).into()),
            ("status", status.into()),
            ("transfer_data", Json::Null),
            ("transfer_group", (&words.transfer_group).into()),
        ]);
        if include.has("refunds") {
            json.set("refunds", self.refunds(view)?);
        }
        Ok(json)
    }

    fn refunds(&self, view: &View<'_>) -> Result<Json> {
        let all = IdRange::prefix(Refund::PREFIX, true);
        let (account, ask) = (view.owner.number, REFUNDS_SHOWN + 1);
        let mut ids = view.session.index(account, "charge", &self.id, &all, ask)?;
        let has_more = ids.len() > REFUNDS_SHOWN;
        ids.truncate(REFUNDS_SHOWN);
        let mut data = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(refund) = view.load::<Refund>(&id)? {
                data.push(view.render(&*refund)?);
            }
        }
        Ok(list_object(data, has_more, format!("/v1/charges/{}/refunds", self.id)))
    }

    fn render_card(&self) -> Json {
        let billing = &self.billing_details.address;
        let checks = self.card.render(billing.line1.is_some(), billing.postal_code.is_some());
        let checks = checks.get("checks").cloned().unwrap_or(Json::Null);
        let card = &self.card;
        let status = |status: &'static str| object([("status", status.into())]);
        let overcapture = object([
            ("maximum_amount_capturable", self.amount.into()),
            ("status", "unavailable".into()),
        ]);
        let details = object([
            ("amount_authorized", self.failure.is_none().then_some(self.amount).into()),
            ("authorization_code", Json::Null),
            ("brand", card.brand.into()),
            ("checks", checks),
            ("country", "US".into()),
            ("electronic_commerce_indicator", Json::Null),
            ("exp_month", card.exp_month.into()),
            ("exp_year", card.exp_year.into()),
            ("extended_authorization", status("disabled")),
            ("fingerprint", (&card.fingerprint).into()),
            ("funding", card.funding.into()),
            ("incremental_authorization", status("unavailable")),
            ("installments", Json::Null),
            ("last4", (&card.last4).into()),
            ("mandate", Json::Null),
            ("multicapture", status("unavailable")),
            ("network", card.brand.into()),
            ("network_token", object([("used", false.into())])),
            ("network_transaction_id", Json::Null),
            ("overcapture", overcapture),
            ("regulated_status", "unregulated".into()),
            ("three_d_secure", Json::Null),
            ("wallet", Json::Null),
        ]);
        object([("card", details), ("type", "card".into())])
    }
}

/// What the networks and the bank said.
fn outcome(failure: Option<&Refused>) -> Json {
    let (network, reason, kind, message) = match failure {
        None => ("approved_by_network", None, "authorized", "Payment complete."),
        Some(refused) if refused.is_blocked => (
            "not_sent_to_network",
            Some("highest_risk_level".to_owned()),
            "blocked",
            "Stripe blocked this payment as too risky.",
        ),
        Some(refused) => {
            let reason = refused.decline_code.clone().unwrap_or_else(|| refused.code.clone());
            let message = "The bank did not return any further details with this decline.";
            ("declined_by_network", Some(reason), "issuer_declined", message)
        }
    };
    let (level, score) = match kind {
        "blocked" => ("highest", 90i64),
        _ => ("normal", 32i64),
    };
    object([
        ("advice_code", Json::Null),
        ("network_advice_code", Json::Null),
        ("network_decline_code", Json::Null),
        ("network_status", network.into()),
        ("reason", reason.into()),
        ("risk_level", level.into()),
        ("risk_score", score.into()),
        ("seller_message", message.into()),
        ("type", kind.into()),
    ])
}
