//! BankAccounts, the older way to keep a bank account: an account's own, to which its payouts go
//! (external accounts), and those of its customers (sources).
//!
//! ```text
//!   new ─┬─ verify ──▶ verified              a customer's, by two amounts sent to it
//!        └─ too many wrong amounts ──▶ verification_failed
//! ```
//! An account's own needs no verification: it can be paid out to while it is new.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::operation;
use api::params::{Choice, Currency};
use api::resource::{Expandable, ExpandableKind};
use api::{Include, Index, Json, Owner, Resource, Result, Tx, View, array, object};
use serde::{Deserialize, Serialize};
use store::{IdRange, Millis};

use crate::account;
use crate::bank::{AccountType, BankAccount as Numbers};
use crate::customer::Customer;

pub use params::{BankAccountParams, BankSource, Described};

mod external;
mod params;
mod source;

#[derive(Clone, Serialize, Deserialize)]
pub struct BankAccount {
    pub id: String,
    created: Millis,
    pub holder: Holder,
    pub numbers: Numbers,
    pub currency: Currency,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_holder_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account_type: Option<AccountType>,
    pub status: BankAccountStatus,
    /// Whether payouts in its currency go to it.
    #[serde(default, skip_serializing_if = "is_default")]
    is_default: bool,
    /// How often the wrong amounts were given.
    #[serde(default, skip_serializing_if = "is_default")]
    failed_attempts: u32,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// The account itself, by its id.
    Account(String),
    Customer(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum BankAccountStatus {
    New,
    Verified,
    VerificationFailed,
}

/// How many are shown with the account or customer whose they are.
const SHOWN_WITH_HOLDER: usize = 10;

pub fn resource() -> operation::Resource {
    const EXTERNAL: &str = "/v1/accounts/{account}/external_accounts";
    const EXTERNAL_ONE: &str = "/v1/accounts/{account}/external_accounts/{id}";
    const SOURCES: &str = "/v1/customers/{customer}/sources";
    const SOURCE: &str = "/v1/customers/{customer}/sources/{id}";
    operation::Resource::of::<BankAccount>()
        .events(&[
            "account.external_account.created",
            "account.external_account.deleted",
            "account.external_account.updated",
            "customer.source.created",
            "customer.source.deleted",
            "customer.source.updated",
        ])
        .action(EXTERNAL, "Adds a bank account to which payouts can go.", external::create)
        .read(EXTERNAL_ONE, "Retrieves an account's own bank account.", external::retrieve)
        .action(EXTERNAL_ONE, "Updates an account's own bank account.", external::update)
        .list(EXTERNAL, "Lists an account's own bank accounts, newest first.", external::list_all)
        .delete(EXTERNAL_ONE, "Deletes an account's own bank account.", external::delete)
        .action(SOURCES, "Adds a bank account to a customer.", source::create)
        .read(SOURCE, "Retrieves a customer's bank account.", source::retrieve)
        .action(SOURCE, "Updates a customer's bank account.", source::update)
        .list(SOURCES, "Lists a customer's bank accounts, newest first.", source::list_all)
        .delete(SOURCE, "Deletes a customer's bank account.", source::delete)
        .action(
            "/v1/customers/{customer}/sources/{id}/verify",
            "Verifies a customer's bank account by the two amounts sent to it.",
            source::verify,
        )
        .done()
}

/// The bank account to which payouts in that currency go, unless another is named.
pub fn default_external(view: &View<'_>, currency: Currency) -> Result<Option<Arc<BankAccount>>> {
    let all = IdRange::prefix(BankAccount::PREFIX, true);
    let account = view.owner.number;
    let found = view.session.index(account, "default", currency.as_str(), &all, 1)?;
    found.first().map_or(Ok(None), |id| view.load(id))
}

/// The `external_accounts` of an account.
pub fn shown_with(view: &View<'_>, owner: &Owner) -> Result<Json> {
    let url = format!("/v1/accounts/{}/external_accounts", owner.id);
    shown(view, owner.number, &owner.id, url)
}

/// The `sources` of a customer.
pub fn shown_with_customer(view: &View<'_>, customer: &str) -> Result<Json> {
    let url = format!("/v1/customers/{customer}/sources");
    shown(view, view.owner.number, customer, url)
}

/// The newest of a holder's, as a list within an object.
fn shown(view: &View<'_>, account: i64, holder: &str, url: String) -> Result<Json> {
    let all = IdRange::prefix(BankAccount::PREFIX, true);
    let mut ids = view.session.index(account, "holder", holder, &all, SHOWN_WITH_HOLDER + 1)?;
    let has_more = ids.len() > SHOWN_WITH_HOLDER;
    ids.truncate(SHOWN_WITH_HOLDER);
    let mut data = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(bank) = view.load_of::<BankAccount>(account, &id)? {
            data.push(view.render(&*bank)?);
        }
    }
    Ok(operation::list_object(data, has_more, url))
}

pub(crate) use external::add as add_external;
pub(crate) use source::add as add_source;

impl BankAccount {
    /// Of whoever is acting, or one of its customers, kept by nobody yet.
    fn new(tx: &mut Tx<'_>, holder: Holder, described: Described) -> BankAccount {
        BankAccount {
            id: tx.new_id::<BankAccount>(),
            created: tx.now_ms(),
            holder,
            numbers: described.numbers,
            currency: described.currency,
            account_holder_name: described.account_holder_name,
            account_type: described.account_type,
            status: if described.is_verified {
                BankAccountStatus::Verified
            } else {
                BankAccountStatus::New
            },
            is_default: false,
            failed_attempts: 0,
            metadata: BTreeMap::new(),
        }
    }

    pub fn customer(&self) -> Option<&str> {
        match &self.holder {
            Holder::Customer(id) => Some(id),
            Holder::Account(_) => None,
        }
    }

    /// Whether money may be taken from it.
    pub fn is_verified(&self) -> bool {
        self.status == BankAccountStatus::Verified
    }

    /// As a token shows it, which has no object of its own.
    pub fn render_in_token(id: &str, described: &Described) -> Json {
        object([
            ("id", id.to_owned().into()),
            ("object", Self::OBJECT.into()),
            ("account_holder_name", (&described.account_holder_name).into()),
            ("account_holder_type", described.numbers.account_holder_type.into()),
            ("account_type", described.account_type.into()),
            ("bank_name", described.numbers.bank_name().into()),
            ("country", "US".into()),
            ("currency", described.currency.into()),
            ("fingerprint", (&described.numbers.fingerprint).into()),
            ("last4", (&described.numbers.last4).into()),
            ("routing_number", (&described.numbers.routing_number).into()),
            ("status", BankAccountStatus::New.into()),
        ])
    }
}

/// Nothing more has to be told of a bank account.
fn nothing_due() -> Json {
    object([
        ("currently_due", array::<Json>([])),
        ("errors", array::<Json>([])),
        ("past_due", array::<Json>([])),
        ("pending_verification", array::<Json>([])),
    ])
}

impl Resource for BankAccount {
    const OBJECT: &'static str = "bank_account";
    const PREFIX: &'static str = "ba";
    const LABEL: &'static str = "bank account";
    const EXPANDS: &'static [Expandable] = &[
        Expandable { path: "account", kind: ExpandableKind::Reference(account::definition) },
        Expandable::reference::<Customer>("customer"),
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        let holder = match &self.holder {
            Holder::Account(id) | Holder::Customer(id) => id,
        };
        entries.add("holder", holder);
        entries.add("numbers", format!("{holder}:{}", self.numbers.fingerprint));
        if self.is_default {
            entries.add("default", self.currency.as_str());
        }
    }

    fn render(&self, _: &View<'_>, _: &Include<'_>) -> Result<Json> {
        let numbers = &self.numbers;
        let mut json = object([
            ("id", (&self.id).into()),
            ("object", Self::OBJECT.into()),
            ("account_holder_name", (&self.account_holder_name).into()),
            ("account_holder_type", numbers.account_holder_type.into()),
            ("account_type", self.account_type.into()),
            ("bank_name", numbers.bank_name().into()),
            ("country", "US".into()),
            ("currency", self.currency.into()),
            ("fingerprint", (&numbers.fingerprint).into()),
            ("last4", (&numbers.last4).into()),
            ("metadata", (&self.metadata).into()),
            ("routing_number", (&numbers.routing_number).into()),
            ("status", self.status.into()),
        ]);
        match &self.holder {
            Holder::Account(account) => {
                let methods = match numbers.routing_number.as_str() {
                    crate::bank::TEST_ROUTING_NUMBER => array(["standard", "instant"]),
                    _ => array(["standard"]),
                };
                json.set("account", account.into());
                json.set("available_payout_methods", methods);
                json.set("default_for_currency", self.is_default.into());
                json.set("future_requirements", nothing_due());
                json.set("requirements", nothing_due());
            }
            Holder::Customer(customer) => json.set("customer", customer.into()),
        }
        Ok(json)
    }
}
