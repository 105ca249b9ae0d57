//! Payouts that are made by themselves, on the days that `settings.payouts.schedule` says. An account
//! for which nothing was said is paid out by requests alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::params::Currency;
use api::{Resource, Result, Tx, View};
use exchequer_core::account;
use exchequer_core::bank_account;
use store::Millis;

use super::state::{Failure, Status};
use super::{Payout, PayoutMethod, Swept, begin};
use crate::balance::{Balance, Holdings};
use crate::balance_transaction::BalanceTransaction;
use crate::dates::{self, DAY_MS};

/// Pays out what is available.
pub const PAY_OUT: &str = "payout.automatic";

/// After midnight, when what becomes available that day is.
const AFTER_MIDNIGHT_MS: Millis = 60_000;
/// No schedule leaves out more days.
const DAYS_AHEAD_MAX: i64 = 62;

/// Plans the next payout, where there is money, a schedule, and none planned yet.
pub fn consider(tx: &mut Tx<'_>, currency: Currency) -> Result<()> {
    let mut holdings = Holdings::load(tx, currency)?;
    if holdings.next_payout.is_some() || holdings.funds.available <= 0 {
        return Ok(());
    }
    let Some(due) = next_due(tx)? else { return Ok(()) };
    let id = holdings.id().to_owned();
    holdings.next_payout = Some(due);
    tx.save(holdings)?;
    tx.plan(due, PAY_OUT, &id, "")
}

fn next_due(view: &View<'_>) -> Result<Option<Millis>> {
    let account = account::current(view)?;
    let Some(schedule) = account.settings.payout_schedule() else { return Ok(None) };
    let first = dates::midnight_from(view.now_ms() + 1).div_euclid(DAY_MS);
    let day = (first..first + DAYS_AHEAD_MAX).find(|day| schedule.pays_on(*day));
    Ok(day.map(|day| day * DAY_MS + AFTER_MIDNIGHT_MS))
}

/// The schedule is another one: what was planned by the old one counts no more.
pub fn reschedule(tx: &mut Tx<'_>, _: &str, _: &str) -> Result<()> {
    for holdings in Balance::holdings(tx)? {
        forget(tx, &holdings)?;
        consider(tx, holdings.currency)?;
    }
    Ok(())
}

fn forget(tx: &mut Tx<'_>, before: &Arc<Holdings>) -> Result<()> {
    let mut holdings = api::copy(before);
    holdings.next_payout = None;
    tx.save(holdings)?;
    Ok(())
}

pub fn pay_out(tx: &mut Tx<'_>, holdings: &str, _: &str) -> Result<()> {
    let Some(before) = tx.load::<Holdings>(holdings)? else { return Ok(()) };
    if before.next_payout != Some(tx.now_ms()) {
        return Ok(());
    }
    let currency = before.currency;
    forget(tx, &before)?;
    let is_allowed = tx.is_platform() || account::current(tx)?.payouts_enabled();
    let bank = bank_account::default_external(tx, currency)?;
    let Some(bank) = bank.filter(|_| is_allowed && before.funds.available > 0) else {
        // It is paid out once there is a bank account.
        return consider(tx, currency);
    };
    let number = bank.numbers.number(tx.session.sealer)?;
    let financial_account = (tx.app.api.addresses.find)(tx, &bank.numbers.fingerprint)?;
    let created = tx.now_ms();
    let payout = Payout {
        id: tx.new_id::<Payout>(),
        created,
        amount: before.funds.available,
        currency,
        arrival: dates::next_bank_day(created),
        status: Status::Pending,
        destination: Some(bank.id.clone()),
        financial_account,
        will_fail: Some(number).filter(|_| !tx.livemode()).and_then(|n| Failure::of(&n)),
        balance_transaction: String::new(),
        failure: None,
        failure_balance_transaction: None,
        method: PayoutMethod::Standard,
        description: None,
        statement_descriptor: None,
        original_payout: None,
        swept: Some(Swept { after: before.swept_to.clone() }),
        reversed_by: None,
        metadata: BTreeMap::new(),
    };
    let payout = begin(tx, payout)?;
    let own = tx.find::<BalanceTransaction>(&payout.balance_transaction)?;
    let mut after = Holdings::load(tx, currency)?;
    after.swept_to = Some(own.place());
    tx.save(after)?;
    Ok(())
}
