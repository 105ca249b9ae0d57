//! Charges, Refunds, Payouts and Topups agree with their BalanceTransactions.

use api::audit::Row;
use api::{Resource, Result, View};
use store::IdRange;

use crate::balance_transaction::{BalanceTransaction, Type};
use crate::charge::Charge;
use crate::payout::Payout;
use crate::payout::state::Status as PayoutStatus;
use crate::payout::steps;
use crate::refund::{Refund, RefundStatus};
use crate::topup::{self, Topup};

/// How many refunds one Charge is taken to have at most.
const REFUNDS_MAX: usize = 1000;

/// A BalanceTransaction is there, and is what the flow says.
fn agrees(
    view: &View<'_>,
    flow: &str,
    id: &str,
    (kind, amount): (Type, i64),
    row: &mut Row<'_>,
) -> Result<()> {
    let Some(transaction) = view.load::<BalanceTransaction>(id)? else {
        row.wrong(format!("its BalanceTransaction {id} is not there"));
        return Ok(());
    };
    let (is, must) = (transaction.kind.as_str(), kind.as_str());
    row.must(is == must, format!("its BalanceTransaction {id} is of type {is}, not {must}"));
    let is = transaction.amount;
    row.must(is == amount, format!("its BalanceTransaction {id} moves {is}, not {amount}"));
    let source = &transaction.source;
    row.must(source == flow, format!("its BalanceTransaction {id} belongs to {source}"));
    Ok(())
}

pub fn charge(view: &View<'_>, charge: &Charge, row: &mut Row<'_>) -> Result<()> {
    let mut refunded = 0;
    let all = IdRange::prefix(Refund::PREFIX, true);
    let ids = view.session.index(view.owner.number, "charge", &charge.id, &all, REFUNDS_MAX)?;
    for id in ids {
        let Some(refund) = view.load::<Refund>(&id)? else { continue };
        refunded += if refund.status == RefundStatus::Failed { 0 } else { refund.amount };
    }
    let is = charge.amount_refunded;
    match &charge.balance_transaction {
        Some(id) => {
            let expected = (Type::Charge, charge.amount_captured);
            agrees(view, &charge.id, id, expected, row)?;
            row.must(charge.is_captured, "it has money and is not captured");
            row.must(is == refunded, format!("{is} was refunded, its refunds are {refunded}"));
            let most = charge.amount_captured;
            row.must(is <= most, format!("{is} of {most} was refunded"));
        }
        None => row.must(
            !charge.is_captured && charge.amount_captured == 0 && refunded == 0,
            "it was captured without a BalanceTransaction",
        ),
    }
    Ok(())
}

pub fn refund(view: &View<'_>, refund: &Refund, row: &mut Row<'_>) -> Result<()> {
    let expected = (Type::Refund, -refund.amount);
    agrees(view, &refund.id, &refund.balance_transaction, expected, row)?;
    match &refund.failure_balance_transaction {
        Some(id) => agrees(view, &refund.id, id, (Type::RefundFailure, refund.amount), row)?,
        None => row.must(refund.status != RefundStatus::Failed, "it failed and kept the money"),
    }
    Ok(())
}

pub fn payout(view: &View<'_>, payout: &Payout, row: &mut Row<'_>) -> Result<()> {
    let expected = (Type::Payout, -payout.amount);
    agrees(view, &payout.id, &payout.balance_transaction, expected, row)?;
    let back = match payout.status {
        PayoutStatus::Canceled => Some(Type::PayoutCancel),
        PayoutStatus::Failed => Some(Type::PayoutFailure),
        PayoutStatus::Pending | PayoutStatus::InTransit | PayoutStatus::Paid => None,
    };
    match (back, &payout.failure_balance_transaction) {
        (Some(kind), Some(id)) => agrees(view, &payout.id, id, (kind, payout.amount), row)?,
        (None, None) => {}
        (Some(_), None) => row.wrong("its money did not come back"),
        (None, Some(id)) => row.wrong(format!("its money came back by {id}")),
    }
    let is_failed = payout.status == PayoutStatus::Failed;
    row.must(payout.failure.is_some() == is_failed, "its failure does not fit its status");
    match payout.status {
        PayoutStatus::Pending => row.must_wait_for(steps::SUBMIT, ""),
        PayoutStatus::InTransit => row.must_wait_for(steps::ARRIVE, ""),
        PayoutStatus::Paid | PayoutStatus::Canceled | PayoutStatus::Failed => {}
    }
    Ok(())
}

pub fn topup(view: &View<'_>, topup: &Topup, row: &mut Row<'_>) -> Result<()> {
    match (&topup.balance_transaction, topup.status) {
        (Some(id), topup::Status::Succeeded) => {
            agrees(view, topup.id(), id, (Type::Topup, topup.amount), row)?;
        }
        (None, topup::Status::Succeeded) => row.wrong("it succeeded without money"),
        (Some(id), _) => row.wrong(format!("it has the money of {id}")),
        // What was planned for an account that is gone is dropped.
        (None, topup::Status::Pending) if view.owner.id.is_empty() => {}
        (None, topup::Status::Pending) => row.must_wait_for(topup::STEP, ""),
        (None, topup::Status::Canceled | topup::Status::Failed) => {}
    }
    Ok(())
}
