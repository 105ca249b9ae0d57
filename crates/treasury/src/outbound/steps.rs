//! What becomes of an outbound flow: the test helpers, and the moves in the book and the events
//! that belong to each step.

use std::sync::Arc;

use api::params::{Currency, NoParams};
use api::{Fault, Owner, Path, Result, Tx};
use ledger::Contra;

use super::params::{Return, Update};
use super::{Action, Kind, Outbound, Refusal, TrackingDetails, flow};
use crate::book;
use crate::destination::{Destination, Network, ReturnCode};
use crate::financial_account::forward_what_came_late;
use crate::rails::{self, AchFile, Desk};
use crate::received_credit::{FailureCode, FromStripe, receive_stripe};

/// What the bank says where the helper is told nothing.
pub const RETURN_CODE_DEFAULT: ReturnCode = ReturnCode::Declined;

pub fn post<K: Kind>(tx: &mut Tx<'_>, path: &Path, _: &NoParams) -> Result<Arc<Outbound<K>>> {
    let outbound = tx.find::<Outbound<K>>(path.id())?;
    perform(tx, &outbound, Action::Post)
}

pub fn fail<K: Kind>(tx: &mut Tx<'_>, path: &Path, _: &NoParams) -> Result<Arc<Outbound<K>>> {
    let outbound = tx.find::<Outbound<K>>(path.id())?;
    perform(tx, &outbound, Action::Fail)
}

pub fn return_<K: Kind>(tx: &mut Tx<'_>, path: &Path, p: &Return) -> Result<Arc<Outbound<K>>> {
    let outbound = tx.find::<Outbound<K>>(path.id())?;
    let code = p.returned_details.as_ref().and_then(|details| details.code);
    perform_returning(tx, &outbound, Action::Return, code.unwrap_or(RETURN_CODE_DEFAULT))
}

pub fn update<K: Kind>(tx: &mut Tx<'_>, path: &Path, p: &Update) -> Result<Arc<Outbound<K>>> {
    let outbound = tx.find::<Outbound<K>>(path.id())?;
    tracked(tx, &outbound, TrackingDetails::from(&p.tracking_details))
}

fn tracked<K: Kind>(
    tx: &mut Tx<'_>,
    outbound: &Arc<Outbound<K>>,
    details: TrackingDetails,
) -> Result<Arc<Outbound<K>>> {
    let before = tx.render(&**outbound)?;
    let next = api::copy(outbound).track(details).map_err(Refusal::of::<K>)?;
    let next = tx.save(next)?;
    tx.event_changed(K::NAMES.events.tracking_details_updated, &before, &*next)?;
    Ok(next)
}

/// Takes all the steps of an action; none where it is refused.
pub fn perform<K: Kind>(
    tx: &mut Tx<'_>,
    outbound: &Arc<Outbound<K>>,
    action: Action,
) -> Result<Arc<Outbound<K>>> {
    perform_returning(tx, outbound, action, RETURN_CODE_DEFAULT)
}

pub fn perform_returning<K: Kind>(
    tx: &mut Tx<'_>,
    outbound: &Arc<Outbound<K>>,
    action: Action,
    code: ReturnCode,
) -> Result<Arc<Outbound<K>>> {
    let steps = outbound.plan(action).map_err(Refusal::of::<K>)?;
    let mut outbound = outbound.clone();
    for step in steps {
        outbound = take(tx, &outbound, *step, code)?;
    }
    Ok(outbound)
}

/// One step: what moves in the book, the new state, the event.
fn take<K: Kind>(
    tx: &mut Tx<'_>,
    outbound: &Arc<Outbound<K>>,
    step: Action,
    code: ReturnCode,
) -> Result<Arc<Outbound<K>>> {
    match step {
        Action::Cancel => canceled(tx, outbound),
        Action::Delay => delayed(tx, outbound),
        Action::Fail => failed(tx, outbound),
        Action::Post => posted(tx, outbound),
        Action::Return => returned(tx, outbound, code),
        Action::Submit => submitted(tx, outbound),
        Action::Update => Err(Fault::new("tracking details come with an update alone").into()),
    }
}

fn canceled<K: Kind>(tx: &mut Tx<'_>, outbound: &Arc<Outbound<K>>) -> Result<Arc<Outbound<K>>> {
    let next = api::copy(outbound).cancel(tx.now_ms()).map_err(Refusal::of::<K>)?;
    book::release(tx, &next.transaction, K::NAMES.entries.cancellation)?;
    told(tx, next, K::NAMES.events.canceled)
}

fn failed<K: Kind>(tx: &mut Tx<'_>, outbound: &Arc<Outbound<K>>) -> Result<Arc<Outbound<K>>> {
    let next = api::copy(outbound).fail(tx.now_ms()).map_err(Refusal::of::<K>)?;
    book::release(tx, &next.transaction, K::NAMES.entries.failure)?;
    told(tx, next, K::NAMES.events.failed)
}

fn delayed<K: Kind>(tx: &mut Tx<'_>, outbound: &Arc<Outbound<K>>) -> Result<Arc<Outbound<K>>> {
    let before = tx.render(&**outbound)?;
    let next = tx.save(api::copy(outbound).delay().map_err(Refusal::of::<K>)?)?;
    let event = K::NAMES.events.expected_arrival_date_updated;
    tx.event_changed(event, &before, &*next)?;
    Ok(next)
}

/// The network has it, and soon says what it calls it.
fn submitted<K: Kind>(tx: &mut Tx<'_>, outbound: &Arc<Outbound<K>>) -> Result<Arc<Outbound<K>>> {
    let now = tx.now_ms();
    let mut next = api::copy(outbound).submit(now).map_err(Refusal::of::<K>)?;
    if next.destination.is_for_a_file() {
        next.file = Some(AchFile::take_in(tx, next.amount)?);
    }
    let number = Desk::next_number(tx)?;
    match rails::of(next.destination.network()).track(now, number) {
        Some(details) => {
            let next = tx.save(next)?;
            tracked(tx, &next, details)
        }
        None => tx.save(next),
    }
}

/// The money leaves. To another FinancialAccount it arrives in the same moment.
fn posted<K: Kind>(tx: &mut Tx<'_>, outbound: &Arc<Outbound<K>>) -> Result<Arc<Outbound<K>>> {
    let next = api::copy(outbound).post(tx.now_ms()).map_err(Refusal::of::<K>)?;
    let contra = clearing(next.destination.network());
    book::settle(tx, &next.transaction, K::NAMES.entries.posting, contra)?;
    let posted = told(tx, next, K::NAMES.events.posted)?;
    match arrive(tx, &posted)? {
        Some(code) => returned(tx, &posted, code),
        None => Ok(posted),
    }
}

/// The other side of one within Stripe: why it comes back, where it could not be taken.
fn arrive<K: Kind>(tx: &mut Tx<'_>, outbound: &Outbound<K>) -> Result<Option<ReturnCode>> {
    let Destination::FinancialAccount { id, owner } = &outbound.destination else {
        return Ok(None);
    };
    // Whoever it was for can be deleted meanwhile: nobody is left who could learn of it.
    let Some(to) = owner_of(tx, *owner)? else {
        return Ok(Some(ReturnCode::AccountClosed));
    };
    let from = FromStripe {
        to,
        financial_account: id,
        sender: &outbound.financial_account,
        flow: &outbound.id,
        flow_type: K::NAMES.source_flow_type,
        amount: outbound.amount,
        currency: Currency::USD,
        description: outbound.statement_descriptor(),
    };
    let credit = receive_stripe(tx, &from)?;
    Ok(credit.failure_code.map(|code| match code {
        FailureCode::AccountClosed => ReturnCode::AccountClosed,
        FailureCode::AccountFrozen => ReturnCode::AccountFrozen,
    }))
}

/// The account of a number; none once it is deleted.
pub fn owner_of(tx: &Tx<'_>, number: i64) -> Result<Option<Owner>> {
    if number == 0 {
        return Ok(Some(tx.platform()));
    }
    let id = (tx.app.api.account_by_number)(tx, number)?;
    Ok(id.map(|id| Owner { number, id }))
}

fn returned<K: Kind>(
    tx: &mut Tx<'_>,
    outbound: &Arc<Outbound<K>>,
    code: ReturnCode,
) -> Result<Arc<Outbound<K>>> {
    let contra = clearing(outbound.destination.network());
    let description = outbound.destination.describe(K::NAMES.flow, outbound.statement_descriptor());
    let flow = flow::<K>(&outbound.id, &outbound.financial_account, outbound.amount, description);
    let transaction = book::credit(tx, &flow, K::NAMES.entries.return_, contra)?;
    came_back(tx, outbound, code, transaction)
}

/// What was posted is with its sender again: `transaction` has brought it, be it one of the flow
/// itself or one of what its receiver sent back.
pub fn came_back<K: Kind>(
    tx: &mut Tx<'_>,
    outbound: &Arc<Outbound<K>>,
    code: ReturnCode,
    transaction: String,
) -> Result<Arc<Outbound<K>>> {
    let next = api::copy(outbound).return_(tx.now_ms(), code, transaction);
    let returned = told(tx, next.map_err(Refusal::of::<K>)?, K::NAMES.events.returned)?;
    forward_what_came_late(tx, &returned.financial_account)?;
    Ok(returned)
}

fn told<K: Kind>(
    tx: &mut Tx<'_>,
    outbound: Outbound<K>,
    event: &'static str,
) -> Result<Arc<Outbound<K>>> {
    let outbound = tx.save(outbound)?;
    tx.event(event, &*outbound)?;
    Ok(outbound)
}

fn clearing(network: Network) -> Contra {
    match network {
        Network::Ach => Contra::AchClearing,
        Network::UsDomesticWire => Contra::WireClearing,
        Network::Stripe => Contra::IntraStripeTransit,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
