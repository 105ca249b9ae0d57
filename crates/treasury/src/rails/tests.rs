//! When money is handed over, arrives and comes back.

use jiff::Timestamp;
use jiff::civil::time;
use jiff::tz::TimeZone;

use super::*;

/// `2023-04-05T13:58:09` in New York, in milliseconds.
fn eastern(text: &str) -> Millis {
    let local: jiff::civil::DateTime = text.parse().unwrap();
    calendar::moment(local.date(), local.time())
}

fn shown(moment: Millis) -> String {
    let (day, time) = calendar::local(moment);
    format!("{day}T{time}")
}

fn promise(network: Network, created: Millis) -> String {
    let instant = Timestamp::from_second(of(network).promise(created)).unwrap();
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
        assert_eq!(of(network).promise(created * 1000 + 999), arrival);
    }
}

#[test]
fn arrivals_follow_cutoffs_weekends_and_holidays() {
    // Creation in New York, then the midnight that ends the day of arrival: ach, wire.
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
    for (created, ach, wire) in table {
        let at = eastern(created);
        assert_eq!(promise(Network::Ach, at), ach, "ach at {created}");
        assert_eq!(promise(Network::UsDomesticWire, at), wire, "wire at {created}");
    }
}

#[test]
fn cutoffs_follow_daylight_saving_time() {
    // 00:45 UTC is 20:45 in summer, past the cut-off, and 19:45 in winter, before it.
    let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
    let arrival = |text: &str| promise(Network::Ach, at(text));
    assert_eq!(arrival("2024-03-08T00:45:00Z"), "2024-03-09"); // Thursday evening, winter
    assert_eq!(arrival("2024-03-12T00:45:00Z"), "2024-03-14"); // Monday evening, summer
    assert_eq!(arrival("2024-11-01T00:45:00Z"), "2024-11-05"); // Thursday evening, summer
    assert_eq!(arrival("2024-11-05T00:45:00Z"), "2024-11-06"); // Monday evening, winter
}

#[test]
fn a_payment_goes_its_way_in_business_days() {
    // Creation, then when it is handed over, arrives, and would be back.
    let table = [
        (
            Network::Ach,
            "2023-04-05T13:00:00",
            ["2023-04-05T20:30:00", "2023-04-06T08:30:00", "2023-04-10T08:30:00"],
        ),
        (
            // The evening before a weekend with a holiday behind it.
            Network::Ach,
            "2023-05-26T20:30:01",
            ["2023-05-30T20:30:00", "2023-05-31T08:30:00", "2023-06-02T08:30:00"],
        ),
        (
            Network::UsDomesticWire,
            "2023-05-26T16:59:59",
            ["2023-05-26T17:00:00", "2023-05-26T18:00:00", "2023-05-30T12:00:00"],
        ),
        (
            Network::UsDomesticWire,
            "2023-05-27T09:00:00",
            ["2023-05-30T17:00:00", "2023-05-30T18:00:00", "2023-05-31T12:00:00"],
        ),
    ];
    for (network, created, times) in table {
        let rail = of(network);
        let submitted = rail.submission(eastern(created));
        let arrived = rail.arrival(submitted);
        let back = rail.way_back(arrived, ReturnCode::NoAccount);
        assert_eq!([submitted, arrived, back].map(shown), times, "{network:?} at {created}");
    }
}

#[test]
fn what_is_promised_is_the_end_of_the_day_of_arrival() {
    // A year and a day in steps of seven hours and some: all hours of all days.
    let begin = eastern("2023-01-01T00:00:00");
    for step in 0..1_200 {
        let created = begin + step * 26_500_000;
        for network in [Network::Ach, Network::UsDomesticWire] {
            let rail = of(network);
            let arrived = rail.arrival(rail.submission(created));
            let ends = calendar::end_of(day_of(arrived));
            assert_eq!(rail.promise(created), ends, "{network:?} at {}", shown(created));
        }
    }
}

#[test]
fn within_stripe_nothing_waits() {
    let rail = of(Network::Stripe);
    assert_eq!([rail.submission(5), rail.arrival(5), rail.way_back(5, ReturnCode::Other)], [5; 3]);
    assert_eq!(rail.track(5, 1), None);
}

#[test]
fn numbers_are_those_of_the_network() {
    let ach = of(Network::Ach).track(0, 12_345);
    assert_eq!(ach, Some(TrackingDetails::Ach { trace_id: "110000000012345".into() }));
    let wire = of(Network::UsDomesticWire).track(eastern("2023-04-05T17:00:00"), 7);
    let imad = Some("20230405STRPEX1B000007".into());
    assert_eq!(wire, Some(TrackingDetails::UsDomesticWire { chips: None, imad, omad: None }));
    assert_eq!(ach::trace_id(10_000_001), "110000000000001");
}

#[test]
fn the_end_of_the_calendar_is_no_trap() {
    for network in [Network::Ach, Network::UsDomesticWire] {
        assert!(of(network).promise(Millis::MAX) > 0);
    }
}
