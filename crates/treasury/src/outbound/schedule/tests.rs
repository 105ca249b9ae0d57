//! What is planned, and when.

use super::*;
use crate::destination::OUTCOMES;

const CREATED: Millis = 10_000;
const STEP_MS: Millis = 1_000;
const BOUNCED: Outcome = Outcome::Returned(ReturnCode::NoAccount);

/// A network whose days are easy to count: handed over at 100, there at 200, back at 300.
struct Plain;

impl Rail for Plain {
    fn submission(&self, created: Millis) -> Millis {
        created + 100
    }

    fn arrival(&self, submitted: Millis) -> Millis {
        submitted + 100
    }

    fn way_back(&self, arrived: Millis, _: ReturnCode) -> Millis {
        arrived + 100
    }

    fn promise(&self, created: Millis) -> i64 {
        created
    }

    fn track(&self, _: Millis, _: i64) -> Option<crate::outbound::TrackingDetails> {
        None
    }
}

fn shown(steps: Vec<Step>) -> String {
    let step = |(due, action, code): &Step| format!("{} {}", due - CREATED, detail(*action, *code));
    steps.iter().map(step).collect::<Vec<_>>().join(", ")
}

#[test]
fn every_planned_step_is_read_back() {
    for (_, _, outcome) in OUTCOMES {
        let magic = by_magic(CREATED, STEP_MS, *outcome);
        let bank = by_the_bank(&Plain, CREATED, STEP_MS, *outcome);
        for (_, action, code) in magic.into_iter().chain(bank) {
            assert_eq!(read_detail(&detail(action, code)), Some((action, code)));
        }
    }
    for bad in ["", "posted", "return nothing", "return no_account now"] {
        assert_eq!(read_detail(bad), None, "{bad}");
    }
}

#[test]
fn magic_steps_are_due_one_after_another() {
    let table = [
        (Outcome::Waits, ""),
        (Outcome::Posted, "1000 post"),
        (Outcome::Delayed, "1000 delay, 2000 post"),
        (Outcome::Canceled, "1000 cancel"),
        (Outcome::Failed, "1000 fail"),
        (BOUNCED, "1000 post, 2000 return no_account"),
    ];
    for (outcome, steps) in table {
        assert_eq!(shown(by_magic(CREATED, STEP_MS, outcome)), steps, "{outcome:?}");
    }
}

#[test]
fn the_bank_keeps_its_own_time() {
    let table = [
        (Outcome::Waits, "100 submit, 200 post"),
        (Outcome::Posted, "100 submit, 200 post"),
        (Outcome::Delayed, "100 submit, 100 delay, 86400200 post"),
        (Outcome::Canceled, "1000 cancel"),
        (Outcome::Failed, "100 fail"),
        (BOUNCED, "100 submit, 200 post, 300 return no_account"),
    ];
    for (outcome, steps) in table {
        assert_eq!(shown(by_the_bank(&Plain, CREATED, STEP_MS, outcome)), steps, "{outcome:?}");
    }
}
