//! Tracking details: what the bank's network calls the payment.

use exchequer_tests::{Answer, Payment};
use serde_json::json;

use super::{Given, INVALID, ROUTING, WAITS, payment_that_is};

const ACH: [(&str, &str); 2] =
    [("tracking_details[type]", "ach"), ("tracking_details[ach][trace_id]", "841042400123450")];

#[track_caller]
fn track(payment: &Payment) -> Answer {
    payment.test_helper("", &ACH)
}

#[test]
fn treasury_14_tracking_details_are_set_once() {
    let given = Given::with(10_000);
    let payment = payment_that_is("posted", &given.a);
    let tracked = track(&payment);
    tracked.ok().expect("status", "posted");
    tracked
        .expect("tracking_details", json!({"type": "ach", "ach": {"trace_id": "841042400123450"}}));
    payment.get().expect("", &tracked.body);
    given.k1.expect_events(&[
        "treasury.outbound_payment.created",
        ".posted",
        ".tracking_details_updated",
    ]);
    let updated = &given.k1.events("treasury.outbound_payment.tracking_details_updated")[0];
    assert_eq!(updated["data"]["previous_attributes"], json!({"tracking_details": null}));
    given.refuses(|| track(&payment));
}

#[test]
fn treasury_14_in_which_states() {
    let given = Given::with(10_000);
    for status in ["processing", "canceled", "failed"] {
        let payment = payment_that_is(status, &given.a);
        given.refuses(|| track(&payment));
        payment.expect("tracking_details", ()).expect("status", status);
    }
    track(&payment_that_is("returned", &given.a)).ok().expect("status", "returned");
}

#[test]
fn treasury_14_what_must_be_told() {
    let given = Given::with(10_000);
    let payment = payment_that_is("posted", &given.a);
    let answer = given.refuses(|| payment.test_helper("", &[]));
    answer.expect_error(400, INVALID, "parameter_missing", "tracking_details");
    let id = "tracking_details[ach][trace_id]";
    let answer = given.refuses(|| payment.test_helper("", &[(id, "1")]));
    answer.expect_error(400, INVALID, "parameter_missing", "tracking_details[type]");
    let kind = ("tracking_details[type]", "rtp");
    let answer = given.refuses(|| payment.test_helper("", &[kind]));
    answer.expect_error(400, INVALID, None, "tracking_details[type]");
    given.refuses(|| payment.test_helper("", &[("tracking_details[type]", "ach")]));
}

#[test]
fn treasury_14_of_the_network_that_was_used() {
    let given = Given::with(10_000);
    let wire = [
        ("tracking_details[type]", "us_domestic_wire"),
        ("tracking_details[us_domestic_wire][imad]", "20230405MMQFMP2U000001"),
    ];
    let payment = payment_that_is("posted", &given.a);
    given.refuses(|| payment.test_helper("", &wire));
    given.refuses(|| payment.test_helper("", &[ACH[0], ACH[1], wire[1]]));
    let payment = given.a.pays(100).network("us_domestic_wire").address().to_bank(ROUTING, WAITS);
    payment.test_helper("post", &[]).ok();
    given.refuses(|| track(&payment));
    let tracked = payment.test_helper("", &wire);
    tracked.ok().expect(
        "tracking_details",
        json!({
            "type": "us_domestic_wire",
            "us_domestic_wire": {"chips": null, "imad": "20230405MMQFMP2U000001", "omad": null},
        }),
    );
}
