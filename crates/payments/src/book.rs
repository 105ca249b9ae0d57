//! The only place where the balances of payments move.
//!
//! Each function writes postings to the journal and carries the two sums that hang on them: the
//! balance in the currency, and the BalanceTransaction. Together they land in one commit.

use api::params::{Choice, Currency};
use api::{ApiError, Fault, Resource, Result, Tx, View};
use ledger::{Account, Amount, Contra, Funds, Part, Posting};
use store::{IdRange, Millis, PostingRow};

use crate::balance::{Balance, Holdings};
use crate::balance_transaction::{BalanceTransaction, Type};
use crate::payout::automatic;

/// Why money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum EntryType {
    Charge,
    Fee,
    Payout,
    PayoutCancel,
    PayoutFailure,
    /// A payout has arrived, or what was pulled back has.
    PayoutPosting,
    /// The money of a payout is being pulled back.
    PayoutReversal,
    Refund,
    RefundFailure,
    /// What was pending can be paid out.
    Settlement,
    Topup,
}

/// The prefix of the ids of journal entries.
pub const ENTRY_PREFIX: &str = "txne";

pub const AVAILABLE: Account = Account::Payments(Part::Available);
pub const PENDING: Account = Account::Payments(Part::Pending);
pub const IN_TRANSIT: Account = Account::Payments(Part::InTransit);
pub const CARDS: Account = Account::Contra(Contra::CardClearing);
pub const BANK: Account = Account::Contra(Contra::AchClearing);
pub const FINANCIAL_ACCOUNTS: Account = Account::Contra(Contra::FinancialAccounts);
const FEES: Account = Account::Contra(Contra::StripeFees);

/// What makes pending money available when its day has come.
pub const SETTLE: &str = "balance.settle";
/// How many BalanceTransactions become available in one step.
const SETTLED_AT_ONCE: usize = 500;

/// A BalanceTransaction in the making.
pub struct Record<'a> {
    pub kind: Type,
    /// The object that causes it.
    pub source: &'a str,
    pub currency: Currency,
    /// What it adds to the balance; less than none for what it takes away.
    pub amount: i64,
    /// What of it goes to Stripe.
    pub fee: i64,
    /// When it can be paid out, if that is later than now.
    pub available_on: Option<Millis>,
    pub description: Option<String>,
    /// Where the money comes from or goes to.
    pub contra: Account,
}

/// Writes a BalanceTransaction with its entries, and gives its id.
pub fn record(tx: &mut Tx<'_>, record: &Record<'_>) -> Result<String> {
    let now = tx.now_ms();
    let later = record.available_on.filter(|on| *on > now);
    let part = if later.is_some() { PENDING } else { AVAILABLE };
    let id = tx.new_id::<BalanceTransaction>();
    let mut transaction = BalanceTransaction {
        id: id.clone(),
        created: now,
        kind: record.kind,
        source: record.source.to_owned(),
        currency: record.currency,
        amount: record.amount,
        fee: record.fee,
        available_on: record.available_on.unwrap_or(now),
        is_pending: later.is_some(),
        description: record.description.clone(),
        entries: Vec::new(),
    };
    let gross = amount_of(record.amount.checked_abs().unwrap_or_default())?;
    let (from, to) = if record.amount > 0 { (record.contra, part) } else { (part, record.contra) };
    let entry = entry_of(record.kind, record.amount);
    write(tx, &mut transaction, entry, Posting::new(from, to, gross))?;
    if record.fee > 0 {
        let fee = Posting::new(part, FEES, amount_of(record.fee)?);
        write(tx, &mut transaction, EntryType::Fee, fee)?;
    }
    tx.save(transaction)?;
    match later {
        Some(on) => await_settlement(tx, record.currency, on)?,
        None => automatic::consider(tx, record.currency)?,
    }
    Ok(id)
}

/// Moves money that a BalanceTransaction put on its way: to where it goes, or in from there.
pub fn pass_on(tx: &mut Tx<'_>, transaction: &str, outside: Account) -> Result<()> {
    let Some(before) = tx.load::<BalanceTransaction>(transaction)? else {
        return Err(Fault(format!("the BalanceTransaction {transaction} is not there")).into());
    };
    let amount = amount_of(before.amount.checked_abs().unwrap_or_default())?;
    let is_out = before.amount < 0;
    let (from, to) = if is_out { (IN_TRANSIT, outside) } else { (outside, IN_TRANSIT) };
    let mut after = api::copy(&before);
    write(tx, &mut after, EntryType::PayoutPosting, Posting::new(from, to, amount))?;
    tx.save(after)?;
    Ok(())
}

/// The refusal of what the available balance does not suffice for.
pub fn afford(view: &View<'_>, currency: Currency, amount: i64) -> Result<()> {
    let holdings = view.load::<Holdings>(&Holdings::id_of(currency))?;
    let available = holdings.map_or(0, |holdings| holdings.funds.available);
    if available >= amount {
        return Ok(());
    }
    let message = if view.livemode() {
        "Insufficient funds in Stripe account."
    } else {
        "Insufficient funds in Stripe account. In test mode, you can add funds to your available \
         balance (bypassing your pending balance) by creating a charge with 4000 0000 0000 0077 \
         as the card number. You can use the 4242 4242 4242 4242 test card to build up your \
         pending balance."
    };
    Err(ApiError::invalid(message).code("balance_insufficient").into())
}

/// Makes available what is due, and plans when to look next.
pub fn settle(tx: &mut Tx<'_>, holdings: &str, _: &str) -> Result<()> {
    let Some(before) = tx.load::<Holdings>(holdings)? else { return Ok(()) };
    let (currency, now) = (before.currency, tx.now_ms());
    if before.next_settlement != Some(now) {
        // An earlier look has been planned since, and has planned the next one itself.
        return Ok(());
    }
    // One more than are settled tells when the next is due.
    let waiting = pending(tx, currency, SETTLED_AT_ONCE + 1)?;
    let mut is_changed = false;
    let mut next = None;
    for (count, id) in waiting.iter().enumerate() {
        let Some(transaction) = tx.load::<BalanceTransaction>(id)? else { continue };
        if transaction.available_on > now || count == SETTLED_AT_ONCE {
            next = Some(transaction.available_on.max(now));
            break;
        }
        let mut settled = api::copy(&transaction);
        settled.is_pending = false;
        let net = settled.net();
        if let Some(amount) = Amount::new(net.checked_abs().unwrap_or_default()) {
            let (from, to) = if net > 0 { (PENDING, AVAILABLE) } else { (AVAILABLE, PENDING) };
            write(tx, &mut settled, EntryType::Settlement, Posting::new(from, to, amount))?;
        }
        tx.save(settled)?;
        is_changed = true;
    }
    if let Some(after) = tx.load::<Holdings>(holdings)? {
        let mut after = api::copy(&after);
        after.next_settlement = next;
        tx.save(after)?;
    }
    if let Some(next) = next {
        tx.plan(next, SETTLE, holdings, "")?;
    }
    if is_changed {
        let balance = Balance::of(tx)?;
        tx.event("balance.available", &balance)?;
        automatic::consider(tx, currency)?;
    }
    Ok(())
}

/// The pending BalanceTransactions of a currency, the first to become available first.
fn pending(tx: &Tx<'_>, currency: Currency, limit: usize) -> Result<Vec<String>> {
    let (account, all) = (tx.owner.number, IdRange::oldest_first());
    let keys = tx.session.index(account, "pending", currency.as_str(), &all, limit)?;
    Ok(keys.iter().map(|key| api::list::id_of_sort_key(key).to_owned()).collect())
}

/// Lets the currency be looked at on that day, unless that happens before anyhow.
fn await_settlement(tx: &mut Tx<'_>, currency: Currency, on: Millis) -> Result<()> {
    let mut holdings = Holdings::load(tx, currency)?;
    if holdings.next_settlement.is_some_and(|next| next <= on) {
        return Ok(());
    }
    let id = holdings.id().to_owned();
    holdings.next_settlement = Some(on);
    tx.save(holdings)?;
    tx.plan(on, SETTLE, &id, "")
}

fn entry_of(kind: Type, amount: i64) -> EntryType {
    match kind {
        Type::Charge => EntryType::Charge,
        Type::Payout if amount > 0 => EntryType::PayoutReversal,
        Type::Payout => EntryType::Payout,
        Type::PayoutCancel => EntryType::PayoutCancel,
        Type::PayoutFailure => EntryType::PayoutFailure,
        Type::Refund => EntryType::Refund,
        Type::RefundFailure => EntryType::RefundFailure,
        Type::Topup => EntryType::Topup,
    }
}

fn amount_of(minor_units: i64) -> Result<Amount, Fault> {
    Amount::new(minor_units).ok_or_else(|| Fault(format!("an amount of {minor_units}")))
}

/// Writes an entry and the balance that it leads to. The caller saves the BalanceTransaction.
fn write(
    tx: &mut Tx<'_>,
    transaction: &mut BalanceTransaction,
    entry: EntryType,
    posting: Posting,
) -> Result<()> {
    let mut holdings = Holdings::load(tx, transaction.currency)?;
    let book = holdings.id().to_owned();
    let funds = holdings.funds.plus(&Funds::impact(&posting));
    holdings.funds =
        funds.map_err(|error| Fault(format!("{book}: {error} by {}", transaction.id)))?;
    let id = tx.new_id_with(ENTRY_PREFIX);
    let row = PostingRow {
        book,
        transaction: transaction.id.clone(),
        kind: entry.as_str().to_owned(),
        from: posting.from.name().to_owned(),
        to: posting.to.name().to_owned(),
        amount: posting.amount.minor_units(),
        currency: transaction.currency.as_str().to_owned(),
        created: tx.now_ms(),
    };
    tx.append_posting(id.clone(), row)?;
    transaction.entries.push(id);
    tx.save(holdings)?;
    Ok(())
}
