//! Refunds, whole and in parts, and what the card's bank does with them.

use exchequer_tests::{Answer, Sandbox};

use super::{INVALID, expect_balance, pay};

const REFUNDS: &str = "/v1/refunds";

fn refund(given: &Sandbox, charge: &str, cents: &str) -> Answer {
    given.post(REFUNDS, &[("charge", charge), ("amount", cents)])
}

#[track_caller]
fn charged(given: &Sandbox, cents: i64, card: &str) -> String {
    pay(given, cents, card, &[]).ok().text("latest_charge").to_owned()
}

#[test]
fn a_refund_goes_back_to_the_card() {
    let given = Sandbox::new();
    let intent = pay(&given, 1_000, "pm_card_bypassPending", &[]);
    let params = [
        ("payment_intent", &*intent.id()),
        ("reason", "requested_by_customer"),
        ("metadata[a]", "1"),
    ];
    let refund = given.post(REFUNDS, &params);
    refund.ok().expect("object", "refund").expect("status", "succeeded").expect("amount", 1_000);
    refund.expect("reason", "requested_by_customer").expect("payment_intent", intent.id());
    refund.expect("destination_details.type", "card");
    // The fee is not given back.
    expect_balance(&given, -59, 0);
    let path = format!("/v1/charges/{}?expand[]=refunds", intent.text("latest_charge"));
    let charge = given.get(&path);
    charge.ok().expect("refunded", true).expect("amount_refunded", 1_000);
    charge.expect("refunds.data.0.id", refund.id());
    let of_charge = format!("/v1/charges/{}/refunds", intent.text("latest_charge"));
    assert_eq!(given.get(&of_charge).ids(), [refund.id()]);
    given.get(&format!("{of_charge}/{}", refund.id())).ok().expect("", &refund.body);
    given.get(&format!("{of_charge}/re_nope")).expect_status(404);
    let one = format!("{REFUNDS}/{}", refund.id());
    given.post(&one, &[("metadata[a]", "2")]).ok().expect("metadata.a", "2");
    given.post(&format!("{one}/cancel"), &[]).expect_error(400, INVALID, None, None);
    assert_eq!(given.list(REFUNDS, &[("payment_intent", &intent.id())]).ids(), [refund.id()]);
    given.expect_events(&["refund.created", ".updated"]);
    given.expect_events(&["charge.succeeded", ".refunded"]);
}

#[test]
fn what_is_pending_is_given_back_from_what_is_pending() {
    let given = Sandbox::new();
    given.clock_freeze(1_680_648_660);
    let charge = charged(&given, 1_000, "pm_card_visa");
    refund(&given, &charge, "400").ok();
    expect_balance(&given, 0, 941 - 400);
    given.advance("3d");
    expect_balance(&given, 941 - 400, 0);
}

#[test]
fn supporting_23_refunds_that_take_time_or_fail() {
    let given = Sandbox::new();
    let (slow, failing) = (
        charged(&given, 1_000, "pm_card_pendingRefund"),
        charged(&given, 1_000, "pm_card_refundFail"),
    );
    let (slow, fails) = (refund(&given, &slow, "1000"), refund(&given, &failing, "1000"));
    slow.ok().expect("status", "pending").expect("pending_reason", "processing");
    fails.ok().expect("status", "succeeded").expect_absent("failure_balance_transaction");
    given.settle();
    let path = |refund: &Answer| format!("{REFUNDS}/{}", refund.id());
    given.get(&path(&slow)).ok().expect("status", "succeeded").expect_absent("pending_reason");
    let failed = given.get(&path(&fails));
    failed.ok().expect("status", "failed");
    assert!(failed.text("failure_balance_transaction").starts_with("txn_"), "{failed:?}");
    let charge = given.get(&format!("/v1/charges/{failing}"));
    charge.ok().expect("refunded", false).expect("amount_refunded", 0);
    given.expect_events(&["refund.created", ".created", ".updated", ".failed"]);
}

#[test]
fn supporting_24_no_more_than_was_paid_is_given_back() {
    let given = Sandbox::new();
    let charge = charged(&given, 1_000, "pm_card_visa");
    refund(&given, &charge, "2000").expect_error(400, INVALID, None, "amount");
    refund(&given, &charge, "600").ok();
    refund(&given, &charge, "400").ok();
    let third = refund(&given, &charge, "1");
    third.expect_error(400, INVALID, "charge_already_refunded", None);
    assert_eq!(given.list(REFUNDS, &[("charge", &charge)]).ids().len(), 2);
}

#[test]
fn what_a_refund_needs() {
    let given = Sandbox::new();
    given.post(REFUNDS, &[]).expect_error(400, INVALID, None, None);
    let both = [("charge", "ch_1"), ("payment_intent", "pi_1")];
    given.post(REFUNDS, &both).expect_error(400, INVALID, None, "charge");
    refund(&given, "ch_nope", "1").expect_error(400, INVALID, "resource_missing", "charge");
    let held = pay(&given, 1_000, "pm_card_visa", &[("capture_method", "manual")]);
    let held = refund(&given, held.text("latest_charge"), "1");
    held.expect_error(400, INVALID, "charge_not_refundable", None);
}
