//! A ReceivedDebit agrees with its Transaction.

use api::audit::Row;
use api::params::Currency;
use api::{Result, View};

use super::flows::{Expected, Flow, agrees};
use super::inbound_transfer::is_return_of;
use super::reversals::is_taken_back;
use crate::book::{EntryType, FlowType};
use crate::financial_account::FinancialAccount;
use crate::inbound_transfer::InboundTransfer;
use crate::received::Status;
use crate::received_debit::{Cause, ReceivedDebit};
use crate::transaction;

/// A debit that succeeded is booked, and one that failed is not.
pub(super) fn received_debit(
    view: &View<'_>,
    debit: &ReceivedDebit,
    row: &mut Row<'_>,
) -> Result<()> {
    match (&debit.transaction, debit.status()) {
        (Some(id), Status::Succeeded) => {
            let (amount, created) = (debit.amount.minor_units(), debit.created);
            let flow = Flow {
                id: &debit.id,
                kind: FlowType::ReceivedDebit,
                account: &debit.financial_account,
                amount,
                contra: debit.network.contra(),
            };
            let last = match debit.cause {
                Some(Cause::InboundTransfer(_)) => EntryType::InboundTransferReturn,
                Some(Cause::Payout(_) | Cause::Topup(_)) | None => EntryType::ReceivedDebit,
            };
            let status = transaction::Status::Posted(created);
            let expected = Expected { amount: -amount, created, status, last };
            agrees(view, &flow, id, &expected, row)?;
        }
        (None, Status::Failed) => {}
        (Some(id), Status::Failed) => {
            row.wrong(format!("it failed and has the Transaction {id} all the same"));
        }
        (None, Status::Succeeded) => row.wrong("it succeeded without a Transaction"),
    }
    if let Some(Cause::Payout(id) | Cause::Topup(id)) = &debit.cause {
        let is_there = view.session.has_object(view.owner.number, id)?;
        row.must(is_there, format!("the flow {id} that it belongs to is not there"));
    }
    row.must(debit.currency == Currency::USD, "its currency is another than usd");
    if view.load::<FinancialAccount>(&debit.financial_account)?.is_none() {
        row.wrong(format!("its {} is not there", debit.financial_account));
    }
    is_taken_back(view, debit, row)?;
    if let Some(Cause::InboundTransfer(id)) = &debit.cause {
        let transfer = view.load::<InboundTransfer>(id)?;
        let is_returned = transfer.is_some_and(|transfer| is_return_of(debit, &transfer));
        row.must(is_returned, format!("the transfer {id} that it took back does not know it"));
    }
    Ok(())
}
