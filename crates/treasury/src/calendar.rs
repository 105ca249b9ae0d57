//! When money arrives: US bank business days, the cut-offs of the networks in New York, and the
//! dates that follow from them.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday, date, time};
use jiff::tz::TimeZone;
use store::Millis;

use crate::destination::Network;

/// The banks' day begins and ends in New York. Its clock is that of the law in force since 2007,
/// older than any workspace, so that no files about time zones are needed.
static EASTERN: LazyLock<TimeZone> = LazyLock::new(|| {
    let winter = || TimeZone::fixed(jiff::tz::offset(-5));
    TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap_or_else(|_| winter())
});

/// The last moment of a business day at which a network still takes a payment for that day.
const ACH_CUTOFF: Time = time(20, 30, 0, 0);
const WIRE_CUTOFF: Time = time(17, 0, 0, 0);

/// Juneteenth is a holiday of the Federal Reserve since this year.
const FIRST_JUNETEENTH: i16 = 2022;

/// When a payment is expected to arrive, in seconds. The API shows the midnight (UTC) that ends the
/// day of arrival; what stays within Stripe arrives at once.
pub fn expected_arrival(network: Network, created: Millis) -> i64 {
    let Ok(instant) = Timestamp::from_millisecond(created) else { return api::seconds(created) };
    let local = EASTERN.to_datetime(instant);
    let arrival = match network {
        Network::Stripe => return api::seconds(created),
        Network::Ach => business_day_after(submission_day(local.date(), local.time(), ACH_CUTOFF)),
        Network::UsDomesticWire => submission_day(local.date(), local.time(), WIRE_CUTOFF),
    };
    midnight_utc(day_after(arrival))
}

/// Until when an ach credit or debit can be reversed, in seconds: the first moment (UTC) of the
/// second business day after the day (UTC) of its creation.
pub fn reversal_deadline(created: Millis) -> i64 {
    let Ok(instant) = Timestamp::from_millisecond(created) else { return api::seconds(created) };
    let day = TimeZone::UTC.to_datetime(instant).date();
    midnight_utc(business_day_after(business_day_after(day)))
}

/// The business day on which a network takes a payment.
fn submission_day(day: Date, at: Time, cutoff: Time) -> Date {
    if is_business_day(day) && at <= cutoff { day } else { business_day_after(day) }
}

fn business_day_after(day: Date) -> Date {
    let mut next = day_after(day);
    while !is_business_day(next) {
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

    /// `2023-04-05T13:58:09` in New York, in milliseconds.
    fn eastern(text: &str) -> Millis {
        let local: jiff::civil::DateTime = text.parse().unwrap();
        EASTERN.to_timestamp(local).unwrap().as_millisecond()
    }

    fn day_of(seconds: i64) -> String {
        let instant = Timestamp::from_second(seconds).unwrap();
        let utc = TimeZone::UTC.to_datetime(instant);
        assert_eq!(utc.time(), time(0, 0, 0, 0));
        utc.date().to_string()
    }

    #[test]
    fn published_samples_hold() {
        let table = [
            (Network::Ach, 1_680_717_489, 1_680_825_600),
            (Network::UsDomesticWire, 1_680_717_489, 1_680_739_200),
            (Network::Ach, 1_680_879_600, 1_681_171_200),
            (Network::Stripe, 1_680_716_009, 1_680_716_009),
        ];
        for (network, created, arrival) in table {
            assert_eq!(expected_arrival(network, created * 1000 + 999), arrival);
        }
        assert_eq!(reversal_deadline(1_680_755_425_000), 1_681_084_800);
        assert_eq!(reversal_deadline(1_721_954_079_000), 1_722_297_600);
    }

    #[test]
    fn arrivals_follow_cutoffs_weekends_and_holidays() {
        // Submission in New York, then the midnight that ends the day of arrival: ach, wire.
        let table = [
            ("2023-04-03T09:00:00", "2023-04-05", "2023-04-04"), // Monday
            ("2023-04-03T17:00:00", "2023-04-05", "2023-04-04"), // the wire cut-off itself
            ("2023-04-03T17:00:01", "2023-04-05", "2023-04-05"),
            ("2023-04-03T20:30:00", "2023-04-05", "2023-04-05"), // the ach cut-off itself
            ("2023-04-03T20:30:01", "2023-04-06", "2023-04-05"),
            ("2023-04-06T09:00:00", "2023-04-08", "2023-04-07"), // Thursday
            ("2023-04-07T09:00:00", "2023-04-11", "2023-04-08"), // Friday
            ("2023-04-07T23:00:00", "2023-04-12", "2023-04-11"),
            ("2023-04-08T09:00:00", "2023-04-12", "2023-04-11"), // Saturday
            ("2023-04-09T09:00:00", "2023-04-12", "2023-04-11"), // Sunday
            ("2023-07-03T09:00:00", "2023-07-06", "2023-07-04"), // before Independence Day
            ("2023-07-04T09:00:00", "2023-07-07", "2023-07-06"), // on it
            ("2023-12-29T09:00:00", "2024-01-03", "2023-12-30"), // before New Year's Day
        ];
        for (submitted, ach, wire) in table {
            let created = eastern(submitted);
            let arrival = |network| day_of(expected_arrival(network, created));
            assert_eq!(arrival(Network::Ach), ach, "ach at {submitted}");
            assert_eq!(arrival(Network::UsDomesticWire), wire, "wire at {submitted}");
        }
    }

    #[test]
    fn cutoffs_follow_daylight_saving_time() {
        // 00:45 UTC is 20:45 in summer, past the cut-off, and 19:45 in winter, before it.
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        let arrival = |text: &str| day_of(expected_arrival(Network::Ach, at(text)));
        assert_eq!(arrival("2024-03-08T00:45:00Z"), "2024-03-09"); // Thursday evening, winter
        assert_eq!(arrival("2024-03-12T00:45:00Z"), "2024-03-14"); // Monday evening, summer
        assert_eq!(arrival("2024-11-01T00:45:00Z"), "2024-11-05"); // Thursday evening, summer
        assert_eq!(arrival("2024-11-05T00:45:00Z"), "2024-11-06"); // Monday evening, winter
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
        assert_eq!(expected_arrival(Network::Ach, Millis::MAX), Millis::MAX.div_euclid(1000));
        assert!(reversal_deadline(253_402_207_199_000) > 0);
    }
}
