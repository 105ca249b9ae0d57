//! When a delivery that failed is tried again, by the workspace's clock.

use store::Millis;

const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;

/// Test mode: the first attempt and three more within hours.
const TEST: [Millis; 4] = [0, 5 * MINUTE, HOUR, 3 * HOUR];
/// Live mode: ever further apart, for three days.
const LIVE: [Millis; 11] = [
    0,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    22 * HOUR,
    34 * HOUR,
    46 * HOUR,
    58 * HOUR,
    70 * HOUR,
];

/// When to try again after an attempt at `now` failed; none when it was the last. Times count from
/// `first`, when the delivery was due or, if that was later, first tried; what was missed meanwhile
/// is not made up for.
pub fn next(livemode: bool, first: Millis, now: Millis) -> Option<Millis> {
    let offsets: &[Millis] = if livemode { &LIVE } else { &TEST };
    let next = offsets.iter().find(|offset| first + **offset > now)?;
    Some(first + next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(livemode: bool) -> Vec<Millis> {
        let first = 1_700_000_000_123;
        let mut times = vec![first];
        while let Some(time) = next(livemode, first, *times.last().unwrap()) {
            times.push(time);
        }
        times.iter().map(|time| (time - first) / MINUTE).collect()
    }

    #[test]
    fn attempts_are_made_at_their_offsets() {
        assert_eq!(all(false), [0, 5, 60, 180]);
        let live = [0, 5, 30, 120, 300, 600, 1320, 2040, 2760, 3480, 4200];
        assert_eq!(all(true), live);
    }

    #[test]
    fn a_late_attempt_is_followed_by_what_lies_ahead() {
        assert_eq!(next(false, 0, 5 * MINUTE - 1), Some(5 * MINUTE));
        assert_eq!(next(false, 0, 20 * MINUTE), Some(HOUR));
        assert_eq!(next(false, 0, 3 * HOUR), None);
        assert_eq!(next(false, 0, 30 * HOUR), None);
    }
}
