//! An InboundTransfer agrees with its Transaction, and with the debit that took it back.

use api::audit::Row;
use api::{Result, View};
use exchequer_core::payment_method::PaymentMethod;
use ledger::Contra;

use super::flows::{Expected, Flow, agrees};
use crate::book::{EntryType, FlowType};
use crate::financial_account::FinancialAccount;
use crate::inbound_transfer::{InboundTransfer, OUTCOMES, Outcome, Stage};
use crate::received_debit::{Cause, ReceivedDebit};
use crate::transaction::Status;

/// The kind of the jobs that take a transfer further.
const STEP_JOB: &str = "inbound_transfer.step";

pub(super) fn inbound_transfer(
    view: &View<'_>,
    transfer: &InboundTransfer,
    row: &mut Row<'_>,
) -> Result<()> {
    let amount = transfer.amount.minor_units();
    if let Stage::Succeeded { at, transaction }
    | Stage::Returned { succeeded_at: at, transaction, .. } = &transfer.stage
    {
        let flow = Flow {
            id: &transfer.id,
            kind: FlowType::InboundTransfer,
            account: &transfer.financial_account,
            amount,
            contra: Contra::AchClearing,
        };
        let (status, last) = (Status::Posted(*at), EntryType::InboundTransfer);
        let expected = Expected { amount, created: *at, status, last };
        agrees(view, &flow, transaction, &expected, row)?;
    }
    let stage = &transfer.stage;
    let ended = stage.canceled_at().or(stage.failed_at()).or(stage.succeeded_at());
    let begins = transfer.created;
    row.must(ended.is_none_or(|at| at >= begins), format!("it ended before {begins}"));
    if view.load::<FinancialAccount>(&transfer.financial_account)?.is_none() {
        row.wrong(format!("its {} is not there", transfer.financial_account));
    }
    if let Some(id) = stage.received_debit() {
        let debit = view.load::<ReceivedDebit>(id)?;
        let is_own = debit.is_some_and(|debit| is_return_of(&debit, transfer));
        row.must(is_own, format!("the debit {id} that took it back is none of its own"));
    }
    // What was planned for an account that is gone is dropped.
    if !view.owner.id.is_empty() {
        for step in steps_ahead(stage, transfer.settles, outcome(view, transfer)?) {
            row.must_wait_for(STEP_JOB, &step);
        }
    }
    if let Stage::Submitted(at) = stage {
        row.must(transfer.settles, "it was handed over, but the bank does not move it");
        row.must(*at >= begins, format!("it was handed over before {begins}"));
    }
    Ok(())
}

/// Whether a debit took that transfer back.
pub(super) fn is_return_of(debit: &ReceivedDebit, transfer: &InboundTransfer) -> bool {
    debit.cause == Some(Cause::InboundTransfer(transfer.id.clone()))
        && transfer.stage.received_debit() == Some(&debit.id)
        && debit.amount == transfer.amount
        && debit.financial_account == transfer.financial_account
        && transfer.stage.succeeded_at().is_some_and(|at| at <= debit.created)
}

/// What test mode lets become of it by itself, by where it comes from.
fn outcome(view: &View<'_>, transfer: &InboundTransfer) -> Result<Outcome> {
    if view.livemode() {
        return Ok(Outcome::Waits);
    }
    let Some(id) = &transfer.origin.bank.payment_method else { return Ok(Outcome::Waits) };
    // What has no token behind it succeeds: a PaymentMethod, or a bank account that may be gone.
    let method = view.load::<PaymentMethod>(id)?;
    let behavior = method.as_ref().and_then(|method| method.test_behavior.as_ref());
    let Some(behavior) = behavior else { return Ok(Outcome::Succeeds) };
    let known = OUTCOMES.iter().find(|(name, _)| name == behavior);
    Ok(known.map_or(Outcome::Waits, |(_, outcome)| *outcome))
}

/// What its jobs are still to do, by the stage that it is in.
fn steps_ahead(stage: &Stage, settles: bool, outcome: Outcome) -> Vec<String> {
    let is_new = *stage == Stage::Processing;
    let is_processing = is_new || matches!(stage, Stage::Submitted(_));
    let is_there = matches!(stage, Stage::Succeeded { .. });
    let step = |is_ahead: bool, step: &str| is_ahead.then(|| step.to_owned());
    let submission = step(is_new && settles, "submit");
    let steps = match outcome {
        // What waits for a test helper is moved by the bank, where that moves anything.
        Outcome::Waits => [step(is_processing && settles, "succeed"), None],
        Outcome::Succeeds => [step(is_processing, "succeed"), None],
        Outcome::Fails(code) => [step(is_processing, &format!("fail {}", code.as_str())), None],
        Outcome::IsDisputed => [
            step(is_processing, "succeed"),
            step(is_processing || is_there, "return debit_not_authorized"),
        ],
    };
    submission.into_iter().chain(steps.into_iter().flatten()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::inbound_transfer::FailureCode;

    #[test]
    fn what_is_ahead_of_a_transfer_is_known_by_its_stage() {
        let ahead = |stage: &Stage, outcome| steps_ahead(stage, false, outcome).join(", ");
        let begun = Stage::Processing;
        let came = Stage::Succeeded { at: 2_000, transaction: "trxn_1".into() };
        let fails = Outcome::Fails(FailureCode::NoAccount);
        assert_eq!(ahead(&begun, Outcome::Waits), "");
        assert_eq!(ahead(&begun, Outcome::Succeeds), "succeed");
        assert_eq!(ahead(&came, Outcome::Succeeds), "");
        assert_eq!(ahead(&begun, fails), "fail no_account");
        assert_eq!(ahead(&Stage::Canceled(1), fails), "");
        assert_eq!(ahead(&begun, Outcome::IsDisputed), "succeed, return debit_not_authorized");
        assert_eq!(ahead(&came, Outcome::IsDisputed), "return debit_not_authorized");
        let gone = Stage::Canceled(2_000);
        assert_eq!(ahead(&gone, Outcome::IsDisputed), "");
        let by_bank = |stage: &Stage, outcome| steps_ahead(stage, true, outcome).join(", ");
        let handed_over = Stage::Submitted(2_000);
        assert_eq!(by_bank(&begun, Outcome::Waits), "submit, succeed");
        assert_eq!(by_bank(&handed_over, Outcome::Waits), "succeed");
        assert_eq!(by_bank(&handed_over, fails), "fail no_account");
        assert_eq!(by_bank(&came, Outcome::Succeeds), "");
    }

    #[test]
    fn a_return_is_the_other_side_of_its_transfer() {
        let returned = |debit: &str| Stage::Returned {
            succeeded_at: 2_000,
            transaction: "trxn_1".into(),
            code: FailureCode::Other,
            received_debit: debit.into(),
        };
        let transfer = |stage: Stage| -> InboundTransfer {
            serde_json::from_value(serde_json::json!({
                "id": "ibt_1",
                "created": 1_000,
                "financial_account": "fa_1",
                "amount": 700,
                "origin": {"bank": {
                    "network": "ach",
                    "routing_number": "110000000",
                    "last4": "6789",
                    "fingerprint": "f",
                    "billing_details": {},
                }},
                "stage": serde_json::to_value(stage).unwrap(),
            }))
            .unwrap()
        };
        let debit = |amount: i64, account: &str, created: i64| -> ReceivedDebit {
            serde_json::from_value(serde_json::json!({
                "id": "rd_1",
                "created": created,
                "amount": amount,
                "currency": "usd",
                "description": "transfer",
                "financial_account": account,
                "network": "ach",
                "initiator": {"us_bank_account": {"last4": "6789", "routing_number": "1"}},
                "cause": {"inbound_transfer": "ibt_1"},
                "transaction": "trxn_2",
            }))
            .unwrap()
        };
        let own = transfer(returned("rd_1"));
        assert!(is_return_of(&debit(700, "fa_1", 2_000), &own));
        assert!(!is_return_of(&debit(701, "fa_1", 2_000), &own), "another amount");
        assert!(!is_return_of(&debit(700, "fa_2", 2_000), &own), "another account");
        assert!(!is_return_of(&debit(700, "fa_1", 1_999), &own), "before it came");
        let other = transfer(returned("rd_2"));
        assert!(!is_return_of(&debit(700, "fa_1", 2_000), &other), "another debit");
        let kept = transfer(Stage::Succeeded { at: 2_000, transaction: "trxn_1".into() });
        assert!(!is_return_of(&debit(700, "fa_1", 2_000), &kept), "it was not returned");
        let mut foreign = debit(700, "fa_1", 2_000);
        foreign.cause = None;
        assert!(!is_return_of(&foreign, &own), "a debit of its own");
    }
}
