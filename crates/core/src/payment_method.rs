//! PaymentMethods: a card or a US bank account, and whose it is.
//!
//!   none ─┬─ attach ────▶ of a customer ── detach ──▶ detached, for good
//!         └─ set up for the account itself ──▶ of the account
//!
//! What a bank account may be used for (out, in, verified) is decided by SetupIntents and is never
//! shown. Test tokens such as `pm_usBankAccount` stand wherever an id goes; each use makes a new
//! PaymentMethod.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::list::{Page, Query, list};
use api::operation::{self, Path};
use api::params::{Choice, ListParams, Metadata, NoParams, Params};
use api::resource::Expandable;
use api::{ApiError, Include, Index, Json, Resource, Result, Tx, View, object};
use serde::{Deserialize, Serialize};
use store::Millis;

use crate::bank::{
    AccountHolderType, AccountType, BankAccount, UsBankAccountParams, missing_param,
};
use crate::billing::{BillingDetails, BillingDetailsParams};
use crate::card::{self, Card, CardParams, Check, UpdateCardParams};
use crate::change::save_changed;
use crate::customer::Customer;
use crate::test_token;

#[derive(Clone, Serialize, Deserialize)]
pub struct PaymentMethod {
    id: String,
    created: Millis,
    pub kind: Kind,
    #[serde(default, skip_serializing_if = "is_default")]
    pub billing_details: BillingDetails,
    #[serde(default, skip_serializing_if = "is_default")]
    pub holder: Holder,
    #[serde(default, skip_serializing_if = "is_default")]
    allow_redisplay: AllowRedisplay,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Whether the bank account is known to belong to whom it should.
    #[serde(default, skip_serializing_if = "is_default")]
    pub is_verified: bool,
    /// What it was set up for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flow_directions: Vec<FlowDirection>,
    /// What a test token or test card will do: the end of its name, such as `processing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_behavior: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Card(Card),
    UsBankAccount(BankAccount),
}

/// Whose it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    #[default]
    None,
    Customer(String),
    /// The account itself.
    Account,
    Detached,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum FlowDirection {
    Inbound,
    Outbound,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
pub enum AllowRedisplay {
    Always,
    Limited,
    #[default]
    Unspecified,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Type {
    Card,
    UsBankAccount,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[derive(Params)]
pub struct CreatePaymentMethod {
    #[param(flatten)]
    data: PaymentMethodData,
    /// The card.
    card: Option<CardParams>,
}

/// A PaymentMethod described on the spot.
#[derive(Params)]
pub struct PaymentMethodData {
    /// Whether it may be shown to its customer again.
    allow_redisplay: Option<AllowRedisplay>,
    /// Who it belongs to. A bank account needs the name.
    billing_details: Option<BillingDetailsParams>,
    /// Names and values of your own.
    metadata: Metadata,
    /// What it is; a hash of that name has the details.
    r#type: Type,
    /// The bank account.
    us_bank_account: Option<UsBankAccountParams>,
}

#[derive(Params)]
pub struct UpdatePaymentMethod {
    /// Whether it may be shown to its customer again.
    allow_redisplay: Option<AllowRedisplay>,
    /// Who it belongs to.
    billing_details: Option<BillingDetailsParams>,
    /// What changes of a card.
    card: Option<UpdateCardParams>,
    /// Names and values of your own.
    metadata: Metadata,
    /// What changes of a bank account.
    us_bank_account: Option<UpdateBankAccount>,
}

#[derive(Params)]
pub struct UpdateBankAccount {
    /// Whose account it is.
    account_holder_type: Option<AccountHolderType>,
    /// The kind of account.
    account_type: Option<AccountType>,
}

#[derive(Params)]
pub struct AttachPaymentMethod {
    /// The customer to attach it to.
    customer: String,
}

#[derive(Params)]
pub struct ListPaymentMethods {
    #[param(flatten)]
    of_customer: ListOfCustomer,
    /// Only those of this customer. Without it, those of no customer.
    customer: Option<String>,
}

#[derive(Params)]
pub struct ListOfCustomer {
    #[param(flatten)]
    page: ListParams,
    /// Only those that may be shown so.
    allow_redisplay: Option<AllowRedisplay>,
    /// Only those of this type.
    r#type: Option<Type>,
}

pub fn resource() -> operation::Resource {
    const ALL: &str = "/v1/payment_methods";
    const ONE: &str = "/v1/payment_methods/{payment_method}";
    const OF_CUSTOMER: &str = "/v1/customers/{customer}/payment_methods";
    operation::Resource::of::<PaymentMethod>()
        .events(&["payment_method.attached", "payment_method.detached", "payment_method.updated"])
        .create(ALL, "Creates a PaymentMethod.", create)
        .read(ONE, "Retrieves a PaymentMethod.", retrieve)
        .action(ONE, "Updates a PaymentMethod.", update)
        .list(ALL, "Lists PaymentMethods, newest first.", list_all)
        .list(OF_CUSTOMER, "Lists a customer's PaymentMethods, newest first.", list_of_customer)
        .read(
            "/v1/customers/{customer}/payment_methods/{payment_method}",
            "Retrieves a customer's PaymentMethod.",
            retrieve_of_customer,
        )
        .action(
            "/v1/payment_methods/{payment_method}/attach",
            "Attaches a PaymentMethod to a customer.",
            attach,
        )
        .action(
            "/v1/payment_methods/{payment_method}/detach",
            "Detaches a PaymentMethod from its customer; it cannot be used again.",
            detach,
        )
        .done()
}

fn create(tx: &mut Tx<'_>, params: &CreatePaymentMethod) -> Result<Arc<PaymentMethod>> {
    new_of(tx, &params.data, params.card.as_ref(), "")
}

/// A PaymentMethod from `payment_method_data`, which stands at `path`.
pub fn from_data(
    tx: &mut Tx<'_>,
    data: &PaymentMethodData,
    path: &str,
) -> Result<Arc<PaymentMethod>> {
    new_of(tx, data, None, path)
}

/// A PaymentMethod, a card's too, that is described at `path`; the empty one is the request itself.
pub fn new_of(
    tx: &mut Tx<'_>,
    data: &PaymentMethodData,
    card: Option<&CardParams>,
    path: &str,
) -> Result<Arc<PaymentMethod>> {
    let at = |name: &str| if path.is_empty() { name.into() } else { format!("{path}[{name}]") };
    let missing = |name: &str| missing_param(&at(name));
    let billing = data.billing_details.as_ref().map(BillingDetails::from).unwrap_or_default();
    let (kind, test_behavior) = match data.r#type {
        Type::Card => {
            let card = card.ok_or_else(|| missing("card"))?;
            let (card, behavior) = Card::new(tx, card, &at("card"))?;
            (Kind::Card(card), behavior)
        }
        Type::UsBankAccount => {
            let path = at("us_bank_account");
            let bank = data.us_bank_account.as_ref().ok_or_else(|| missing("us_bank_account"))?;
            if bank.account_holder_type.is_none() {
                return Err(missing_param(&format!("{path}[account_holder_type]")).into());
            }
            let bank = BankAccount::new(tx, bank, &path)?;
            if billing.name.is_none() {
                return Err(missing_param(&format!("{}[name]", at("billing_details"))).into());
            }
            (Kind::UsBankAccount(bank), None)
        }
    };
    let id = tx.new_id::<PaymentMethod>();
    let mut method = PaymentMethod::new(id, tx.now_ms(), kind);
    method.billing_details = billing;
    method.allow_redisplay = data.allow_redisplay.unwrap_or_default();
    method.metadata = data.metadata.for_new()?;
    method.test_behavior = test_behavior;
    tx.save(method)
}

fn update(
    tx: &mut Tx<'_>,
    path: &Path,
    params: &UpdatePaymentMethod,
) -> Result<Arc<PaymentMethod>> {
    let before = tx.find::<PaymentMethod>(path.id())?;
    let mut method = api::copy(&before);
    method.check_update(params)?;
    match &mut method.kind {
        Kind::Card(card) => {
            if let Some(params) = &params.card {
                card.update(tx, params)?;
            }
        }
        Kind::UsBankAccount(bank) => {
            if let Some(params) = &params.us_bank_account {
                bank.account_holder_type = params.account_holder_type.or(bank.account_holder_type);
                bank.account_type = params.account_type.unwrap_or(bank.account_type);
            }
        }
    }
    if let Some(params) = &params.billing_details {
        method.billing_details.update(params);
    }
    method.allow_redisplay = params.allow_redisplay.unwrap_or(method.allow_redisplay);
    params.metadata.apply(&mut method.metadata)?;
    save_changed(tx, before, method, "payment_method.updated")
}

fn retrieve(view: &View<'_>, path: &Path, _: &NoParams) -> Result<Arc<PaymentMethod>> {
    match test_token::shown(view, path.id())? {
        Some(method) => Ok(Arc::new(method)),
        None => view.find(path.id()),
    }
}

fn list_all(view: &View<'_>, _: &Path, params: &ListPaymentMethods) -> Result<Page<PaymentMethod>> {
    if let Some(customer) = &params.customer {
        view.reference::<Customer>(customer, "customer")?;
    }
    page_of(view, params.customer.as_deref().unwrap_or(NO_CUSTOMER), &params.of_customer)
}

fn list_of_customer(
    view: &View<'_>,
    path: &Path,
    params: &ListOfCustomer,
) -> Result<Page<PaymentMethod>> {
    view.find::<Customer>(path.id())?;
    page_of(view, path.id(), params)
}

/// The value by which those of no customer are found.
const NO_CUSTOMER: &str = "none";

fn page_of(
    view: &View<'_>,
    customer: &str,
    params: &ListOfCustomer,
) -> Result<Page<PaymentMethod>> {
    let query = Query::new(&params.page)
        .filter("customer", customer)
        .filter_some("type", params.r#type.map(Type::as_str))
        .filter_some("allow_redisplay", params.allow_redisplay.map(AllowRedisplay::as_str));
    list(view, &query)
}

fn retrieve_of_customer(view: &View<'_>, path: &Path, _: &NoParams) -> Result<Arc<PaymentMethod>> {
    view.find::<Customer>(path.id())?;
    let method = view.find::<PaymentMethod>(path.second())?;
    if method.customer() != Some(path.id()) {
        let missing =
            ApiError::not_found(PaymentMethod::LABEL, path.second(), PaymentMethod::PARAM);
        return Err(missing.into());
    }
    Ok(method)
}

fn attach(
    tx: &mut Tx<'_>,
    path: &Path,
    params: &AttachPaymentMethod,
) -> Result<Arc<PaymentMethod>> {
    let method = match test_token::mint_for(tx, path.id(), Holder::None)? {
        Some(minted) => minted,
        None => tx.find::<PaymentMethod>(path.id())?,
    };
    tx.reference::<Customer>(&params.customer, "customer")?;
    if method.bank().is_some() && !method.is_verified {
        let message = "This PaymentMethod is a bank account that has not been verified. Set it up \
                       with a SetupIntent to attach it to a customer.";
        return Err(ApiError::invalid(message).into());
    }
    attach_to(tx, &method, &params.customer)
}

/// Attaches it to a customer that is there; it may be that customer's already.
pub fn attach_to(
    tx: &mut Tx<'_>,
    method: &Arc<PaymentMethod>,
    customer: &str,
) -> Result<Arc<PaymentMethod>> {
    if method.customer() == Some(customer) {
        return Ok(method.clone());
    }
    if let Check::Declines(decline) = method.check() {
        return Err(decline.error().into());
    }
    let attached = tx.save(api::copy(method).attached(customer)?)?;
    tx.event("payment_method.attached", &*attached)?;
    Ok(attached)
}

fn detach(tx: &mut Tx<'_>, path: &Path, _: &NoParams) -> Result<Arc<PaymentMethod>> {
    let before = tx.find::<PaymentMethod>(path.id())?;
    let detached = api::copy(&before).detached()?;
    if let Some(customer) = before.customer().map(str::to_owned) {
        crate::customer::forget_payment_method(tx, &customer, before.id())?;
    }
    crate::mandate::revoke_all(tx, before.id())?;
    let old = tx.render(&*before)?;
    let detached = tx.save(detached)?;
    tx.event_changed("payment_method.detached", &old, &*detached)?;
    Ok(detached)
}

/// The PaymentMethod of an id that a parameter gives, or a new one of a test token.
pub fn resolve(tx: &mut Tx<'_>, id_or_token: &str, param: &str) -> Result<Arc<PaymentMethod>> {
    match test_token::mint_for(tx, id_or_token, Holder::None)? {
        Some(minted) => Ok(minted),
        None => tx.reference(id_or_token, param),
    }
}

/// A new PaymentMethod of a test token, verified and set up for both directions: of that customer,
/// or of the account itself. None where the text is no token.
pub fn mint(
    tx: &mut Tx<'_>,
    token: &str,
    customer: Option<&str>,
) -> Result<Option<Arc<PaymentMethod>>> {
    let holder = customer.map_or(Holder::Account, |id| Holder::Customer(id.to_owned()));
    let minted = test_token::mint_for(tx, token, holder)?;
    if let (Some(method), Some(_)) = (&minted, customer) {
        tx.event("payment_method.attached", &**method)?;
    }
    Ok(minted)
}

impl PaymentMethod {
    pub fn new(id: String, created: Millis, kind: Kind) -> PaymentMethod {
        PaymentMethod {
            id,
            created,
            kind,
            billing_details: BillingDetails::default(),
            holder: Holder::None,
            allow_redisplay: AllowRedisplay::default(),
            metadata: BTreeMap::new(),
            is_verified: false,
            flow_directions: Vec::new(),
            test_behavior: None,
        }
    }

    pub fn with_id(self, id: String) -> PaymentMethod {
        PaymentMethod { id, ..self }
    }

    pub fn customer(&self) -> Option<&str> {
        match &self.holder {
            Holder::Customer(id) => Some(id),
            Holder::None | Holder::Account | Holder::Detached => None,
        }
    }

    /// Whether it is the account's own.
    pub fn is_of_account(&self) -> bool {
        self.holder == Holder::Account
    }

    pub fn is_detached(&self) -> bool {
        self.holder == Holder::Detached
    }

    pub fn bank(&self) -> Option<&BankAccount> {
        match &self.kind {
            Kind::UsBankAccount(bank) => Some(bank),
            Kind::Card(_) => None,
        }
    }

    pub fn kind_name(&self) -> Type {
        match self.kind {
            Kind::Card(_) => Type::Card,
            Kind::UsBankAccount(_) => Type::UsBankAccount,
        }
    }

    /// Whether it was set up for money in that direction.
    pub fn allows(&self, direction: FlowDirection) -> bool {
        self.flow_directions.contains(&direction)
    }

    /// What checking it says.
    pub fn check(&self) -> Check {
        match self.kind {
            Kind::Card(_) => card::check_of(self.test_behavior.as_deref()),
            Kind::UsBankAccount(_) => Check::Passes,
        }
    }

    /// Of that customer from now on.
    pub fn attached(self, customer: &str) -> Result<Self, ApiError> {
        match &self.holder {
            Holder::None => {}
            Holder::Customer(id) if id == customer => return Ok(self),
            Holder::Customer(_) => {
                let message =
                    "The payment method you provided has already been attached to a customer.";
                return Err(ApiError::invalid(message));
            }
            Holder::Account => {
                let message = "The payment method you provided belongs to the account itself and \
                               cannot be attached to a customer.";
                return Err(ApiError::invalid(message));
            }
            Holder::Detached => return Err(self.used_up()),
        }
        Ok(PaymentMethod { holder: Holder::Customer(customer.to_owned()), ..self })
    }

    /// The account's own from now on.
    pub fn of_account(self) -> Result<Self, ApiError> {
        match &self.holder {
            Holder::None | Holder::Account => Ok(PaymentMethod { holder: Holder::Account, ..self }),
            Holder::Customer(_) => {
                let message =
                    "The payment method you provided has already been attached to a customer.";
                Err(ApiError::invalid(message))
            }
            Holder::Detached => Err(self.used_up()),
        }
    }

    pub fn detached(self) -> Result<Self, ApiError> {
        if self.customer().is_some() {
            return Ok(PaymentMethod { holder: Holder::Detached, ..self });
        }
        let message = "The payment method you provided is not attached to a customer so \
                       detachment is impossible.";
        Err(ApiError::invalid(message))
    }

    /// The refusal of any use after it was detached.
    pub fn used_up(&self) -> ApiError {
        ApiError::invalid(
            "This PaymentMethod was detached from a Customer and may not be used again.",
        )
    }

    fn check_update(&self, params: &UpdatePaymentMethod) -> Result<(), ApiError> {
        let other = match self.kind {
            Kind::Card(_) => params.us_bank_account.is_some().then_some("us_bank_account"),
            Kind::UsBankAccount(_) => params.card.is_some().then_some("card"),
        };
        if let Some(other) = other {
            let name = self.kind_name().as_str();
            let message = format!("You cannot update '{other}' of a PaymentMethod of type {name}.");
            return Err(ApiError::invalid(message).on(other));
        }
        if self.is_detached() {
            return Err(self.used_up());
        }
        if matches!(self.kind, Kind::Card(_)) && self.customer().is_none() {
            let message =
                "You must save this PaymentMethod to a customer before you can update it.";
            return Err(ApiError::invalid(message));
        }
        Ok(())
    }
}

impl Resource for PaymentMethod {
    const OBJECT: &'static str = "payment_method";
    const PREFIX: &'static str = "pm";
    const LABEL: &'static str = "PaymentMethod";
    const EXPANDS: &'static [Expandable] = &[Expandable::reference::<Customer>("customer")];

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        if self.is_detached() {
            return;
        }
        entries.add("customer", self.customer().unwrap_or(NO_CUSTOMER));
        entries.add("type", self.kind_name().as_str());
        entries.add("allow_redisplay", self.allow_redisplay.as_str());
    }

    fn render(&self, view: &View<'_>, _: &Include<'_>) -> Result<Json> {
        let address = &self.billing_details.address;
        let details = match &self.kind {
            Kind::Card(card) => card.render(address.line1.is_some(), address.postal_code.is_some()),
            Kind::UsBankAccount(bank) => bank.render(),
        };
        let mut json = object([
            ("id", (&self.id).into()),
            ("object", Self::OBJECT.into()),
            ("allow_redisplay", self.allow_redisplay.into()),
            ("billing_details", self.billing_details.render()),
            ("created", api::seconds(self.created).into()),
            ("customer", self.customer().map(str::to_owned).into()),
            ("customer_account", Json::Null),
            ("livemode", view.livemode().into()),
            ("metadata", (&self.metadata).into()),
            ("radar_options", object([])),
            ("type", self.kind_name().into()),
        ]);
        json.set(self.kind_name().as_str(), details);
        Ok(json)
    }
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)]
mod tests;
