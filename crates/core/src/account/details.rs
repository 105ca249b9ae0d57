//! What an account tells about its business, in the shapes of the API. The same structs are
//! parameters and kept state: a request's parts are merged into what is there.

use std::net::IpAddr;

use api::params::{At, Choice, Currency, Email, Kind, Param, Params, Timestamp};
use api::{Fault, Json, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::billing::Address;

/// A text that an empty value removes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Removable(pub String);

impl Param for Removable {
    fn kind() -> Kind {
        String::kind()
    }

    fn read(at: &At<'_>) -> Option<Self> {
        let is_removed = at.is_empty_string();
        if is_removed { Some(Removable(String::new())) } else { String::read(at).map(Removable) }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Params, Serialize, Deserialize)]
#[serde(default)]
pub struct BusinessProfile {
    /// The gross annual revenue of the last fiscal year.
    pub annual_revenue: Option<AnnualRevenue>,
    /// About how many people work for the business.
    #[param(min = 0)]
    pub estimated_worker_count: Option<i64>,
    /// The merchant category code: four digits that say what the business does.
    #[param(max = 4)]
    pub mcc: Option<String>,
    /// Whether the business is owned by a minority, as it says itself.
    pub minority_owned_business_designation: Option<Vec<Designation>>,
    /// About how much the business takes in a month.
    pub monthly_estimated_revenue: Option<MonthlyRevenue>,
    /// The name that customers know.
    pub name: Option<String>,
    /// What the business sells.
    pub product_description: Option<String>,
    /// The page with the disclosure that Japanese law demands.
    pub specified_commercial_transactions_act_url: Option<Removable>,
    /// Where customers can write to.
    pub support_address: Option<PostalAddress>,
    /// Where customers can send mail to.
    pub support_email: Option<Email>,
    /// Where customers can call.
    pub support_phone: Option<String>,
    /// The page with help for customers.
    pub support_url: Option<Removable>,
    /// The website of the business.
    pub url: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Params, Serialize, Deserialize)]
pub struct AnnualRevenue {
    /// The revenue in the currency's smallest unit.
    #[param(min = 0)]
    pub amount: i64,
    /// Its currency.
    pub currency: Currency,
    /// The last day of the fiscal year, as `2025-12-31`.
    pub fiscal_year_end: String,
}

#[derive(Clone, Debug, PartialEq, Params, Serialize, Deserialize)]
pub struct MonthlyRevenue {
    /// The revenue in the currency's smallest unit.
    #[param(min = 0)]
    pub amount: i64,
    /// Its currency.
    pub currency: Currency,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Designation {
    LgbtqiOwnedBusiness,
    MinorityOwnedBusiness,
    NoneOfTheseApply,
    PreferNotToAnswer,
    WomenOwnedBusiness,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum BusinessType {
    Company,
    GovernmentEntity,
    Individual,
    NonProfit,
}

#[derive(Clone, Debug, Default, PartialEq, Params, Serialize, Deserialize)]
#[serde(default)]
pub struct PostalAddress {
    /// City, town or village.
    pub city: Option<String>,
    /// Two letters, as in ISO 3166-1.
    pub country: Option<String>,
    /// Street and number, or a post box.
    pub line1: Option<String>,
    /// Apartment, suite or building.
    pub line2: Option<String>,
    /// ZIP or postal code.
    pub postal_code: Option<String>,
    /// State, county or province.
    pub state: Option<String>,
}

impl From<&PostalAddress> for Address {
    fn from(address: &PostalAddress) -> Self {
        Address {
            city: address.city.clone(),
            country: address.country.clone(),
            line1: address.line1.clone(),
            line2: address.line2.clone(),
            postal_code: address.postal_code.clone(),
            state: address.state.clone(),
        }
    }
}

/// When and from where somebody agreed to something.
#[derive(Clone, Debug, Default, PartialEq, Params, Serialize, Deserialize)]
#[serde(default)]
pub struct Acceptance {
    /// When it was agreed to.
    pub date: Option<Timestamp>,
    /// The address from which it was agreed to.
    pub ip: Option<IpAddr>,
    /// The browser with which it was agreed to.
    pub user_agent: Option<Removable>,
}

impl Acceptance {
    pub fn is_given(&self) -> bool {
        self.date.is_some() && self.ip.is_some()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Params, Serialize, Deserialize)]
#[serde(default)]
pub struct TosAcceptance {
    /// When the terms of service were agreed to.
    pub date: Option<Timestamp>,
    /// The address from which they were agreed to.
    pub ip: Option<IpAddr>,
    /// Which terms: `full` or `recipient`.
    pub service_agreement: Option<String>,
    /// The browser with which they were agreed to.
    pub user_agent: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Params, Serialize, Deserialize)]
#[serde(default)]
pub struct Date {
    /// The day of the month.
    #[param(min = 1, max = 31)]
    pub day: Option<i64>,
    /// The month.
    #[param(min = 1, max = 12)]
    pub month: Option<i64>,
    /// The year, in four digits.
    #[param(min = 1000, max = 9999)]
    pub year: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Params, Serialize, Deserialize)]
#[serde(default)]
pub struct Company {
    /// Where the company has its main place.
    pub address: Option<PostalAddress>,
    /// Where the company is administered.
    pub administrative_address: Option<PostalAddress>,
    /// Whether all directors have been named.
    pub directors_provided: Option<bool>,
    /// The statement that the directors named are all.
    pub directorship_declaration: Option<Acceptance>,
    /// Whether all executives have been named.
    pub executives_provided: Option<bool>,
    /// The export licence, which India demands.
    pub export_license_id: Option<String>,
    /// The purpose code of exports, which India demands.
    pub export_purpose_code: Option<String>,
    /// The legal name.
    pub name: Option<String>,
    /// Whether all owners have been named.
    pub owners_provided: Option<bool>,
    /// The statement that the owners named are all.
    pub ownership_declaration: Option<Acceptance>,
    /// The phone number.
    pub phone: Option<String>,
    /// Where the company can be visited.
    pub physical_address: Option<PostalAddress>,
    /// Where most of the business is done.
    pub principal_place_of_business: Option<PostalAddress>,
    /// When the company was registered.
    pub registration_date: Option<Date>,
    /// The statement of the representative.
    pub representative_declaration: Option<Acceptance>,
    /// The legal structure.
    pub structure: Option<Structure>,
    /// Where the tax id is registered; only in Germany.
    pub tax_id_registrar: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Structure {
    FreeZoneEstablishment,
    FreeZoneLlc,
    GovernmentInstrumentality,
    GovernmentalUnit,
    IncorporatedNonProfit,
    IncorporatedPartnership,
    LimitedLiabilityPartnership,
    Llc,
    MultiMemberLlc,
    PrivateCompany,
    PrivateCorporation,
    PrivatePartnership,
    PublicCompany,
    PublicCorporation,
    PublicPartnership,
    RegisteredCharity,
    SingleMemberLlc,
    SoleEstablishment,
    SoleProprietorship,
    TaxExemptGovernmentInstrumentality,
    UnincorporatedAssociation,
    UnincorporatedNonProfit,
    UnincorporatedPartnership,
}

/// The person behind the business.
#[derive(Clone, Debug, Default, PartialEq, Params, Serialize, Deserialize)]
#[serde(default)]
pub struct Individual {
    /// The home address.
    pub address: Option<PostalAddress>,
    /// The date of birth.
    pub dob: Option<Date>,
    /// The email address.
    pub email: Option<Email>,
    /// The first name.
    pub first_name: Option<String>,
    /// Other names by which the person is known.
    pub full_name_aliases: Option<Vec<String>>,
    /// The gender, where it has to be known.
    pub gender: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// The name at birth.
    pub maiden_name: Option<String>,
    /// The phone number.
    pub phone: Option<String>,
    /// Whether the person is politically exposed.
    pub political_exposure: Option<PoliticalExposure>,
    /// The registered address.
    pub registered_address: Option<PostalAddress>,
    /// What the person is to the business.
    pub relationship: Option<Relationship>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum PoliticalExposure {
    Existing,
    None,
}

#[derive(Clone, Debug, Default, PartialEq, Params, Serialize, Deserialize)]
#[serde(default)]
pub struct Relationship {
    /// Whether the person is a director.
    pub director: Option<bool>,
    /// Whether the person manages the business.
    pub executive: Option<bool>,
    /// Whether the person owns a part of the business.
    pub owner: Option<bool>,
    /// The person's title, such as CEO.
    pub title: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Params, Serialize, Deserialize)]
#[serde(default)]
pub struct Groups {
    /// The group of accounts that share prices.
    pub payments_pricing: Option<Removable>,
}

/// Kept without what is not there: most of it never is.
pub fn without_nulls<T: Serialize, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let value = serde_json::to_value(value).map_err(serde::ser::Error::custom)?;
    stripped(value).serialize(serializer)
}

fn stripped(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    let members = members.into_iter().map(|(key, value)| (key, stripped(value)));
    Value::Object(members.filter(|(_, value)| !value.is_null()).collect())
}

/// What there is with what a request gives: hashes member by member, everything else whole.
pub fn merged<T: Serialize + DeserializeOwned>(current: &T, change: &T) -> Result<T> {
    let fault = |error: serde_json::Error| Fault::new(format!("merging details: {error}"));
    let current = serde_json::to_value(current).map_err(fault)?;
    let change = serde_json::to_value(change).map_err(fault)?;
    Ok(serde_json::from_value(merge(current, change)).map_err(fault)?)
}

fn merge(current: Value, change: Value) -> Value {
    match (current, change) {
        (current, Value::Null) => current,
        (Value::Object(mut current), Value::Object(change)) => {
            for (key, value) in change {
                let before = current.remove(&key).unwrap_or(Value::Null);
                current.insert(key, merge(before, value));
            }
            Value::Object(current)
        }
        (_, change) => change,
    }
}

/// The API's JSON of a struct whose fields are the API's, every key present.
pub fn to_json<T: Serialize>(value: &T) -> Result<Json> {
    let fault = |error: serde_json::Error| Fault::new(format!("showing details: {error}"));
    Ok(from_value(serde_json::to_value(value).map_err(fault)?))
}

fn from_value(value: Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => value.into(),
        Value::Number(number) => number.as_i64().map_or(Json::Null, Json::Int),
        // An empty text is one that was removed.
        Value::String(text) if text.is_empty() => Json::Null,
        Value::String(text) => text.into(),
        Value::Array(items) => Json::Array(items.into_iter().map(from_value).collect()),
        Value::Object(members) => Json::Object(
            members.into_iter().map(|(key, value)| (key.into(), from_value(value))).collect(),
        ),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_merged_and_empty_texts_remove() {
        let city = |city: &str| PostalAddress { city: Some(city.into()), ..Default::default() };
        let current = BusinessProfile {
            mcc: Some("5045".into()),
            support_url: Some(Removable("https://a.example".into())),
            support_address: Some(city("Bern")),
            ..BusinessProfile::default()
        };
        let change = BusinessProfile {
            support_url: Some(Removable(String::new())),
            support_address: Some(PostalAddress { state: Some("BE".into()), ..Default::default() }),
            ..BusinessProfile::default()
        };
        let merged = merged(&current, &change).unwrap();
        let json = to_json(&merged).unwrap();
        assert_eq!(json.get("mcc"), Some(&"5045".into()));
        assert_eq!(json.get("support_url"), Some(&Json::Null));
        let address = json.get("support_address").unwrap();
        assert_eq!(address.get("city"), Some(&"Bern".into()));
        assert_eq!(address.get("state"), Some(&"BE".into()));
        assert_eq!(address.get("line1"), Some(&Json::Null));
    }

    #[test]
    fn nothing_is_kept_of_what_is_not_there() {
        #[derive(Serialize)]
        struct Kept {
            #[serde(serialize_with = "without_nulls")]
            company: Company,
        }
        let text = serde_json::to_string(&Kept { company: Company::default() }).unwrap();
        assert_eq!(text, r#"{"company":{}}"#);
    }
}
