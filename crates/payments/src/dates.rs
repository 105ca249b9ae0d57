//! Days of the payments balance. They begin at midnight UTC, and banks rest on weekends.

use store::Millis;

pub const DAY_MS: Millis = 24 * 3_600_000;

/// Saturday is the second day after the first of January 1970, which was a Thursday.
const SATURDAY: i64 = 2;
const SUNDAY: i64 = 3;

/// The first midnight at or after a time.
pub fn midnight_from(at: Millis) -> Millis {
    match at.rem_euclid(DAY_MS) {
        0 => at,
        since => at + (DAY_MS - since),
    }
}

/// The first midnight after a time that begins no day of a weekend.
pub fn next_bank_day(at: Millis) -> Millis {
    let mut day = midnight_from(at + 1);
    while matches!(day.div_euclid(DAY_MS).rem_euclid(7), SATURDAY | SUNDAY) {
        day += DAY_MS;
    }
    day
}

/// The same, that many bank days later.
pub fn bank_days_after(at: Millis, days: u32) -> Millis {
    (0..days).fold(at, |day, _| next_bank_day(day))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-04-04, a Tuesday.
    const TUESDAY: Millis = 1_680_566_400_000;

    #[test]
    fn a_day_begins_at_midnight() {
        assert_eq!(midnight_from(TUESDAY), TUESDAY);
        assert_eq!(midnight_from(TUESDAY + 1), TUESDAY + DAY_MS);
        assert_eq!(midnight_from(TUESDAY - 1), TUESDAY);
    }

    #[test]
    fn banks_rest_on_weekends() {
        assert_eq!(next_bank_day(TUESDAY), TUESDAY + DAY_MS);
        assert_eq!(next_bank_day(TUESDAY + 82_260_000), TUESDAY + DAY_MS);
        let friday = TUESDAY + 3 * DAY_MS;
        for late in [friday, friday + 1, friday + DAY_MS, friday + 2 * DAY_MS] {
            assert_eq!(next_bank_day(late), friday + 3 * DAY_MS, "{late}");
        }
        assert_eq!(bank_days_after(friday, 2), friday + 4 * DAY_MS);
    }
}
