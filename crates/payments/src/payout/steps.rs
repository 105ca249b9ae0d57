//! What becomes of a Payout: it is handed to the bank, and arrives or does not.

use std::sync::Arc;

use api::addresses::{Arrival, Crossing};
use api::params::NoParams;
use api::{ApiError, Path, Resource, Result, Tx};

use super::Payout;
use super::state::{Action, Failure};
use crate::balance_transaction::Type;
use crate::book::{self, Record};

/// Hands it to the bank.
pub const SUBMIT: &str = "payout.submit";
/// The bank says what became of it.
pub const ARRIVE: &str = "payout.arrive";

pub fn submit(tx: &mut Tx<'_>, id: &str, _: &str) -> Result<()> {
    let Some(before) = tx.load::<Payout>(id)? else { return Ok(()) };
    let Some(status) = before.status.after(Action::Submit) else { return Ok(()) };
    let old = tx.render(&*before)?;
    let payout = tx.save(Payout { status, ..api::copy(&before) })?;
    tx.event_changed("payout.updated", &old, &*payout)?;
    // A bank that refuses does so at once.
    let due = match payout.will_fail {
        Some(_) => tx.now_ms() + tx.app.config.step_delay_ms,
        None => payout.arrival.max(tx.now_ms()),
    };
    tx.plan(due, ARRIVE, id, "")
}

pub fn arrive(tx: &mut Tx<'_>, id: &str, _: &str) -> Result<()> {
    let Some(before) = tx.load::<Payout>(id)? else { return Ok(()) };
    let Some(status) = before.status.after(Action::Arrive) else { return Ok(()) };
    let failure = match (&before.will_fail, &before.financial_account) {
        (Some(failure), _) => Some(*failure),
        (None, Some(account)) => cross(tx, &before, account)?,
        (None, None) => {
            book::pass_on(tx, &before.balance_transaction, book::BANK)?;
            None
        }
    };
    if let Some(failure) = failure {
        return refuse(tx, &before, failure);
    }
    let old = tx.render(&*before)?;
    let payout = tx.save(Payout { status, ..api::copy(&before) })?;
    tx.event_changed("payout.paid", &old, &*payout)?;
    match &payout.swept {
        Some(_) => tx.event("payout.reconciliation_completed", &*payout),
        None => Ok(()),
    }
}

/// Lets the money cross to a FinancialAccount, or from it; both books move in this command.
fn cross(tx: &mut Tx<'_>, payout: &Payout, account: &str) -> Result<Option<Failure>> {
    let crossing = Crossing {
        financial_account: account,
        amount: payout.amount.checked_abs().unwrap_or_default(),
        currency: payout.currency,
        flow: &payout.id,
        flow_type: Payout::OBJECT,
        description: payout.statement_descriptor.as_deref().unwrap_or("STRIPE PAYOUT"),
        // What was paid out is taken back even where it has been spent.
        may_overdraw: true,
    };
    let addresses = &tx.app.api.addresses;
    let work = if payout.amount > 0 { addresses.credit } else { addresses.debit };
    match work(tx, &crossing)? {
        Arrival::Done => {
            book::pass_on(tx, &payout.balance_transaction, book::FINANCIAL_ACCOUNTS)?;
            Ok(None)
        }
        Arrival::Failed(code) => Ok(Some(Failure::of_code(code))),
    }
}

/// The bank does not take it: the money goes back to where it came from.
fn refuse(tx: &mut Tx<'_>, before: &Arc<Payout>, failure: Failure) -> Result<()> {
    let Some(status) = before.status.after(Action::Refuse) else { return Ok(()) };
    let old = tx.render(&**before)?;
    let given_back = give_back(tx, before, Type::PayoutFailure)?;
    let payout = tx.save(Payout {
        status,
        failure: Some(failure),
        failure_balance_transaction: Some(given_back),
        ..api::copy(before)
    })?;
    tx.event_changed("payout.failed", &old, &*payout)
}

fn give_back(tx: &mut Tx<'_>, payout: &Payout, kind: Type) -> Result<String> {
    let description = match kind {
        Type::PayoutCancel => "PAYOUT CANCELED",
        _ => "PAYOUT FAILED",
    };
    let record = Record {
        kind,
        source: &payout.id,
        currency: payout.currency,
        amount: payout.amount,
        fee: 0,
        available_on: None,
        description: Some(description.to_owned()),
        contra: book::IN_TRANSIT,
    };
    book::record(tx, &record)
}

pub fn cancel(tx: &mut Tx<'_>, path: &Path, _: &NoParams) -> Result<Arc<Payout>> {
    let before = tx.find::<Payout>(path.id())?;
    let status = before.status.check(Action::Cancel)?;
    if before.swept.is_some() {
        let message = "A payout that was made by itself cannot be canceled.";
        return Err(ApiError::invalid(message).into());
    }
    let old = tx.render(&*before)?;
    let given_back = give_back(tx, &before, Type::PayoutCancel)?;
    let payout = tx.save(Payout {
        status,
        failure_balance_transaction: Some(given_back),
        ..api::copy(&before)
    })?;
    tx.event_changed("payout.canceled", &old, &*payout)?;
    Ok(payout)
}
