//! What becomes of a transfer: the moves in the book and the events that belong to each step, and
//! the steps that test mode takes by itself.

use std::sync::Arc;

use api::params::Currency;
use api::{ApiError, Fault, Result, Tx};
use ledger::Contra;

use super::FLOW_LABEL;
use super::origin::Outcome;
use super::state::{Action, FailureCode, InboundTransfer};
use crate::book::{self, EntryType, Flow, FlowType};
use crate::received_debit::{self, Cause, ReceivedDebit};

/// The kind of the job that takes a transfer one automatic step further.
pub const STEP_JOB: &str = "inbound_transfer.step";

pub fn cancel(tx: &mut Tx<'_>, transfer: &Arc<InboundTransfer>) -> Result<Arc<InboundTransfer>> {
    let next = api::copy(transfer).cancel(tx.now_ms()).map_err(ApiError::from)?;
    told(tx, next, "treasury.inbound_transfer.canceled")
}

pub fn fail(
    tx: &mut Tx<'_>,
    transfer: &Arc<InboundTransfer>,
    code: FailureCode,
) -> Result<Arc<InboundTransfer>> {
    let next = api::copy(transfer).fail(tx.now_ms(), code).map_err(ApiError::from)?;
    told(tx, next, "treasury.inbound_transfer.failed")
}

/// The money comes in.
pub fn succeed(tx: &mut Tx<'_>, transfer: &Arc<InboundTransfer>) -> Result<Arc<InboundTransfer>> {
    transfer.check(Action::Succeed).map_err(ApiError::from)?;
    let flow = Flow {
        account: &transfer.financial_account,
        id: Some(&transfer.id),
        kind: FlowType::InboundTransfer,
        amount: transfer.amount,
        currency: Currency::USD,
        description: transfer.origin.describe(FLOW_LABEL, transfer.statement_descriptor()),
    };
    let entry = EntryType::InboundTransfer;
    let transaction = book::credit(tx, &flow, entry, Contra::AchClearing)?;
    let next = api::copy(transfer).succeed(tx.now_ms(), transaction).map_err(ApiError::from)?;
    told(tx, next, "treasury.inbound_transfer.succeeded")
}

/// The bank takes its money back: a debit, which is told of itself, even where that leaves a debt.
pub fn return_(
    tx: &mut Tx<'_>,
    transfer: &Arc<InboundTransfer>,
    code: FailureCode,
) -> Result<Arc<InboundTransfer>> {
    transfer.check(Action::Return).map_err(ApiError::from)?;
    let debit = ReceivedDebit {
        id: tx.new_id::<ReceivedDebit>(),
        created: tx.now_ms(),
        amount: transfer.amount,
        currency: Currency::USD,
        description: transfer.statement_descriptor().to_owned(),
        financial_account: transfer.financial_account.clone(),
        network: received_debit::Network::Ach,
        initiator: transfer.origin.initiator(),
        failure_code: None,
        cause: Some(Cause::InboundTransfer(transfer.id.clone())),
        debit_reversal: None,
        transaction: None,
    };
    let debit = received_debit::receive(tx, debit)?;
    let next = api::copy(transfer).return_(code, debit.id.clone()).map_err(ApiError::from)?;
    tx.save(next)
}

fn told(
    tx: &mut Tx<'_>,
    transfer: InboundTransfer,
    event: &'static str,
) -> Result<Arc<InboundTransfer>> {
    let transfer = tx.save(transfer)?;
    tx.event(event, &*transfer)?;
    Ok(transfer)
}

/// What test mode does by itself: step n is due n delays after the creation.
pub fn plan(tx: &mut Tx<'_>, transfer: &InboundTransfer, outcome: Outcome) -> Result<()> {
    let steps = match outcome {
        Outcome::Waits => vec![],
        Outcome::Succeeds => vec![(Action::Succeed, None)],
        Outcome::Fails(code) => vec![(Action::Fail, Some(code))],
        Outcome::IsDisputed => {
            vec![(Action::Succeed, None), (Action::Return, Some(FailureCode::DebitNotAuthorized))]
        }
    };
    let delay = tx.app.config.step_delay_ms;
    let mut due = transfer.created;
    for (action, code) in steps {
        due = due.saturating_add(delay);
        tx.plan(due, STEP_JOB, &transfer.id, &detail(action, code))?;
    }
    Ok(())
}

/// A job for a step; a transfer that has gone another way meanwhile is left alone.
pub fn run_step(tx: &mut Tx<'_>, id: &str, detail: &str) -> Result<()> {
    let (action, code) = read_detail(detail)
        .ok_or_else(|| Fault(format!("{id} has an unknown step planned: {detail}")))?;
    let Some(transfer) = tx.load::<InboundTransfer>(id)? else { return Ok(()) };
    if transfer.check(action).is_err() {
        return Ok(());
    }
    let code = code.unwrap_or(FailureCode::Other);
    match action {
        Action::Cancel => cancel(tx, &transfer),
        Action::Fail => fail(tx, &transfer, code),
        Action::Return => return_(tx, &transfer, code),
        Action::Succeed => succeed(tx, &transfer),
    }?;
    Ok(())
}

/// `succeed`, or `fail no_account`.
fn detail(action: Action, code: Option<FailureCode>) -> String {
    match code {
        Some(code) => format!("{} {}", action.as_str(), code.as_str()),
        None => action.as_str().to_owned(),
    }
}

fn read_detail(detail: &str) -> Option<(Action, Option<FailureCode>)> {
    match detail.split_once(' ') {
        Some((action, code)) => Some((Action::parse(action)?, Some(FailureCode::parse(code)?))),
        None => Some((Action::parse(detail)?, None)),
    }
}
