//! When a payment arrives: business days and cut-offs in New York, shown as midnight UTC.

use exchequer_tests::FinancialAccount;

use super::{ROUTING, WAITS, frozen};

/// An account with money, on a clock that stands at this time.
fn account_at(now: i64) -> FinancialAccount {
    frozen(now).financial_account().holding(1_000)
}

#[track_caller]
fn expect_by_ach(now: i64, arrival: i64) {
    let payment = account_at(now).pays(100).to_bank(ROUTING, WAITS);
    payment.created.expect("created", now).expect("expected_arrival_date", arrival);
}

#[track_caller]
fn expect_by_wire(now: i64, arrival: i64) {
    let draft = account_at(now).pays(100).network("us_domestic_wire").address();
    let payment = draft.to_bank(ROUTING, WAITS);
    payment.created.expect("created", now).expect("expected_arrival_date", arrival);
}

#[test]
fn treasury_42_by_ach() {
    // Wednesday: Thursday. Friday: Monday.
    expect_by_ach(1_680_717_489, 1_680_825_600);
    expect_by_ach(1_680_879_600, 1_681_171_200);
}

#[test]
fn treasury_42_by_wire() {
    // Wednesday: the same day.
    expect_by_wire(1_680_717_489, 1_680_739_200);
}

#[test]
fn treasury_42_the_last_second_of_the_day() {
    // ach: half past eight in the evening of that Wednesday.
    expect_by_ach(1_680_740_999, 1_680_825_600);
    expect_by_ach(1_680_741_060, 1_680_912_000);
    // A wire: five in the afternoon.
    expect_by_wire(1_680_728_399, 1_680_739_200);
    expect_by_wire(1_680_728_460, 1_680_825_600);
}

#[test]
fn treasury_42_weekends_and_holidays() {
    // Saturday, the 8th of April 2023, at noon: ach on Tuesday, a wire on Monday.
    expect_by_ach(1_680_969_600, 1_681_257_600);
    expect_by_wire(1_680_969_600, 1_681_171_200);
    // Friday, the 26th of May 2023, before Memorial Day: ach on Tuesday.
    expect_by_ach(1_685_116_800, 1_685_491_200);
}

#[test]
fn treasury_42_no_status_changes_the_date() {
    let payment = account_at(1_680_717_489).pays(100).to_bank(ROUTING, WAITS);
    payment.test_helper("return", &[]).ok().expect("expected_arrival_date", 1_680_825_600);
}
