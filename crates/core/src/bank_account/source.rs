//! A customer's bank accounts, which are verified before money is taken from them.

use std::sync::Arc;

use api::list::{Page, Query, list};
use api::operation::Path;
use api::params::{ListParams, Metadata, NoParams, Params, Unset};
use api::{ApiError, Failure, Resource, Result, Tx, View};
use store::IdRange;

use super::{BankAccount, BankAccountStatus, BankSource, Holder};
use crate::bank::{AccountHolderType, AccountType};
use crate::change::save_changed;
use crate::customer::{self, Customer};

/// The amounts that are sent to a bank account in test mode, in cents.
const SENT: [i64; 2] = [32, 45];
/// How often the wrong amounts may be given.
const ATTEMPTS_MAX: u32 = 10;

#[derive(Params)]
pub struct CreateSource {
    /// Names and values of your own.
    metadata: Metadata,
    /// A token of a bank account, or its numbers.
    source: BankSource,
}

#[derive(Params)]
pub struct UpdateSource {
    /// The name of whoever holds it.
    account_holder_name: Unset<String>,
    /// Whether a person or a company holds it.
    account_holder_type: Unset<AccountHolderType>,
    /// `checking` or `savings`.
    account_type: Option<AccountType>,
    /// Names and values of your own.
    metadata: Metadata,
}

#[derive(Params)]
pub struct ListSources {
    #[param(flatten)]
    page: ListParams,
    /// Only sources of that kind; all of them are of the kind `bank_account`.
    object: Option<String>,
}

#[derive(Params)]
pub struct VerifySource {
    /// The two amounts that arrived, in cents.
    amounts: Vec<i64>,
}

pub(super) fn create(
    tx: &mut Tx<'_>,
    path: &Path,
    params: &CreateSource,
) -> Result<Arc<BankAccount>> {
    let customer = tx.find::<Customer>(path.id())?;
    let mut bank = add(tx, customer.id(), &params.source)?;
    let metadata = params.metadata.for_new()?;
    if !metadata.is_empty() {
        bank = tx.save(BankAccount { metadata, ..api::copy(&bank) })?;
    }
    tx.event("customer.source.created", &*bank)?;
    if customer.default_source.is_none() {
        customer::set_default_source(tx, customer.id(), Some(bank.id.clone()))?;
    }
    Ok(bank)
}

/// A new bank account of a customer, of which nobody is told yet.
pub(crate) fn add(
    tx: &mut Tx<'_>,
    customer: &str,
    source: &BankSource,
) -> Result<Arc<BankAccount>> {
    let described = source.resolve(tx, "source")?;
    let (all, account) = (IdRange::prefix(BankAccount::PREFIX, true), tx.owner.number);
    let numbers = format!("{customer}:{}", described.numbers.fingerprint);
    if !tx.session.index(account, "numbers", &numbers, &all, 1)?.is_empty() {
        let message = "A bank account with that routing number and account number already exists \
                       for this customer.";
        return Err(ApiError::param("bank_account_exists", "source", message).into());
    }
    let bank = BankAccount::new(tx, Holder::Customer(customer.to_owned()), described);
    tx.save(bank)
}

fn find(view: &View<'_>, path: &Path) -> Result<Arc<BankAccount>> {
    view.find::<Customer>(path.id())?;
    let found = view.load::<BankAccount>(path.second())?;
    let own = found.filter(|bank| bank.customer() == Some(path.id()));
    Ok(own.ok_or_else(|| ApiError::not_found("source", path.second(), "id"))?)
}

pub(super) fn retrieve(view: &View<'_>, path: &Path, _: &NoParams) -> Result<Arc<BankAccount>> {
    find(view, path)
}

pub(super) fn update(
    tx: &mut Tx<'_>,
    path: &Path,
    params: &UpdateSource,
) -> Result<Arc<BankAccount>> {
    let before = find(tx, path)?;
    let mut bank = api::copy(&before);
    params.account_holder_name.clone().apply(&mut bank.account_holder_name);
    params.account_holder_type.clone().apply(&mut bank.numbers.account_holder_type);
    bank.account_type = params.account_type.or(bank.account_type);
    params.metadata.apply(&mut bank.metadata)?;
    save_changed(tx, before, bank, "customer.source.updated")
}

pub(super) fn list_all(
    view: &View<'_>,
    path: &Path,
    params: &ListSources,
) -> Result<Page<BankAccount>> {
    view.find::<Customer>(path.id())?;
    if params.object.as_deref().is_some_and(|object| object != BankAccount::OBJECT) {
        return Ok(Page::empty());
    }
    list(view, &Query::new(&params.page).filter("holder", path.id()))
}

pub(super) fn delete(tx: &mut Tx<'_>, path: &Path) -> Result<()> {
    let bank = find(tx, path)?;
    let customer = tx.find::<Customer>(path.id())?;
    tx.remove(&*bank)?;
    tx.event("customer.source.deleted", &*bank)?;
    if customer.default_source.as_deref() == Some(bank.id.as_str()) {
        let all = IdRange::prefix(BankAccount::PREFIX, true);
        let rest = tx.session.index(tx.owner.number, "holder", path.id(), &all, 1)?;
        customer::set_default_source(tx, path.id(), rest.into_iter().next())?;
    }
    Ok(())
}

pub(super) fn verify(
    tx: &mut Tx<'_>,
    path: &Path,
    params: &VerifySource,
) -> Result<Arc<BankAccount>> {
    let before = find(tx, path)?;
    match before.status {
        BankAccountStatus::New => {}
        BankAccountStatus::Verified => {
            let message = "This bank account has already been verified.";
            return Err(ApiError::invalid(message).into());
        }
        BankAccountStatus::VerificationFailed => {
            let message = "This bank account cannot be verified any more: the wrong amounts were \
                           given too often.";
            let code = "bank_account_verification_failed";
            return Err(ApiError::invalid(message).code(code).into());
        }
    }
    let given = <[i64; 2]>::try_from(params.amounts.as_slice());
    let Ok([first, second]) = given.map_err(drop) else {
        let message = "You must provide the two amounts that were sent.";
        return Err(ApiError::invalid(message).on("amounts").into());
    };
    if [first.min(second), first.max(second)] == SENT {
        let status = BankAccountStatus::Verified;
        let after = BankAccount { status, ..api::copy(&before) };
        return save_changed(tx, before, after, "customer.source.updated");
    }
    let mut after = api::copy(&before);
    after.failed_attempts += 1;
    if after.failed_attempts >= ATTEMPTS_MAX {
        after.status = BankAccountStatus::VerificationFailed;
    }
    save_changed(tx, before, after, "customer.source.updated")?;
    let message = "The amounts provided do not match the amounts that were sent to the bank \
                   account.";
    let code = "bank_account_verification_failed";
    // The attempt counts, so what was done is kept.
    Err(Failure::Declined(Box::new(ApiError::invalid(message).code(code).on("amounts"))))
}
