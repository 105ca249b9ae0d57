//! How money is pulled out: by the test helper, and by a bank that takes back what it gave.

use std::sync::Arc;

use api::params::{Choice, Currency, Params};
use api::{Fault, Result, Tx};
use ledger::Amount;

use super::{CREATED, Cause, FailureCode, Network, ReceivedDebit};
use crate::book::{self, EntryType, Flow, FlowType};
use crate::features::{self, Direction, Feature, Gate, gate};
use crate::financial_account::FinancialAccount;
use crate::received::{self, AMOUNT_MAX, DESCRIPTION, Initiator, InitiatorParams, Status};
use crate::transaction;

/// The networks on which the test helper pulls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum OutsideNetwork {
    Ach,
}

#[derive(Clone, Params)]
pub struct PullDebit {
    /// How much to pull, in cents.
    #[param(min = 1, max = AMOUNT_MAX, over_max = "amount_too_large")]
    pub amount: i64,
    /// The currency: `usd`.
    pub currency: Currency,
    /// What the money is for.
    pub description: Option<String>,
    /// The FinancialAccount to pull it from.
    pub financial_account: String,
    /// Who pulls it.
    pub initiating_payment_method_details: Option<InitiatorParams>,
    /// The network to pull it over: `ach`.
    pub network: OutsideNetwork,
}

/// Why nothing can be pulled from an account whose gate stands so.
pub(crate) fn failure(
    gate: Gate,
    account: &FinancialAccount,
    amount: Amount,
) -> Option<FailureCode> {
    match gate {
        Gate::Closed => Some(FailureCode::AccountClosed),
        Gate::Frozen => Some(FailureCode::AccountFrozen),
        Gate::Open | Gate::NotActive => {
            let is_short = account.balance.cash < amount.minor_units();
            is_short.then_some(FailureCode::InsufficientFunds)
        }
    }
}

/// The test helper. A debit that cannot be paid is born failed; only where the account has no
/// address to pull from is there none at all.
pub(super) fn pull(tx: &mut Tx<'_>, p: &PullDebit) -> Result<Arc<ReceivedDebit>> {
    const FEATURE: Feature = Feature::FinancialAddressesAba;
    received::check_currency(p.currency)?;
    let account = tx.reference::<FinancialAccount>(&p.financial_account, "financial_account")?;
    let gate = gate(&account, FEATURE, Direction::Outbound);
    if gate == Gate::NotActive {
        features::check(&account, FEATURE, Direction::Outbound)?;
    }
    let amount = Amount::new(p.amount).ok_or_else(|| Fault::new("an amount is not positive"))?;
    let debit = ReceivedDebit {
        id: tx.new_id::<ReceivedDebit>(),
        created: tx.now_ms(),
        amount,
        currency: p.currency,
        description: p.description.clone().unwrap_or_else(|| DESCRIPTION.to_owned()),
        financial_account: account.id.clone(),
        network: match p.network {
            OutsideNetwork::Ach => Network::Ach,
        },
        initiator: Initiator::of(p.initiating_payment_method_details.as_ref()),
        failure_code: failure(gate, &account, amount),
        cause: None,
        debit_reversal: None,
        transaction: None,
    };
    receive(tx, debit)
}

/// Books a debit that succeeded, keeps it and tells of it. What a bank takes back of its own leaves
/// a debt where there is too little.
pub fn receive(tx: &mut Tx<'_>, mut debit: ReceivedDebit) -> Result<Arc<ReceivedDebit>> {
    if debit.status() == Status::Succeeded {
        let initiator = &debit.initiator;
        let (name, last4) = (initiator.name(), initiator.last4());
        let flow = Flow {
            account: &debit.financial_account,
            id: Some(&debit.id),
            kind: FlowType::ReceivedDebit,
            amount: debit.amount,
            currency: debit.currency,
            description: transaction::describe(name, last4, "Received debit", &debit.description),
        };
        let (entry, may_overdraw) = match debit.cause {
            Some(Cause::InboundTransfer(_)) => (EntryType::InboundTransferReturn, true),
            Some(Cause::Payout(_)) => (EntryType::ReceivedDebit, true),
            Some(Cause::Topup(_)) | None => (EntryType::ReceivedDebit, false),
        };
        let transaction = book::debit(tx, &flow, entry, debit.network.contra(), may_overdraw)?;
        debit.transaction = Some(transaction);
    }
    let debit = tx.save(debit)?;
    tx.event(CREATED, &*debit)?;
    Ok(debit)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::features::{Restriction, Standing};
    use crate::testing::{NOW, in_transaction};
    use crate::transaction::Transaction;
    use ledger::Impact;

    /// What the helper makes of 500 cents, with the cash and the entry that they lead to.
    fn pulled(tx: &mut Tx<'_>) -> (Option<FailureCode>, i64, Option<String>) {
        let pull_500 = PullDebit {
            amount: 500,
            currency: Currency::USD,
            description: None,
            financial_account: "fa_1".into(),
            initiating_payment_method_details: None,
            network: OutsideNetwork::Ach,
        };
        let debit = pull(tx, &pull_500).unwrap();
        let cash = tx.load::<FinancialAccount>("fa_1").unwrap().unwrap().balance.cash;
        let to = debit.transaction.as_ref().map(|id| {
            let transaction = tx.load::<Transaction>(id).unwrap().unwrap();
            let entry = tx.session.posting(0, &transaction.entries[0]).unwrap().unwrap();
            format!("{} to {}", entry.amount, entry.to)
        });
        (debit.failure_code, cash, to)
    }

    fn account(cash: i64) -> FinancialAccount {
        let mut account = FinancialAccount::new("fa_1".into(), NOW);
        account.features.insert(Feature::FinancialAddressesAba, Standing::Active);
        account.balance = Impact { cash, ..Impact::default() };
        account
    }

    #[test]
    fn what_is_pulled_is_there() {
        let to = || Some("500 to ach_clearing".to_owned());
        in_transaction(|tx| {
            tx.save(account(999)).unwrap();
            assert_eq!(pulled(tx), (None, 499, to()));
            assert_eq!(pulled(tx), (Some(FailureCode::InsufficientFunds), 499, None));
            let mut frozen = account(500);
            frozen.restrictions.inbound_flows = Restriction::Restricted;
            tx.save(frozen.clone()).unwrap();
            assert_eq!(pulled(tx), (None, 0, to()));
            frozen.restrictions.outbound_flows = Restriction::Restricted;
            tx.save(frozen).unwrap();
            assert_eq!(pulled(tx), (Some(FailureCode::AccountFrozen), 500, None));
            tx.save(FinancialAccount { is_closed: true, ..account(0) }).unwrap();
            assert_eq!(pulled(tx), (Some(FailureCode::AccountClosed), 0, None));
        });
    }

    #[test]
    fn what_a_bank_takes_back_leaves_a_debt() {
        in_transaction(|tx| {
            tx.save(account(100)).unwrap();
            let debit = ReceivedDebit {
                id: "rd_1".into(),
                created: NOW,
                amount: Amount::new(500).unwrap(),
                currency: Currency::USD,
                description: "transfer".into(),
                financial_account: "fa_1".into(),
                network: Network::Ach,
                initiator: Initiator::of(None),
                failure_code: None,
                cause: Some(Cause::InboundTransfer("ibt_1".into())),
                debit_reversal: None,
                transaction: None,
            };
            receive(tx, ReceivedDebit { cause: None, ..debit.clone() }).unwrap_err();
            receive(tx, debit).unwrap();
            let account = tx.load::<FinancialAccount>("fa_1").unwrap().unwrap();
            assert_eq!(account.balance.cash, -400);
        });
    }
}
