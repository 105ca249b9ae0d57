//! What an account still has to tell before its capabilities work.
//!
//! Unless a sandbox asks for real onboarding, nothing is due: only the special test values keep a
//! capability back.

use api::{Json, object};
use serde::{Deserialize, Serialize};

use super::details::{BusinessType, PostalAddress};
use super::{Account, CapabilityStatus};

/// The tax or identity number that no verification accepts.
const REFUSED_NUMBER: &str = "111111111";
/// The date of birth whose verification never ends.
const ENDLESS_DOB: (i64, i64, i64) = (1900, 1, 1);

/// What is known of a number that is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Number {
    Accepted,
    Refused,
}

impl Number {
    pub fn of(number: &str) -> Number {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        if digits == REFUSED_NUMBER { Number::Refused } else { Number::Accepted }
    }
}

/// What an assessment of an account found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Requirements {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub due: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<String>,
    /// Those of the due that were given and did not pass.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<String>,
}

const TREASURY_TERMS: &str = "settings.treasury.tos_acceptance.";

impl Requirements {
    /// What is due for one capability.
    pub fn due_for(&self, capability: &str) -> Vec<String> {
        let concerns =
            |field: &&String| capability == "treasury" || !field.starts_with(TREASURY_TERMS);
        self.due.iter().filter(concerns).cloned().collect()
    }

    pub fn status_of(&self, capability: &str) -> CapabilityStatus {
        match () {
            () if !self.due_for(capability).is_empty() => CapabilityStatus::Inactive,
            () if !self.pending.is_empty() => CapabilityStatus::Pending,
            () => CapabilityStatus::Active,
        }
    }

    /// The hash `requirements`; only that of a person has no deadline and no reason.
    pub fn render(&self, disabled_reason: Option<&'static str>, of_person: bool) -> Json {
        let error = |field: &String| {
            object([
                ("code", error_code(field).into()),
                ("reason", "The number that was given could not be verified.".into()),
                ("requirement", field.into()),
            ])
        };
        let due = || api::array(&self.due);
        let mut json = object([
            ("alternatives", Json::Array(vec![])),
            ("currently_due", due()),
            ("errors", Json::Array(self.failed.iter().map(error).collect())),
            ("eventually_due", due()),
            ("past_due", due()),
            ("pending_verification", api::array(&self.pending)),
        ]);
        if !of_person {
            json.set("current_deadline", Json::Null);
            json.set("disabled_reason", disabled_reason.into());
        }
        json
    }
}

fn error_code(field: &str) -> &'static str {
    if field.ends_with("tax_id") {
        "verification_failed_tax_id_match"
    } else {
        "verification_failed_id_number_match"
    }
}

/// Who is asked for what.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entity {
    Unknown,
    Company,
    Individual,
}

impl Account {
    /// Looks at everything the account has told. `is_real`: what is missing counts.
    pub fn assess(&self, is_real: bool) -> Requirements {
        let mut found = Requirements::default();
        if is_real {
            let missing = self.needed().into_iter().filter(|(_, is_there)| !is_there);
            found.due.extend(missing.map(|(field, _)| field.to_owned()));
        }
        let numbers = [("company.tax_id", self.tax_id), ("individual.id_number", self.id_number)];
        for (field, number) in numbers {
            if number == Some(Number::Refused) {
                found.failed.push(field.to_owned());
                found.due.push(field.to_owned());
            }
        }
        let dob = self.individual.dob.as_ref();
        let dob = dob.and_then(|dob| Some((dob.year?, dob.month?, dob.day?)));
        if dob == Some(ENDLESS_DOB) {
            found.pending.extend(["individual.dob.day", "individual.dob.month"].map(str::to_owned));
            found.pending.push("individual.dob.year".to_owned());
        }
        found.due.sort();
        found
    }

    fn entity(&self) -> Entity {
        match self.business_type {
            Some(BusinessType::Individual) => Entity::Individual,
            Some(_) => Entity::Company,
            None if self.company.name.is_some() => Entity::Company,
            None if self.individual.first_name.is_some() => Entity::Individual,
            None => Entity::Unknown,
        }
    }

    /// Every field that real onboarding asks for, and whether it is there.
    fn needed(&self) -> Vec<(&'static str, bool)> {
        let tos = &self.tos_acceptance;
        let mut needed = vec![
            ("business_profile.mcc", self.business_profile.mcc.is_some()),
            ("business_profile.url", self.business_profile.url.is_some()),
            ("tos_acceptance.date", tos.date.is_some()),
            ("tos_acceptance.ip", tos.ip.is_some()),
        ];
        let (first, last) = (&self.individual.first_name, &self.individual.last_name);
        let named = (first.is_some(), last.is_some());
        match self.entity() {
            Entity::Unknown => needed.push(("business_type", false)),
            Entity::Company => {
                needed.push(("company.name", self.company.name.is_some()));
                needed.push(("company.phone", self.company.phone.is_some()));
                needed.push(("company.tax_id", self.tax_id.is_some()));
                needed.extend(address_parts(COMPANY_ADDRESS, self.company.address.as_ref()));
            }
            Entity::Individual => {
                needed.push(("individual.first_name", named.0));
                needed.push(("individual.last_name", named.1));
                needed.push(("individual.id_number", self.id_number.is_some()));
                needed.extend(address_parts(INDIVIDUAL_ADDRESS, self.individual.address.as_ref()));
            }
        }
        if self.entity() != Entity::Individual {
            needed.push(("representative.first_name", named.0));
            needed.push(("representative.last_name", named.1));
        }
        if self.capabilities.contains_key("treasury") {
            let agreed = self.settings.has_treasury_terms();
            needed.push(("settings.treasury.tos_acceptance.date", agreed));
            needed.push(("settings.treasury.tos_acceptance.ip", agreed));
        }
        needed
    }
}

const COMPANY_ADDRESS: [&str; 4] = [
    "company.address.city",
    "company.address.line1",
    "company.address.postal_code",
    "company.address.state",
];

const INDIVIDUAL_ADDRESS: [&str; 4] = [
    "individual.address.city",
    "individual.address.line1",
    "individual.address.postal_code",
    "individual.address.state",
];

fn address_parts(
    fields: [&'static str; 4],
    address: Option<&PostalAddress>,
) -> impl Iterator<Item = (&'static str, bool)> {
    let parts = address.map_or([false; 4], |address| {
        [&address.city, &address.line1, &address.postal_code, &address.state].map(Option::is_some)
    });
    fields.into_iter().zip(parts)
}
