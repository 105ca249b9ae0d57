//! What a customer's invoices show and how they are paid.

use api::params::{Choice, Params, Unset};
use api::{ApiError, Json, object};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InvoiceSettings {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub custom_fields: Vec<CustomField>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_payment_method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_tax_display: Option<AmountTaxDisplay>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Params)]
pub struct CustomField {
    /// The field's name.
    #[param(max = 40)]
    pub name: String,
    /// The field's value.
    #[param(max = 140)]
    pub value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum AmountTaxDisplay {
    ExcludeTax,
    IncludeInclusiveTax,
}

/// How many custom fields an invoice can show.
const CUSTOM_FIELDS_MAX: usize = 4;

#[derive(Params)]
pub struct InvoiceSettingsParams {
    /// Up to four fields that invoices show.
    custom_fields: Unset<Vec<CustomField>>,
    /// A PaymentMethod attached to the customer, by which invoices are paid.
    pub(super) default_payment_method: Unset<String>,
    /// What stands at the foot of invoices.
    footer: Unset<String>,
    /// How invoices are laid out.
    rendering_options: Unset<RenderingOptionsParams>,
}

#[derive(Params)]
pub struct RenderingOptionsParams {
    /// Whether line amounts include tax.
    amount_tax_display: Unset<AmountTaxDisplay>,
}

impl InvoiceSettings {
    pub(super) fn update(&mut self, params: &InvoiceSettingsParams) -> Result<(), ApiError> {
        match &params.custom_fields {
            Unset::Keep => {}
            Unset::Clear => self.custom_fields.clear(),
            Unset::Set(fields) if fields.len() > CUSTOM_FIELDS_MAX => {
                let message = format!("You can have up to {CUSTOM_FIELDS_MAX} custom fields.");
                return Err(ApiError::invalid(message).on("invoice_settings[custom_fields]"));
            }
            Unset::Set(fields) => self.custom_fields.clone_from(fields),
        }
        params.footer.clone().apply(&mut self.footer);
        match &params.rendering_options {
            Unset::Keep => {}
            Unset::Clear => self.amount_tax_display = None,
            Unset::Set(options) => {
                options.amount_tax_display.clone().apply(&mut self.amount_tax_display);
            }
        }
        Ok(())
    }

    pub(super) fn render(&self) -> Json {
        let field = |field: &CustomField| {
            object([("name", (&field.name).into()), ("value", (&field.value).into())])
        };
        let fields = match self.custom_fields.as_slice() {
            [] => Json::Null,
            fields => Json::Array(fields.iter().map(field).collect()),
        };
        let display = |display: AmountTaxDisplay| {
            object([("amount_tax_display", display.into()), ("template", Json::Null)])
        };
        object([
            ("custom_fields", fields),
            ("default_payment_method", (&self.default_payment_method).into()),
            ("footer", (&self.footer).into()),
            ("rendering_options", self.amount_tax_display.map(display).into()),
        ])
    }
}
