//! What PostgreSQL alone does with the rows of payments, in the way that costs it least: one
//! statement with arrays and one commit for a batch. The rows are those of the raw SQLite store.
//!
//! 64 payments are under way at any time, as many as the load has connections. Those of one
//! workspace come one batch after the other, so with one workspace that is one connection with
//! batches of 64, and with 16 it is 16 connections with batches of 4.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio_postgres::{Client, Error, NoTls};

use super::raw_sqlite::{OWNERS, ROW_BYTES, ROWS};
use crate::process::Outcome;

const UNDER_WAY: u64 = 64;

#[derive(Serialize, Deserialize)]
pub struct Raw {
    pub payments: u64,
    pub duration_us: u64,
}

impl Raw {
    /// Payments per second.
    pub fn rate(&self) -> f64 {
        self.payments as f64 * 1e6 / self.duration_us.max(1) as f64
    }
}

/// `xtask raw-postgres ADDRESS SECONDS WORKSPACES`; prints its figures as JSON.
pub fn run(words: &[&str]) -> Outcome<()> {
    let [address, seconds, workspaces] = words else {
        return Err("raw-postgres needs an address, seconds and a number of workspaces".into());
    };
    let seconds: f64 = seconds.parse().map_err(|_| format!("{seconds}: not a number"))?;
    let workspaces: u64 = workspaces.parse().map_err(|_| format!("{workspaces}: not a number"))?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let length = Duration::from_secs_f64(seconds.clamp(0.1, 600.0));
    let raw = runtime
        .block_on(measure(address, length, workspaces.clamp(1, UNDER_WAY)))
        .map_err(|error| format!("raw-postgres: {error}"))?;
    println!("{}", serde_json::to_string(&raw).map_err(|error| error.to_string())?);
    Ok(())
}

async fn connect(address: &str) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(address, NoTls).await?;
    tokio::spawn(async move {
        // Its end is seen by whoever uses the client.
        let _ = connection.await;
    });
    Ok(client)
}

async fn measure(address: &str, length: Duration, workspaces: u64) -> Result<Raw, Error> {
    let client = connect(address).await?;
    client
        .batch_execute(
            "DROP TABLE IF EXISTS entries;
             CREATE TABLE entries (id TEXT COLLATE \"C\" PRIMARY KEY, owner TEXT COLLATE \"C\" \
             NOT NULL, status TEXT COLLATE \"C\" NOT NULL, body TEXT NOT NULL);
             CREATE INDEX ON entries (owner, id);
             CREATE INDEX ON entries (status, id);",
        )
        .await?;
    let start = Instant::now();
    let mut writers = Vec::new();
    for workspace in 0..workspaces {
        let client = connect(address).await?;
        let batch = UNDER_WAY / workspaces;
        writers.push(tokio::spawn(write(client, workspace, batch, start, length)));
    }
    let mut payments = 0;
    for writer in writers {
        // A writer that panicked has written nothing that counts.
        payments += writer.await.unwrap_or(Ok(0))?;
    }
    let duration_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    Ok(Raw { payments, duration_us })
}

async fn write(
    client: Client,
    workspace: u64,
    batch: u64,
    start: Instant,
    length: Duration,
) -> Result<u64, Error> {
    let insert = "INSERT INTO entries SELECT * FROM \
                  unnest($1::text[], $2::text[], $3::text[], $4::text[])";
    let insert = client.prepare(insert).await?;
    let mut payments = 0;
    while start.elapsed() < length {
        let (mut ids, mut owners) = (Vec::new(), Vec::new());
        let (mut statuses, mut bodies) = (Vec::new(), Vec::new());
        for payment in payments..payments + batch {
            let owner = format!("cus_{:016}", payment.wrapping_mul(7919) % OWNERS);
            for row in 0..ROWS {
                let id = format!("row_{workspace:02}{:020}", payment * ROWS + row);
                let status = "processing";
                let rest = ROW_BYTES.saturating_sub(id.len() + owner.len() + status.len());
                ids.push(id);
                owners.push(owner.clone());
                statuses.push(status);
                bodies.push("x".repeat(rest));
            }
        }
        client.execute(&insert, &[&ids, &owners, &statuses, &bodies]).await?;
        payments += batch;
    }
    Ok(payments)
}
