//! Customers: the people and companies that an account does business with.
//!
//! A deleted one is gone from lists and from references; its id alone is remembered, so that
//! retrieving it says that it was deleted.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::list::{Page, Query, list};
use api::operation::{self, Path};
use api::params::{Choice, Email, ListParams, Metadata, NoParams, Params, Range, Unset};
use api::resource::Expandable;
use api::{ApiError, Include, Index, Json, Resource, Result, Tx, View, object};
use serde::{Deserialize, Serialize};
use store::Millis;

use crate::bank_account::{self, BankAccount, BankSource};
use crate::billing::{Address, AddressParams};
use crate::change::{empty_list, save_changed};
use crate::payment_method::{self, PaymentMethod};

use deleted::Deleted;

pub use invoice_settings::{InvoiceSettings, InvoiceSettingsParams};

mod deleted;
mod invoice_settings;

#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Customer {
    id: String,
    created: Millis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub balance: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_name: Option<String>,
    /// The BankAccount by which it pays, unless something else is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub individual_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_prefix: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub invoice_settings: InvoiceSettings,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_invoice_sequence: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preferred_locales: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Shipping>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub tax_exempt: TaxExempt,
    /// Whether this is what is left of a deleted one.
    #[serde(skip)]
    is_deleted: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
pub enum TaxExempt {
    #[default]
    None,
    Exempt,
    Reverse,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shipping {
    pub address: Address,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

fn is_zero(value: &i64) -> bool {
    *value == 0
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[derive(Params)]
pub struct CustomerParams {
    /// The customer's address.
    address: Unset<AddressParams>,
    /// What the customer owes before the next invoice, in cents; negative for a credit.
    balance: Option<i64>,
    /// The customer's business name.
    #[param(max = 150)]
    business_name: Unset<String>,
    /// A text of your own about the customer.
    description: Unset<String>,
    /// The customer's email address. Lists can be filtered by it.
    email: Unset<Email>,
    /// The customer's name as a person.
    #[param(max = 150)]
    individual_name: Unset<String>,
    /// What the numbers of the customer's invoices begin with: 1 to 12 capital letters or digits.
    invoice_prefix: Option<String>,
    /// What the customer's invoices show and how they are paid.
    invoice_settings: Option<InvoiceSettingsParams>,
    /// Names and values of your own.
    metadata: Metadata,
    /// The customer's full name or business name.
    name: Unset<String>,
    /// The number of the customer's next invoice.
    #[param(min = 1)]
    next_invoice_sequence: Option<i64>,
    /// The customer's phone number.
    phone: Unset<String>,
    /// Languages that the customer prefers, the best first.
    preferred_locales: Unset<Vec<String>>,
    /// Where goods are sent to.
    shipping: Unset<ShippingParams>,
    /// Whether the customer pays tax: `none`, `exempt` or `reverse`.
    tax_exempt: Unset<TaxExempt>,
}

#[derive(Params)]
pub struct ShippingParams {
    /// The address to send to.
    address: AddressParams,
    /// Who receives it.
    name: String,
    /// The receiver's phone number.
    phone: Unset<String>,
}

#[derive(Params)]
pub struct CreateCustomer {
    #[param(flatten)]
    customer: CustomerParams,
    /// A PaymentMethod to attach to the customer.
    payment_method: Option<String>,
    /// A token of a bank account, which the customer has from then on.
    source: Option<BankSource>,
}

#[derive(Params)]
pub struct UpdateCustomer {
    #[param(flatten)]
    customer: CustomerParams,
    /// Which of the customer's bank accounts is the one to pay by.
    default_source: Option<String>,
    /// A token of a bank account, which takes the place of the one to pay by.
    source: Option<BankSource>,
}

#[derive(Params)]
pub struct ListCustomers {
    #[param(flatten)]
    page: ListParams,
    /// Only customers created then.
    created: Option<Range>,
    /// Only customers with exactly this email address.
    email: Option<String>,
}

pub fn resource() -> operation::Resource {
    const PATH: &str = "/v1/customers/{customer}";
    operation::Resource::of::<Customer>()
        .events(&["customer.created", "customer.deleted", "customer.updated"])
        .create("/v1/customers", "Creates a customer.", create)
        .read(PATH, "Retrieves a customer; of a deleted one only that it was deleted.", retrieve)
        .action(PATH, "Updates a customer by the parameters given.", update)
        .list("/v1/customers", "Lists customers, newest first.", list_all)
        .delete(PATH, "Deletes a customer for good.", delete)
        .keeps::<Deleted>()
        .done()
}

fn create(tx: &mut Tx<'_>, params: &CreateCustomer) -> Result<Arc<Customer>> {
    let id = tx.new_id::<Customer>();
    let mut customer = Customer { id, created: tx.now_ms(), ..Customer::default() };
    customer.update(&params.customer)?;
    let mut saved = tx.save(customer)?;
    if let Some(method) = &params.payment_method {
        let method = payment_method::resolve(tx, method, "payment_method")?;
        payment_method::attach_to(tx, &method, &saved.id)?;
    }
    if let Some(source) = &params.source {
        let bank = bank_account::add_source(tx, &saved.id, source)?;
        let default_source = Some(bank.id.clone());
        saved = tx.save(Customer { default_source, ..api::copy(&saved) })?;
        tx.event("customer.source.created", &*bank)?;
    }
    if let Some(default) = default_payment_method(tx, &saved, &params.customer)? {
        let mut customer = api::copy(&saved);
        customer.invoice_settings.default_payment_method = default;
        saved = tx.save(customer)?;
    }
    tx.event("customer.created", &*saved)?;
    Ok(saved)
}

fn retrieve(view: &View<'_>, path: &Path, _: &NoParams) -> Result<Arc<Customer>> {
    if view.load::<Deleted>(&Deleted::id_of(path.id()))?.is_some() {
        let id = path.id().to_owned();
        return Ok(Arc::new(Customer { id, is_deleted: true, ..Customer::default() }));
    }
    view.find(path.id())
}

fn update(tx: &mut Tx<'_>, path: &Path, params: &UpdateCustomer) -> Result<Arc<Customer>> {
    let before = tx.find::<Customer>(path.id())?;
    let mut customer = api::copy(&before);
    customer.update(&params.customer)?;
    if let Some(default) = default_payment_method(tx, &customer, &params.customer)? {
        customer.invoice_settings.default_payment_method = default;
    }
    if let Some(source) = &params.source {
        let bank = bank_account::add_source(tx, &customer.id, source)?;
        tx.event("customer.source.created", &*bank)?;
        customer.default_source = Some(bank.id.clone());
    }
    if let Some(id) = &params.default_source {
        let bank = tx.reference::<BankAccount>(id, "default_source")?;
        if bank.customer() != Some(path.id()) {
            let error = ApiError::missing_reference("source", id, "default_source");
            return Err(error.into());
        }
        customer.default_source = Some(bank.id.clone());
    }
    save_changed(tx, before, customer, "customer.updated")
}

fn list_all(view: &View<'_>, _: &Path, params: &ListCustomers) -> Result<Page<Customer>> {
    let query = Query::new(&params.page);
    let query = query.filter_some("email", params.email.as_ref());
    list(view, &query.created(params.created.as_ref()))
}

fn delete(tx: &mut Tx<'_>, path: &Path) -> Result<()> {
    let customer = tx.find::<Customer>(path.id())?;
    tx.event("customer.deleted", &*customer)?;
    tx.remove(&*customer)?;
    let (id, created) = (Deleted::id_of(&customer.id), tx.now_ms());
    tx.save(Deleted { id, created })?;
    Ok(())
}

/// Lets a customer pay by another source, or by none.
pub fn set_default_source(tx: &mut Tx<'_>, customer: &str, source: Option<String>) -> Result<()> {
    let Some(before) = tx.load::<Customer>(customer)? else { return Ok(()) };
    let after = Customer { default_source: source, ..api::copy(&before) };
    save_changed(tx, before, after, "customer.updated")?;
    Ok(())
}

/// A PaymentMethod that was detached is nobody's default any more.
pub fn forget_payment_method(tx: &mut Tx<'_>, customer: &str, method: &str) -> Result<()> {
    let Some(before) = tx.load::<Customer>(customer)? else { return Ok(()) };
    if before.invoice_settings.default_payment_method.as_deref() != Some(method) {
        return Ok(());
    }
    let mut after = api::copy(&before);
    after.invoice_settings.default_payment_method = None;
    save_changed(tx, before, after, "customer.updated")?;
    Ok(())
}

/// The new value of that setting, if it changes; it has to be attached to the customer.
fn default_payment_method(
    view: &View<'_>,
    customer: &Customer,
    params: &CustomerParams,
) -> Result<Option<Option<String>>> {
    const PARAM: &str = "invoice_settings[default_payment_method]";
    let settings = params.invoice_settings.as_ref();
    match settings.map(|settings| &settings.default_payment_method) {
        None | Some(Unset::Keep) => Ok(None),
        Some(Unset::Clear) => Ok(Some(None)),
        Some(Unset::Set(id)) => {
            let method = view.reference::<PaymentMethod>(id, PARAM)?;
            if method.customer() != Some(customer.id.as_str()) {
                let message = format!(
                    "The customer does not have a payment method with the ID {id}. The payment \
                     method must be attached to the customer."
                );
                return Err(ApiError::param("resource_missing", PARAM, message).into());
            }
            Ok(Some(Some(method.id().to_owned())))
        }
    }
}

impl Customer {
    /// Takes over what was given, without looking at other objects.
    fn update(&mut self, params: &CustomerParams) -> Result<(), ApiError> {
        match &params.address {
            Unset::Keep => {}
            Unset::Clear => self.address = None,
            Unset::Set(address) => {
                self.address.get_or_insert_default().update(address);
            }
        }
        self.balance = params.balance.unwrap_or(self.balance);
        params.business_name.clone().apply(&mut self.business_name);
        params.description.clone().apply(&mut self.description);
        match &params.email {
            Unset::Keep => {}
            Unset::Clear => self.email = None,
            Unset::Set(email) => self.email = Some(email.0.clone()),
        }
        params.individual_name.clone().apply(&mut self.individual_name);
        if let Some(prefix) = &params.invoice_prefix {
            check_invoice_prefix(prefix)?;
            self.invoice_prefix = Some(prefix.clone());
        }
        if let Some(settings) = &params.invoice_settings {
            self.invoice_settings.update(settings)?;
        }
        params.metadata.apply(&mut self.metadata)?;
        params.name.clone().apply(&mut self.name);
        self.next_invoice_sequence = params.next_invoice_sequence.or(self.next_invoice_sequence);
        params.phone.clone().apply(&mut self.phone);
        match &params.preferred_locales {
            Unset::Keep => {}
            Unset::Clear => self.preferred_locales.clear(),
            Unset::Set(locales) => self.preferred_locales.clone_from(locales),
        }
        match &params.shipping {
            Unset::Keep => {}
            Unset::Clear => self.shipping = None,
            Unset::Set(shipping) => self.shipping = Some(shipping.into()),
        }
        match params.tax_exempt {
            Unset::Keep => {}
            Unset::Clear => self.tax_exempt = TaxExempt::None,
            Unset::Set(exempt) => self.tax_exempt = exempt,
        }
        Ok(())
    }

    /// Eight characters that stand for the customer, where no prefix was given.
    fn invoice_prefix(&self) -> String {
        let prefix = self.invoice_prefix.clone();
        let end = |id: &String| id.get(id.len().saturating_sub(8)..).map(str::to_uppercase);
        prefix.or_else(|| end(&self.id)).unwrap_or_default()
    }
}

fn check_invoice_prefix(prefix: &str) -> Result<(), ApiError> {
    let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    if prefix.len() <= 12 && prefix.chars().all(fits) {
        return Ok(());
    }
    let message = "Invalid invoice prefix: it consists of 1 to 12 capital letters or digits.";
    Err(ApiError::invalid(message).on("invoice_prefix"))
}

impl From<&ShippingParams> for Shipping {
    fn from(params: &ShippingParams) -> Self {
        Shipping {
            address: (&params.address).into(),
            name: params.name.clone(),
            phone: params.phone.clone().into_option(),
        }
    }
}

impl Shipping {
    pub fn render(&self) -> Json {
        object([
            ("address", self.address.render()),
            ("carrier", Json::Null),
            ("name", (&self.name).into()),
            ("phone", (&self.phone).into()),
            ("tracking_number", Json::Null),
        ])
    }
}

impl Resource for Customer {
    const OBJECT: &'static str = "customer";
    const PREFIX: &'static str = "cus";
    const LABEL: &'static str = "customer";
    const STATE_ONLY: bool = true;
    const EXPANDS: &'static [Expandable] = &[
        Expandable::included("cash_balance"),
        Expandable::reference::<BankAccount>("default_source"),
        Expandable::included("invoice_credit_balance"),
        Expandable::reference::<PaymentMethod>("invoice_settings.default_payment_method"),
        Expandable::included("sources"),
        Expandable::included("subscriptions"),
        Expandable::included("tax"),
        Expandable::included("tax_ids"),
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        entries.add_some("email", self.email.as_ref());
    }

    fn remembered(view: &View<'_>, id: &str) -> Result<Option<Json>> {
        let gone = view.load::<Deleted>(&Deleted::id_of(id))?;
        gone.map(|gone| view.render(&*gone)).transpose()
    }

    fn render(&self, view: &View<'_>, include: &Include<'_>) -> Result<Json> {
        if self.is_deleted {
            return Ok(operation::deleted::<Customer>(self.id.clone()));
        }
        let mut json = object([
            ("id", (&self.id).into()),
            ("object", Self::OBJECT.into()),
            ("address", self.address.as_ref().map(Address::render).into()),
            ("balance", self.balance.into()),
            ("business_name", (&self.business_name).into()),
            ("created", api::seconds(self.created).into()),
            ("currency", Json::Null),
            ("customer_account", Json::Null),
            ("default_source", (&self.default_source).into()),
            ("delinquent", false.into()),
            ("description", (&self.description).into()),
            ("discount", Json::Null),
            ("email", (&self.email).into()),
            ("individual_name", (&self.individual_name).into()),
            ("invoice_prefix", self.invoice_prefix().into()),
            ("invoice_settings", self.invoice_settings.render()),
            ("livemode", view.livemode().into()),
            ("metadata", (&self.metadata).into()),
            ("name", (&self.name).into()),
            ("next_invoice_sequence", self.next_invoice_sequence.unwrap_or(1).into()),
            ("phone", (&self.phone).into()),
            ("preferred_locales", api::array(&self.preferred_locales)),
            ("shipping", self.shipping.as_ref().map(Shipping::render).into()),
            ("tax_exempt", self.tax_exempt.into()),
            ("test_clock", Json::Null),
        ]);
        self.include(&mut json, view, include)?;
        Ok(json)
    }
}

impl Customer {
    /// What is shown only to those who ask for it. Most of it is as it is for a customer to whom
    /// nothing has been sold yet.
    fn include(&self, json: &mut Json, view: &View<'_>, include: &Include<'_>) -> Result<()> {
        if include.has("sources") {
            json.set("sources", bank_account::shown_with_customer(view, &self.id)?);
        }
        let list = |name: &str| empty_list(format!("/v1/customers/{}/{name}", self.id));
        for name in ["subscriptions", "tax_ids"] {
            if include.has(name) {
                json.set(name, list(name));
            }
        }
        if include.has("cash_balance") {
            json.set("cash_balance", self.cash_balance(view.livemode()));
        }
        if include.has("invoice_credit_balance") {
            json.set("invoice_credit_balance", object([]));
        }
        if include.has("tax") {
            let tax = object([
                ("automatic_tax", "not_collecting".into()),
                ("ip_address", Json::Null),
                ("location", Json::Null),
                ("provider", "stripe".into()),
            ]);
            json.set("tax", tax);
        }
        Ok(())
    }

    fn cash_balance(&self, livemode: bool) -> Json {
        let settings = object([
            ("reconciliation_mode", "automatic".into()),
            ("using_merchant_default", true.into()),
        ]);
        object([
            ("object", "cash_balance".into()),
            ("available", Json::Null),
            ("customer", (&self.id).into()),
            ("customer_account", Json::Null),
            ("livemode", livemode.into()),
            ("settings", settings),
        ])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn invoice_prefixes_are_short_and_capital() {
        for good in ["A", "ABC123", "ABCDEFGH1234"] {
            assert!(check_invoice_prefix(good).is_ok(), "{good}");
        }
        for bad in ["abc", "A-B", "ABCDEFGH12345", "Ä"] {
            let error = check_invoice_prefix(bad).unwrap_err();
            assert_eq!(error.param.as_deref(), Some("invoice_prefix"), "{bad}");
        }
    }

    #[test]
    fn a_plain_customer_is_kept_in_few_bytes() {
        let name = Some("Ann".to_owned());
        let customer = Customer { id: "cus_1".into(), name, ..Customer::default() };
        let state = serde_json::to_string(&customer).unwrap();
        assert_eq!(state, r#"{"id":"cus_1","created":0,"name":"Ann"}"#);
    }
}
