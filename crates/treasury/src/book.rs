//! The only place where the balances of FinancialAccounts move.
//!
//! Each function writes one posting to the journal and carries the two sums that hang on it: the
//! account's running balance and the Transaction's state. Together they land in one commit.

use std::sync::Arc;

use api::params::{Choice, Currency};
use api::{ApiError, Failure, Fault, Result, Tx};
use ledger::{Account, Amount, Contra, Posting};
use store::PostingRow;

use crate::financial_account::FinancialAccount;
use crate::transaction::{Status, Transaction};

/// What a Transaction belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum FlowType {
    CreditReversal,
    DebitReversal,
    InboundTransfer,
    IssuingAuthorization,
    Other,
    OutboundPayment,
    OutboundTransfer,
    ReceivedCredit,
    ReceivedDebit,
}

/// Why money moved: what a TransactionEntry says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum EntryType {
    CreditReversal,
    CreditReversalPosting,
    DebitReversal,
    InboundTransfer,
    InboundTransferReturn,
    IssuingAuthorizationHold,
    IssuingAuthorizationRelease,
    Other,
    OutboundPayment,
    OutboundPaymentCancellation,
    OutboundPaymentFailure,
    OutboundPaymentPosting,
    OutboundPaymentReturn,
    OutboundTransfer,
    OutboundTransferCancellation,
    OutboundTransferFailure,
    OutboundTransferPosting,
    OutboundTransferReturn,
    ReceivedCredit,
    ReceivedDebit,
}

/// The prefix of the ids of journal entries.
pub const ENTRY_PREFIX: &str = "trxne";

/// Why and where money moves: a Transaction in the making.
pub struct Flow<'a> {
    /// The FinancialAccount, one of the account acted on.
    pub account: &'a str,
    /// The flow's own id; a sweep has none.
    pub id: Option<&'a str>,
    pub kind: FlowType,
    pub amount: Amount,
    pub currency: Currency,
    pub description: String,
}

/// Sets money aside and opens a Transaction, whose id is returned. Refused where the cash does not
/// suffice: held money cannot be spent again.
pub fn hold(tx: &mut Tx<'_>, flow: &Flow<'_>, entry: EntryType) -> Result<String> {
    afford(&*account(tx, flow.account)?, flow.amount)?;
    let posting = Posting::new(Account::CASH, Account::OUTBOUND_PENDING, flow.amount);
    begin(tx, flow, entry, posting, Status::Open)
}

/// Sends held money away for good.
pub fn settle(tx: &mut Tx<'_>, transaction: &str, entry: EntryType, contra: Contra) -> Result<()> {
    let posted = Status::Posted(tx.now_ms());
    end(tx, transaction, entry, Account::Contra(contra), posted)
}

/// Gives held money back.
pub fn release(tx: &mut Tx<'_>, transaction: &str, entry: EntryType) -> Result<()> {
    let void = Status::Void(tx.now_ms());
    end(tx, transaction, entry, Account::CASH, void)
}

/// Takes money in, posted at once.
pub fn credit(
    tx: &mut Tx<'_>,
    flow: &Flow<'_>,
    entry: EntryType,
    contra: Contra,
) -> Result<String> {
    let posting = Posting::new(Account::Contra(contra), Account::CASH, flow.amount);
    let posted = Status::Posted(tx.now_ms());
    begin(tx, flow, entry, posting, posted)
}

/// Takes money out, posted at once; some flows may leave a debt behind.
pub fn debit(
    tx: &mut Tx<'_>,
    flow: &Flow<'_>,
    entry: EntryType,
    contra: Contra,
    may_overdraw: bool,
) -> Result<String> {
    if !may_overdraw {
        afford(&*account(tx, flow.account)?, flow.amount)?;
    }
    let posting = Posting::new(Account::CASH, Account::Contra(contra), flow.amount);
    let posted = Status::Posted(tx.now_ms());
    begin(tx, flow, entry, posting, posted)
}

/// Whether there is so much cash.
pub fn afford(account: &FinancialAccount, amount: Amount) -> Result<(), ApiError> {
    if account.balance.cash >= amount.minor_units() {
        return Ok(());
    }
    let message = format!(
        "The FinancialAccount {} does not have enough available cash for this amount.",
        account.id
    );
    Err(ApiError::param("balance_insufficient", "amount", message))
}

/// The first entry of a Transaction.
fn begin(
    tx: &mut Tx<'_>,
    flow: &Flow<'_>,
    entry: EntryType,
    posting: Posting,
    status: Status,
) -> Result<String> {
    let id = tx.new_id::<Transaction>();
    // Held money still counts: what the amount will be once the Transaction is posted.
    let outward = posting.from == Account::CASH;
    let amount = flow.amount.minor_units();
    let transaction = Transaction {
        id: id.clone(),
        created: tx.now_ms(),
        financial_account: flow.account.to_owned(),
        amount: if outward { -amount } else { amount },
        currency: flow.currency,
        description: flow.description.clone(),
        flow: flow.id.map(str::to_owned),
        flow_type: flow.kind,
        status,
        entries: Vec::new(),
    };
    write(tx, transaction, entry, posting)?;
    Ok(id)
}

/// The last entry of an open Transaction: where its held money goes.
fn end(tx: &mut Tx<'_>, id: &str, entry: EntryType, to: Account, status: Status) -> Result<()> {
    let Some(open) = tx.load::<Transaction>(id)? else {
        return Err(Fault(format!("the Transaction {id} is not there")).into());
    };
    if open.status != Status::Open {
        return Err(Fault(format!("the Transaction {id} has ended already")).into());
    }
    let held = open.amount.checked_neg().and_then(Amount::new);
    let Some(held) = held else {
        return Err(Fault(format!("the Transaction {id} holds {}", -open.amount)).into());
    };
    let mut ended = api::copy(&open);
    ended.status = status;
    if matches!(status, Status::Void(_)) {
        ended.amount = 0;
    }
    let posting = Posting::new(Account::OUTBOUND_PENDING, to, held);
    write(tx, ended, entry, posting)
}

/// Writes the entry, the Transaction that it leads to, and the account's balance.
fn write(
    tx: &mut Tx<'_>,
    mut transaction: Transaction,
    entry: EntryType,
    posting: Posting,
) -> Result<()> {
    let mut account = api::copy(&account(tx, &transaction.financial_account)?);
    account.balance = account
        .balance
        .apply(&posting)
        .map_err(|error| Fault(format!("{}: {error} by {}", account.id, transaction.id)))?;
    let id = tx.new_id_with(ENTRY_PREFIX);
    let row = PostingRow {
        book: account.id.clone(),
        transaction: transaction.id.clone(),
        kind: entry.as_str().to_owned(),
        from: posting.from.name().to_owned(),
        to: posting.to.name().to_owned(),
        amount: posting.amount.minor_units(),
        currency: transaction.currency.as_str().to_owned(),
        created: tx.now_ms(),
    };
    tx.append_posting(id.clone(), row)?;
    let is_new = transaction.entries.is_empty();
    transaction.entries.push(id);
    tx.save(account)?;
    if is_new { tx.save_new(transaction) } else { tx.save(transaction) }?;
    Ok(())
}

fn account(tx: &Tx<'_>, id: &str) -> Result<Arc<FinancialAccount>> {
    let missing = || Failure::Fault(Fault(format!("the FinancialAccount {id} is not there")));
    tx.load::<FinancialAccount>(id)?.ok_or_else(missing)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
