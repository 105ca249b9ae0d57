//! FinancialAccounts as other products see them: bank accounts that money is sent to and taken
//! from, within Stripe.
//!
//! A payout that arrives is a ReceivedCredit; a payout that is pulled back, and a top-up, is a
//! ReceivedDebit. The money crosses from one book to the other in one command.

use std::sync::Arc;

use api::addresses::{Addresses, Arrival, Crossing};
use api::{Fault, Include, Json, Resource, Result, Tx, View, object};
use ledger::Amount;
use store::IdRange;

use crate::features::{Direction, Feature, Gate, gate};
use crate::financial_account::{FinancialAccount, NUMBERS};
use crate::received::Initiator;
use crate::received_credit::{self as credit, ReceivedCredit, Source, SourceFlowType};
use crate::received_debit::{self as debit, Cause, ReceivedDebit};

/// Who answers for FinancialAccounts.
pub const ADDRESSES: Addresses = Addresses { find, credit: send_to, debit: take_from };

fn find(view: &View<'_>, fingerprint: &str) -> Result<Option<String>> {
    let all = IdRange::prefix(FinancialAccount::PREFIX, true);
    let found = view.session.index(view.owner.number, NUMBERS, fingerprint, &all, 1)?;
    Ok(found.into_iter().next())
}

fn account(tx: &Tx<'_>, crossing: &Crossing<'_>) -> Result<Arc<FinancialAccount>> {
    let id = crossing.financial_account;
    let missing = || Fault(format!("the FinancialAccount {id} is gone"));
    Ok(tx.load::<FinancialAccount>(id)?.ok_or_else(missing)?)
}

fn amount(crossing: &Crossing<'_>) -> Result<Amount, Fault> {
    Amount::new(crossing.amount).ok_or_else(|| Fault::new("an amount is not positive"))
}

/// A payout arrives, unless the account takes none.
fn send_to(tx: &mut Tx<'_>, crossing: &Crossing<'_>) -> Result<Arrival> {
    let account = account(tx, crossing)?;
    let failure_code = match gate(&account, Feature::FinancialAddressesAba, Direction::Inbound) {
        Gate::Open => None,
        Gate::Closed => Some(credit::FailureCode::AccountClosed),
        Gate::Frozen => Some(credit::FailureCode::AccountFrozen),
        // Without its address there is nowhere to arrive at.
        Gate::NotActive => return Ok(Arrival::Failed("no_account")),
    };
    let acct = tx.owner.number;
    let credit = ReceivedCredit {
        id: tx.new_id::<ReceivedCredit>(),
        created: tx.now_ms(),
        amount: amount(crossing)?,
        currency: crossing.currency,
        description: crossing.description.to_owned(),
        financial_account: account.id.clone(),
        network: credit::Network::Stripe,
        sender: Initiator::Payments,
        failure_code,
        source: Some(Source { kind: SourceFlowType::Payout, id: crossing.flow.to_owned(), acct }),
        credit_reversal: None,
        transaction: None,
    };
    credit::receive(tx, credit)?;
    Ok(failure_code.map_or(Arrival::Done, |code| Arrival::Failed(code.as_str())))
}

/// A top-up is taken, or a payout taken back.
fn take_from(tx: &mut Tx<'_>, crossing: &Crossing<'_>) -> Result<Arrival> {
    let account = account(tx, crossing)?;
    let amount = amount(crossing)?;
    let gate = gate(&account, Feature::FinancialAddressesAba, Direction::Outbound);
    let failure_code = debit::failure(gate, &account, amount)
        .filter(|code| !crossing.may_overdraw || *code != debit::FailureCode::InsufficientFunds);
    let flow = crossing.flow.to_owned();
    let is_payout = crossing.flow_type == SourceFlowType::Payout.as_str();
    let debit = ReceivedDebit {
        id: tx.new_id::<ReceivedDebit>(),
        created: tx.now_ms(),
        amount,
        currency: crossing.currency,
        description: crossing.description.to_owned(),
        financial_account: account.id.clone(),
        network: debit::Network::Stripe,
        initiator: Initiator::Payments,
        failure_code,
        cause: Some(if is_payout { Cause::Payout(flow) } else { Cause::Topup(flow) }),
        debit_reversal: None,
        transaction: None,
    };
    debit::receive(tx, debit)?;
    Ok(failure_code.map_or(Arrival::Done, |code| Arrival::Failed(code.as_str())))
}

/// A flow of another product, as a flow's details show it.
pub fn flow_details(view: &View<'_>, kind: &'static str, acct: i64, id: &str) -> Result<Json> {
    if acct != view.owner.number {
        return Ok(Json::Null);
    }
    let Some(flow) = view.app.api.object(kind) else { return Ok(Json::Null) };
    let shown = (flow.load)(view, id, &Include::NONE)?;
    Ok(shown.map_or(Json::Null, |shown| {
        let mut json = object([("type", kind.into())]);
        json.set(kind, shown);
        json
    }))
}
