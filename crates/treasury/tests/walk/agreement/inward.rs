//! The same for what comes in from one's own bank, what others pull, and reversals.

use serde_json::{Value, json};

use super::{Ids, seconds};
use crate::model::inward::{Debit, Draft, Reversal, Stage, deadline};
use crate::model::{Flow, Model};
use crate::rules::{must, of};
use crate::world::Look;

pub fn check(look: &Look, model: &Model, ids: &Ids) -> Result<(), String> {
    counted(look, "ibt_", model.drafts.len())?;
    for draft in &model.drafts {
        inbound_transfer(draft, model, &look.shown[&draft.id])?;
    }
    for (at, draft) in model.drafts.iter().enumerate() {
        let taken = model.debits.iter().position(|debit| debit.from == Some(at));
        let shown = &look.shown[&draft.id]["linked_flows"]["received_debit"];
        let debit = taken.map_or(Value::Null, |debit| ids.debits[debit].as_str().into());
        must(*shown == debit, || format!("{draft:?} was taken back by {shown}"))?;
    }
    counted(look, "credrev_", model.sent_back.len())?;
    for reversal in &model.sent_back {
        let (shown, ended) = (&look.shown[&reversal.id], "posted");
        reversed(reversal, &ids.credits[reversal.of], shown, ["received_credit", ended])?;
    }
    counted(look, "debrev_", model.taken_back.len())?;
    for reversal in &model.taken_back {
        let (shown, ended) = (&look.shown[&reversal.id], "completed");
        reversed(reversal, &ids.debits[reversal.of], shown, ["received_debit", ended])?;
    }
    Ok(())
}

fn counted(look: &Look, prefix: &str, expected: usize) -> Result<(), String> {
    let count = of(look, prefix).count();
    must(count == expected, || format!("there are {count} of {prefix}, not {expected}"))
}

fn inbound_transfer(draft: &Draft, model: &Model, shown: &Value) -> Result<(), String> {
    let at = |stages: &[Stage]| {
        let ended = draft.ended_at.filter(|_| stages.contains(&draft.stage));
        seconds(ended)
    };
    let has_come = matches!(draft.stage, Stage::Succeeded | Stage::Returned);
    let status = match draft.stage {
        Stage::Processing => "processing",
        Stage::Canceled => "canceled",
        Stage::Failed => "failed",
        Stage::Succeeded | Stage::Returned => "succeeded",
    };
    let transitions = json!({
        "canceled_at": at(&[Stage::Canceled]),
        "failed_at": at(&[Stage::Failed]),
        "succeeded_at": at(&[Stage::Succeeded, Stage::Returned]),
    });
    let agrees = shown["financial_account"] == *model.accounts[draft.account].id
        && shown["amount"] == draft.amount
        && shown["status"] == status
        && shown["created"] == draft.created / 1000
        && shown["cancelable"] == (draft.stage == Stage::Processing && !draft.is_sent)
        && shown["returned"] == (draft.stage == Stage::Returned)
        && shown["failure_details"]["code"] == draft.code.map_or(Value::Null, Value::from)
        && shown["status_transitions"] == transitions
        && shown["transaction"].is_string() == has_come;
    must(agrees, || format!("{draft:?} is shown as {shown}"))
}

/// A reversal names what it reverses and when it came to its end.
fn reversed(
    reversal: &Reversal,
    of: &str,
    shown: &Value,
    [reversed, ended]: [&str; 2],
) -> Result<(), String> {
    let is_over = reversal.ended_at.is_some();
    let status = match (is_over, ended) {
        (false, _) => "processing",
        (true, "posted") => "posted",
        (true, _) => "succeeded",
    };
    let agrees = shown[reversed] == of
        && shown["created"] == reversal.created / 1000
        && shown["status"] == status
        && shown["status_transitions"][format!("{ended}_at")] == seconds(reversal.ended_at);
    must(agrees, || format!("{reversal:?} of {of} is shown as {shown}"))
}

/// The ReceivedDebits, account by account in the order of their births.
pub fn debits(look: &Look, model: &Model) -> Result<Vec<String>, String> {
    counted(look, "rd_", model.debits.len())?;
    let mut ids = vec![String::new(); model.debits.len()];
    for (at, account) in model.accounts.iter().enumerate() {
        let shown = of(look, "rd_").filter(|(_, one)| one["financial_account"] == *account.id);
        let expected = model.debits.iter().enumerate().filter(|(_, one)| one.account == at);
        let (shown, expected): (Vec<_>, Vec<_>) = (shown.collect(), expected.collect());
        must(shown.len() == expected.len(), || {
            format!("{account:?} has {} debits, not {}", shown.len(), expected.len())
        })?;
        for ((id, shown), (debit_at, debit)) in shown.into_iter().zip(expected) {
            received_debit(debit, debit_at, model, shown)?;
            ids[debit_at].clone_from(id);
        }
    }
    Ok(ids)
}

fn received_debit(debit: &Debit, at: usize, model: &Model, shown: &Value) -> Result<(), String> {
    let linked = &shown["linked_flows"];
    let id = |id: Option<&str>| id.map_or(Value::Null, Value::from);
    let reversal = debit.reversal.map(|reversal| model.taken_back[reversal].id.as_str());
    let draft = debit.from.map(|draft| model.drafts[draft].id.as_str());
    let status = if debit.failure.is_some() { "failed" } else { "succeeded" };
    let restriction = model.debit_restriction(at);
    let agrees = shown["amount"] == debit.amount
        && shown["network"] == "ach"
        && shown["created"] == debit.created / 1000
        && shown["failure_code"] == debit.failure.map_or(Value::Null, Value::from)
        && shown["status"] == status
        && shown["transaction"].is_null() == debit.failure.is_some()
        && linked["debit_reversal"] == id(reversal)
        && linked["inbound_transfer"] == id(draft);
    must(agrees, || format!("{debit:?} is shown as {shown}"))?;
    let by_ach = debit.from.is_none().then_some(debit.created);
    reversal_details(shown, debit.failure.is_some(), restriction, by_ach)
}

/// Whether, and until when, something received can be reversed.
pub fn reversal_details(
    shown: &Value,
    has_failed: bool,
    restriction: Option<&str>,
    by_ach: Option<i64>,
) -> Result<(), String> {
    let expected = if has_failed {
        Value::Null
    } else {
        json!({"deadline": seconds(by_ach.map(deadline)), "restricted_reason": restriction})
    };
    must(shown["reversal_details"] == expected, || format!("{shown} should say {expected}"))
}

/// The name of a flow in the types of its events.
pub fn name(flow: Flow) -> &'static str {
    match flow {
        Flow::Payment(_) | Flow::None => "",
        Flow::Credit(_) => "received_credit",
        Flow::Debit(_) => "received_debit",
        Flow::Draft(_) => "inbound_transfer",
        Flow::SentBack(_) => "credit_reversal",
        Flow::TakenBack(_) => "debit_reversal",
    }
}
