//! A flow agrees with its Transactions, and with the flow on the other side.

use api::audit::Row;
use api::params::Currency;
use api::{Result, View};
use exchequer_core::bank::{BankAccount, TEST_ROUTING_NUMBER};
use exchequer_core::payment_method::PaymentMethod;
use ledger::{Account, Contra};
use store::Millis;

use super::reversals;
use crate::book::{EntryType, FlowType};
use crate::destination::{Destination, Network, OUTCOMES, Outcome};
use crate::financial_account::FinancialAccount;
use crate::outbound::{Kind, Names, Outbound, Stage};
use crate::outbound_payment::ToSomebody;
use crate::outbound_transfer::ToOneself;
use crate::received::{self, Initiator};
use crate::received_credit::{ReceivedCredit, Source, SourceFlowType};
use crate::transaction::{Status, Transaction};

/// An outbound flow agrees with its Transactions; its stage with its times; what is ahead of it is
/// planned.
pub(super) fn outbound<K: Kind>(
    view: &View<'_>,
    payment: &Outbound<K>,
    row: &mut Row<'_>,
) -> Result<()> {
    let Names { flow_type, entries, step_job, .. } = K::NAMES;
    let amount = payment.amount.minor_units();
    let (status, sum, last) = match &payment.stage {
        Stage::Processing | Stage::Submitted(_) => (Status::Open, -amount, entries.creation),
        Stage::Canceled(at) => (Status::Void(*at), 0, entries.cancellation),
        Stage::Failed(at) => (Status::Void(*at), 0, entries.failure),
        Stage::Posted(at) | Stage::Returned { posted_at: at, .. } => {
            (Status::Posted(*at), -amount, entries.posting)
        }
    };
    let contra = match payment.destination.network() {
        Network::Ach => Contra::AchClearing,
        Network::UsDomesticWire => Contra::WireClearing,
        Network::Stripe => Contra::IntraStripeTransit,
    };
    let begins = payment.created;
    let flow = Flow {
        id: &payment.id,
        kind: *flow_type,
        account: &payment.financial_account,
        amount,
        contra,
    };
    let own = Expected { amount: sum, created: begins, status, last };
    agrees(view, &flow, &payment.transaction, &own, row)?;
    if let Stage::Returned { transaction, returned_at, .. } = &payment.stage {
        returned(view, &flow, entries.return_, transaction, *returned_at, row)?;
    }
    alone(payment, row);
    // What was planned for an account that is gone is dropped.
    if !view.owner.id.is_empty() {
        let outcome = outcome(view, payment)?;
        let steps = if payment.settles {
            the_banks_steps_ahead(&payment.stage, payment.is_delayed, outcome)
        } else {
            steps_ahead(&payment.stage, payment.is_delayed, outcome)
        };
        for step in steps {
            row.must_wait_for(step_job, &step);
        }
    }
    if let Destination::FinancialAccount { id, owner } = &payment.destination {
        let there = view.load_of::<FinancialAccount>(*owner, id)?.is_some();
        row.must(there, format!("its destination {id} of account {owner} is not there"));
    }
    Ok(())
}

/// The Transaction that brought the money back: one of the flow itself, or that of the credit by
/// which its receiver sent it back.
fn returned(
    view: &View<'_>,
    flow: &Flow<'_>,
    entry: EntryType,
    transaction: &str,
    at: Millis,
    row: &mut Row<'_>,
) -> Result<()> {
    let amount = flow.amount;
    let status = Status::Posted(at);
    let back = view.load::<Transaction>(transaction)?;
    let credit = match back.filter(|back| back.flow_type == FlowType::ReceivedCredit) {
        Some(back) => back.flow.clone(),
        None => None,
    };
    let Some(credit) = credit else {
        let expected = Expected { amount, created: at, status, last: entry };
        return agrees(view, flow, transaction, &expected, row);
    };
    let kind = FlowType::ReceivedCredit;
    let of_credit = Flow { id: &credit, kind, ..*flow };
    let expected = Expected { amount, created: at, status, last: EntryType::ReceivedCredit };
    agrees(view, &of_credit, transaction, &expected, row)?;
    let found = view.load::<ReceivedCredit>(&credit)?;
    let source = found.and_then(|found| found.source.clone());
    let is_sent_back = source.is_some_and(|source| source.kind == SourceFlowType::CreditReversal);
    row.must(is_sent_back, format!("{credit} returned it, which comes from no reversal"));
    Ok(())
}

/// What test mode lets become of a flow by itself, by where it goes to.
fn outcome<K: Kind>(view: &View<'_>, payment: &Outbound<K>) -> Result<Outcome> {
    let bank = match &payment.destination {
        Destination::FinancialAccount { .. } => return Ok(Outcome::Posted),
        Destination::UsBankAccount(bank) => bank,
    };
    if view.livemode() {
        return Ok(Outcome::Waits);
    }
    if let Some(id) = &bank.payment_method
        && let Some(method) = view.load::<PaymentMethod>(id)?
        && let Some(behavior) = &method.test_behavior
    {
        return Ok(Outcome::of_behavior(behavior));
    }
    if bank.routing_number != TEST_ROUTING_NUMBER {
        return Ok(Outcome::Waits);
    }
    // The number itself is not kept, but what tells it from others is.
    let is_number = |number: &str| {
        number.ends_with(&bank.last4)
            && BankAccount::of(view, TEST_ROUTING_NUMBER, number).fingerprint == bank.fingerprint
    };
    let known = OUTCOMES.iter().find(|(_, number, _)| is_number(number));
    Ok(known.map_or(Outcome::Waits, |(_, _, outcome)| *outcome))
}

/// What its jobs are still to do, by the stage that a flow is in.
fn steps_ahead(stage: &Stage, is_delayed: bool, outcome: Outcome) -> Vec<String> {
    let is_processing = matches!(stage, Stage::Processing | Stage::Submitted(_));
    let is_posted = matches!(stage, Stage::Posted(_));
    let step = |is_ahead: bool, step: &str| is_ahead.then(|| step.to_owned());
    let steps = match outcome {
        Outcome::Waits => [None, None],
        Outcome::Posted => [step(is_processing, "post"), None],
        Outcome::Canceled => [step(is_processing, "cancel"), None],
        Outcome::Failed => [step(is_processing, "fail"), None],
        Outcome::Delayed => {
            [step(is_processing && !is_delayed, "delay"), step(is_processing, "post")]
        }
        Outcome::Returned(code) => {
            let back = format!("return {}", code.as_str());
            [step(is_processing, "post"), step(is_processing || is_posted, &back)]
        }
    };
    steps.into_iter().flatten().collect()
}

/// The same of a flow that the bank moves by the clock.
fn the_banks_steps_ahead(stage: &Stage, is_delayed: bool, outcome: Outcome) -> Vec<String> {
    let mut steps = match outcome {
        Outcome::Waits => steps_ahead(stage, is_delayed, Outcome::Posted),
        other => steps_ahead(stage, is_delayed, other),
    };
    let goes_out = !matches!(outcome, Outcome::Canceled | Outcome::Failed);
    if *stage == Stage::Processing && goes_out {
        steps.push("submit".to_owned());
    }
    steps
}

/// What an outbound flow says of itself must fit together.
fn alone<K: Kind>(payment: &Outbound<K>, row: &mut Row<'_>) {
    let stage = &payment.stage;
    let times = [stage.canceled_at(), stage.failed_at(), stage.posted_at(), stage.returned_at()];
    let mut before = payment.created;
    for at in times.into_iter().flatten() {
        row.must(at >= before, format!("its time {at} lies before {before}"));
        before = at;
    }
    if let Stage::Submitted(at) = stage {
        row.must(*at >= before, format!("it was handed over at {at}, before it was there"));
        row.must(payment.settles, "it was handed over, but the bank does not move it");
    }
    if let Some(details) = &payment.tracking_details {
        let is_sent = match stage {
            Stage::Submitted(_) | Stage::Posted(_) | Stage::Returned { .. } => true,
            // The bank can have had it before it failed.
            Stage::Failed(_) => payment.settles,
            Stage::Processing | Stage::Canceled(_) => false,
        };
        let status = payment.status().as_str();
        row.must(is_sent, format!("it has tracking details although it is {status}"));
        let is_same = details.network() == payment.destination.network();
        row.must(is_same, "its tracking details are those of another network");
    }
}

/// What a Transaction's flow says of it.
pub(super) struct Flow<'a> {
    pub(super) id: &'a str,
    pub(super) kind: FlowType,
    pub(super) account: &'a str,
    pub(super) amount: i64,
    pub(super) contra: Contra,
}

/// What a Transaction must be by the state of its flow.
pub(super) struct Expected {
    pub(super) amount: i64,
    pub(super) created: Millis,
    pub(super) status: Status,
    pub(super) last: EntryType,
}

/// Whether a Transaction is what its flow says.
pub(super) fn agrees(
    view: &View<'_>,
    flow: &Flow<'_>,
    id: &str,
    expected: &Expected,
    row: &mut Row<'_>,
) -> Result<()> {
    let Some(found) = view.load::<Transaction>(id)? else {
        row.wrong(format!("its Transaction {id} is not there"));
        return Ok(());
    };
    let Expected { amount, created, status, last } = expected;
    let (of, account) = (&found.flow, &found.financial_account);
    row.must(
        of.as_deref() == Some(flow.id) && found.flow_type == flow.kind,
        format!("its Transaction {id} is one of {}", of.as_deref().unwrap_or("no flow")),
    );
    row.must(account == flow.account, format!("its Transaction {id} is one of {account}"));
    row.must(
        found.amount == *amount,
        format!("its Transaction {id} has the amount {}, not {amount}", found.amount),
    );
    row.must(
        found.status == *status && found.created == *created,
        format!(
            "its Transaction {id} is {:?} since {}, not {status:?} since {created}",
            found.status, found.created
        ),
    );
    let entry = match found.entries.last() {
        Some(entry) => view.session.posting(view.owner.number, entry)?,
        None => None,
    };
    // An entry that is gone is told about the Transaction.
    let Some(entry) = entry else { return Ok(()) };
    let moved = entry.amount;
    row.must(moved == flow.amount, format!("its Transaction {id} ends with an entry of {moved}"));
    let (kind, last) = (&entry.kind, last.as_str());
    row.must(kind == last, format!("its Transaction {id} ends with {kind}, not with {last}"));
    let outside = [&entry.from, &entry.to]
        .into_iter()
        .find(|name| matches!(Account::parse(name), Some(Account::Contra(_))));
    let contra = Account::Contra(flow.contra).name();
    row.must(
        outside.is_none_or(|outside| outside == contra),
        format!("the money of its Transaction {id} is not that of {contra}"),
    );
    Ok(())
}

/// A credit that succeeded is booked, one that failed is not; the flow it comes from is there.
pub(super) fn received_credit(
    view: &View<'_>,
    credit: &ReceivedCredit,
    row: &mut Row<'_>,
) -> Result<()> {
    match (&credit.transaction, credit.status()) {
        (Some(id), received::Status::Succeeded) => {
            let (amount, created) = (credit.amount.minor_units(), credit.created);
            let flow = Flow {
                id: &credit.id,
                kind: FlowType::ReceivedCredit,
                account: &credit.financial_account,
                amount,
                contra: credit.contra(),
            };
            let (status, last) = (Status::Posted(created), EntryType::ReceivedCredit);
            let expected = Expected { amount, created, status, last };
            agrees(view, &flow, id, &expected, row)?;
        }
        (None, received::Status::Failed) => {}
        (Some(id), received::Status::Failed) => {
            row.wrong(format!("it failed and has the Transaction {id} all the same"));
        }
        (None, received::Status::Succeeded) => {
            row.wrong("it succeeded without a Transaction");
        }
    }
    row.must(credit.currency == Currency::USD, "its currency is another than usd");
    if view.load::<FinancialAccount>(&credit.financial_account)?.is_none() {
        row.wrong(format!("its {} is not there", credit.financial_account));
    }
    reversals::is_reversed(view, credit, row)?;
    let Some(source) = &credit.source else { return Ok(()) };
    match source.kind {
        SourceFlowType::OutboundPayment => other_side::<ToSomebody>(view, credit, source, row),
        SourceFlowType::OutboundTransfer => other_side::<ToOneself>(view, credit, source, row),
        SourceFlowType::CreditReversal => reversals::came_back(view, credit, source, row),
        SourceFlowType::Payout => {
            let is_there = view.session.has_object(source.acct, &source.id)?;
            row.must(is_there, format!("its source {} is not there", source.id));
            let is_from = credit.sender == Initiator::Payments;
            row.must(is_from, "it is a payout, but not from the payments balance");
            Ok(())
        }
        kind => {
            row.wrong(format!("a {} cannot be its source", kind.as_str()));
            Ok(())
        }
    }
}

fn other_side<K: Kind>(
    view: &View<'_>,
    credit: &ReceivedCredit,
    source: &Source,
    row: &mut Row<'_>,
) -> Result<()> {
    match view.load_of::<Outbound<K>>(source.acct, &source.id)? {
        Some(flow) => arrived(view.owner.number, credit, &flow, row),
        None => row.wrong(format!("its source {} is not there", source.id)),
    }
    Ok(())
}

/// A credit is the other side of the flow that it comes from.
fn arrived<K: Kind>(owner: i64, credit: &ReceivedCredit, payment: &Outbound<K>, row: &mut Row<'_>) {
    let id = &payment.id;
    let (sent, came) = (payment.amount.minor_units(), credit.amount.minor_units());
    row.must(sent == came, format!("its amount is {came}, that of its source {id} {sent}"));
    let here = Destination::FinancialAccount { id: credit.financial_account.clone(), owner };
    row.must(payment.destination == here, format!("its source {id} goes somewhere else"));
    let sender = Initiator::FinancialAccount(payment.financial_account.clone());
    row.must(credit.sender == sender, format!("its source {id} is from somewhere else"));
    let posted = payment.stage.posted_at() == Some(credit.created);
    row.must(posted, format!("its source {id} was not posted when it came"));
    if credit.failure_code.is_some() {
        let is_back = matches!(payment.stage, Stage::Returned { .. });
        row.must(is_back, format!("it failed, but its source {id} has not been returned"));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::destination::ReturnCode;
    use crate::outbound_payment::OutboundPayment;
    use crate::received_credit::{FailureCode, Network};
    use api::audit::Findings;
    use ledger::Amount;
    use store::Scope;

    fn payment(stage: Stage) -> OutboundPayment {
        OutboundPayment {
            id: "obp_1".into(),
            created: 1_000,
            financial_account: "fa_1".into(),
            amount: Amount::new(700).unwrap(),
            destination: Destination::FinancialAccount { id: "fa_2".into(), owner: 2 },
            transaction: "trxn_1".into(),
            stage,
            settles: false,
            file: None,
            description: None,
            is_delayed: false,
            kind: ToSomebody::default(),
            metadata: BTreeMap::new(),
            statement_descriptor: None,
            tracking_details: None,
        }
    }

    fn returned() -> Stage {
        Stage::Returned {
            posted_at: 2_000,
            returned_at: 2_000,
            code: ReturnCode::AccountClosed,
            transaction: "trxn_2".into(),
        }
    }

    fn credit() -> ReceivedCredit {
        ReceivedCredit {
            id: "rc_1".into(),
            created: 2_000,
            amount: Amount::new(700).unwrap(),
            currency: Currency::USD,
            description: "payment".into(),
            financial_account: "fa_2".into(),
            network: Network::Stripe,
            sender: Initiator::FinancialAccount("fa_1".into()),
            failure_code: None,
            source: Some(Source {
                kind: SourceFlowType::OutboundPayment,
                id: "obp_1".into(),
                acct: 0,
            }),
            credit_reversal: None,
            transaction: Some("trxn_3".into()),
        }
    }

    fn count(check: impl Fn(&mut Row<'_>)) -> u64 {
        let mut findings = Findings::default();
        check(&mut findings.at("objects", Scope { ws: 1, acct: 0 }, "x"));
        findings.count()
    }

    #[test]
    fn what_is_ahead_of_a_payment_is_known_by_its_stage() {
        let ahead = |stage: &Stage, outcome| steps_ahead(stage, false, outcome).join(", ");
        let bounced = Outcome::Returned(ReturnCode::NoAccount);
        let (begun, posted) = (Stage::Processing, Stage::Posted(2_000));
        assert_eq!(ahead(&begun, Outcome::Waits), "");
        assert_eq!(ahead(&begun, Outcome::Posted), "post");
        assert_eq!(ahead(&posted, Outcome::Posted), "");
        assert_eq!(ahead(&begun, Outcome::Canceled), "cancel");
        assert_eq!(ahead(&Stage::Canceled(1), Outcome::Canceled), "");
        assert_eq!(ahead(&begun, Outcome::Failed), "fail");
        assert_eq!(ahead(&begun, Outcome::Delayed), "delay, post");
        assert_eq!(steps_ahead(&begun, true, Outcome::Delayed), ["post"]);
        assert_eq!(ahead(&begun, bounced), "post, return no_account");
        assert_eq!(ahead(&posted, bounced), "return no_account");
        assert_eq!(ahead(&returned(), bounced), "");
    }

    #[test]
    fn what_the_bank_is_still_to_do_is_known_by_its_stage() {
        let ahead = |stage: &Stage, is_delayed, outcome| {
            the_banks_steps_ahead(stage, is_delayed, outcome).join(", ")
        };
        let bounced = Outcome::Returned(ReturnCode::NoAccount);
        let (begun, sent, posted) =
            (Stage::Processing, Stage::Submitted(1_500), Stage::Posted(2_000));
        assert_eq!(ahead(&begun, false, Outcome::Waits), "post, submit");
        assert_eq!(ahead(&sent, false, Outcome::Waits), "post");
        assert_eq!(ahead(&begun, false, Outcome::Delayed), "delay, post, submit");
        assert_eq!(ahead(&sent, true, Outcome::Delayed), "post");
        assert_eq!(ahead(&begun, false, Outcome::Failed), "fail");
        assert_eq!(ahead(&begun, false, Outcome::Canceled), "cancel");
        assert_eq!(ahead(&sent, false, bounced), "post, return no_account");
        assert_eq!(ahead(&posted, false, bounced), "return no_account");
        assert_eq!(ahead(&posted, false, Outcome::Waits), "");
    }

    #[test]
    fn a_credit_is_the_other_side_of_its_payment() {
        let check = |owner: i64, credit: &ReceivedCredit, stage: Stage| {
            count(|row| arrived(owner, credit, &payment(stage.clone()), row))
        };
        let posted = Stage::Posted(2_000);
        assert_eq!(check(2, &credit(), posted.clone()), 0);
        assert_eq!(check(2, &credit(), returned()), 0);
        assert_eq!(check(3, &credit(), posted.clone()), 1, "another account");
        assert_eq!(check(2, &credit(), Stage::Processing), 1, "not sent yet");
        assert_eq!(check(2, &credit(), Stage::Posted(1_999)), 1, "another time");
        let more = ReceivedCredit { amount: Amount::new(701).unwrap(), ..credit() };
        assert_eq!(check(2, &more, posted.clone()), 1, "another amount");
        let other =
            ReceivedCredit { sender: Initiator::FinancialAccount("fa_9".into()), ..credit() };
        assert_eq!(check(2, &other, posted.clone()), 1, "another sender");
        let failed = ReceivedCredit { failure_code: Some(FailureCode::AccountClosed), ..credit() };
        assert_eq!(check(2, &failed, posted), 1, "failed and kept");
        assert_eq!(check(2, &failed, returned()), 0);
    }

    #[test]
    fn the_times_of_a_payment_go_forward_and_only_what_was_sent_is_tracked() {
        let check = |payment: &OutboundPayment| count(|row| alone(payment, row));
        let posted = payment(Stage::Posted(1_000));
        assert_eq!([check(&payment(Stage::Processing)), check(&posted)], [0, 0]);
        assert_eq!(check(&payment(Stage::Canceled(999))), 1);
        assert_eq!(check(&payment(returned())), 0);
        let tracked = |payment: OutboundPayment| OutboundPayment {
            tracking_details: serde_json::from_str(r#"{"ach":{"trace_id":"1"}}"#).unwrap(),
            ..payment
        };
        assert_eq!(check(&tracked(posted)), 1, "another network");
        assert_eq!(check(&tracked(payment(Stage::Failed(2_000)))), 2, "never sent, either");
    }
}
