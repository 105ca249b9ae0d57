//! Who is paid or pays, as it stands on bank accounts and cards.

use api::params::{Email, Params, Unset};
use api::{Json, object};
use serde::{Deserialize, Serialize};

use crate::country::Country;

/// A postal address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Address {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line1: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// The parameters of an address. An empty value removes the part.
#[derive(Clone, Default, Params)]
pub struct AddressParams {
    /// City, town or village.
    pub city: Unset<String>,
    /// Two letters, as in ISO 3166-1.
    pub country: Unset<Country>,
    /// Street and number, or a post box.
    pub line1: Unset<String>,
    /// Apartment, suite or building.
    pub line2: Unset<String>,
    /// ZIP or postal code.
    pub postal_code: Unset<String>,
    /// State, county or province.
    pub state: Unset<String>,
}

impl Address {
    pub fn is_empty(&self) -> bool {
        *self == Address::default()
    }

    /// Takes over the parts that were given.
    pub fn update(&mut self, params: &AddressParams) {
        params.city.clone().apply(&mut self.city);
        match &params.country {
            Unset::Keep => {}
            Unset::Clear => self.country = None,
            Unset::Set(country) => self.country = Some(country.0.clone()),
        }
        params.line1.clone().apply(&mut self.line1);
        params.line2.clone().apply(&mut self.line2);
        params.postal_code.clone().apply(&mut self.postal_code);
        params.state.clone().apply(&mut self.state);
    }

    /// Whether it has all that a letter needs; the second line is not needed.
    pub fn is_complete(&self) -> bool {
        [&self.city, &self.country, &self.line1, &self.postal_code, &self.state]
            .into_iter()
            .all(Option::is_some)
    }

    pub fn render(&self) -> Json {
        object([
            ("city", (&self.city).into()),
            ("country", (&self.country).into()),
            ("line1", (&self.line1).into()),
            ("line2", (&self.line2).into()),
            ("postal_code", (&self.postal_code).into()),
            ("state", (&self.state).into()),
        ])
    }
}

impl From<&AddressParams> for Address {
    fn from(params: &AddressParams) -> Self {
        let mut address = Address::default();
        address.update(params);
        address
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BillingDetails {
    #[serde(default, skip_serializing_if = "Address::is_empty")]
    pub address: Address,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_id: Option<String>,
}

/// The parameters of billing details. An empty value removes the part.
#[derive(Clone, Default, Params)]
pub struct BillingDetailsParams {
    /// Billing address.
    pub address: Unset<AddressParams>,
    /// Email address.
    pub email: Unset<Email>,
    /// Full name.
    pub name: Unset<String>,
    /// Phone number, with its extension.
    pub phone: Unset<String>,
    /// Taxpayer identification number.
    pub tax_id: Option<String>,
}

impl BillingDetails {
    /// Takes over the parts that were given.
    pub fn update(&mut self, params: &BillingDetailsParams) {
        match &params.address {
            Unset::Keep => {}
            Unset::Clear => self.address = Address::default(),
            Unset::Set(address) => self.address.update(address),
        }
        match &params.email {
            Unset::Keep => {}
            Unset::Clear => self.email = None,
            Unset::Set(email) => self.email = Some(email.0.clone()),
        }
        params.name.clone().apply(&mut self.name);
        params.phone.clone().apply(&mut self.phone);
        if params.tax_id.is_some() {
            self.tax_id.clone_from(&params.tax_id);
        }
    }

    /// As PaymentMethods show them.
    pub fn render(&self) -> Json {
        object([
            ("address", self.address.render()),
            ("email", (&self.email).into()),
            ("name", (&self.name).into()),
            ("phone", (&self.phone).into()),
            ("tax_id", (&self.tax_id).into()),
        ])
    }

    /// As Treasury shows them: who, and where.
    pub fn render_for_treasury(&self) -> Json {
        object([
            ("address", self.address.render()),
            ("email", (&self.email).into()),
            ("name", (&self.name).into()),
        ])
    }
}

impl From<&BillingDetailsParams> for BillingDetails {
    fn from(params: &BillingDetailsParams) -> Self {
        let mut details = BillingDetails::default();
        details.update(params);
        details
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_kept_set_and_removed() {
        let mut details = BillingDetails {
            name: Some("Ann".into()),
            phone: Some("1".into()),
            address: Address { city: Some("Bern".into()), ..Address::default() },
            ..BillingDetails::default()
        };
        let address = AddressParams { state: Unset::Set("BE".into()), ..AddressParams::default() };
        details.update(&BillingDetailsParams {
            address: Unset::Set(address),
            phone: Unset::Clear,
            email: Unset::Set(Email("ann@example.com".into())),
            ..BillingDetailsParams::default()
        });
        let seen = (details.name.as_deref(), details.phone.as_deref(), details.email.as_deref());
        assert_eq!(seen, (Some("Ann"), None, Some("ann@example.com")));
        assert_eq!(details.address.city.as_deref(), Some("Bern"));
        assert_eq!(details.address.state.as_deref(), Some("BE"));
    }

    #[test]
    fn an_address_without_its_second_line_is_complete() {
        let all = Some("x".to_owned());
        let address = Address {
            city: all.clone(),
            country: all.clone(),
            line1: all.clone(),
            line2: None,
            postal_code: all.clone(),
            state: all,
        };
        assert!(address.is_complete());
        assert!(!Address { state: None, ..address }.is_complete());
    }
}
