//! What happens to a transfer by itself: by the magic of test mode, or by the clock of the bank.

use api::{Fault, Result, Tx};
use store::Millis;

use super::origin::{OUTCOMES, Outcome};
use super::state::{Action, FailureCode, InboundTransfer};
use super::steps;
use crate::destination::{Network, ReturnCode};
use crate::rails::{self, ach};

/// The kind of the job that takes a transfer one automatic step further.
pub const STEP_JOB: &str = "inbound_transfer.step";

/// What follows by itself, and when.
type Step = (Millis, Action, Option<FailureCode>);

/// Plans what follows by itself.
pub fn plan(tx: &mut Tx<'_>, transfer: &InboundTransfer, outcome: Outcome) -> Result<()> {
    let steps = if transfer.settles {
        by_the_bank(transfer.created, outcome)
    } else {
        by_magic(transfer.created, tx.app.config.step_delay_ms, outcome)
    };
    for (due, action, code) in steps {
        tx.plan(due, STEP_JOB, &transfer.id, &detail(action, code))?;
    }
    Ok(())
}

/// Whether some test token takes an action by itself.
pub fn is_magic(action: Action) -> bool {
    let takes = |(_, taken, _): &Step| *taken == action;
    OUTCOMES.iter().any(|(_, outcome)| by_magic(0, 1, *outcome).iter().any(takes))
}

/// Whether a bank that moves by the clock takes an action.
pub fn is_the_banks(action: Action) -> bool {
    let takes = |(_, taken, _): &Step| *taken == action;
    OUTCOMES.iter().any(|(_, outcome)| by_the_bank(0, *outcome).iter().any(takes))
}

/// Step n is due n delays after the creation.
fn by_magic(created: Millis, delay: Millis, outcome: Outcome) -> Vec<Step> {
    let steps: &[Action] = match outcome {
        Outcome::Waits => &[],
        Outcome::Succeeds => &[Action::Succeed],
        Outcome::Fails(_) => &[Action::Fail],
        Outcome::IsDisputed => &[Action::Succeed, Action::Return],
    };
    let due = |at: i64| created.saturating_add(delay.saturating_mul(at));
    let step = |(at, action): (i64, &Action)| (due(at), *action, code_of(*action, outcome));
    (1..).zip(steps).map(step).collect()
}

/// Handed over at the cut-off. The money is there on the fourth business day after, when its bank
/// can no longer send it back unpaid; what it cannot pay is known before. What would wait for a
/// test helper is moved, too.
fn by_the_bank(created: Millis, outcome: Outcome) -> Vec<Step> {
    let rail = rails::of(Network::Ach);
    let submitted = rail.submission(created);
    let funded = ach::funding(submitted);
    let back = |arrived| rail.way_back(arrived, ReturnCode::Other);
    let step = |due, action| (due, action, code_of(action, outcome));
    let mut steps = vec![step(submitted, Action::Submit)];
    match outcome {
        Outcome::Waits | Outcome::Succeeds => steps.push(step(funded, Action::Succeed)),
        Outcome::Fails(_) => steps.push(step(back(rail.arrival(submitted)), Action::Fail)),
        Outcome::IsDisputed => {
            steps.extend([step(funded, Action::Succeed), step(back(funded), Action::Return)]);
        }
    }
    steps
}

fn code_of(action: Action, outcome: Outcome) -> Option<FailureCode> {
    match (action, outcome) {
        (Action::Fail, Outcome::Fails(code)) => Some(code),
        (Action::Return, Outcome::IsDisputed) => Some(FailureCode::DebitNotAuthorized),
        _ => None,
    }
}

/// A job for a step; a transfer that has gone another way meanwhile is left alone.
pub fn run_step(tx: &mut Tx<'_>, id: &str, detail: &str) -> Result<()> {
    let (action, code) = read_detail(detail)
        .ok_or_else(|| Fault(format!("{id} has an unknown step planned: {detail}")))?;
    let Some(transfer) = tx.load::<InboundTransfer>(id)? else { return Ok(()) };
    if transfer.check(action).is_err() {
        return Ok(());
    }
    let code = code.unwrap_or(FailureCode::Other);
    match action {
        Action::Cancel => steps::cancel(tx, &transfer),
        Action::Fail => steps::fail(tx, &transfer, code),
        Action::Return => steps::return_(tx, &transfer, code),
        Action::Submit => steps::submit(tx, &transfer),
        Action::Succeed => steps::succeed(tx, &transfer),
    }?;
    Ok(())
}

/// `succeed`, or `fail no_account`.
fn detail(action: Action, code: Option<FailureCode>) -> String {
    match code {
        Some(code) => format!("{} {}", action.as_str(), code.as_str()),
        None => action.as_str().to_owned(),
    }
}

fn read_detail(detail: &str) -> Option<(Action, Option<FailureCode>)> {
    match detail.split_once(' ') {
        Some((action, code)) => Some((Action::parse(action)?, Some(FailureCode::parse(code)?))),
        None => Some((Action::parse(detail)?, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wednesday, the 5th of April 2023, in the afternoon.
    const WEDNESDAY: Millis = 1_680_716_009_000;
    const ACH_CUTOFF: Millis = 1_680_741_000_000;

    fn shown(steps: Vec<Step>) -> Vec<(Millis, String)> {
        steps.into_iter().map(|(due, action, code)| (due, detail(action, code))).collect()
    }

    fn expected(steps: &[(Millis, &str)]) -> Vec<(Millis, String)> {
        steps.iter().map(|(due, step)| (*due, (*step).to_owned())).collect()
    }

    #[test]
    fn every_planned_step_is_read_back() {
        let fails = Outcome::Fails(FailureCode::NoAccount);
        for outcome in [Outcome::Waits, Outcome::Succeeds, fails, Outcome::IsDisputed] {
            for steps in [by_magic(0, 1, outcome), by_the_bank(WEDNESDAY, outcome)] {
                for (_, action, code) in steps {
                    assert_eq!(read_detail(&detail(action, code)), Some((action, code)));
                }
            }
        }
        for bad in ["", "succeeded", "fail nothing", "fail no_account now"] {
            assert_eq!(read_detail(bad), None, "{bad}");
        }
    }

    #[test]
    fn magic_takes_a_step_after_another() {
        let magic = |outcome| shown(by_magic(5_000, 1_000, outcome));
        assert_eq!(magic(Outcome::Waits), expected(&[]));
        assert_eq!(magic(Outcome::Succeeds), expected(&[(6_000, "succeed")]));
        let fails = Outcome::Fails(FailureCode::NoAccount);
        assert_eq!(magic(fails), expected(&[(6_000, "fail no_account")]));
        let disputed = [(6_000, "succeed"), (7_000, "return debit_not_authorized")];
        assert_eq!(magic(Outcome::IsDisputed), expected(&disputed));
    }

    #[test]
    fn the_bank_takes_its_days() {
        // Half past eight in New York: the next Monday, Tuesday and Thursday.
        let (monday, tuesday, thursday) = (1_681_129_800_000, 1_681_216_200_000, 1_681_389_000_000);
        let submit = (ACH_CUTOFF, "submit");
        let bank = |outcome| shown(by_the_bank(WEDNESDAY, outcome));
        for outcome in [Outcome::Waits, Outcome::Succeeds] {
            assert_eq!(bank(outcome), expected(&[submit, (tuesday, "succeed")]), "{outcome:?}");
        }
        let fails = Outcome::Fails(FailureCode::NoAccount);
        assert_eq!(bank(fails), expected(&[submit, (monday, "fail no_account")]));
        let disputed = [submit, (tuesday, "succeed"), (thursday, "return debit_not_authorized")];
        assert_eq!(bank(Outcome::IsDisputed), expected(&disputed));
    }
}
