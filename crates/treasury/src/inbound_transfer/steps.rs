//! What becomes of a transfer: the moves in the book and the events that belong to each step.

use std::sync::Arc;

use api::params::Currency;
use api::{ApiError, Result, Tx};
use exchequer_core::mandate::{self, MandateStatus};
use ledger::Contra;

use super::FLOW_LABEL;
use super::state::{Action, FailureCode, InboundTransfer};
use crate::book::{self, EntryType, Flow, FlowType};
use crate::rails::{AchFile, Desk, FileEntry, ach};
use crate::received_debit::{self, Cause, ReceivedDebit};

pub fn cancel(tx: &mut Tx<'_>, transfer: &Arc<InboundTransfer>) -> Result<Arc<InboundTransfer>> {
    let next = api::copy(transfer).cancel(tx.now_ms()).map_err(ApiError::from)?;
    told(tx, next, "treasury.inbound_transfer.canceled")
}

/// The network has it. Nobody is told: to the API nothing has changed but that it is late.
pub fn submit(tx: &mut Tx<'_>, transfer: &Arc<InboundTransfer>) -> Result<Arc<InboundTransfer>> {
    let mut next = api::copy(transfer).submit(tx.now_ms()).map_err(ApiError::from)?;
    if next.origin.bank.number.is_some() {
        let file = AchFile::take_in(tx, next.amount)?;
        let trace = ach::trace_id(Desk::next_number(tx)?);
        next.entry = Some(FileEntry { file, trace });
    }
    tx.save(next)
}

pub fn fail(
    tx: &mut Tx<'_>,
    transfer: &Arc<InboundTransfer>,
    code: FailureCode,
) -> Result<Arc<InboundTransfer>> {
    let next = api::copy(transfer).fail(tx.now_ms(), code).map_err(ApiError::from)?;
    heed(tx, transfer, code)?;
    told(tx, next, "treasury.inbound_transfer.failed")
}

/// Where the bank says that nobody agreed to be debited, the mandate is worth nothing any more.
fn heed(tx: &mut Tx<'_>, transfer: &InboundTransfer, code: FailureCode) -> Result<()> {
    match &transfer.origin.mandate {
        Some(mandate) if code == FailureCode::DebitNotAuthorized => {
            mandate::set_status(tx, mandate, MandateStatus::Inactive)
        }
        _ => Ok(()),
    }
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
    heed(tx, transfer, code)?;
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
