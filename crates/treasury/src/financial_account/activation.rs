//! How features are requested, switched on and switched off.

use std::sync::Arc;

use api::list::Query;
use api::params::ListParams;
use api::{ApiError, Json, Result, Tx, View, array};
use exchequer_core::bank::{BankAccount, FINANCIAL_ACCOUNTS_ROUTING_NUMBER};

use crate::capability::{self, Readiness};
use crate::features::{self, Feature, Standing};
use crate::financial_account::{ACTIVATE, Address, FinancialAccount, OPEN_MAX, Status};

const ACCOUNT_NUMBER_MODULUS: u64 = 10u64.pow(15);

/// Adds and removes features. `param` is where the request named them.
pub fn request(
    view: &View<'_>,
    account: &mut FinancialAccount,
    changes: &[(Feature, bool)],
    param: &str,
) -> Result<()> {
    for (feature, is_requested) in changes {
        if !is_requested {
            account.features.remove(feature);
            continue;
        }
        let readiness = capability::readiness(view, feature.capabilities())?;
        if *feature == Feature::CardIssuing && readiness == Readiness::NotRequested {
            let message = format!(
                "The account {} has to request the capability card_issuing before its \
                 FinancialAccounts can have the feature card_issuing.",
                view.owner.id
            );
            let param = if param.is_empty() { "card_issuing".into() } else { member(param) };
            return Err(ApiError::invalid(message).on(param).into());
        }
        let before = account.features.get(feature).copied();
        account.features.insert(*feature, feature.standing(readiness, before));
    }
    Ok(())
}

fn member(param: &str) -> String {
    format!("{param}[card_issuing]")
}

/// Features are switched on right after the answer that shows them pending.
pub fn plan_activation(tx: &mut Tx<'_>, account: &FinancialAccount) -> Result<()> {
    if account.features.values().any(|standing| *standing == Standing::Activating) {
        let now = tx.now_ms();
        tx.plan(now, ACTIVATE, &account.id, "")?;
    }
    Ok(())
}

/// The job: switches on what waits for it.
pub fn activate(tx: &mut Tx<'_>, id: &str, _: &str) -> Result<()> {
    let Some(before) = tx.load::<FinancialAccount>(id)? else { return Ok(()) };
    if before.is_closed {
        return Ok(());
    }
    let mut account = api::copy(&before);
    for standing in account.features.values_mut() {
        if *standing == Standing::Activating {
            *standing = Standing::Active;
        }
    }
    let is_addressed =
        account.features.get(&Feature::FinancialAddressesAba) == Some(&Standing::Active);
    if is_addressed && account.address.is_none() {
        account.address = Some(Address {
            account_holder_name: capability::holder_name(tx)?,
            bank_account: BankAccount::of(
                tx,
                FINANCIAL_ACCOUNTS_ROUTING_NUMBER,
                &account_number(tx, id),
            ),
        });
    }
    let account = tx.save(account)?;
    announce(tx, &before, &account)
}

/// Sixteen digits that nobody can guess from the id, the same whenever they are made.
fn account_number(view: &View<'_>, id: &str) -> String {
    let mac = view.session.sealer.mac("account number", id.as_bytes());
    let bits = mac.iter().take(8).fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
    format!("4{:015}", bits % ACCOUNT_NUMBER_MODULUS)
}

/// Tells of a change of the features' arrays, if there is any.
pub fn announce(
    tx: &mut Tx<'_>,
    before: &FinancialAccount,
    after: &Arc<FinancialAccount>,
) -> Result<()> {
    let mut previous: Vec<(api::json::Key, Json)> = Vec::new();
    for (key, status) in [
        ("active_features", features::Status::Active),
        ("pending_features", features::Status::Pending),
        ("restricted_features", features::Status::Restricted),
    ] {
        let paths = features::paths(before, status);
        if paths != features::paths(after, status) {
            previous.push((key.into(), array(paths)));
        }
    }
    if previous.is_empty() {
        return Ok(());
    }
    let rendered = tx.render(&**after)?;
    let kind = "treasury.financial_account.features_status_updated";
    tx.emit(kind, rendered, Some(Json::Object(previous)))
}

/// The job of an account whose capabilities have changed: looks anew at its features.
pub fn capabilities_changed(tx: &mut Tx<'_>, _: &str, _: &str) -> Result<()> {
    let page = ListParams { limit: OPEN_MAX, ..ListParams::default() };
    let query = Query::new(&page).filter("status", Status::Open.as_str());
    for before in api::list::<FinancialAccount>(tx, &query)?.items {
        let mut account = api::copy(&before);
        for (feature, standing) in &mut account.features {
            let readiness = capability::readiness(tx, feature.capabilities())?;
            *standing = feature.standing(readiness, Some(*standing));
        }
        if account.features == before.features {
            continue;
        }
        let account = tx.save(account)?;
        announce(tx, &before, &account)?;
        plan_activation(tx, &account)?;
    }
    Ok(())
}
