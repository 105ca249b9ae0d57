//! An account's own bank accounts. The first in a currency is the one that payouts go to.

use std::sync::Arc;

use api::list::{Page, Query, list};
use api::operation::Path;
use api::params::{Choice, ListParams, Metadata, NoParams, Params, Unset};
use api::{ApiError, Owner, Resource, Result, Tx, View};

use super::{BankAccount, BankSource, Holder, default_external};
use crate::account;
use crate::bank::{AccountHolderType, AccountType};
use crate::change::save_changed;

#[derive(Params)]
pub struct CreateExternalAccount {
    /// Whether payouts in its currency go to it from now on. The first one's do anyway.
    default_for_currency: Option<bool>,
    /// A token of a bank account, or its numbers.
    external_account: BankSource,
    /// Names and values of your own.
    metadata: Metadata,
}

#[derive(Params)]
pub struct UpdateExternalAccount {
    /// The name of whoever holds it.
    account_holder_name: Unset<String>,
    /// Whether a person or a company holds it.
    account_holder_type: Unset<AccountHolderType>,
    /// `checking` or `savings`.
    account_type: Option<AccountType>,
    /// `true` lets payouts in its currency go to it from now on.
    default_for_currency: Option<bool>,
    /// Names and values of your own.
    metadata: Metadata,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum ExternalObject {
    BankAccount,
    Card,
}

#[derive(Params)]
pub struct ListExternalAccounts {
    #[param(flatten)]
    page: ListParams,
    /// Only bank accounts, or only cards, of which there are none.
    object: Option<ExternalObject>,
}

/// The account that the path names, if whoever is acting can see it.
fn owner(view: &View<'_>, path: &Path) -> Result<Owner> {
    let account = account::find(view, path.id())?;
    Ok(Owner { number: account.number, id: account.id().to_owned() })
}

pub(super) fn create(
    tx: &mut Tx<'_>,
    path: &Path,
    params: &CreateExternalAccount,
) -> Result<Arc<BankAccount>> {
    let owner = owner(tx, path)?;
    let metadata = params.metadata.for_new()?;
    // A token is whoever's that acts.
    let described = params.external_account.resolve(tx, "external_account")?;
    let wants_default = params.default_for_currency == Some(true);
    tx.on(owner, |tx| {
        let holder = Holder::Account(tx.owner.id.clone());
        let mut bank = BankAccount::new(tx, holder, described);
        bank.metadata = metadata;
        keep_new(tx, bank, wants_default)
    })
}

/// Gives an account a bank account to which its payouts go from now on.
pub(crate) fn add(tx: &mut Tx<'_>, owner: Owner, source: &BankSource) -> Result<()> {
    let described = source.resolve(tx, "external_account")?;
    tx.on(owner, |tx| {
        let holder = Holder::Account(tx.owner.id.clone());
        let bank = BankAccount::new(tx, holder, described);
        keep_new(tx, bank, true).map(drop)
    })
}

fn keep_new(
    tx: &mut Tx<'_>,
    mut bank: BankAccount,
    wants_default: bool,
) -> Result<Arc<BankAccount>> {
    // The numbers may have been read as another account, by whose id they are told apart.
    let number = bank.numbers.number(tx.session.sealer)?;
    bank.numbers = bank.numbers.as_of(tx, &number);
    let before = default_external(tx, bank.currency)?;
    bank.is_default = wants_default || before.is_none();
    if let Some(before) = before.filter(|_| bank.is_default) {
        give_up_default(tx, before)?;
    }
    let bank = tx.save(bank)?;
    tx.event("account.external_account.created", &*bank)?;
    Ok(bank)
}

fn give_up_default(tx: &mut Tx<'_>, before: Arc<BankAccount>) -> Result<()> {
    let after = BankAccount { is_default: false, ..api::copy(&before) };
    save_changed(tx, before, after, "account.external_account.updated").map(drop)
}

/// One of the acting account's own.
fn find(view: &View<'_>, id: &str) -> Result<Arc<BankAccount>> {
    let found = view.load::<BankAccount>(id)?;
    let own = found.filter(|bank| matches!(bank.holder, Holder::Account(_)));
    Ok(own.ok_or_else(|| ApiError::not_found("external account", id, "id"))?)
}

pub(super) fn retrieve(view: &View<'_>, path: &Path, _: &NoParams) -> Result<Arc<BankAccount>> {
    find(&view.reading_as(owner(view, path)?), path.second())
}

pub(super) fn update(
    tx: &mut Tx<'_>,
    path: &Path,
    params: &UpdateExternalAccount,
) -> Result<Arc<BankAccount>> {
    let owner = owner(tx, path)?;
    tx.on(owner, |tx| {
        let before = find(tx, path.second())?;
        let mut bank = api::copy(&before);
        params.account_holder_name.clone().apply(&mut bank.account_holder_name);
        params.account_holder_type.clone().apply(&mut bank.numbers.account_holder_type);
        bank.account_type = params.account_type.or(bank.account_type);
        params.metadata.apply(&mut bank.metadata)?;
        match params.default_for_currency {
            Some(true) if !bank.is_default => {
                if let Some(other) = default_external(tx, bank.currency)? {
                    give_up_default(tx, other)?;
                }
                bank.is_default = true;
            }
            Some(false) if bank.is_default => {
                let message = "The default of a currency is changed by making another external \
                               account the default.";
                return Err(ApiError::invalid(message).on("default_for_currency").into());
            }
            Some(_) | None => {}
        }
        save_changed(tx, before, bank, "account.external_account.updated")
    })
}

pub(super) fn list_all(
    view: &View<'_>,
    path: &Path,
    params: &ListExternalAccounts,
) -> Result<Page<BankAccount>> {
    let owner = owner(view, path)?;
    if params.object == Some(ExternalObject::Card) {
        return Ok(Page::empty());
    }
    let view = view.reading_as(owner);
    list(&view, &Query::new(&params.page).filter("holder", &view.owner.id))
}

pub(super) fn delete(tx: &mut Tx<'_>, path: &Path) -> Result<()> {
    let owner = owner(tx, path)?;
    let default_currency = account::find(tx, path.id())?.default_currency;
    tx.on(owner, |tx| {
        let bank = find(tx, path.second())?;
        if bank.is_default && bank.currency == default_currency {
            let message = "You cannot delete the default external account for your default \
                           currency. Please make another external account the default using the \
                           `default_for_currency` param, and then delete this one.";
            return Err(ApiError::invalid(message).into());
        }
        tx.remove(&*bank)?;
        tx.event("account.external_account.deleted", &*bank)
    })
}
