//! The schedule of retries, on a clock that a test moves.

use exchequer_tests::{Receiver, Sandbox};

const NOON: i64 = 1_700_049_600;

/// A retry that comes due in the middle of an advance sees the world of that moment.
#[test]
fn a_receiver_that_recovers_is_not_asked_again() {
    let given = Sandbox::new();
    given.clock_freeze(NOON);
    let receiver = Receiver::answering(&[500, 500, 200]);
    given.webhook(&receiver, &["customer.created"]);
    given.post("/v1/customers", &[]).ok();
    given.deliveries_wait();
    given.advance("30d");
    assert_eq!(receiver.received().len(), 3);
    assert_eq!(given.deliveries(&[])[0]["status"], "delivered");
}

/// One endpoint that fails delays no other, nor its own later events.
#[test]
fn a_failing_endpoint_holds_nobody_back() {
    let given = Sandbox::new();
    given.clock_freeze(NOON);
    let (bad, good) = (Receiver::answering(&[500]), Receiver::new());
    given.webhook(&bad, &["customer.created"]);
    given.webhook(&good, &["customer.created"]);
    for _ in 0..3 {
        given.post("/v1/customers", &[]).ok();
    }
    given.deliveries_wait();
    assert_eq!((bad.received().len(), good.received().len()), (3, 3));
    let names: Vec<String> = good.received().iter().map(|sent| sent.event_id()).collect();
    let mut listed = given.list("/v1/events", &[("type", "customer.created")]).ids();
    listed.reverse();
    assert_eq!(names, listed, "first attempts come in the order of events");
}
