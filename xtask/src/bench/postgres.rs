//! The cells on PostgreSQL: one program and two, with all payments in one sandbox or spread over
//! sixteen, beside raw batches into the same cluster.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::cluster::Cluster;
use super::load::{self, Script, Seen};
use super::options::Options;
use super::raw_postgres::Raw;
use super::sandbox::Sandbox;
use super::server::{self, Server};
use crate::process::{Outcome, Owned};

const CONNECTIONS: u32 = 64;
const MANY: u32 = 16;

/// One measurement: payments a second, of the programs together and of the raw batches.
pub struct Share {
    pub programs: u32,
    pub sandboxes: u32,
    pub rate: f64,
    pub raw: f64,
    pub errors: u64,
}

impl Share {
    pub fn of_raw(&self) -> f64 {
        self.rate / self.raw
    }
}

pub fn measure(folder: &Path, options: &Options) -> Outcome<Vec<Share>> {
    println!("PostgreSQL");
    let program = super::program(options)?;
    let mut cluster = Cluster::start()?;
    let disk = server::file_system(&cluster.folder)?;
    if disk == "tmpfs" {
        println!("warning: the cluster is on {disk}, where a flush costs nothing: set TMPDIR");
    }
    let mut shares = Vec::new();
    let sizes: &[u32] = if options.smoke { &[1] } else { &[1, MANY] };
    for &sandboxes in sizes {
        let raw = raw(&cluster.database(&format!("raw_{sandboxes}"))?, options, sandboxes)?;
        let numbers: &[u32] = if options.smoke { &[1] } else { &[1, 2] };
        for &programs in numbers {
            println!("  create at {CONNECTIONS}, {programs} programs, {sandboxes} sandboxes …");
            let url = cluster.database(&format!("payments_{programs}_{sandboxes}"))?;
            let mut servers = Vec::new();
            for _ in 0..programs {
                servers.push(Server::start_on_database(&program, &url, folder)?);
            }
            let (rate, errors) = create(&servers, sandboxes, folder, options.seconds)?;
            shares.push(Share { programs, sandboxes, rate, raw: raw.rate(), errors });
            for server in servers {
                server.stop()?;
            }
        }
    }
    Ok(shares)
}

/// Payments a second over all programs, and how many requests failed.
fn create(servers: &[Server], sandboxes: u32, folder: &Path, seconds: u64) -> Outcome<(f64, u64)> {
    let first = servers.first().ok_or("no program")?;
    let mut all = Vec::new();
    for number in 0..sandboxes {
        let key = format!("sk_test_bench{number}");
        all.push(Sandbox::set_up_with(&first.address, folder, &key)?);
    }
    let line = |sandbox: &Sandbox| {
        let target = &sandbox.target;
        format!("{} {} {}\n", target.key, target.account, target.customer)
    };
    let lines: String = all.iter().map(line).collect();
    let target = &all.first().ok_or("no sandbox")?.target;
    fs::write(&target.others, lines).map_err(|error| error.to_string())?;

    let connections = CONNECTIONS / u32::try_from(servers.len()).unwrap_or(1);
    let mut runs = Vec::new();
    for server in servers {
        let mut target = target.clone();
        target.address.clone_from(&server.address);
        runs.push((target, target_run(server)));
    }
    let seen: Vec<Outcome<Seen>> = thread::scope(|threads| {
        let started: Vec<_> = runs
            .into_iter()
            .map(|(target, name)| {
                threads.spawn(move || {
                    load::run_as(&name, Script::CreateMany, &target, connections, seconds)
                })
            })
            .collect();
        let failed = || Err("a generator panicked".to_owned());
        started.into_iter().map(|run| run.join().unwrap_or_else(|_| failed())).collect()
    });
    let seen = seen.into_iter().collect::<Outcome<Vec<Seen>>>()?;
    agree(&all, &seen)?;
    let rate = |seen: &Seen| seen.succeeded() as f64 * 1e6 / seen.duration_us.max(1) as f64;
    Ok((seen.iter().map(rate).sum(), seen.iter().map(Seen::errors).sum()))
}

/// What the idempotency keys of one generator begin with.
fn target_run(server: &Server) -> String {
    format!("bench-{}", server.address)
}

/// The ledgers hold what was answered, and at most what was under way at the end besides.
fn agree(sandboxes: &[Sandbox], seen: &[Seen]) -> Outcome<()> {
    let answered: u64 = seen.iter().map(Seen::succeeded).sum();
    let broken: u64 = seen.iter().map(|seen| seen.broken).sum();
    let mut payments = 0;
    for sandbox in sandboxes {
        payments += sandbox.payments()?;
    }
    let most = answered + broken + u64::from(CONNECTIONS);
    if (answered..=most).contains(&payments) {
        Ok(())
    } else {
        Err(format!("{answered} payments were answered, the ledgers hold {payments}"))
    }
}

fn raw(url: &str, options: &Options, sandboxes: u32) -> Outcome<Raw> {
    println!("  raw batches, {sandboxes} at a time …");
    let seconds = if options.smoke { 0.5 } else { options.seconds as f64 };
    let mut command = Command::new(super::released("xtask")?);
    command.args(["raw-postgres", url, &seconds.to_string(), &sandboxes.to_string()]);
    command.stdout(Stdio::piped());
    let limit = Duration::from_secs_f64(seconds + 30.0);
    let output = Owned::start(&mut command)?.output_within(limit)?;
    serde_json::from_str(&output).map_err(|error| format!("raw-postgres: {error}\n{output}"))
}
