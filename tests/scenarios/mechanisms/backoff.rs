//! The schedule of retries, on a clock that a test moves.

use std::time::{Duration, Instant};

use exchequer_tests::{Receiver, Sandbox};

const NOON: i64 = 1_700_049_600;

#[test]
fn four_hours_of_retries_in_a_moment() {
    let given = Sandbox::new();
    given.clock_freeze(NOON);
    let receiver = Receiver::answering(&[500]);
    let endpoint = given.webhook(&receiver, &["customer.created"]);
    let started = Instant::now();
    given.post("/v1/customers", &[("name", "Ann")]).ok();
    given.deliveries_wait();
    given.advance("4h").expect("now", NOON + 4 * 3_600);
    let received = receiver.wait_for(4);
    let took = started.elapsed();
    assert!(took < Duration::from_secs(1), "it took {took:?}");
    assert_eq!(received.len(), 4);

    let delivery = given.deliveries(&[("endpoint", &endpoint.id)]).pop().expect("a delivery");
    let attempts = delivery["attempts"].as_array().expect("a list of attempts");
    let at = |attempt: &serde_json::Value| attempt["at"].as_i64().expect("a time") - NOON;
    let times: Vec<i64> = attempts.iter().map(at).collect();
    assert_eq!(times, [0, 300, 3_600, 10_800], "{delivery}");
    assert!(attempts.iter().all(|attempt| attempt["status"] == 500), "{delivery}");

    let id = received[0].event_id();
    assert!(received.iter().all(|sent| sent.event_id() == id), "one event");
    assert!(received.iter().all(|sent| sent.verifies(&endpoint.secret)), "all are signed");
    let stamps: Vec<i64> = received.iter().map(|sent| sent.signature().timestamp).collect();
    let rising = stamps.windows(2).all(|pair| pair[0] < pair[1]);
    assert!(rising, "each attempt has a time of its own: {stamps:?}");
}

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
