//! What is shown and kept must be what the model says.

use serde_json::Value;

use crate::command::{FEATURES, Outbound};
use crate::model::{Account, Credit, Flow, Model, Payment, Sender, Status, Way};
use crate::rules::{Sums, must, of};
use crate::world::Look;

const DAY_SECONDS: i64 = 86_400;

mod inward;

/// The ids of what the model knows by its place: nobody told them.
pub struct Ids {
    pub credits: Vec<String>,
    pub debits: Vec<String>,
}

pub fn check(look: &Look, sums: &Sums, model: &Model) -> Result<Ids, String> {
    let count = of(look, "fa_").count();
    must(count == model.accounts.len(), || format!("there are {count} FinancialAccounts"))?;
    for account in &model.accounts {
        financial_account(account, &look.shown[&account.id])?;
    }
    for (flow, prefix) in [(Outbound::Payment, "obp_"), (Outbound::Transfer, "obt_")] {
        let count = of(look, prefix).count();
        let expected = model.payments.iter().filter(|payment| payment.flow == flow).count();
        must(count == expected, || format!("there are {count} of {flow:?}, not {expected}"))?;
    }
    for payment in &model.payments {
        outbound_payment(payment, model, &look.shown[&payment.id])?;
    }
    let ids = Ids { credits: credits(look, model)?, debits: inward::debits(look, model)? };
    inward::check(look, model, &ids)?;
    transactions(look, model, &ids)?;
    events(look, model, &ids)?;
    for (name, amount) in &sums.outside {
        let expected = model.outside.get(name.as_str()).copied().unwrap_or_default();
        must(*amount == expected, || format!("{name} has {amount}, not {expected}"))?;
    }
    Ok(ids)
}

/// A time as it is shown.
fn seconds(at: Option<i64>) -> Value {
    at.map_or(Value::Null, |at| (at / 1000).into())
}

fn financial_account(account: &Account, shown: &Value) -> Result<(), String> {
    let balance = &shown["balance"];
    let status = if account.is_open { "open" } else { "closed" };
    let agrees = balance["cash"]["usd"] == account.cash
        && balance["outbound_pending"]["usd"] == account.held
        && shown["platform_restrictions"]["inbound_flows"] == restriction(account.no_inbound)
        && shown["platform_restrictions"]["outbound_flows"] == restriction(account.no_outbound)
        && shown["status"] == status;
    must(agrees, || format!("{account:?} is shown as {shown}"))?;
    for (at, feature) in FEATURES.iter().enumerate() {
        let has = |array: &str| {
            shown[array].as_array().is_some_and(|paths| paths.iter().any(|path| path == feature))
        };
        // Switching on takes no time.
        let is_there = has("active_features") || has("restricted_features");
        must(is_there == account.has(at) && !has("pending_features"), || {
            format!("{feature} of {account:?} is shown as {shown}")
        })?;
    }
    Ok(())
}

fn restriction(is_there: bool) -> &'static str {
    if is_there { "restricted" } else { "unrestricted" }
}

fn outbound_payment(payment: &Payment, model: &Model, shown: &Value) -> Result<(), String> {
    let times = |status, at: Option<i64>| {
        let at = at.filter(|_| payment.status == status || status == Status::Posted);
        at.map_or(Value::Null, |at| (at / 1000).into())
    };
    let transitions = serde_json::json!({
        "canceled_at": times(Status::Canceled, payment.ended_at),
        "failed_at": times(Status::Failed, payment.ended_at),
        "posted_at": times(Status::Posted, payment.posted_at),
        "returned_at": times(Status::Returned, payment.ended_at),
    });
    let status = match payment.status {
        Status::Processing => "processing",
        Status::Canceled => "canceled",
        Status::Failed => "failed",
        Status::Posted => "posted",
        Status::Returned => "returned",
    };
    let details = &shown["destination_payment_method_details"];
    let network = match payment.way {
        Way::Ach => details["us_bank_account"]["network"] == "ach",
        Way::Wire => details["us_bank_account"]["network"] == "us_domestic_wire",
        Way::Within { to } => details["financial_account"]["id"] == *model.accounts[to].id,
    };
    let code = payment.returned_code.map_or(Value::Null, Value::from);
    let agrees = network
        && shown["financial_account"] == *model.accounts[payment.account].id
        && shown["amount"] == payment.amount
        && shown["status"] == status
        && shown["cancelable"] == (payment.status == Status::Processing && !payment.is_sent)
        && shown["created"] == payment.created / 1000
        && shown["status_transitions"] == transitions
        && shown["returned_details"]["code"] == code
        && shown["tracking_details"].is_object() == payment.is_tracked
        && (payment.is_delayed || payment.way != (Way::Ach) || arrives_soon(shown));
    must(agrees, || format!("{payment:?} is shown as {shown}"))
}

/// No two days off follow each other for more than three days.
fn arrives_soon(shown: &Value) -> bool {
    let at = |name: &str| shown[name].as_i64().unwrap_or_default();
    (at("created")..at("created") + 6 * DAY_SECONDS).contains(&at("expected_arrival_date"))
}

/// The ReceivedCredits, account by account in the order of their births.
fn credits(look: &Look, model: &Model) -> Result<Vec<String>, String> {
    let mut ids = vec![String::new(); model.credits.len()];
    let mut count = 0;
    for (at, account) in model.accounts.iter().enumerate() {
        let shown = of(look, "rc_").filter(|(_, one)| one["financial_account"] == *account.id);
        let shown: Vec<_> = shown.collect();
        let expected = model.credits.iter().enumerate().filter(|(_, one)| one.account == at);
        let expected: Vec<_> = expected.collect();
        must(shown.len() == expected.len(), || {
            format!("{account:?} has {} credits, not {}", shown.len(), expected.len())
        })?;
        for ((id, shown), (credit_at, credit)) in shown.into_iter().zip(expected) {
            received_credit(credit, credit_at, model, shown)?;
            ids[credit_at].clone_from(id);
            count += 1;
        }
    }
    must(count == of(look, "rc_").count(), || "there is a credit of no account".into())?;
    Ok(ids)
}

fn received_credit(credit: &Credit, at: usize, model: &Model, shown: &Value) -> Result<(), String> {
    let from = credit.from.map(|from| match from {
        Sender::Payment(at) => model.payments[at].id.as_str(),
        Sender::SentBack(at) => model.sent_back[at].id.as_str(),
    });
    let reversal = credit.reversal.map(|reversal| model.sent_back[reversal].id.as_str());
    let status = if credit.failure.is_some() { "failed" } else { "succeeded" };
    let agrees = shown["amount"] == credit.amount
        && shown["network"] == credit.network
        && shown["created"] == credit.created / 1000
        && shown["failure_code"] == credit.failure.map_or(Value::Null, Value::from)
        && shown["status"] == status
        && shown["transaction"].is_null() == credit.failure.is_some()
        && shown["linked_flows"]["source_flow"] == from.map_or(Value::Null, Value::from)
        && shown["linked_flows"]["credit_reversal"] == reversal.map_or(Value::Null, Value::from);
    must(agrees, || format!("{credit:?} is shown as {shown}"))?;
    let by_ach = (credit.network == "ach").then_some(credit.created);
    let restriction = model.credit_restriction(at);
    inward::reversal_details(shown, credit.failure.is_some(), restriction, by_ach)
}

/// Of each account there are these Transactions, and no others.
fn transactions(look: &Look, model: &Model, ids: &Ids) -> Result<(), String> {
    let mut expected: Vec<_> = model
        .transactions
        .iter()
        .map(|one| {
            let account = model.accounts[one.account].id.clone();
            let flow = ids.of(model, one.flow);
            let ended = one.ended.map(|at| at / 1000);
            (account, flow, one.amount, one.status.to_owned(), one.created / 1000, ended)
        })
        .collect();
    let mut shown: Vec<_> = of(look, "trxn_")
        .map(|(_, one)| {
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            let number = |name: &str| one[name].as_i64().unwrap_or_default();
            let times = &one["status_transitions"];
            let ended = times["posted_at"].as_i64().or(times["void_at"].as_i64());
            let (account, flow, status) = (text("financial_account"), text("flow"), text("status"));
            (account, flow, number("amount"), status, number("created"), ended)
        })
        .collect();
    expected.sort();
    shown.sort();
    must(shown == expected, || format!("the Transactions are {shown:?}, not {expected:?}"))?;
    for payment in &model.payments {
        let shown = &look.shown[&payment.id];
        let (first, back) = (&shown["transaction"], &shown["returned_details"]["transaction"]);
        for (id, sign) in [(first, -1), (back, 1)] {
            let Some(id) = id.as_str() else { continue };
            let amount = look.shown[id]["amount"].as_i64().unwrap_or_default();
            let flow = match payment.returned_by.filter(|_| sign > 0) {
                Some(credit) => &ids.credits[credit],
                None => &payment.id,
            };
            let is_own = look.shown[id]["flow"] == **flow && amount * sign >= 0;
            must(is_own, || format!("{id} is named by {payment:?}"))?;
        }
    }
    Ok(())
}

/// Each owner was told of these payments and credits, in this order.
fn events(look: &Look, model: &Model, ids: &Ids) -> Result<(), String> {
    for (events, told) in look.events.iter().zip(&model.told) {
        let of_flows = |(kind, _): &&(String, String)| {
            kind.starts_with("treasury.") && !kind.starts_with("treasury.financial_account")
        };
        let events: Vec<_> = events.iter().filter(of_flows).cloned().collect();
        let told = told.iter().map(|(kind, flow)| match flow {
            Flow::Payment(at) => {
                let name = match model.payments[*at].flow {
                    Outbound::Payment => "outbound_payment",
                    Outbound::Transfer => "outbound_transfer",
                };
                (format!("treasury.{name}.{kind}"), ids.of(model, *flow))
            }
            flow => (format!("treasury.{}.{kind}", inward::name(*flow)), ids.of(model, *flow)),
        });
        let told: Vec<_> = told.collect();
        must(events == told, || format!("the events are {events:?}, not {told:?}"))?;
    }
    Ok(())
}

impl Ids {
    fn of(&self, model: &Model, flow: Flow) -> String {
        match flow {
            Flow::Payment(at) => model.payments[at].id.clone(),
            Flow::Credit(at) => self.credits[at].clone(),
            Flow::Debit(at) => self.debits[at].clone(),
            Flow::Draft(at) => model.drafts[at].id.clone(),
            Flow::SentBack(at) => model.sent_back[at].id.clone(),
            Flow::TakenBack(at) => model.taken_back[at].id.clone(),
            Flow::None => String::new(),
        }
    }
}
