//! An account as the API shows it.

use api::{Json, Result, object};

use super::details::to_json;
use super::requirements::Requirements;
use super::{Account, CapabilityStatus, RejectReason};

impl Account {
    pub(super) fn to_json(&self) -> Result<Json> {
        let id = &self.id;
        let name = self.business_profile.name.as_deref();
        let capabilities = self.capabilities.iter();
        let capabilities =
            capabilities.map(|(name, requested)| (name.clone().into(), requested.status.into()));
        let mut json = object([
            ("id", id.into()),
            ("object", "account".into()),
            ("business_profile", to_json(&self.business_profile)?),
            ("business_type", self.business_type.into()),
            ("capabilities", Json::Object(capabilities.collect())),
            ("charges_enabled", self.charges_enabled().into()),
            ("controller", self.controller.render()),
            ("country", (&self.country).into()),
            ("created", api::seconds(self.created).into()),
            ("default_currency", self.default_currency.into()),
            ("details_submitted", self.requirements.due.is_empty().into()),
            ("email", (&self.email).into()),
            ("external_accounts", Json::Null),
            ("future_requirements", Requirements::default().render(None, false)),
            ("groups", to_json(&self.groups)?),
            ("metadata", (&self.metadata).into()),
            ("payouts_enabled", self.payouts_enabled().into()),
            ("requirements", self.requirements.render(self.disabled_reason(), false)),
            ("settings", self.settings.render(name)?),
            ("tos_acceptance", to_json(&self.tos_acceptance)?),
            ("type", self.kind.into()),
        ]);
        if self.controller.is_collected_by_platform() {
            json.set("company", self.render_company()?);
            if let Some(person) = &self.person {
                json.set("individual", self.render_individual(person)?);
            }
        }
        Ok(json)
    }

    fn is_active(&self, capability: &str) -> bool {
        self.capability(capability) == Some(CapabilityStatus::Active)
    }

    fn charges_enabled(&self) -> bool {
        self.is_active("card_payments")
    }

    pub fn payouts_enabled(&self) -> bool {
        match self.rejected {
            Some(rejection) => !rejection.pauses_payouts,
            None => self.is_active("transfers") || self.is_active("card_payments"),
        }
    }

    fn disabled_reason(&self) -> Option<&'static str> {
        let rejected = self.rejected.map(|rejection| match rejection.reason {
            RejectReason::Fraud
            | RejectReason::FraudNoIntentToFulfill
            | RejectReason::FraudOther
            | RejectReason::FraudPaymentMethodCasher
            | RejectReason::FraudPaymentMethodTester => "rejected.fraud",
            RejectReason::TermsOfService => "rejected.terms_of_service",
            RejectReason::Credit | RejectReason::Other => "rejected.other",
        });
        let due = (!self.requirements.due.is_empty()).then_some("requirements.past_due");
        let pending = !self.requirements.pending.is_empty();
        rejected.or(due).or(pending.then_some("requirements.pending_verification"))
    }

    fn render_company(&self) -> Result<Json> {
        let mut json = to_json(&self.company)?;
        for flag in ["directors_provided", "executives_provided", "owners_provided"] {
            if json.get(flag) == Some(&Json::Null) {
                json.set(flag, false.into());
            }
        }
        for absent in ["address_kana", "address_kanji", "name_kana", "name_kanji"] {
            json.set(absent, Json::Null);
        }
        json.set("ownership_exemption_reason", Json::Null);
        json.set("tax_id_provided", self.tax_id.is_some().into());
        json.set("vat_id_provided", self.vat_id_provided.into());
        json.set("verification", object([("document", no_document())]));
        Ok(json)
    }

    fn render_individual(&self, id: &str) -> Result<Json> {
        let mut json = object([("id", id.to_owned().into()), ("object", "person".into())]);
        if let (Json::Object(members), Json::Object(details)) =
            (&mut json, to_json(&self.individual)?)
        {
            members.extend(details);
        }
        for absent in [
            "address_kana",
            "address_kanji",
            "first_name_kana",
            "first_name_kanji",
            "last_name_kana",
            "last_name_kanji",
            "nationality",
            "us_cfpb_data",
        ] {
            json.set(absent, Json::Null);
        }
        let agreed = object([("date", Json::Null), ("ip", Json::Null), ("user_agent", Json::Null)]);
        json.set("account", (&self.id).into());
        json.set("additional_tos_acceptances", object([("account", agreed)]));
        json.set("created", api::seconds(self.created).into());
        json.set("future_requirements", Requirements::default().render(None, true));
        json.set("id_number_provided", self.id_number.is_some().into());
        json.set("id_number_secondary_provided", self.id_number_secondary_provided.into());
        json.set("metadata", (&self.individual_metadata).into());
        json.set("relationship", self.render_relationship()?);
        json.set("requirements", Requirements::default().render(None, true));
        json.set("ssn_last_4_provided", self.ssn_last_4_provided.into());
        json.set("verification", self.render_verification());
        Ok(json)
    }

    fn render_relationship(&self) -> Result<Json> {
        let mut json = to_json(&self.individual.relationship.clone().unwrap_or_default())?;
        for flag in ["director", "executive", "owner"] {
            if json.get(flag) == Some(&Json::Null) {
                json.set(flag, false.into());
            }
        }
        for absent in ["authorizer", "legal_guardian", "percent_ownership"] {
            json.set(absent, Json::Null);
        }
        json.set("representative", true.into());
        Ok(json)
    }

    fn render_verification(&self) -> Json {
        let status = match () {
            () if !self.requirements.pending.is_empty() => "pending",
            () if self.requirements.failed.is_empty() => "verified",
            () => "unverified",
        };
        object([
            ("additional_document", no_document()),
            ("details", Json::Null),
            ("details_code", Json::Null),
            ("document", no_document()),
            ("status", status.into()),
        ])
    }
}

fn no_document() -> Json {
    object([
        ("back", Json::Null),
        ("details", Json::Null),
        ("details_code", Json::Null),
        ("front", Json::Null),
    ])
}
