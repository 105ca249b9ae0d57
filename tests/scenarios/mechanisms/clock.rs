//! Moves of the clock: one at a time, whole, and never backwards.

use std::io::Write;
use std::net::TcpStream;
use std::thread::scope;

use exchequer_tests::{Receiver, Sandbox, run_program};
use serde_json::json;

const NOON: i64 = 1_700_049_600;

#[test]
fn moves_at_the_same_time_add_up() {
    let given = Sandbox::new();
    given.clock_freeze(NOON);
    given.post("/v1/customers", &[]).ok();
    scope(|threads| {
        for _ in 0..20 {
            threads.spawn(|| given.advance("10s").ok().int("now"));
        }
    });
    assert_eq!(given.now(), NOON + 200);
}

#[test]
fn a_clock_set_from_many_sides_never_goes_back() {
    let given = Sandbox::new();
    given.clock_freeze(NOON);
    given.post("/v1/customers", &[]).ok();
    scope(|threads| {
        for side in 0..4 {
            let given = &given;
            threads.spawn(move || {
                for step in 0..25 {
                    let to = NOON + step * 4 + side;
                    // Whoever comes late is refused.
                    given.post_json("/_exchequer/clock", &json!({"action": "set", "to": to}));
                }
            });
        }
        threads.spawn(|| {
            for _ in 0..50 {
                given.post("/v1/customers", &[]).ok();
            }
        });
    });
    let events = given.events("customer.created");
    let times: Vec<i64> = events.iter().map(|e| e["created"].as_i64().expect("a time")).collect();
    assert!(times.windows(2).all(|pair| pair[0] >= pair[1]), "newest first: {times:?}");
}

#[test]
fn a_move_goes_on_when_the_client_hangs_up() {
    let given = Sandbox::new();
    let receiver = Receiver::answering(&[500]);
    given.webhook(&receiver, &["customer.created"]);
    given.post("/v1/customers", &[("name", "Ann")]).ok();
    given.deliveries_wait();
    let body = json!({"action": "advance", "by": "4h"}).to_string();
    let mut stream = TcpStream::connect(given.address()).expect("a connection");
    write!(
        stream,
        "POST /_exchequer/clock HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        given.key(),
        body.len()
    )
    .expect("a request");
    receiver.wait_for(2);
    drop(stream);
    receiver.wait_for(4);
    // The next move has its turn when that one has ended: running, four hours on.
    given.advance("1s").ok().expect("mode", "real");
    let ahead = given.now() - Sandbox::new().now();
    assert!(ahead >= 4 * 3_600, "it is {ahead} s ahead");
}

#[test]
fn a_move_shows_events_that_are_removed_on_its_way() {
    let given = Sandbox::new();
    given.clock_freeze(NOON);
    let account = given.financial_account().holding(10_000);
    account.pays(2_000).to_bank("110000000", "000123456789");
    let moved = given.advance("40d");
    let types: Vec<&str> =
        moved.list("events").iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(types, ["treasury.outbound_payment.posted"]);
    assert!(given.events("treasury.*").is_empty(), "they are past their keeping time");
}

#[test]
fn the_command_takes_its_options_anywhere() {
    let given = Sandbox::new();
    let url = given.url();
    for args in [
        ["clock", "--server", &url, "--key", given.key(), "freeze"],
        ["clock", "freeze", "--server", &url, "--key", given.key()],
    ] {
        let output = run_program(&args);
        assert!(output.status.success(), "{args:?}: {output:?}");
    }
    let mistaken = json!({"action": "freeze", "by": "3d"});
    given.post_json("/_exchequer/clock", &mistaken).expect_error(
        400,
        "invalid_request_error",
        "parameter_unknown",
        "by",
    );
}
