//! What happens to an outbound flow by itself: by the magic of test mode, or by the clock of the
//! bank.

use api::{Fault, Result, Tx};
use store::Millis;

use super::steps::{RETURN_CODE_DEFAULT, perform_returning};
use super::{Action, Kind, Outbound};
use crate::destination::{Network, OUTCOMES, Outcome, ReturnCode};
use crate::rails::{self, Rail};

/// By how much a network puts off what it says will arrive later.
pub const DELAY_MS: Millis = 24 * 3_600_000;

/// What follows by itself, and when.
type Step = (Millis, Action, Option<ReturnCode>);

/// Plans what follows by itself.
pub fn plan<K: Kind>(tx: &mut Tx<'_>, outbound: &Outbound<K>, outcome: Outcome) -> Result<()> {
    let (created, delay) = (outbound.created, tx.app.config.step_delay_ms);
    let steps = if outbound.settles {
        let rail = rails::of(outbound.destination.network());
        by_the_bank(rail, created, delay, outcome)
    } else {
        by_magic(created, delay, outcome)
    };
    for (due, action, code) in steps {
        tx.plan(due, K::NAMES.step_job, &outbound.id, &detail(action, code))?;
    }
    Ok(())
}

/// Whether some test token or account number takes an action by itself.
pub fn is_magic(action: Action) -> bool {
    let takes = |(_, taken, _): &Step| *taken == action;
    OUTCOMES.iter().any(|(_, _, outcome)| by_magic(0, 1, *outcome).iter().any(takes))
}

/// Whether a bank that moves by the clock takes an action. Its user's change of mind is not its own.
pub fn is_the_banks(action: Action) -> bool {
    let takes = |(_, taken, _): &Step| *taken == action;
    let rail = rails::of(Network::Ach);
    let mut own = OUTCOMES.iter().filter(|(_, _, outcome)| *outcome != Outcome::Canceled);
    own.any(|(_, _, outcome)| by_the_bank(rail, 0, 1, *outcome).iter().any(takes))
}

/// Step n is due n delays after the creation.
fn by_magic(created: Millis, delay: Millis, outcome: Outcome) -> Vec<Step> {
    let steps: &[Action] = match outcome {
        Outcome::Posted => &[Action::Post],
        Outcome::Waits => &[],
        Outcome::Delayed => &[Action::Delay, Action::Post],
        Outcome::Canceled => &[Action::Cancel],
        Outcome::Failed => &[Action::Fail],
        Outcome::Returned(_) => &[Action::Post, Action::Return],
    };
    let due = |at: i64| created.saturating_add(delay.saturating_mul(at));
    let step = |(at, action): (i64, &Action)| (due(at), *action, code_of(*action, outcome));
    (1..).zip(steps).map(step).collect()
}

/// Handed over at the cut-off, posted when it arrives, and back within the return window. What
/// would wait for a test helper is moved, too. Its user's change of mind needs no bank.
fn by_the_bank(rail: &dyn Rail, created: Millis, delay: Millis, outcome: Outcome) -> Vec<Step> {
    let submitted = rail.submission(created);
    let arrived = rail.arrival(submitted);
    let step = |due, action| (due, action, code_of(action, outcome));
    match outcome {
        Outcome::Posted | Outcome::Waits => {
            vec![step(submitted, Action::Submit), step(arrived, Action::Post)]
        }
        Outcome::Delayed => vec![
            step(submitted, Action::Submit),
            step(submitted, Action::Delay),
            step(arrived.saturating_add(DELAY_MS), Action::Post),
        ],
        Outcome::Canceled => vec![step(created.saturating_add(delay), Action::Cancel)],
        Outcome::Failed => vec![step(submitted, Action::Fail)],
        Outcome::Returned(code) => vec![
            step(submitted, Action::Submit),
            step(arrived, Action::Post),
            step(rail.way_back(arrived, code), Action::Return),
        ],
    }
}

fn code_of(action: Action, outcome: Outcome) -> Option<ReturnCode> {
    match (action, outcome) {
        (Action::Return, Outcome::Returned(code)) => Some(code),
        _ => None,
    }
}

/// A job for a step; one that has gone another way meanwhile is left alone.
pub fn run<K: Kind>(tx: &mut Tx<'_>, id: &str, detail: &str) -> Result<()> {
    let (action, code) = read_detail(detail)
        .ok_or_else(|| Fault(format!("{id} has an unknown step planned: {detail}")))?;
    let Some(outbound) = tx.load::<Outbound<K>>(id)? else { return Ok(()) };
    if outbound.plan(action).is_err() {
        return Ok(());
    }
    perform_returning(tx, &outbound, action, code.unwrap_or(RETURN_CODE_DEFAULT))?;
    Ok(())
}

/// `post`, or `return account_closed`.
fn detail(action: Action, code: Option<ReturnCode>) -> String {
    match code {
        Some(code) => format!("{} {}", action.as_str(), code.as_str()),
        None => action.as_str().to_owned(),
    }
}

fn read_detail(detail: &str) -> Option<(Action, Option<ReturnCode>)> {
    match detail.split_once(' ') {
        Some((action, code)) => Some((Action::parse(action)?, Some(ReturnCode::parse(code)?))),
        None => Some((Action::parse(detail)?, None)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
