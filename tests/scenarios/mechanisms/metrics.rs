//! What the server tells of itself: metrics, readiness, and its log.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::scope;
use std::time::{Duration, Instant};

use exchequer_tests::{Folder, Metrics, Receiver, Sandbox, Server};
use rusqlite::Connection;
use serde_json::Value;

use super::failpoints;

#[test]
fn requests_are_counted_by_what_is_declared() {
    let server = Server::start(&[]);
    let given = Sandbox::on_server(&server);
    let customer = given.post("/v1/customers", &[("name", "Ann")]).id();
    for _ in 0..3 {
        given.get(&format!("/v1/customers/{customer}")).ok();
    }
    given.get("/v1/customers/cus_nobody").expect_status(404);
    given.get("/v1/no_such_thing").expect_status(404);
    given.header("Authorization", "Bearer nonsense").get("/v1/customers").expect_status(401);

    let metrics = Metrics::of(&given);
    let requests = |operation: &str, method: &str, status: &str| {
        metrics.value(&format!(
            "exchequer_requests_total{{operation=\"{operation}\",method=\"{method}\",\
             status=\"{status}\"}}"
        ))
    };
    assert_eq!(requests("/v1/customers", "POST", "2xx"), 1.0);
    assert_eq!(requests("/v1/customers/{customer}", "GET", "2xx"), 3.0);
    assert_eq!(requests("/v1/customers/{customer}", "GET", "4xx"), 1.0);
    assert_eq!(requests("unknown", "GET", "4xx"), 2.0, "no such path, and no such key");
    assert_eq!(metrics.value("exchequer_refusals_total{reason=\"key\"}"), 1.0);
    assert_eq!(metrics.value("exchequer_commands_total"), 1.0);
    assert_eq!(metrics.value("exchequer_commits_total"), 1.0);
    assert_eq!(metrics.value("exchequer_batch_commands_bucket{le=\"1\"}"), 1.0);
    assert_eq!(metrics.value("exchequer_commit_duration_seconds_count"), 1.0);
    let durations = "exchequer_request_duration_seconds";
    assert_eq!(metrics.value(&format!("{durations}_count{{kind=\"read\"}}")), 4.0);
    assert_eq!(metrics.value(&format!("{durations}_bucket{{kind=\"read\",le=\"+Inf\"}}")), 4.0);
    assert_eq!(metrics.value(&format!("{durations}_count{{kind=\"command\"}}")), 1.0);
    assert_eq!(metrics.value("exchequer_sandboxes"), 1.0);
    assert_eq!(metrics.value("exchequer_ready"), 1.0);
    assert!(metrics.value("process_resident_memory_bytes") > 1e6);
    assert!(metrics.value("exchequer_uptime_seconds") > 0.0);
    assert!(metrics.value("exchequer_connections_open") >= 1.0, "this one");
    for secret in [given.key(), &customer, "cus_nobody", "no_such_thing", "nonsense"] {
        assert!(!metrics.0.contains(secret), "{secret} stands in the metrics");
    }
}

/// Collectors refuse text that breaks the format: every sample belongs to the family above it, and
/// no family comes twice.
#[test]
fn the_metrics_are_well_formed() {
    let given = Sandbox::new();
    let answer = given.get("/_exchequer/metrics");
    answer.expect_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    let (mut family, mut families) = (String::new(), Vec::new());
    for line in Metrics::of(&given).0.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["#", "HELP", name, _, ..] => {
                assert!(!families.contains(&name.to_owned()), "{name} comes twice");
                family = name.to_owned();
                families.push(family.clone());
            }
            ["#", "TYPE", name, "counter" | "gauge" | "histogram"] => assert_eq!(name, family),
            [sample, value] => {
                let name = sample.split('{').next().expect("a name");
                let rest = name.strip_prefix(&family).unwrap_or("?");
                assert!(["", "_bucket", "_sum", "_count"].contains(&rest), "{line}");
                assert!(value.parse::<f64>().is_ok_and(|value| value >= 0.0), "{line}");
            }
            _ => panic!("{line}"),
        }
    }
    assert!(families.len() > 20, "{families:?}");
}

#[test]
fn the_metrics_need_a_secret_key_unless_they_are_open() {
    let given = Sandbox::new();
    let path = "/_exchequer/metrics";
    given.without_header("Authorization").get(path).expect_status(401);
    for kind in ["rk", "pk"] {
        let other = given.header("Authorization", &format!("Bearer {kind}_test_metrics"));
        other.get(path).expect_error(403, "invalid_request_error", "secret_key_required", None);
    }
    let open = Server::start(&["--metrics-open"]);
    Sandbox::on_server(&open).without_header("Authorization").get(path).expect_status(200);
}

#[test]
fn jobs_and_deliveries_are_counted() {
    let server = Server::start(&["--step-delay", "1h"]);
    let given = Sandbox::on_server(&server);
    let (good, bad) = (Receiver::new(), Receiver::answering(&[500]));
    given.webhook(&good, &["treasury.outbound_payment.created"]);
    given.webhook(&bad, &["treasury.outbound_payment.created"]);
    let account = given.financial_account().holding(5_000);
    account.pays(1_000).to_bank("110000000", "000123456789");
    given.deliveries_wait();
    let metrics = Metrics::of(&given);
    let outcome = |outcome: &str| {
        metrics.value(&format!("exchequer_deliveries_total{{outcome=\"{outcome}\"}}"))
    };
    assert_eq!((outcome("delivered"), outcome("refused"), outcome("unanswered")), (1.0, 1.0, 0.0));
    assert_eq!(metrics.value("exchequer_deliveries_pending"), 1.0, "to be tried again");
    let before = metrics.value("exchequer_jobs_total");
    given.advance("3h");
    let after = Metrics::of(&given).value("exchequer_jobs_total");
    assert!(after > before, "{before}, then {after}");
}

#[test]
fn a_store_that_cannot_be_written_is_not_ready() {
    let folder = Folder::new();
    let data = folder.file("store.db");
    let server = Server::start(&["--data", &data]);
    let given = Sandbox::on_server(&server);
    given.post("/v1/customers", &[]).ok();
    let probe = given.without_header("Authorization");
    probe.get("/_exchequer/ready").ok().expect("status", "ready");

    let store = Connection::open(&data).expect("the store");
    let trigger = "CREATE TRIGGER full BEFORE INSERT ON objects \
                   BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";
    store.execute_batch(trigger).expect("a trigger");
    given.post("/v1/customers", &[]).expect_error(500, "api_error", None, None);
    let answer = probe.get("/_exchequer/ready");
    answer.expect_status(503).expect("status", "not_ready").expect("obstacles.0", "store");
    probe.get("/_exchequer/health").ok();
    assert_eq!(Metrics::of(&given).value("exchequer_ready"), 0.0);
    assert_eq!(Metrics::of(&given).value("exchequer_commit_failures_total"), 1.0);

    store.execute_batch("DROP TRIGGER full").expect("no trigger");
    given.post("/v1/customers", &[]).ok();
    probe.get("/_exchequer/ready").ok().expect("status", "ready");
}

#[test]
fn a_full_queue_is_not_ready() {
    let server = failpoints::server(&["--max-queued", "1"]);
    let given = Sandbox::on_server(&server);
    given.post("/v1/customers", &[]).ok();
    failpoints::set(&given, "hold_committer", "1*sleep(3000)");
    let refused = AtomicUsize::new(0);
    // One is held, one fills the queue, and the others are refused until there is room again.
    let writes = || {
        while given.post("/v1/customers", &[]).status == 503 {
            refused.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    scope(|threads| {
        for _ in 0..4 {
            threads.spawn(writes);
        }
        let until = Instant::now() + Duration::from_secs(2);
        while refused.load(Ordering::Relaxed) < 20 {
            assert!(Instant::now() < until, "nobody is refused");
            std::thread::sleep(Duration::from_millis(5));
        }
        let answer = given.get("/_exchequer/ready");
        answer.expect_status(503).expect("obstacles.0", "queue");
    });
    given.get("/_exchequer/ready").ok();
}

#[test]
fn each_request_is_one_line_of_the_log() {
    let server = Server::start(&["--access-log", "--log", "json"]);
    let given = Sandbox::on_server(&server);
    let answer = given.post("/v1/customers", &[("name", "Ann Secretive")]);
    let customer = answer.id();
    given.get(&format!("/v1/customers/{customer}")).ok();
    given.get("/v1/no_such_thing/secretive").expect_status(404);
    let account = given.account_id();

    let until = Instant::now() + Duration::from_secs(10);
    let lines = loop {
        let output = server.output();
        let json = |line: &str| serde_json::from_str::<Value>(line).ok();
        let lines: Vec<Value> = output.lines().filter_map(json).collect();
        if lines.len() >= 4 {
            break lines;
        }
        assert!(Instant::now() < until, "{output}");
        std::thread::sleep(Duration::from_millis(5));
    };
    let created = &lines[0];
    assert_eq!(created["level"], "INFO");
    assert_eq!(created["request"], answer.request_id());
    assert_eq!(created["method"], "POST");
    assert_eq!(created["operation"], "/v1/customers");
    assert_eq!(created["status"], 200);
    assert_eq!(created["account"], account.as_str());
    assert!(created["took_us"].as_u64().is_some_and(|took| took > 0), "{created}");
    assert_eq!(lines[1]["operation"], "/v1/customers/{customer}");
    assert_eq!((&lines[2]["operation"], &lines[2]["status"]), (&"unknown".into(), &404.into()));
    for secret in [given.key(), "ecretive", &customer] {
        assert!(!server.output().contains(secret), "{secret} stands in the log");
    }
}
