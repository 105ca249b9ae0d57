//! What the rows of payments must say: a second, simpler model of the book and of the flows, which
//! shares no code with the one that moves the money.

use api::audit::{Audit, Audits, BookAudit, Row};
use api::resource::decode;
use api::{Resource, Result, View};
use ledger::{Account, Amount, Contra, Funds, LedgerError, Part, Posting};
use store::{IdRange, PostingRow};

use crate::balance::Holdings;
use crate::balance_transaction::{BalanceTransaction, Type};
use crate::book::{ENTRY_PREFIX, EntryType, SETTLE};
use crate::payout::Payout;
use crate::payout::automatic::PAY_OUT;
use crate::payout::state::Status as PayoutStatus;

mod flows;

/// How many rows are held at a time.
const ROWS_AT_ONCE: usize = 1000;

pub fn audits() -> Audits {
    Audits {
        objects: vec![
            Audit::of::<Holdings>(holdings),
            Audit::of::<BalanceTransaction>(balance_transaction),
            Audit::of::<Payout>(flows::payout),
            Audit::of(flows::charge),
            Audit::of(flows::refund),
            Audit::of(flows::topup),
        ],
        books: vec![BookAudit { prefix: Holdings::PREFIX, check: entry }],
    }
}

/// An end of a posting, as the rules see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Available or pending.
    Owned,
    OnTheWay,
    Outside,
    Fees,
}

/// The ways an entry can move money.
const MOVES: &[(EntryType, End, End)] = &[
    (EntryType::Charge, End::Outside, End::Owned),
    (EntryType::Fee, End::Owned, End::Fees),
    (EntryType::Payout, End::Owned, End::OnTheWay),
    (EntryType::PayoutCancel, End::OnTheWay, End::Owned),
    (EntryType::PayoutFailure, End::OnTheWay, End::Owned),
    (EntryType::PayoutFailure, End::Owned, End::OnTheWay),
    (EntryType::PayoutPosting, End::OnTheWay, End::Outside),
    (EntryType::PayoutPosting, End::Outside, End::OnTheWay),
    (EntryType::PayoutReversal, End::OnTheWay, End::Owned),
    (EntryType::Refund, End::Owned, End::Outside),
    (EntryType::RefundFailure, End::Outside, End::Owned),
    (EntryType::Settlement, End::Owned, End::Owned),
    (EntryType::Topup, End::Outside, End::Owned),
];

fn end_of(account: Account) -> Option<End> {
    match account {
        Account::Payments(Part::Available | Part::Pending) => Some(End::Owned),
        Account::Payments(Part::InTransit) => Some(End::OnTheWay),
        Account::Contra(Contra::StripeFees) => Some(End::Fees),
        Account::Contra(_) => Some(End::Outside),
        Account::Own(_) => None,
    }
}

/// What a row moves; none where the row makes no sense, which is told about the row itself.
fn posting(row: &PostingRow) -> Option<Posting> {
    let (from, to) = (Account::parse(&row.from)?, Account::parse(&row.to)?);
    Some(Posting::new(from, to, Amount::new(row.amount)?))
}

/// An entry belongs to a BalanceTransaction that knows it, and moves money as its type says.
fn entry(view: &View<'_>, id: &str, entry: &PostingRow, row: &mut Row<'_>) -> Result<()> {
    let of = &entry.transaction;
    match view.load::<BalanceTransaction>(of)? {
        None => row.wrong(format!("its BalanceTransaction {of} is not there")),
        Some(transaction) => {
            let listed = transaction.entries.iter().any(|listed| listed == id);
            row.must(listed, format!("its BalanceTransaction {of} does not list it"));
            let (is, must) = (&entry.currency, transaction.currency.as_str());
            row.must(*is == must, format!("its currency is {is}, that of {of} is {must}"));
            let book = Holdings::id_of(transaction.currency);
            row.must(entry.book == book, format!("it is in the book {}, not {book}", entry.book));
        }
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

/// What is held is the sum of the entries; what is pending and on the way is what the flows say.
fn holdings(view: &View<'_>, holdings: &Holdings, row: &mut Row<'_>) -> Result<()> {
    let (id, funds) = (holdings.id(), holdings.funds);
    match sum_of_entries(view, id)? {
        Ok(sum) => row.must(sum == funds, format!("it holds {funds:?}, its entries {sum:?}")),
        Err(error) => row.wrong(format!("its entries have no sum: {error}")),
    }
    let (pending, waits) = sum_of_pending(view, holdings)?;
    let is = funds.pending;
    row.must(
        pending == i128::from(is),
        format!("{is} is pending, its pending BalanceTransactions sum up to {pending}"),
    );
    // What was planned for an account that is gone is dropped.
    let is_there = !view.owner.id.is_empty();
    if waits {
        row.must(holdings.next_settlement.is_some(), "nothing settles what is pending");
        if is_there {
            row.must_wait_for(SETTLE, "");
        }
    }
    if is_there && holdings.next_payout.is_some() {
        row.must_wait_for(PAY_OUT, "");
    }
    let (moving, is) = (sum_of_payouts(view, holdings)?, funds.in_transit);
    row.must(
        moving == i128::from(is),
        format!("{is} is in transit, its payouts on the way sum up to {moving}"),
    );
    Ok(())
}

fn sum_of_entries(view: &View<'_>, book: &str) -> Result<Result<Funds, LedgerError>> {
    let scope = view.session.scope(view.owner.number);
    let mut sum = Funds::default();
    let mut range = IdRange::prefix(ENTRY_PREFIX, false);
    loop {
        let rows = view.session.reader.postings(scope, book, &range, ROWS_AT_ONCE)?;
        for (_, row) in &rows {
            let Some(posting) = posting(row) else { continue };
            match sum.plus(&Funds::impact(&posting)) {
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

/// The sum of the pending BalanceTransactions in a currency, and whether there are any.
fn sum_of_pending(view: &View<'_>, holdings: &Holdings) -> Result<(i128, bool)> {
    let (owner, currency) = (view.owner.number, holdings.currency.as_str());
    let (mut sum, mut range) = (0, IdRange::oldest_first());
    let mut has_some = false;
    loop {
        let keys = view.session.index(owner, "pending", currency, &range, ROWS_AT_ONCE)?;
        for key in &keys {
            has_some = true;
            let id = api::list::id_of_sort_key(key);
            if let Some(transaction) = view.load::<BalanceTransaction>(id)? {
                sum += i128::from(transaction.amount) - i128::from(transaction.fee);
            }
        }
        match keys.last() {
            Some(last) if keys.len() == ROWS_AT_ONCE => range = range.above(last),
            _ => return Ok((sum, has_some)),
        }
    }
}

/// What the payouts in a currency that are on their way carry.
fn sum_of_payouts(view: &View<'_>, holdings: &Holdings) -> Result<i128> {
    let mut sum = 0;
    for status in [PayoutStatus::Pending, PayoutStatus::InTransit] {
        let (owner, value) = (view.owner.number, status.as_str());
        let mut range = IdRange::prefix(Payout::PREFIX, false);
        loop {
            let page = view.session.indexed_objects(
                owner,
                "status",
                value,
                &range,
                ROWS_AT_ONCE,
                decode::<Payout>,
            )?;
            let own = page.iter().filter(|payout| payout.currency == holdings.currency);
            sum += own.map(|payout| i128::from(payout.amount)).sum::<i128>();
            match page.last() {
                Some(last) if page.len() == ROWS_AT_ONCE => range = range.above(&last.id),
                _ => break,
            }
        }
    }
    Ok(sum)
}

/// Its entries do to the balance what it says, and leave pending what is pending.
fn balance_transaction(
    view: &View<'_>,
    transaction: &BalanceTransaction,
    row: &mut Row<'_>,
) -> Result<()> {
    let mut sum = Funds::default();
    let mut fee = 0;
    for id in &transaction.entries {
        let Some(entry) = view.session.posting(view.owner.number, id)? else {
            row.wrong(format!("its entry {id} is not there"));
            continue;
        };
        if entry.kind == EntryType::Fee.as_str() {
            fee += entry.amount;
        }
        let Some(posting) = posting(&entry) else { continue };
        match sum.plus(&Funds::impact(&posting)) {
            Ok(next) => sum = next,
            Err(error) => row.wrong(format!("its entries have no sum: {error}")),
        }
    }
    let (is, owned) = (transaction.net(), sum.available.saturating_add(sum.pending));
    row.must(is == owned, format!("its net is {is}, its entries sum up to {owned}"));
    row.must(fee == transaction.fee, format!("its fee is {}, its entries {fee}", transaction.fee));
    let pending = if transaction.is_pending { is } else { 0 };
    row.must(
        sum.pending == pending,
        format!("{pending} of it is pending, its entries leave {}", sum.pending),
    );
    let is_out = matches!(transaction.kind, Type::Refund);
    let is_in = matches!(transaction.kind, Type::Charge | Type::Topup | Type::RefundFailure);
    let fits = (!is_out || transaction.amount < 0) && (!is_in || transaction.amount > 0);
    row.must(fits, format!("its amount is {}", transaction.amount));
    let is_there = view.session.has_object(view.owner.number, &transaction.source)?;
    row.must(is_there, format!("its source {} is not there", transaction.source));
    if view.load::<Holdings>(&Holdings::id_of(transaction.currency))?.is_none() {
        row.wrong("there is no balance in its currency");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_moves_somewhere() {
        for name in EntryType::NAMES {
            let is_known = MOVES.iter().any(|(kind, _, _)| kind.as_str() == *name);
            assert!(is_known, "{name}");
        }
    }
}
