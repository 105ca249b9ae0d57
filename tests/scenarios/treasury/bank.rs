//! The bank moves money by the clock: cut-offs, days off, and what comes back, each at its time.

use exchequer_tests::{Answer, FinancialAccount, Folder, Payment, Sandbox, Server, run_program};
use serde_json::{Value, json};

use super::{
    CREDITS, Given, INBOUND, INVALID, ROUTING, WAITS, WEDNESDAY, expect_wrong_state, frozen,
};

/// Wednesday, the 5th of April 2023: five and six in the afternoon, half past eight in the evening.
const WIRE_CUTOFF: i64 = 1_680_728_400;
const WIRE_ARRIVAL: i64 = 1_680_732_000;
const ACH_CUTOFF: i64 = 1_680_741_000;
/// Half past eight the next morning, and on the Monday that is the second business day after it.
const ACH_ARRIVAL: i64 = 1_680_784_200;
const ACH_RETURN: i64 = 1_681_129_800;

const NO_ACCOUNT: &str = "000111111116";

#[track_caller]
fn settle(sandbox: &Sandbox, how: &str) -> Answer {
    let answer = sandbox.post_json("/_exchequer/account", &json!({"settle": how}));
    answer.ok().expect("settle", how);
    answer
}

/// An account with money, on a clock that stands, in a sandbox whose bank moves it.
#[track_caller]
fn account_at(now: i64) -> FinancialAccount {
    let platform = frozen(now);
    settle(&platform, "auto");
    platform.financial_account().holding(10_000)
}

#[track_caller]
fn expect_at(payment: &Payment, time: i64, status: &str, cancelable: bool) {
    payment.owner.clock_set(time);
    let seen = payment.get();
    seen.expect("status", status).expect("cancelable", cancelable);
}

#[track_caller]
fn expect_posted_at(payment: &Payment, time: i64) {
    expect_at(payment, time - 1, "processing", false);
    expect_at(payment, time, "posted", false);
    payment.expect("status_transitions.posted_at", time);
    payment.transaction().expect("status_transitions.posted_at", time);
}

#[test]
fn ach_is_handed_over_at_the_cutoff_and_arrives_in_the_morning() {
    let account = account_at(WEDNESDAY);
    let payment = account.pays(1_000).to_bank(ROUTING, WAITS);
    expect_at(&payment, ACH_CUTOFF - 1, "processing", true);
    expect_at(&payment, ACH_CUTOFF, "processing", false);
    expect_wrong_state(&payment.cancel());
    account.expect_balance(9_000, 1_000);
    expect_posted_at(&payment, ACH_ARRIVAL);
    account.expect_balance(9_000, 0);
    let promised = payment.created.int("expected_arrival_date");
    assert!((ACH_ARRIVAL..ACH_ARRIVAL + 86_400).contains(&promised), "{promised}");
}

#[test]
fn what_the_network_calls_a_payment_is_known_once_it_has_it() {
    let account = account_at(WEDNESDAY);
    let first = account.pays(100).to_bank(ROUTING, WAITS);
    let second = account.transfers(100).to_own_method("pm_usBankAccount_processing");
    let wire = account.pays(100).network("us_domestic_wire").address().to_bank(ROUTING, WAITS);
    first.expect("tracking_details", ());
    account.owner.clock_set(ACH_CUTOFF);
    wire.expect("tracking_details.type", "us_domestic_wire");
    wire.expect("tracking_details.us_domestic_wire.imad", "20230405STRPEX1B000001");
    first
        .expect("tracking_details", json!({"type": "ach", "ach": {"trace_id": "110000000000002"}}));
    second.expect("tracking_details.ach.trace_id", "110000000000003");
    let kind = "treasury.outbound_payment.tracking_details_updated";
    let event = &account.owner.events(kind)[0];
    assert_eq!(event["data"]["previous_attributes"], json!({"tracking_details": null}));
    assert_eq!(event["data"]["object"]["cancelable"], false);
    assert_eq!(event["created"], ACH_CUTOFF);
    // The network names it once.
    let trace = [("tracking_details[type]", "ach"), ("tracking_details[ach][trace_id]", "1")];
    expect_wrong_state(&first.test_helper("", &trace));
}

#[test]
fn a_wire_leaves_and_arrives_on_the_same_day() {
    let account = account_at(WEDNESDAY);
    let wire = || account.pays(1_000).network("us_domestic_wire").address();
    let payment = wire().to_bank(ROUTING, WAITS);
    let bounced = wire().to_bank(ROUTING, NO_ACCOUNT);
    expect_at(&payment, WIRE_CUTOFF - 1, "processing", true);
    expect_at(&payment, WIRE_CUTOFF, "processing", false);
    expect_posted_at(&payment, WIRE_ARRIVAL);
    bounced.expect("status", "posted");
    // A wire comes back at noon of the next business day.
    expect_at(&bounced, 1_680_796_799, "posted", false);
    expect_at(&bounced, 1_680_796_800, "returned", false);
    bounced.expect("returned_details.code", "no_account");
}

#[test]
fn a_weekend_is_no_time_for_banks() {
    // Friday at nine in the evening: handed over on Monday, there on Tuesday.
    let account = account_at(1_680_915_600);
    let payment = account.pays(1_000).to_bank(ROUTING, WAITS);
    expect_at(&payment, 1_681_172_999, "processing", true);
    expect_at(&payment, 1_681_173_000, "processing", false);
    expect_posted_at(&payment, 1_681_216_200);
}

#[test]
fn a_federal_holiday_is_no_time_for_banks() {
    // Friday noon before Memorial Day: handed over that evening, there on Tuesday.
    let account = account_at(1_685_116_800);
    let payment = account.pays(1_000).to_bank(ROUTING, WAITS);
    expect_at(&payment, 1_685_147_400, "processing", false);
    // Monday morning, when nobody works.
    expect_at(&payment, 1_685_363_400, "processing", false);
    expect_posted_at(&payment, 1_685_449_800);
}

#[test]
fn what_nobody_can_take_comes_back_within_the_window() {
    let account = account_at(WEDNESDAY);
    let payment = account.pays(1_000).to_bank(ROUTING, NO_ACCOUNT);
    expect_posted_at(&payment, ACH_ARRIVAL);
    expect_at(&payment, ACH_RETURN - 1, "posted", false);
    account.expect_balance(9_000, 0);
    expect_at(&payment, ACH_RETURN, "returned", false);
    payment.expect("returned_details.code", "no_account");
    payment.expect("status_transitions.returned_at", ACH_RETURN);
    payment.expect("status_transitions.posted_at", ACH_ARRIVAL);
    account.expect_balance(10_000, 0);
}

/// Type and time of the events that a move of the clock tells of.
fn told(moved: &Answer) -> Vec<(String, i64)> {
    let event = |event: &Value| {
        let kind = event["type"].as_str().expect("a type");
        let kind = kind.strip_prefix("treasury.outbound_").expect("an outbound flow");
        (kind.to_owned(), event["created"].as_i64().expect("a time"))
    };
    moved.list("events").iter().map(event).collect()
}

#[test]
fn one_leap_of_the_clock_is_everything_in_order() {
    let account = account_at(WEDNESDAY);
    account.pays(100).to_bank(ROUTING, NO_ACCOUNT);
    account.transfers(100).to_own_method("pm_usBankAccount");
    account.pays(100).network("us_domestic_wire").address().to_bank(ROUTING, WAITS);
    account.pays(100).to_bank(ROUTING, "000000000234");
    account.pays(100).to_bank(ROUTING, "000000000123");
    let moved = account.owner.advance("7d");
    let expected = [
        ("payment.canceled", WEDNESDAY + 1),
        ("payment.tracking_details_updated", WIRE_CUTOFF),
        ("payment.posted", WIRE_ARRIVAL),
        ("payment.tracking_details_updated", ACH_CUTOFF),
        ("transfer.tracking_details_updated", ACH_CUTOFF),
        ("payment.failed", ACH_CUTOFF),
        ("payment.posted", ACH_ARRIVAL),
        ("transfer.posted", ACH_ARRIVAL),
        ("payment.returned", ACH_RETURN),
    ];
    let expected = expected.map(|(kind, at)| (kind.to_owned(), at));
    assert_eq!(told(&moved), expected);
    account.expect_balance(9_800, 0);
}

#[test]
fn an_arrival_that_is_put_off_comes_a_day_later() {
    let account = account_at(WEDNESDAY);
    let payment = account.pays(1_000).to_bank(ROUTING, "000123457890");
    let promised = payment.created.int("expected_arrival_date");
    account.owner.clock_set(ACH_CUTOFF);
    payment.expect("expected_arrival_date", promised + 86_400);
    expect_posted_at(&payment, ACH_ARRIVAL + 86_400);
}

#[test]
fn reversals_by_ach_take_a_night() {
    let account = account_at(WEDNESDAY);
    let credit = account.owner.list(CREDITS, &[("financial_account", &account.id)]).ids();
    let reversal = account.sends_back(&credit[0]);
    reversal.ok().expect("status", "processing");
    let path = format!("/v1/treasury/credit_reversals/{}", reversal.id());
    let again = account.clone().holding(500);
    let debit = account.owner.post(
        "/v1/test_helpers/treasury/received_debits",
        &[
            ("amount", "500"),
            ("currency", "usd"),
            ("financial_account", &again.id),
            ("network", "ach"),
        ],
    );
    let back = account.takes_back(&debit.id());
    let back_path = format!("/v1/treasury/debit_reversals/{}", back.ok().id());
    account.owner.clock_set(ACH_ARRIVAL - 1);
    account.owner.get(&path).expect("status", "processing");
    account.owner.get(&back_path).expect("status", "processing");
    account.owner.clock_set(ACH_ARRIVAL);
    account.owner.get(&path).expect("status", "posted");
    account.owner.get(&back_path).expect("status", "succeeded");
    account.owner.get(&path).expect("status_transitions.posted_at", ACH_ARRIVAL);
    account.expect_balance(500, 0);
}

#[test]
fn test_helpers_are_faster_than_the_bank() {
    let account = account_at(WEDNESDAY);
    let early = account.pays(100).to_bank(ROUTING, WAITS);
    early.test_helper("post", &[]).ok();
    let sent = account.pays(100).to_bank(ROUTING, WAITS);
    let failed = account.pays(100).to_bank(ROUTING, WAITS);
    account.owner.clock_set(ACH_CUTOFF);
    sent.test_helper("return", &[("returned_details[code]", "other")]).ok();
    failed.test_helper("fail", &[]).ok();
    account.owner.advance("7d");
    early.expect("status", "posted").expect("status_transitions.posted_at", WEDNESDAY);
    early.expect("tracking_details", ());
    sent.expect("status", "returned").expect("returned_details.code", "other");
    failed.expect("status", "failed");
    account.expect_balance(9_900, 0);
}

#[test]
fn within_stripe_no_bank_is_asked() {
    let given = Given::with(5_000);
    settle(&given.platform, "auto");
    let payment = given.a.pays(1_000).to_financial_account(&given.b);
    payment.created.expect("cancelable", true);
    given.platform.advance("1s");
    payment.expect("status", "posted");
    given.b.expect_balance(1_000, 0);
}

#[test]
fn what_was_made_before_waits_as_before() {
    let given = Given::with(5_000);
    let waiting = given.a.pays(1_000).to_bank(ROUTING, WAITS);
    settle(&given.platform, "auto");
    let moving = given.a.pays(1_000).to_bank(ROUTING, WAITS);
    settle(&given.platform, "manual");
    let again = given.a.pays(1_000).to_bank(ROUTING, WAITS);
    given.platform.advance("7d");
    waiting.expect("status", "processing").expect("cancelable", true);
    moving.expect("status", "posted");
    again.expect("status", "processing");
}

#[test]
fn the_switch_is_auto_or_manual() {
    let platform = Sandbox::new();
    let switch = |body: &Value| platform.post_json("/_exchequer/account", body);
    switch(&json!({})).ok().expect("settle", "manual");
    for wrong in [json!("always"), json!(true), Value::Null] {
        let answer = switch(&json!({"settle": wrong}));
        answer.expect_status(400).expect("error.param", "settle").expect("error.type", INVALID);
    }
}

#[test]
fn a_server_can_settle_in_every_sandbox_and_its_books_are_sound() {
    let folder = Folder::new();
    let data = folder.file("store.db");
    let server = Server::start(&["--data", &data, "--settle", "auto"]);
    let platform = Sandbox::on_server(&server);
    platform.clock_freeze(WEDNESDAY);
    platform.post_json("/_exchequer/account", &json!({})).expect("settle", "auto");
    let account = platform.financial_account().holding(10_000);
    let send_all = || {
        let numbers = [WAITS, NO_ACCOUNT, "000123457890", "000000000234", "000000000123"];
        let payments = numbers.map(|number| account.pays(100).to_bank(ROUTING, number));
        account.transfers_in(100, "pm_usBankAccount").ok();
        account.transfers_in(100, "pm_usBankAccount_noAccount").ok();
        account.transfers_in(100, "pm_usBankAccount_dispute").ok();
        let wire = account.pays(100).network("us_domestic_wire").address();
        (payments, wire.to_bank(ROUTING, WAITS))
    };
    // Some are at their end, some on their way, and some have just begun.
    send_all();
    platform.advance("5d");
    let (payments, _) = send_all();
    platform.advance("9h");
    payments[0].expect("status", "processing").expect("cancelable", false);
    send_all();
    let manual = Sandbox::on_server(&server);
    settle(&manual, "manual");
    let waiting = manual.financial_account().holding(1_000).pays(1).to_bank(ROUTING, WAITS);
    waiting.expect("cancelable", true);
    server.stop();
    let output = run_program(&["verify", "--data", &data]);
    assert!(output.status.success(), "{output:?}");
}

/// An InboundTransfer of a sandbox whose bank moves it, as it is at that time.
#[track_caller]
fn inbound_at(account: &FinancialAccount, id: &str, time: i64) -> Answer {
    account.owner.clock_set(time);
    let answer = account.owner.get(&format!("{INBOUND}/{id}"));
    answer.ok();
    answer
}

#[test]
fn money_from_ones_own_bank_is_there_on_the_fourth_business_day() {
    // Half past eight in the morning of the Tuesday after, and of the Thursday after that.
    const FUNDING: i64 = 1_681_216_200;
    const DISPUTED: i64 = 1_681_389_000;
    let account = account_at(WEDNESDAY);
    let pull = |tail: &str| account.transfers_in(1_000, &format!("pm_usBankAccount{tail}")).id();
    let (waits, fails, disputed) = (pull("_processing"), pull("_noAccount"), pull("_dispute"));
    inbound_at(&account, &waits, ACH_CUTOFF - 1).expect("cancelable", true);
    let handed_over = inbound_at(&account, &waits, ACH_CUTOFF);
    handed_over.expect("cancelable", false).expect("status", "processing");
    expect_wrong_state(&account.owner.post(&format!("{INBOUND}/{waits}/cancel"), &[]));
    // What cannot be paid is known before.
    inbound_at(&account, &fails, ACH_RETURN - 1).expect("status", "processing");
    let failed = inbound_at(&account, &fails, ACH_RETURN);
    failed.expect("status", "failed").expect("failure_details.code", "no_account");
    inbound_at(&account, &waits, FUNDING - 1).expect("status", "processing");
    account.expect_balance(10_000, 0);
    let came = inbound_at(&account, &waits, FUNDING);
    came.expect("status", "succeeded").expect("status_transitions.succeeded_at", FUNDING);
    account.expect_balance(12_000, 0);
    inbound_at(&account, &disputed, DISPUTED - 1).expect("returned", false);
    inbound_at(&account, &disputed, DISPUTED).expect("returned", true);
    account.expect_balance(11_000, 0);
}

#[test]
fn a_test_helper_is_faster_than_the_bank_with_what_comes_in() {
    let account = account_at(WEDNESDAY);
    let ids = [(); 2].map(|()| account.transfers_in(1_000, "pm_usBankAccount").id());
    let helpers = "/v1/test_helpers/treasury/inbound_transfers";
    account.owner.post(&format!("{helpers}/{}/succeed", ids[0]), &[]).ok();
    account.owner.clock_set(ACH_CUTOFF);
    account.owner.post(&format!("{helpers}/{}/fail", ids[1]), &[]).ok();
    account.owner.advance("14d");
    account.expect_balance(11_000, 0);
    inbound_at(&account, &ids[1], account.owner.now()).expect("status", "failed");
    account.owner.post(&format!("{helpers}/{}/return", ids[0]), &[]).ok();
    account.expect_balance(10_000, 0);
}
