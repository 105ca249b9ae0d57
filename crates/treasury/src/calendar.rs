//! The calendar of US banks: business days, and hours in New York.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday, date};
use jiff::tz::TimeZone;
use store::Millis;

/// The banks' day begins and ends in New York. Its clock is that of the law in force since 2007,
/// older than any workspace, so that no files about time zones are needed.
static EASTERN: LazyLock<TimeZone> = LazyLock::new(|| {
    let winter = || TimeZone::fixed(jiff::tz::offset(-5));
    TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap_or_else(|_| winter())
});

/// Juneteenth is a holiday of the Federal Reserve since this year.
const FIRST_JUNETEENTH: i16 = 2022;

/// Day and time of a moment in New York. What lies outside of the calendar lies at its end.
pub fn local(moment: Millis) -> (Date, Time) {
    let instant = Timestamp::from_millisecond(moment).unwrap_or(Timestamp::MAX);
    let local = EASTERN.to_datetime(instant);
    (local.date(), local.time())
}

/// The moment of a day and time in New York.
pub fn moment(day: Date, at: Time) -> Millis {
    let instant = EASTERN.to_timestamp(day.to_datetime(at));
    instant.unwrap_or(Timestamp::MAX).as_millisecond()
}

/// The midnight (UTC) that ends a day: in seconds, as the API shows it.
pub fn end_of(day: Date) -> i64 {
    midnight_utc(day_after(day))
}

/// Until when an ach credit or debit can be reversed, in seconds: the first moment (UTC) of the
/// second business day after the day (UTC) of its creation.
pub fn reversal_deadline(created: Millis) -> i64 {
    let Ok(instant) = Timestamp::from_millisecond(created) else { return api::seconds(created) };
    let day = TimeZone::UTC.to_datetime(instant).date();
    midnight_utc(business_day_after(business_day_after(day)))
}

/// The business day that many business days after a day, which need not be one.
pub fn business_day_from(day: Date, days: u32) -> Date {
    (0..days).fold(day, |day, _| business_day_after(day))
}

fn business_day_after(day: Date) -> Date {
    let mut next = day_after(day);
    while !is_business_day(next) && next != Date::MAX {
        next = day_after(next);
    }
    next
}

/// The calendar's very last day, in the year 9999, is followed by itself.
fn day_after(day: Date) -> Date {
    day.tomorrow().unwrap_or(Date::MAX)
}

fn midnight_utc(day: Date) -> i64 {
    day.duration_since(date(1970, 1, 1)).as_secs()
}

/// Monday to Friday, save the holidays.
pub fn is_business_day(day: Date) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !is_bank_holiday(day)
}

/// Whether the Federal Reserve keeps a holiday on that weekday. A holiday on a Sunday is kept on
/// the Monday after it; one on a Saturday is not kept on another day.
fn is_bank_holiday(day: Date) -> bool {
    if is_fixed_holiday(day) || is_floating_holiday(day) {
        return true;
    }
    let is_monday = day.weekday() == Weekday::Monday;
    is_monday && day.yesterday().is_ok_and(is_fixed_holiday)
}

/// New Year's Day, Juneteenth, Independence Day, Veterans Day, Christmas Day.
fn is_fixed_holiday(day: Date) -> bool {
    match (day.month(), day.day()) {
        (6, 19) => day.year() >= FIRST_JUNETEENTH,
        (1, 1) | (7, 4) | (11, 11) | (12, 25) => true,
        _ => false,
    }
}

/// Martin Luther King's Birthday, Washington's Birthday, Memorial Day, Labor Day, Columbus Day and
/// Thanksgiving Day: a weekday of a week of a month.
fn is_floating_holiday(day: Date) -> bool {
    let week = (day.day() - 1) / 7 + 1;
    let is_last = day.day() + 7 > day.days_in_month();
    match (day.month(), day.weekday()) {
        (1 | 2, Weekday::Monday) => week == 3,
        (5, Weekday::Monday) => is_last,
        (9, Weekday::Monday) => week == 1,
        (10, Weekday::Monday) => week == 2,
        (11, Weekday::Thursday) => week == 4,
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn day_of(seconds: i64) -> String {
        let instant = Timestamp::from_second(seconds).unwrap();
        TimeZone::UTC.to_datetime(instant).date().to_string()
    }

    #[test]
    fn a_moment_is_a_day_and_time_in_new_york() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        for (utc, day, hour) in [
            ("2024-03-08T00:45:00Z", date(2024, 3, 7), 19), // winter
            ("2024-03-12T00:45:00Z", date(2024, 3, 11), 20), // summer
        ] {
            let (local_day, time) = local(at(utc));
            assert_eq!((local_day, time.hour(), time.minute()), (day, hour, 45));
            assert_eq!(moment(local_day, time), at(utc));
        }
    }

    #[test]
    fn business_days_are_counted_from_any_day() {
        let friday = date(2023, 5, 26); // before Memorial Day
        let days = [friday, date(2023, 5, 30), date(2023, 5, 31)];
        for (count, day) in (0..).zip(days) {
            assert_eq!(business_day_from(friday, count), day);
        }
        assert_eq!(business_day_from(date(2023, 5, 27), 1), date(2023, 5, 30));
    }

    #[test]
    fn the_deadline_of_a_reversal_skips_days_off() {
        let table = [
            ("2023-04-03T12:00:00Z", "2023-04-05"),
            ("2023-04-06T23:59:59Z", "2023-04-10"),
            ("2023-04-08T00:00:00Z", "2023-04-11"),
            ("2023-07-03T00:00:00Z", "2023-07-06"),
        ];
        for (created, deadline) in table {
            let created = created.parse::<Timestamp>().unwrap().as_millisecond();
            assert_eq!(day_of(reversal_deadline(created)), deadline);
        }
    }

    #[test]
    fn holidays_are_those_of_the_federal_reserve() {
        let holidays = [
            // Of 2023; New Year's Day was a Sunday.
            date(2023, 1, 2),
            date(2023, 1, 16),
            date(2023, 2, 20),
            date(2023, 5, 29),
            date(2023, 6, 19),
            date(2023, 7, 4),
            date(2023, 9, 4),
            date(2023, 10, 9),
            date(2023, 11, 23),
            date(2023, 12, 25),
        ];
        let mut day = date(2023, 1, 1);
        while day.year() == 2023 {
            let is_weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
            let expected = !is_weekend && !holidays.contains(&day);
            assert_eq!(is_business_day(day), expected, "{day}");
            day = day.tomorrow().unwrap();
        }
        // A Saturday's holiday is not kept on the Friday before it.
        assert!(is_business_day(date(2026, 7, 3)));
        assert!(is_business_day(date(2021, 12, 31)));
        // Juneteenth: not yet in 2020, a Sunday's in 2022.
        assert!(is_business_day(date(2020, 6, 19)));
        assert!(!is_business_day(date(2022, 6, 20)));
        // Memorial Day is the last Monday of May, also where that is the fourth.
        assert!(!is_business_day(date(2026, 5, 25)));
        assert!(is_business_day(date(2025, 5, 19)));
        assert!(is_business_day(date(2021, 5, 24)));
        assert!(!is_business_day(date(2021, 5, 31)));
        // A week's last day still belongs to it.
        assert!(!is_business_day(date(2019, 1, 21)));
        assert!(!is_business_day(date(2026, 9, 7)));
        assert!(!is_business_day(date(2024, 10, 14)));
        assert!(!is_business_day(date(2024, 11, 28)));
    }

    #[test]
    fn the_end_of_the_calendar_is_no_trap() {
        assert!(reversal_deadline(253_402_207_199_000) > 0);
        assert_eq!(local(Millis::MAX), local(Timestamp::MAX.as_millisecond()));
        assert!(end_of(Date::MAX) > 0);
        assert_eq!(moment(Date::MAX, Time::MAX), Timestamp::MAX.as_millisecond());
    }
}
