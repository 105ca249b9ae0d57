//! The raw store: what SQLite alone does with the rows of a payment, in batches as the
//! committer makes them. The shape is fixed, so that figures of different days compare: batches
//! of 64 payments, six rows of 590 bytes each, keys in the order of time, WAL, every commit
//! flushed, with or without two secondary indexes.

use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use crate::process::Outcome;

const BATCH: u64 = 64;
pub const ROWS: u64 = 6;
pub const ROW_BYTES: usize = 590;
pub const OWNERS: u64 = 1_000;

/// What one run of the cell saw; a "request" is a payment, a latency that of a batch.
#[derive(Serialize, Deserialize)]
pub struct Raw {
    pub payments: u64,
    pub duration_us: u64,
    pub p50_us: u64,
    pub p99_us: u64,
}

impl Raw {
    /// Payments per second.
    pub fn rate(&self) -> f64 {
        self.payments as f64 * 1e6 / self.duration_us.max(1) as f64
    }
}

/// `xtask raw-sqlite FILE SECONDS INDEXES`; prints its figures as JSON.
pub fn run(words: &[&str]) -> Outcome<()> {
    let [file, seconds, indexes] = words else {
        return Err("raw-sqlite needs a file, a number of seconds and 0 or 2 indexes".into());
    };
    let seconds: f64 = seconds.parse().map_err(|_| format!("{seconds}: not a number"))?;
    let raw = measure(file, Duration::from_secs_f64(seconds.clamp(0.1, 600.0)), *indexes != "0")
        .map_err(|error| format!("{file}: {error}"))?;
    println!("{}", serde_json::to_string(&raw).map_err(|error| error.to_string())?);
    Ok(())
}

fn measure(file: &str, length: Duration, indexed: bool) -> rusqlite::Result<Raw> {
    let mut store = open(file, indexed)?;
    let mut latencies = Vec::new();
    let mut payments = 0;
    let start = Instant::now();
    while start.elapsed() < length {
        let begun = Instant::now();
        write_batch(&mut store, payments)?;
        payments += BATCH;
        latencies.push(micros(begun.elapsed()));
    }
    let duration_us = micros(start.elapsed());
    latencies.sort_unstable();
    let percentile = |percent: usize| {
        latencies.get(latencies.len() * percent / 100).copied().unwrap_or_default()
    };
    Ok(Raw { payments, duration_us, p50_us: percentile(50), p99_us: percentile(99) })
}

fn open(file: &str, indexed: bool) -> rusqlite::Result<Connection> {
    let store = Connection::open(file)?;
    store.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA cache_size = -65536;
         CREATE TABLE entries (
             id TEXT PRIMARY KEY, owner TEXT NOT NULL, status TEXT NOT NULL, body BLOB NOT NULL
         ) WITHOUT ROWID;",
    )?;
    if indexed {
        store.execute_batch(
            "CREATE INDEX entries_by_owner ON entries (owner, id);
             CREATE INDEX entries_by_status ON entries (status, id);",
        )?;
    }
    Ok(store)
}

fn write_batch(store: &mut Connection, first: u64) -> rusqlite::Result<()> {
    let batch = store.transaction()?;
    {
        let mut insert = batch.prepare_cached("INSERT INTO entries VALUES (?1, ?2, ?3, ?4)")?;
        for payment in first..first + BATCH {
            // Owners come in no order, as customers do.
            let owner = format!("cus_{:016}", payment.wrapping_mul(7919) % OWNERS);
            for row in 0..ROWS {
                let id = format!("row_{:022}", payment * ROWS + row);
                let status = "processing";
                let body = [b'x'; ROW_BYTES];
                let rest = ROW_BYTES.saturating_sub(id.len() + owner.len() + status.len());
                insert.execute(params![id, owner, status, &body[..rest]])?;
            }
        }
    }
    batch.commit()
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
