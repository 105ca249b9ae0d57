//! The bank's time, reckoned anew: from April into May New York is four hours behind UTC, and the
//! weeks have no holiday.

use super::{Job, Model, Status, TRANSITION, Verdict, Way};
use crate::command::{Automatic, Inward};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
const BEHIND_UTC: i64 = 4 * HOUR_MS;

/// Minutes of the day: when a network takes no more, and when things arrive.
const ACH_CUTOFF: i64 = 20 * 60 + 30;
const WIRE_CUTOFF: i64 = 17 * 60;
const MORNING: i64 = 8 * 60 + 30;
const NOON: i64 = 12 * 60;
const EVENING: i64 = 18 * 60;

impl Model {
    /// What follows the creation of a payment to a bank, as its number wants it.
    pub(super) fn plan_by_the_bank(&mut self, payment: usize, steps: &[Automatic]) {
        let (now, way) = (self.now, self.payments[payment].way);
        let sent = next_cutoff(now, if way == Way::Wire { WIRE_CUTOFF } else { ACH_CUTOFF });
        let (there, back) = match way {
            Way::Wire => (at(day_of(sent), EVENING), later(sent, 1, NOON)),
            Way::Ach | Way::Within { .. } => {
                let there = later(sent, 1, MORNING);
                (there, later(there, 2, MORNING))
            }
        };
        let mut plan = |due, step| self.jobs.push((due, Job::Payment(payment, step)));
        match steps {
            [Automatic::Cancel] => plan(now + self.delay, Automatic::Cancel),
            [Automatic::Fail] => plan(sent, Automatic::Fail),
            [Automatic::Delay, ..] => {
                plan(sent, Automatic::Submit);
                plan(sent, Automatic::Delay);
                plan(there + DAY_MS, Automatic::Post);
            }
            [_, last @ Automatic::Return(_)] => {
                plan(sent, Automatic::Submit);
                plan(there, Automatic::Post);
                plan(back, *last);
            }
            _ => {
                plan(sent, Automatic::Submit);
                plan(there, Automatic::Post);
            }
        }
    }

    pub(super) fn submit(&mut self, payment: usize) -> Verdict {
        let sent = &mut self.payments[payment];
        if sent.status != Status::Processing || sent.is_sent {
            return Err(TRANSITION);
        }
        sent.is_sent = true;
        sent.is_tracked = true;
        self.tell_payment(payment, "tracking_details_updated");
        Ok(())
    }

    /// The same for a draft, as its token wants it.
    pub(super) fn plan_draft_by_the_bank(&mut self, draft: usize, steps: &[Inward]) {
        let sent = next_cutoff(self.now, ACH_CUTOFF);
        let there = later(sent, 4, MORNING);
        let mut plan = |due, step| self.jobs.push((due, Job::Draft(draft, step)));
        plan(sent, Inward::Submit);
        match steps {
            [fails @ Inward::Fail(_)] => plan(later(sent, 3, MORNING), *fails),
            [_, disputed @ Inward::Return(_)] => {
                plan(there, Inward::Succeed);
                plan(later(there, 2, MORNING), *disputed);
            }
            _ => plan(there, Inward::Succeed),
        }
    }

    /// When a reversal that is made now is through.
    pub(super) fn plan_reversal(&mut self, is_by_ach: bool, job: Job) {
        if self.settles && is_by_ach {
            let sent = next_cutoff(self.now, ACH_CUTOFF);
            self.jobs.push((later(sent, 1, MORNING), job));
        } else {
            self.plan(1, job);
        }
    }
}

/// The number of the day in New York.
fn day_of(moment: i64) -> i64 {
    (moment - BEHIND_UTC).div_euclid(DAY_MS)
}

fn at(day: i64, minute: i64) -> i64 {
    day * DAY_MS + minute * MINUTE_MS + BEHIND_UTC
}

/// The first of all days was a Thursday.
fn is_workday(day: i64) -> bool {
    !matches!(day.rem_euclid(7), 2 | 3)
}

/// A time on the workday so many workdays after that of a moment.
fn later(moment: i64, days: usize, minute: i64) -> i64 {
    let from = day_of(moment) + 1;
    let workdays = (from..).filter(|day| is_workday(*day));
    let day = if days == 0 { day_of(moment) } else { workdays.take(days).last().unwrap_or(from) };
    at(day, minute)
}

fn next_cutoff(moment: i64, minute: i64) -> i64 {
    let today = at(day_of(moment), minute);
    if is_workday(day_of(moment)) && moment <= today { today } else { later(moment, 1, minute) }
}
