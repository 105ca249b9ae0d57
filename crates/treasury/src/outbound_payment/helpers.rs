//! What becomes of a payment: the test helpers, the automatic steps of test mode, and the moves in
//! the book and the events that belong to each step.

use std::sync::Arc;

use api::params::{Currency, NoParams};
use api::{ApiError, Fault, Owner, Path, Result, Tx};
use ledger::Contra;

use super::params::{Return, Update};
use super::state::{Action, OutboundPayment, TrackingDetails};
use super::{FLOW_LABEL, flow};
use crate::book::{self, EntryType};
use crate::destination::{Destination, Network, Outcome, ReturnCode};
use crate::financial_account::forward_what_came_late;
use crate::received_credit::{FailureCode, FromStripe, SourceFlowType, receive_stripe};

/// The kind of the job that takes a payment one automatic step further.
pub const STEP_JOB: &str = "outbound_payment.step";

/// What the bank says where the helper is told nothing.
const RETURN_CODE_DEFAULT: ReturnCode = ReturnCode::Declined;

pub fn post(tx: &mut Tx<'_>, path: &Path, _: &NoParams) -> Result<Arc<OutboundPayment>> {
    let payment = tx.find::<OutboundPayment>(path.id())?;
    perform(tx, &payment, Action::Post)
}

pub fn fail(tx: &mut Tx<'_>, path: &Path, _: &NoParams) -> Result<Arc<OutboundPayment>> {
    let payment = tx.find::<OutboundPayment>(path.id())?;
    perform(tx, &payment, Action::Fail)
}

pub fn return_(tx: &mut Tx<'_>, path: &Path, p: &Return) -> Result<Arc<OutboundPayment>> {
    let payment = tx.find::<OutboundPayment>(path.id())?;
    let code = p.returned_details.as_ref().and_then(|details| details.code);
    perform_returning(tx, &payment, Action::Return, code.unwrap_or(RETURN_CODE_DEFAULT))
}

pub fn update(tx: &mut Tx<'_>, path: &Path, p: &Update) -> Result<Arc<OutboundPayment>> {
    let payment = tx.find::<OutboundPayment>(path.id())?;
    let before = tx.render(&*payment)?;
    let tracked = api::copy(&payment).track(TrackingDetails::from(&p.tracking_details));
    let payment = tx.save(tracked.map_err(ApiError::from)?)?;
    let event = "treasury.outbound_payment.tracking_details_updated";
    tx.event_changed(event, &before, &*payment)?;
    Ok(payment)
}

/// Takes all the steps of an action; none where it is refused.
pub fn perform(
    tx: &mut Tx<'_>,
    payment: &Arc<OutboundPayment>,
    action: Action,
) -> Result<Arc<OutboundPayment>> {
    perform_returning(tx, payment, action, RETURN_CODE_DEFAULT)
}

fn perform_returning(
    tx: &mut Tx<'_>,
    payment: &Arc<OutboundPayment>,
    action: Action,
    code: ReturnCode,
) -> Result<Arc<OutboundPayment>> {
    let steps = payment.plan(action).map_err(ApiError::from)?;
    let mut payment = payment.clone();
    for step in steps {
        payment = take(tx, &payment, *step, code)?;
    }
    Ok(payment)
}

/// One step: what moves in the book, the new state, the event.
fn take(
    tx: &mut Tx<'_>,
    payment: &Arc<OutboundPayment>,
    step: Action,
    code: ReturnCode,
) -> Result<Arc<OutboundPayment>> {
    match step {
        Action::Cancel => canceled(tx, payment),
        Action::Delay => delayed(tx, payment),
        Action::Fail => failed(tx, payment),
        Action::Post => posted(tx, payment),
        Action::Return => returned(tx, payment, code),
        Action::Update => Err(Fault::new("tracking details come with an update alone").into()),
    }
}

fn canceled(tx: &mut Tx<'_>, payment: &Arc<OutboundPayment>) -> Result<Arc<OutboundPayment>> {
    let next = api::copy(payment).cancel(tx.now_ms()).map_err(ApiError::from)?;
    book::release(tx, &next.transaction, EntryType::OutboundPaymentCancellation)?;
    told(tx, next, "treasury.outbound_payment.canceled")
}

fn failed(tx: &mut Tx<'_>, payment: &Arc<OutboundPayment>) -> Result<Arc<OutboundPayment>> {
    let next = api::copy(payment).fail(tx.now_ms()).map_err(ApiError::from)?;
    book::release(tx, &next.transaction, EntryType::OutboundPaymentFailure)?;
    told(tx, next, "treasury.outbound_payment.failed")
}

fn delayed(tx: &mut Tx<'_>, payment: &Arc<OutboundPayment>) -> Result<Arc<OutboundPayment>> {
    let before = tx.render(&**payment)?;
    let next = tx.save(api::copy(payment).delay().map_err(ApiError::from)?)?;
    let event = "treasury.outbound_payment.expected_arrival_date_updated";
    tx.event_changed(event, &before, &*next)?;
    Ok(next)
}

/// The money leaves. To another FinancialAccount it arrives in the same moment.
fn posted(tx: &mut Tx<'_>, payment: &Arc<OutboundPayment>) -> Result<Arc<OutboundPayment>> {
    let next = api::copy(payment).post(tx.now_ms()).map_err(ApiError::from)?;
    let contra = clearing(next.destination.network());
    book::settle(tx, &next.transaction, EntryType::OutboundPaymentPosting, contra)?;
    let posted = told(tx, next, "treasury.outbound_payment.posted")?;
    match arrive(tx, &posted)? {
        Some(code) => returned(tx, &posted, code),
        None => Ok(posted),
    }
}

/// The other side of a payment within Stripe: why it comes back, where it could not be taken.
fn arrive(tx: &mut Tx<'_>, payment: &OutboundPayment) -> Result<Option<ReturnCode>> {
    let Destination::FinancialAccount { id, owner } = &payment.destination else {
        return Ok(None);
    };
    // Whoever it was for can be deleted meanwhile: nobody is left who could learn of it.
    let Some(to) = owner_of(tx, *owner)? else {
        return Ok(Some(ReturnCode::AccountClosed));
    };
    let from = FromStripe {
        to,
        financial_account: id,
        sender: &payment.financial_account,
        flow: &payment.id,
        flow_type: SourceFlowType::OutboundPayment,
        amount: payment.amount,
        currency: Currency::USD,
        description: payment.statement_descriptor(),
    };
    let credit = receive_stripe(tx, &from)?;
    Ok(credit.failure_code.map(|code| match code {
        FailureCode::AccountClosed => ReturnCode::AccountClosed,
        FailureCode::AccountFrozen => ReturnCode::AccountFrozen,
    }))
}

/// The account of a number; none once it is deleted.
fn owner_of(tx: &Tx<'_>, number: i64) -> Result<Option<Owner>> {
    if number == 0 {
        return Ok(Some(tx.platform()));
    }
    let id = (tx.app.api.account_by_number)(tx, number)?;
    Ok(id.map(|id| Owner { number, id }))
}

fn returned(
    tx: &mut Tx<'_>,
    payment: &Arc<OutboundPayment>,
    code: ReturnCode,
) -> Result<Arc<OutboundPayment>> {
    let contra = clearing(payment.destination.network());
    let description = payment.destination.describe(FLOW_LABEL, payment.statement_descriptor());
    let flow = flow(&payment.id, &payment.financial_account, payment.amount, description);
    let transaction = book::credit(tx, &flow, EntryType::OutboundPaymentReturn, contra)?;
    let next = api::copy(payment).return_(tx.now_ms(), code, transaction);
    let event = "treasury.outbound_payment.returned";
    let returned = told(tx, next.map_err(ApiError::from)?, event)?;
    forward_what_came_late(tx, &returned.financial_account)?;
    Ok(returned)
}

fn told(
    tx: &mut Tx<'_>,
    payment: OutboundPayment,
    event: &'static str,
) -> Result<Arc<OutboundPayment>> {
    let payment = tx.save(payment)?;
    tx.event(event, &*payment)?;
    Ok(payment)
}

fn clearing(network: Network) -> Contra {
    match network {
        Network::Ach => Contra::AchClearing,
        Network::UsDomesticWire => Contra::WireClearing,
        Network::Stripe => Contra::IntraStripeTransit,
    }
}

/// What test mode does by itself: step n is due n delays after the creation.
pub fn plan_steps(tx: &mut Tx<'_>, payment: &OutboundPayment, outcome: Outcome) -> Result<()> {
    let delay = tx.app.config.step_delay_ms;
    let mut due = payment.created;
    for (action, code) in automatic(outcome) {
        due = due.saturating_add(delay);
        tx.plan(due, STEP_JOB, &payment.id, &detail(action, code))?;
    }
    Ok(())
}

/// The steps that lead to an outcome.
fn automatic(outcome: Outcome) -> Vec<(Action, Option<ReturnCode>)> {
    match outcome {
        Outcome::Posted => vec![(Action::Post, None)],
        Outcome::Waits => vec![],
        Outcome::Delayed => vec![(Action::Delay, None), (Action::Post, None)],
        Outcome::Canceled => vec![(Action::Cancel, None)],
        Outcome::Failed => vec![(Action::Fail, None)],
        Outcome::Returned(code) => vec![(Action::Post, None), (Action::Return, Some(code))],
    }
}

/// A job for a step; a payment that has gone another way meanwhile is left alone.
pub fn run_step(tx: &mut Tx<'_>, id: &str, detail: &str) -> Result<()> {
    let (action, code) = read_detail(detail)
        .ok_or_else(|| Fault(format!("{id} has an unknown step planned: {detail}")))?;
    let Some(payment) = tx.load::<OutboundPayment>(id)? else { return Ok(()) };
    if payment.plan(action).is_err() {
        return Ok(());
    }
    perform_returning(tx, &payment, action, code.unwrap_or(RETURN_CODE_DEFAULT))?;
    Ok(())
}

/// `post`, or `return account_closed`.
fn detail(action: Action, code: Option<ReturnCode>) -> String {
    match code {
        Some(code) => format!("{} {}", action.as_str(), code.as_str()),
        None => action.as_str().to_owned(),
    }
}

fn read_detail(detail: &str) -> Option<(Action, Option<ReturnCode>)> {
    match detail.split_once(' ') {
        Some((action, code)) => Some((Action::parse(action)?, Some(ReturnCode::parse(code)?))),
        None => Some((Action::parse(detail)?, None)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
