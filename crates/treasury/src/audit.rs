//! What Treasury's rows must say: a second, simpler model of the book and of the flows, which
//! shares no code with the one that moves the money.

use api::audit::{Audit, Audits, BookAudit, Row};
use api::{Resource, Result, View};
use ledger::{Account, Amount, Contra, Impact, LedgerError, Posting, Side};
use store::{IdRange, PostingRow};

use crate::book::{ENTRY_PREFIX, EntryType};
use crate::credit_reversal::CreditReversal;
use crate::debit_reversal::DebitReversal;
use crate::financial_account::FinancialAccount;
use crate::inbound_transfer::InboundTransfer;
use crate::outbound_payment::{OutboundPayment, ToSomebody};
use crate::outbound_transfer::{OutboundTransfer, ToOneself};
use crate::received_credit::ReceivedCredit;
use crate::received_debit::ReceivedDebit;
use crate::transaction::{StatusName, Transaction};

mod flows;
mod inbound_transfer;
mod received_debit;
mod reversals;
mod transaction;

pub(crate) use transaction::status_after;

/// How many rows are held at a time.
const ROWS_AT_ONCE: usize = 1000;

pub fn audits() -> Audits {
    Audits {
        objects: vec![
            Audit::of::<FinancialAccount>(financial_account),
            Audit::of::<Transaction>(transaction::check),
            Audit::of::<CreditReversal>(reversals::credit_reversal),
            Audit::of::<DebitReversal>(reversals::debit_reversal),
            Audit::of::<InboundTransfer>(inbound_transfer::inbound_transfer),
            Audit::of::<OutboundPayment>(flows::outbound::<ToSomebody>),
            Audit::of::<OutboundTransfer>(flows::outbound::<ToOneself>),
            Audit::of::<ReceivedCredit>(flows::received_credit),
            Audit::of::<ReceivedDebit>(received_debit::received_debit),
        ],
        books: vec![BookAudit { prefix: FinancialAccount::PREFIX, check: entry }],
    }
}

/// An end of a posting, as the rules see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Cash,
    Held,
    Outside,
}

/// The ways an entry can move money.
const MOVES: &[(EntryType, End, End)] = &[
    (EntryType::CreditReversal, End::Cash, End::Held),
    (EntryType::CreditReversalPosting, End::Held, End::Outside),
    (EntryType::DebitReversal, End::Outside, End::Cash),
    (EntryType::InboundTransfer, End::Outside, End::Cash),
    (EntryType::InboundTransferReturn, End::Cash, End::Outside),
    (EntryType::Other, End::Cash, End::Outside),
    (EntryType::Other, End::Outside, End::Cash),
    (EntryType::OutboundPayment, End::Cash, End::Held),
    (EntryType::OutboundPaymentCancellation, End::Held, End::Cash),
    (EntryType::OutboundPaymentFailure, End::Held, End::Cash),
    (EntryType::OutboundPaymentPosting, End::Held, End::Outside),
    (EntryType::OutboundPaymentReturn, End::Outside, End::Cash),
    (EntryType::OutboundTransfer, End::Cash, End::Held),
    (EntryType::OutboundTransferCancellation, End::Held, End::Cash),
    (EntryType::OutboundTransferFailure, End::Held, End::Cash),
    (EntryType::OutboundTransferPosting, End::Held, End::Outside),
    (EntryType::OutboundTransferReturn, End::Outside, End::Cash),
    (EntryType::ReceivedCredit, End::Outside, End::Cash),
    (EntryType::ReceivedDebit, End::Cash, End::Outside),
];

/// What an entry of a type moves of an amount of one. `other` goes either way.
pub(crate) fn impact(entry: EntryType) -> Option<Impact> {
    let mut moves = MOVES.iter().filter(|(of, _, _)| *of == entry);
    let (Some((_, from, to)), None) = (moves.next(), moves.next()) else { return None };
    let account = |end: &End| match end {
        End::Cash => Account::CASH,
        End::Held => Account::OUTBOUND_PENDING,
        End::Outside => Account::Contra(Contra::Other),
    };
    let one = Amount::new(1)?;
    Some(Posting::new(account(from), account(to), one).impact())
}

fn end_of(account: Account) -> Option<End> {
    match account {
        Account::Own(Side::Cash) => Some(End::Cash),
        Account::Own(Side::OutboundPending) => Some(End::Held),
        Account::Own(Side::InboundPending) | Account::Payments(_) => None,
        Account::Contra(_) => Some(End::Outside),
    }
}

/// What a row moves; none where the row makes no sense, which is told about the row itself.
fn posting(row: &PostingRow) -> Option<Posting> {
    let (from, to) = (Account::parse(&row.from)?, Account::parse(&row.to)?);
    Some(Posting::new(from, to, Amount::new(row.amount)?))
}

/// An entry belongs to a Transaction that knows it, and moves money as its type says.
fn entry(view: &View<'_>, id: &str, entry: &PostingRow, row: &mut Row<'_>) -> Result<()> {
    let of = &entry.transaction;
    match view.load::<Transaction>(of)? {
        None => row.wrong(format!("its Transaction {of} is not there")),
        Some(transaction) => {
            let listed = transaction.entries.iter().any(|listed| listed == id);
            row.must(listed, format!("its Transaction {of} does not list it"));
            let account = &transaction.financial_account;
            let (book, currency) = (&entry.book, transaction.currency.as_str());
            row.must(
                account == book,
                format!("it is in the book of {book}, its Transaction {of} in that of {account}"),
            );
            let (amount, moved) = (transaction.amount, entry.amount);
            row.must(
                amount == 0 || amount.checked_abs() == Some(moved),
                format!("it moves {moved}, its Transaction {of} {amount}"),
            );
            let is = &entry.currency;
            row.must(
                *is == currency,
                format!("its currency is {is}, that of its Transaction {of} is {currency}"),
            );
        }
    }
    if view.load::<FinancialAccount>(&entry.book)?.is_none() {
        row.wrong(format!("its FinancialAccount {} is not there", entry.book));
    }
    let (Some(kind), Some(posting)) = (EntryType::parse(&entry.kind), posting(entry)) else {
        row.wrong(format!("an entry of type {} that moves so is not known", entry.kind));
        return Ok(());
    };
    let ends = end_of(posting.from).zip(end_of(posting.to));
    let is_known = MOVES.iter().any(|(of, from, to)| *of == kind && ends == Some((*from, *to)));
    let (kind, from, to) = (&entry.kind, &entry.from, &entry.to);
    row.must(is_known, format!("an entry of type {kind} cannot go from {from} to {to}"));
    Ok(())
}

/// The running balance is the sum of the entries, and held is what open Transactions hold.
fn financial_account(view: &View<'_>, account: &FinancialAccount, row: &mut Row<'_>) -> Result<()> {
    let balance = account.balance;
    match sum_of_entries(view, &account.id)? {
        Ok(sum) => row.must(
            sum == balance,
            format!("its balance is {}, the sum of its entries {}", show(balance), show(sum)),
        ),
        Err(error) => row.wrong(format!("its entries have no sum: {error}")),
    }
    if let Some(address) = &account.address {
        let opens = address.bank_account.number(view.session.sealer).is_ok();
        row.must(opens, "its account number does not open with the key");
    }
    let (held, pending) = (balance.outbound_pending, balance.inbound_pending);
    row.must(held >= 0, format!("its outbound_pending is {held}, less than none"));
    row.must(pending == 0, format!("its inbound_pending is {pending}, which must be none"));
    let total = |status| sum_of_transactions(view, &account.id, status);
    let open = -total(StatusName::Open)?;
    let rule = "what its open Transactions hold is";
    row.must(open == i128::from(held), format!("its outbound_pending is {held}, {rule} {open}"));
    let (posted, current) = (total(StatusName::Posted)?, balance.current());
    row.must(
        posted == i128::from(current),
        format!("its current balance is {current}, its posted Transactions sum up to {posted}"),
    );
    Ok(())
}

fn sum_of_entries(view: &View<'_>, account: &str) -> Result<Result<Impact, LedgerError>> {
    let scope = view.session.scope(view.owner.number);
    let mut sum = Impact::default();
    let mut range = IdRange::prefix(ENTRY_PREFIX, false);
    loop {
        let rows = view.session.reader.postings(scope, account, &range, ROWS_AT_ONCE)?;
        for (_, row) in &rows {
            let Some(posting) = posting(row) else { continue };
            match sum.plus(&posting.impact()) {
                Ok(next) => sum = next,
                Err(error) => return Ok(Err(error)),
            }
        }
        match rows.last() {
            Some((last, _)) if rows.len() == ROWS_AT_ONCE => range = range.above(last),
            _ => return Ok(Ok(sum)),
        }
    }
}

/// The amounts of an account's Transactions of a status.
fn sum_of_transactions(view: &View<'_>, account: &str, status: StatusName) -> Result<i128> {
    let (owner, value) = (view.owner.number, format!("{account}:{}", status.as_str()));
    let mut sum = 0;
    let mut range = IdRange::prefix(Transaction::PREFIX, false);
    loop {
        let decode = api::resource::decode::<Transaction>;
        let session = &view.session;
        let page =
            session.indexed_objects(owner, "status", &value, &range, ROWS_AT_ONCE, decode)?;
        sum += page.iter().map(|transaction| i128::from(transaction.amount)).sum::<i128>();
        match page.last() {
            Some(last) if page.len() == ROWS_AT_ONCE => range = range.above(&last.id),
            _ => return Ok(sum),
        }
    }
}

fn show(impact: Impact) -> String {
    let Impact { cash, inbound_pending, outbound_pending } = impact;
    format!("({cash}, {inbound_pending}, {outbound_pending})")
}
