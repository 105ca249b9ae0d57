//! Top-ups: money from a bank account of the account's own that fills its balance.
//!
//! ```text
//!   pending ─┬─ the bank pays ──▶ succeeded
//!            ├─ it does not ────▶ failed
//!            └─ cancel ─────────▶ canceled
//! ```
//! Nothing is in the balance before the top-up succeeds. A bank account that is the address of a
//! FinancialAccount is debited within Stripe.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::addresses::{Arrival, Crossing};
use api::list::{Page, Query, list};
use api::operation;
use api::params::{Choice, Currency, ListParams, Metadata, NoParams, Params, Range, Unset};
use api::resource::Expandable;
use api::{ApiError, Include, Index, Json, Path, Resource, Result, Tx, View, object, seconds};
use exchequer_core::bank::BankAccount as Numbers;
use exchequer_core::bank_account::{self, BankAccount, Holder};
use exchequer_core::change::save_changed;
use exchequer_core::token;
use serde::{Deserialize, Serialize};
use store::Millis;

use crate::balance_transaction::{BalanceTransaction, Type};
use crate::book::{self, Record};
use crate::payout::state::Failure;

const AMOUNT_MAX: i64 = 99_999_999;

#[derive(Clone, Serialize, Deserialize)]
pub struct Topup {
    pub id: String,
    created: Millis,
    pub amount: i64,
    pub currency: Currency,
    pub status: Status,
    /// The bank account that a source stands for, with the id of that source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<(String, Numbers)>,
    /// The FinancialAccount whose address the bank account is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub financial_account: Option<String>,
    /// What the bank will say to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    will_fail: Option<Failure>,
    expected_availability: Millis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance_transaction: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    statement_descriptor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    transfer_group: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Status {
    Canceled,
    Failed,
    Pending,
    Succeeded,
}

#[derive(Params)]
struct CreateTopup {
    /// How much to fill the balance by, in cents.
    #[param(min = 1, max = AMOUNT_MAX, over_max = "amount_too_large")]
    amount: i64,
    /// The currency: `usd`.
    currency: Currency,
    /// A text of your own.
    description: Unset<String>,
    /// Names and values of your own.
    metadata: Metadata,
    /// A token of a bank account or an external account; the default one unless given.
    source: Option<String>,
    /// What stands on the statement of the bank account.
    #[param(max = 15)]
    statement_descriptor: Option<String>,
    /// A name for what belongs together.
    transfer_group: Option<String>,
}

#[derive(Params)]
struct UpdateTopup {
    /// A text of your own.
    description: Unset<String>,
    /// Names and values of your own.
    metadata: Metadata,
}

#[derive(Params)]
struct ListTopups {
    #[param(flatten)]
    page: ListParams,
    /// Only those of exactly this amount.
    amount: Option<i64>,
    /// Only those created then.
    created: Option<Range>,
    /// Only those of this status.
    status: Option<Status>,
}

/// The bank says what became of it.
pub(crate) const STEP: &str = "topup.step";

pub fn resource() -> operation::Resource {
    const ALL: &str = "/v1/topups";
    const ONE: &str = "/v1/topups/{topup}";
    operation::Resource::of::<Topup>()
        .events(&["topup.canceled", "topup.created", "topup.failed", "topup.succeeded"])
        .create(ALL, "Fills the balance from a bank account.", create)
        .retrieve(ONE, "Retrieves a Topup.")
        .action(ONE, "Updates a Topup.", update)
        .list(ALL, "Lists Topups, newest first.", list_all)
        .action("/v1/topups/{topup}/cancel", "Cancels a Topup that is pending.", cancel)
        .job(STEP, step)
        .done()
}

fn create(tx: &mut Tx<'_>, params: &CreateTopup) -> Result<Arc<Topup>> {
    if params.currency != Currency::USD {
        let name = params.currency.as_str();
        return Err(Currency::refusal(name, &["usd"], "currency").into());
    }
    let numbers = source(tx, params)?;
    let (mut will_fail, mut financial_account) = (None, None);
    if let Some(numbers) = &numbers {
        let number = numbers.number(tx.session.sealer)?;
        will_fail = Some(number).filter(|_| !tx.livemode()).and_then(|n| Failure::of(&n));
        financial_account = (tx.app.api.addresses.find)(tx, &numbers.fingerprint)?;
    }
    let now = tx.now_ms();
    let id = tx.new_id::<Topup>();
    let source = numbers.map(|numbers| (tx.new_id_with("src"), numbers));
    let expected_availability = now + tx.app.config.step_delay_ms;
    let topup = tx.save(Topup {
        id: id.clone(),
        created: now,
        amount: params.amount,
        currency: params.currency,
        status: Status::Pending,
        source,
        financial_account,
        will_fail,
        expected_availability,
        balance_transaction: None,
        failure: None,
        description: params.description.clone().into_option(),
        statement_descriptor: params.statement_descriptor.clone(),
        transfer_group: params.transfer_group.clone(),
        metadata: params.metadata.for_new()?,
    })?;
    tx.event("topup.created", &*topup)?;
    tx.plan(expected_availability, STEP, &id, "")?;
    Ok(topup)
}

/// The bank account that pays: in test mode there need not be one.
fn source(tx: &mut Tx<'_>, params: &CreateTopup) -> Result<Option<Numbers>> {
    let Some(id) = &params.source else {
        let default = bank_account::default_external(tx, params.currency)?;
        return Ok(default.map(|bank| bank.numbers.clone()));
    };
    if let Some(bank) = tx.load::<BankAccount>(id)? {
        if matches!(bank.holder, Holder::Account(_)) {
            return Ok(Some(bank.numbers.clone()));
        }
        let error = ApiError::missing_reference("external account", id, "source");
        return Err(error.into());
    }
    Ok(Some(token::take_bank(tx, id, "source")?.numbers))
}

fn update(tx: &mut Tx<'_>, path: &Path, params: &UpdateTopup) -> Result<Arc<Topup>> {
    let mut topup = api::copy(&tx.find::<Topup>(path.id())?);
    params.description.clone().apply(&mut topup.description);
    params.metadata.apply(&mut topup.metadata)?;
    tx.save(topup)
}

fn cancel(tx: &mut Tx<'_>, path: &Path, _: &NoParams) -> Result<Arc<Topup>> {
    let before = tx.find::<Topup>(path.id())?;
    if before.status != Status::Pending {
        let status = before.status.as_str();
        let message = format!("Topups with status {status} cannot be canceled.");
        return Err(ApiError::invalid(message).into());
    }
    let after = Topup { status: Status::Canceled, ..api::copy(&before) };
    save_changed(tx, before, after, "topup.canceled")
}

fn list_all(view: &View<'_>, _: &Path, params: &ListTopups) -> Result<Page<Topup>> {
    let query = Query::new(&params.page)
        .filter_some("amount", params.amount.map(|amount| amount.to_string()))
        .filter_some("status", params.status.map(Status::as_str));
    list(view, &query.created(params.created.as_ref()))
}

/// The bank pays, or says why not.
fn step(tx: &mut Tx<'_>, id: &str, _: &str) -> Result<()> {
    let Some(before) = tx.load::<Topup>(id)? else { return Ok(()) };
    if before.status != Status::Pending {
        return Ok(());
    }
    let failure = match (&before.will_fail, &before.financial_account) {
        (Some(failure), _) => Some(*failure),
        (None, Some(account)) => take_from(tx, &before, account)?,
        (None, None) => None,
    };
    let mut after = api::copy(&before);
    if failure.is_some() {
        (after.status, after.failure) = (Status::Failed, failure);
        save_changed(tx, before, after, "topup.failed")?;
        return Ok(());
    }
    let contra = match &before.financial_account {
        Some(_) => book::FINANCIAL_ACCOUNTS,
        None => book::BANK,
    };
    let record = Record {
        kind: Type::Topup,
        source: id,
        currency: before.currency,
        amount: before.amount,
        fee: 0,
        available_on: None,
        description: before.description.clone(),
        contra,
    };
    after.balance_transaction = Some(book::record(tx, &record)?);
    after.status = Status::Succeeded;
    save_changed(tx, before, after, "topup.succeeded")?;
    Ok(())
}

/// Takes the money from a FinancialAccount; both books move in this command.
fn take_from(tx: &mut Tx<'_>, topup: &Topup, account: &str) -> Result<Option<Failure>> {
    let crossing = Crossing {
        financial_account: account,
        amount: topup.amount,
        currency: topup.currency,
        flow: &topup.id,
        flow_type: Topup::OBJECT,
        description: topup.statement_descriptor.as_deref().unwrap_or("STRIPE TOPUP"),
        may_overdraw: false,
    };
    let debit = tx.app.api.addresses.debit;
    Ok(match debit(tx, &crossing)? {
        Arrival::Done => None,
        Arrival::Failed(code) => Some(Failure::of_code(code)),
    })
}

impl Topup {
    /// The bank account as a source of the older kind.
    fn render_source(&self, view: &View<'_>, id: &str, numbers: &Numbers) -> Json {
        let ach_debit = object([
            ("bank_name", numbers.bank_name().into()),
            ("country", "US".into()),
            ("fingerprint", (&numbers.fingerprint).into()),
            ("last4", (&numbers.last4).into()),
            ("routing_number", (&numbers.routing_number).into()),
            ("type", numbers.account_holder_type.into()),
        ]);
        let mut owner = object([]);
        for absent in [
            "address",
            "email",
            "name",
            "phone",
            "verified_address",
            "verified_email",
            "verified_name",
            "verified_phone",
        ] {
            owner.set(absent, Json::Null);
        }
        object([
            ("id", id.to_owned().into()),
            ("object", "source".into()),
            ("ach_debit", ach_debit),
            ("allow_redisplay", "unspecified".into()),
            ("amount", Json::Null),
            // Sources are shown and not served, so that there is nothing to keep secret.
            ("client_secret", format!("{id}_secret_unused").into()),
            ("created", seconds(self.created).into()),
            ("currency", self.currency.into()),
            ("flow", "code_verification".into()),
            ("livemode", view.livemode().into()),
            ("metadata", object([])),
            ("owner", owner),
            ("statement_descriptor", Json::Null),
            ("status", "chargeable".into()),
            ("type", "ach_debit".into()),
            ("usage", "reusable".into()),
        ])
    }
}

impl Resource for Topup {
    const OBJECT: &'static str = "topup";
    const PREFIX: &'static str = "tu";
    const LABEL: &'static str = "topup";
    const PARAM: &'static str = "topup";
    const EXPANDS: &'static [Expandable] =
        &[Expandable::reference::<BalanceTransaction>("balance_transaction")];

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        entries.add("amount", self.amount.to_string());
        entries.add("status", self.status.as_str());
    }

    fn render(&self, view: &View<'_>, _: &Include<'_>) -> Result<Json> {
        let source = self.source.as_ref();
        let source = source.map(|(id, numbers)| self.render_source(view, id, numbers));
        Ok(object([
            ("id", (&self.id).into()),
            ("object", Self::OBJECT.into()),
            ("amount", self.amount.into()),
            ("balance_transaction", (&self.balance_transaction).into()),
            ("created", seconds(self.created).into()),
            ("currency", self.currency.into()),
            ("description", (&self.description).into()),
            ("expected_availability_date", seconds(self.expected_availability).into()),
            ("failure_code", self.failure.into()),
            ("failure_message", self.failure.map(Failure::message).into()),
            ("initiated_by", "user".into()),
            ("livemode", view.livemode().into()),
            ("metadata", (&self.metadata).into()),
            ("payment_method", Json::Null),
            ("payment_method_options", Json::Null),
            ("source", source.into()),
            ("statement_descriptor", (&self.statement_descriptor).into()),
            ("status", self.status.into()),
            ("transfer_group", (&self.transfer_group).into()),
        ]))
    }
}
