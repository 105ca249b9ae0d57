//! Reversals agree with their Transactions, with what they reverse, and with the payment that a
//! credit came from.

use api::audit::Row;
use api::{Result, View};
use ledger::Contra;

use super::flows::{Expected, Flow, agrees};
use crate::book::{EntryType, FlowType};
use crate::credit_reversal::CreditReversal;
use crate::debit_reversal::DebitReversal;
use crate::outbound::Stage;
use crate::outbound_payment::OutboundPayment;
use crate::received::Initiator;
use crate::received_credit::{ReceivedCredit, Source, SourceFlowType};
use crate::received_debit::ReceivedDebit;
use crate::transaction::Status;

/// The kinds of the jobs that complete them.
const POST_JOB: &str = "credit_reversal.post";
const SUCCEED_JOB: &str = "debit_reversal.succeed";

pub(super) fn credit_reversal(
    view: &View<'_>,
    reversal: &CreditReversal,
    row: &mut Row<'_>,
) -> Result<()> {
    let amount = reversal.amount.minor_units();
    let id = &reversal.received_credit;
    let credit = view.load::<ReceivedCredit>(id)?;
    let is_nobodys = match credit.as_ref().and_then(|credit| credit.source.as_ref()) {
        Some(source) if reversal.posted_at.is_some() => came_to_nobody(view, source)?,
        _ => false,
    };
    let flow = Flow {
        id: &reversal.id,
        kind: FlowType::CreditReversal,
        account: &reversal.financial_account,
        amount,
        contra: if is_nobodys { Contra::Other } else { reversal.network.contra() },
    };
    let (status, last) = match reversal.posted_at {
        None => (Status::Open, EntryType::CreditReversal),
        Some(at) => (Status::Posted(at), EntryType::CreditReversalPosting),
    };
    let expected = Expected { amount: -amount, created: reversal.created, status, last };
    agrees(view, &flow, &reversal.transaction, &expected, row)?;
    ends_in_time(reversal.created, reversal.posted_at, row);
    if reversal.posted_at.is_none() && !view.owner.id.is_empty() {
        row.must_wait_for(POST_JOB, "");
    }
    let is_its = credit.is_some_and(|credit| {
        credit.credit_reversal.as_ref() == Some(&reversal.id)
            && credit.amount == reversal.amount
            && credit.financial_account == reversal.financial_account
            && credit.network == reversal.network
            && credit.failure_code.is_none()
    });
    row.must(is_its, format!("the credit {id} that it sends back does not know it"));
    Ok(())
}

/// Whether what was sent back found its sender deleted, so that no payment was returned by it.
fn came_to_nobody(view: &View<'_>, source: &Source) -> Result<bool> {
    if source.acct == 0 || (view.app.api.account_by_number)(view, source.acct)?.is_some() {
        return Ok(false);
    }
    let payment = view.load_of::<OutboundPayment>(source.acct, &source.id)?;
    Ok(payment.is_some_and(|payment| !matches!(payment.stage, Stage::Returned { .. })))
}

pub(super) fn debit_reversal(
    view: &View<'_>,
    reversal: &DebitReversal,
    row: &mut Row<'_>,
) -> Result<()> {
    let (amount, created) = (reversal.amount.minor_units(), reversal.created);
    let flow = Flow {
        id: &reversal.id,
        kind: FlowType::DebitReversal,
        account: &reversal.financial_account,
        amount,
        contra: reversal.network.contra(),
    };
    let (status, last) = (Status::Posted(created), EntryType::DebitReversal);
    let expected = Expected { amount, created, status, last };
    agrees(view, &flow, &reversal.transaction, &expected, row)?;
    ends_in_time(created, reversal.completed_at, row);
    if reversal.completed_at.is_none() && !view.owner.id.is_empty() {
        row.must_wait_for(SUCCEED_JOB, "");
    }
    let id = &reversal.received_debit;
    let debit = view.load::<ReceivedDebit>(id)?;
    let is_its = debit.is_some_and(|debit| {
        debit.debit_reversal.as_ref() == Some(&reversal.id)
            && debit.amount == reversal.amount
            && debit.financial_account == reversal.financial_account
            && debit.network == reversal.network
            && debit.failure_code.is_none()
    });
    row.must(is_its, format!("the debit {id} that it takes back does not know it"));
    Ok(())
}

fn ends_in_time(created: i64, ended: Option<i64>, row: &mut Row<'_>) {
    row.must(ended.is_none_or(|at| at >= created), format!("it ended before {created}"));
}

/// What reverses a credit is there.
pub(super) fn is_reversed(
    view: &View<'_>,
    credit: &ReceivedCredit,
    row: &mut Row<'_>,
) -> Result<()> {
    let Some(id) = &credit.credit_reversal else { return Ok(()) };
    let reversal = view.load::<CreditReversal>(id)?;
    let is_its = reversal.is_some_and(|reversal| reversal.received_credit == credit.id);
    row.must(is_its, format!("its reversal {id} is that of another or not there"));
    Ok(())
}

/// The same of a debit.
pub(super) fn is_taken_back(
    view: &View<'_>,
    debit: &ReceivedDebit,
    row: &mut Row<'_>,
) -> Result<()> {
    let Some(id) = &debit.debit_reversal else { return Ok(()) };
    let reversal = view.load::<DebitReversal>(id)?;
    let is_its = reversal.is_some_and(|reversal| reversal.received_debit == debit.id);
    row.must(is_its, format!("its reversal {id} is that of another or not there"));
    Ok(())
}

/// A credit that a reversal sent back is the other side of it, and returns the payment that was
/// reversed.
pub(super) fn came_back(
    view: &View<'_>,
    credit: &ReceivedCredit,
    source: &Source,
    row: &mut Row<'_>,
) -> Result<()> {
    let id = &source.id;
    let Some(reversal) = view.load_of::<CreditReversal>(source.acct, id)? else {
        row.wrong(format!("its source {id} is not there"));
        return Ok(());
    };
    let sender = Initiator::FinancialAccount(reversal.financial_account.clone());
    let is_other_side = credit.amount == reversal.amount
        && credit.sender == sender
        && reversal.posted_at == Some(credit.created);
    row.must(is_other_side, format!("its source {id} is not the other side of it"));
    let reversed = view.load_of::<ReceivedCredit>(source.acct, &reversal.received_credit)?;
    let payment = match reversed.as_ref().and_then(|reversed| reversed.source.as_ref()) {
        Some(source) if source.kind == SourceFlowType::OutboundPayment => {
            view.load::<OutboundPayment>(&source.id)?
        }
        _ => None,
    };
    let returns = payment.is_some_and(|payment| {
        let Stage::Returned { transaction, .. } = &payment.stage else { return false };
        credit.transaction.as_ref() == Some(transaction)
            && payment.financial_account == credit.financial_account
    });
    row.must(returns, format!("it is not what returns the payment that {id} sent back"));
    Ok(())
}
