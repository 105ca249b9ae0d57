//! Scenarios with a limit of wall time. They are a binary of their own, which runs when the many
//! others, on the same two cores, have ended.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::scope;
use std::time::{Duration, Instant};

use exchequer_tests::{Receiver, Sandbox};

#[path = "../scenarios/mechanisms/failpoints.rs"]
mod failpoints;

const NOON: i64 = 1_700_049_600;

/// Reads never wait for writes.
#[test]
fn a_thousand_reads_while_the_committer_is_held() {
    const READS: usize = 1_000;
    let server = failpoints::server(&[]);
    let given = Sandbox::on_server(&server);
    let customer = given.post("/v1/customers", &[("name", "Ann")]).id();
    failpoints::set(&given, "hold_committer", "1*sleep(2000)");
    let written = AtomicBool::new(false);
    let (taken, during) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let slowest = Mutex::new(Duration::ZERO);
    scope(|threads| {
        threads.spawn(|| {
            let started = Instant::now();
            given.post("/v1/customers", &[("name", "Bea")]).ok();
            written.store(true, Ordering::Release);
            assert!(started.elapsed() > Duration::from_millis(1_500), "the committer was not held");
        });
        std::thread::sleep(Duration::from_millis(100));
        for _ in 0..2 {
            threads.spawn(|| {
                while taken.fetch_add(1, Ordering::Relaxed) < READS {
                    let started = Instant::now();
                    given.get(&format!("/v1/customers/{customer}")).ok();
                    let took = started.elapsed();
                    if !written.load(Ordering::Acquire) {
                        during.fetch_add(1, Ordering::Relaxed);
                    }
                    let mut slowest = slowest.lock().expect("the slowest");
                    *slowest = took.max(*slowest);
                }
            });
        }
    });
    let slowest = slowest.into_inner().expect("the slowest");
    assert!(slowest < Duration::from_millis(200), "the slowest read took {slowest:?}");
    let during = during.into_inner();
    assert!(during >= 200, "only {during} reads came while the write was held");
}

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
