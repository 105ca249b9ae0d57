//! Each call a second after the one before: which states and times its answer shows.

use exchequer_tests::{Answer, Payment, Sandbox};
use serde_json::json;

use super::{Given, ROUTING, WAITS, WEDNESDAY};

const T: i64 = WEDNESDAY;

/// A payment as the reference describes it; a second later something is done to it.
fn payment(given: &Given) -> Payment {
    let draft = given.a.pays(10_000).with("description", "OutboundPayment to a 3rd party");
    let payment = draft.to_bank(ROUTING, WAITS);
    given.platform.advance("1s");
    payment
}

/// What no call changes, and the four times.
#[track_caller]
fn expect_times(answer: &Answer, payment: &Payment, status: &str, times: [Option<i64>; 4]) {
    answer.ok().expect("id", &payment.id).expect("status", status).expect("cancelable", false);
    answer.expect("created", T).expect("amount", 10_000).expect("metadata", json!({}));
    answer.expect("statement_descriptor", "payment").expect("customer", ());
    answer.expect("description", "OutboundPayment to a 3rd party");
    answer.expect("end_user_details", json!({"ip_address": null, "present": false}));
    answer.expect("transaction", payment.created.text("transaction"));
    answer.expect("expected_arrival_date", payment.created.at("expected_arrival_date"));
    let [canceled, failed, posted, returned] = times;
    answer.expect(
        "status_transitions",
        json!({
            "canceled_at": canceled,
            "failed_at": failed,
            "posted_at": posted,
            "returned_at": returned,
        }),
    );
    payment.get().expect("", &answer.body);
}

#[test]
fn cancel_after_a_second() {
    let given = Given::with(10_000);
    let payment = payment(&given);
    let answer = payment.cancel();
    expect_times(&answer, &payment, "canceled", [Some(T + 1), None, None, None]);
    answer.expect("returned_details", ()).expect("tracking_details", ());
    payment.transaction().expect("status_transitions.void_at", T + 1);
}

#[test]
fn fail_after_a_second() {
    let given = Given::with(10_000);
    let payment = payment(&given);
    let answer = payment.test_helper("fail", &[]);
    expect_times(&answer, &payment, "failed", [None, Some(T + 1), None, None]);
    answer.expect("returned_details", ()).expect("tracking_details", ());
}

#[test]
fn post_after_a_second_and_track_after_two() {
    let given = Given::with(10_000);
    let payment = payment(&given);
    let answer = payment.test_helper("post", &[]);
    expect_times(&answer, &payment, "posted", [None, None, Some(T + 1), None]);
    let transaction = payment.transaction();
    transaction.expect("status_transitions.posted_at", T + 1);
    transaction.expect("entries.data.0.effective_at", T + 1);
    transaction.expect("entries.data.1.effective_at", T);
    given.platform.advance("1s");
    let answer = payment.test_helper(
        "",
        &[
            ("tracking_details[type]", "ach"),
            ("tracking_details[ach][trace_id]", "841042400123450"),
        ],
    );
    expect_times(&answer, &payment, "posted", [None, None, Some(T + 1), None]);
    let details = json!({"type": "ach", "ach": {"trace_id": "841042400123450"}});
    answer.expect("tracking_details", details);
}

#[test]
fn return_after_two_seconds() {
    let given = Given::with(10_000);
    let payment = payment(&given);
    payment.test_helper("post", &[]).ok();
    given.platform.advance("1s");
    let answer = payment.test_helper("return", &[]);
    expect_times(&answer, &payment, "returned", [None, None, Some(T + 1), Some(T + 2)]);
    let second = payment.transaction_named(answer.text("returned_details.transaction"));
    second.expect("created", T + 2).expect("status_transitions.posted_at", T + 2);
}

#[test]
fn the_bank_returns_it_after_two_seconds() {
    let given = Given::with(10_000);
    let draft = given.a.pays(10_000).with("description", "OutboundPayment to a 3rd party");
    let payment = draft.to_bank(ROUTING, "000111111113");
    given.platform.advance("1s");
    expect_times(&payment.get(), &payment, "posted", [None, None, Some(T + 1), None]);
    given.platform.advance("1s");
    let answer = payment.get();
    expect_times(&answer, &payment, "returned", [None, None, Some(T + 1), Some(T + 2)]);
    answer.expect("returned_details.code", "account_closed");
}

#[test]
fn cancel_on_the_way_to_another_account() {
    let given = Given::with(10_000);
    let draft = given.a.pays(10_000).with("description", "OutboundPayment to a 3rd party");
    let payment = draft.to_financial_account(&given.b);
    payment.created.expect("expected_arrival_date", T);
    let answer = payment.cancel();
    expect_times(&answer, &payment, "canceled", [Some(T), None, None, None]);
    let nobody = json!({
        "address": {
            "city": null, "country": null, "line1": null,
            "line2": null, "postal_code": null, "state": null,
        },
        "email": null,
        "name": null,
    });
    answer.expect(
        "destination_payment_method_details",
        json!({
            "type": "financial_account",
            "billing_details": nobody,
            "financial_account": {"id": given.b.id, "network": "stripe"},
        }),
    );
}

#[test]
fn a_clock_that_stands_still_moves_nothing() {
    let given = Given::with(10_000);
    let payment = given.a.pays(1_000).to_bank(ROUTING, "000123456789");
    payment.expect("status", "processing");
    assert_eq!(given.platform.now(), T);
    let moved = given.platform.advance("1s");
    moved.expect("mode", "frozen").expect("now", T + 1);
    payment.expect("status", "posted").expect("status_transitions.posted_at", T + 1);
}

#[test]
fn the_past_is_for_empty_sandboxes() {
    let given = Sandbox::new();
    given.financial_account();
    let back = json!({"action": "freeze", "to": T});
    given.post_json("/_exchequer/clock", &back).expect_status(400);
}
