//! How money comes in: from outside by the test helper, and from other FinancialAccounts.

use std::sync::Arc;

use api::params::{Choice, Currency, Params};
use api::{Fault, Owner, Result, Tx};
use ledger::Amount;

use super::{CREATED, FailureCode, Network, ReceivedCredit, Source, SourceFlowType};
use crate::book::{self, EntryType, Flow, FlowType};
use crate::features::{self, Direction, Feature, Gate, gate};
use crate::financial_account::FinancialAccount;
use crate::received::{self, AMOUNT_MAX, DESCRIPTION, Initiator, InitiatorParams, Status};
use crate::transaction;

/// The networks on which the test helper sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum OutsideNetwork {
    Ach,
    Rtp,
    UsDomesticWire,
}

#[derive(Clone, Params)]
pub struct SendCredit {
    /// How much to send, in cents.
    #[param(min = 1, max = AMOUNT_MAX, over_max = "amount_too_large")]
    pub amount: i64,
    /// The currency: `usd`.
    pub currency: Currency,
    /// What the money is for.
    pub description: Option<String>,
    /// The FinancialAccount to send it to.
    pub financial_account: String,
    /// Who sends it.
    pub initiating_payment_method_details: Option<InitiatorParams>,
    /// The network to send it over.
    pub network: OutsideNetwork,
}

/// What becomes of money that arrives at a gate.
pub(super) fn outcome(gate: Gate, is_wire: bool) -> Outcome {
    match gate {
        Gate::Open => Outcome::Succeeds,
        // Nobody can keep a wire from arriving.
        Gate::Frozen if is_wire => Outcome::Succeeds,
        Gate::Frozen => Outcome::Fails(FailureCode::AccountFrozen),
        Gate::Closed => Outcome::Fails(FailureCode::AccountClosed),
        Gate::NotActive => Outcome::Refused,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Succeeds,
    Fails(FailureCode),
    Refused,
}

/// The test helper.
pub(super) fn send(tx: &mut Tx<'_>, p: &SendCredit) -> Result<Arc<ReceivedCredit>> {
    const FEATURE: Feature = Feature::FinancialAddressesAba;
    received::check_currency(p.currency)?;
    let account = tx.reference::<FinancialAccount>(&p.financial_account, "financial_account")?;
    let network = p.network.network();
    let is_wire = network == Network::UsDomesticWire;
    let failure_code = match outcome(gate(&account, FEATURE, Direction::Inbound), is_wire) {
        Outcome::Succeeds => None,
        Outcome::Fails(code) => Some(code),
        Outcome::Refused => {
            features::check(&account, FEATURE, Direction::Inbound)?;
            None
        }
    };
    let amount = Amount::new(p.amount).ok_or_else(|| Fault::new("an amount is not positive"))?;
    let credit = ReceivedCredit {
        id: tx.new_id::<ReceivedCredit>(),
        created: tx.now_ms(),
        amount,
        currency: p.currency,
        description: p.description.clone().unwrap_or_else(|| DESCRIPTION.to_owned()),
        financial_account: account.id.clone(),
        network,
        sender: Initiator::of(p.initiating_payment_method_details.as_ref()),
        failure_code,
        source: None,
        credit_reversal: None,
        transaction: None,
    };
    receive(tx, credit)
}

impl OutsideNetwork {
    fn network(self) -> Network {
        match self {
            OutsideNetwork::Ach => Network::Ach,
            OutsideNetwork::Rtp => Network::Rtp,
            OutsideNetwork::UsDomesticWire => Network::UsDomesticWire,
        }
    }
}

/// Money on its way from a FinancialAccount of the account acted on to one of another.
pub struct FromStripe<'a> {
    pub to: Owner,
    /// The receiving FinancialAccount.
    pub financial_account: &'a str,
    /// The sending FinancialAccount.
    pub sender: &'a str,
    /// The sending flow's id and type.
    pub flow: &'a str,
    pub flow_type: SourceFlowType,
    pub amount: Amount,
    pub currency: Currency,
    pub description: &'a str,
}

/// Why an account cannot take what was sent to it within Stripe, if it was closed or restricted
/// since. That it has the feature was checked then, and removing that holds back nothing.
fn obstacle(account: &FinancialAccount) -> Option<FailureCode> {
    if account.is_closed {
        Some(FailureCode::AccountClosed)
    } else if account.restrictions.has(Direction::Inbound) {
        Some(FailureCode::AccountFrozen)
    } else {
        None
    }
}

/// Lets money arrive within Stripe. The credit is born failed where the receiver cannot take it;
/// the sender learns it from the credit's `failure_code`.
pub fn receive_stripe(tx: &mut Tx<'_>, from: &FromStripe<'_>) -> Result<Arc<ReceivedCredit>> {
    let acct = tx.owner.number;
    tx.on(from.to.clone(), |tx| {
        let missing = || Fault(format!("the FinancialAccount {} is gone", from.financial_account));
        let account = tx.load::<FinancialAccount>(from.financial_account)?.ok_or_else(missing)?;
        // What was its own comes back to it, whatever it may receive.
        let is_own = from.flow_type == SourceFlowType::CreditReversal;
        let failure_code = if is_own { None } else { obstacle(&account) };
        let credit = ReceivedCredit {
            id: tx.new_id::<ReceivedCredit>(),
            created: tx.now_ms(),
            amount: from.amount,
            currency: from.currency,
            description: from.description.to_owned(),
            financial_account: account.id.clone(),
            network: Network::Stripe,
            sender: Initiator::FinancialAccount(from.sender.to_owned()),
            failure_code,
            source: Some(Source { kind: from.flow_type, id: from.flow.to_owned(), acct }),
            credit_reversal: None,
            transaction: None,
        };
        receive(tx, credit)
    })
}

/// Books a credit that succeeded, keeps it and tells of it.
pub(crate) fn receive(tx: &mut Tx<'_>, mut credit: ReceivedCredit) -> Result<Arc<ReceivedCredit>> {
    if credit.status() == Status::Succeeded {
        let sender = &credit.sender;
        let words = &credit.description;
        let flow = Flow {
            account: &credit.financial_account,
            id: Some(&credit.id),
            kind: FlowType::ReceivedCredit,
            amount: credit.amount,
            currency: credit.currency,
            description: transaction::describe(
                sender.name(),
                sender.last4(),
                "Received credit",
                words,
            ),
        };
        let contra = credit.contra();
        let transaction = book::credit(tx, &flow, EntryType::ReceivedCredit, contra)?;
        credit.transaction = Some(transaction);
    }
    let credit = tx.save(credit)?;
    tx.event(CREATED, &*credit)?;
    Ok(credit)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::features::{Restriction, Standing};
    use crate::testing::{NOW, in_transaction};
    use crate::transaction::Transaction;

    /// What the helper makes of 500 cents, with the cash and the entry that they lead to.
    fn sent(
        tx: &mut Tx<'_>,
        network: OutsideNetwork,
    ) -> (Option<FailureCode>, i64, Option<String>) {
        let send_500 = SendCredit {
            amount: 500,
            currency: Currency::USD,
            description: None,
            financial_account: "fa_1".into(),
            initiating_payment_method_details: None,
            network,
        };
        let credit = send(tx, &send_500).unwrap();
        let cash = tx.load::<FinancialAccount>("fa_1").unwrap().unwrap().balance.cash;
        let from = credit.transaction.as_ref().map(|id| {
            let transaction = tx.load::<Transaction>(id).unwrap().unwrap();
            let entry = tx.session.posting(0, &transaction.entries[0]).unwrap().unwrap();
            format!("{} of {}", entry.amount, entry.from)
        });
        (credit.failure_code, cash, from)
    }

    #[test]
    fn a_wire_arrives_where_nothing_else_may() {
        use OutsideNetwork::{Ach, Rtp, UsDomesticWire};
        let from = |contra: &str| Some(format!("500 of {contra}"));
        in_transaction(|tx| {
            let mut account = FinancialAccount::new("fa_1".into(), NOW);
            account.features.insert(Feature::FinancialAddressesAba, Standing::Active);
            tx.save(account.clone()).unwrap();
            assert_eq!(sent(tx, Ach), (None, 500, from("ach_clearing")));
            assert_eq!(sent(tx, Rtp), (None, 1_000, from("rtp_clearing")));
            let known = tx.load::<FinancialAccount>("fa_1").unwrap().unwrap();
            account.balance = known.balance;
            account.restrictions.inbound_flows = Restriction::Restricted;
            tx.save(account).unwrap();
            assert_eq!(sent(tx, Ach), (Some(FailureCode::AccountFrozen), 1_000, None));
            assert_eq!(sent(tx, Rtp), (Some(FailureCode::AccountFrozen), 1_000, None));
            assert_eq!(sent(tx, UsDomesticWire), (None, 1_500, from("wire_clearing")));
        });
    }

    #[test]
    fn what_keeps_money_within_stripe_from_arriving() {
        let mut account = FinancialAccount::new("fa_1".into(), NOW);
        assert_eq!(obstacle(&account), None, "its feature may be gone");
        account.restrictions.outbound_flows = Restriction::Restricted;
        assert_eq!(obstacle(&account), None);
        account.restrictions.inbound_flows = Restriction::Restricted;
        assert_eq!(obstacle(&account), Some(FailureCode::AccountFrozen));
        account.features.insert(Feature::IntraStripeFlows, Standing::Active);
        assert_eq!(obstacle(&account), Some(FailureCode::AccountFrozen));
        account.is_closed = true;
        assert_eq!(obstacle(&account), Some(FailureCode::AccountClosed));
    }

    #[test]
    fn what_becomes_of_money_at_a_gate() {
        let table = [
            (Gate::Open, Outcome::Succeeds, Outcome::Succeeds),
            (Gate::Frozen, Outcome::Fails(FailureCode::AccountFrozen), Outcome::Succeeds),
            (
                Gate::Closed,
                Outcome::Fails(FailureCode::AccountClosed),
                Outcome::Fails(FailureCode::AccountClosed),
            ),
            (Gate::NotActive, Outcome::Refused, Outcome::Refused),
        ];
        for (gate, by_ach, by_wire) in table {
            assert_eq!((outcome(gate, false), outcome(gate, true)), (by_ach, by_wire));
        }
    }
}
