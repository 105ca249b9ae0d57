//! `GET /_exchequer/health`: the program runs. `GET /_exchequer/ready`: it would take a command
//! now. Both need no key and touch no sandbox.

use std::sync::atomic::{AtomicU64, Ordering};

use api::json::array;
use api::{Json, object};

use crate::answer::Answer;
use crate::gateway::Gateway;
use crate::limits::FAILING_FOR;

pub fn health(gateway: &Gateway) -> Answer {
    let counters = &gateway.committer.counters;
    let count = |counter: &AtomicU64| {
        Json::Int(i64::try_from(counter.load(Ordering::Relaxed)).unwrap_or(i64::MAX))
    };
    let json = object([
        ("status", "ok".into()),
        ("version", gateway.version.into()),
        ("commits", count(&counters.commits)),
        ("commands", count(&counters.commands)),
    ]);
    Answer::json(200, json)
}

pub fn ready(gateway: &Gateway) -> Answer {
    let obstacles = obstacles(gateway);
    let (status, word) = if obstacles.is_empty() { (200, "ready") } else { (503, "not_ready") };
    let obstacles = array(obstacles.into_iter().map(Json::from));
    Answer::json(status, object([("status", word.into()), ("obstacles", obstacles)]))
}

/// What stands in the way of a command. (A server that is starting answers nobody: connections
/// wait until the store is open.)
pub fn obstacles(gateway: &Gateway) -> Vec<&'static str> {
    let known = [
        (gateway.stopping.load(Ordering::Relaxed), "stopping"),
        (gateway.committer.counters.is_failing(FAILING_FOR), "store"),
        (gateway.is_queue_full(), "queue"),
    ];
    known.into_iter().filter(|(stands, _)| *stands).map(|(_, name)| name).collect()
}
