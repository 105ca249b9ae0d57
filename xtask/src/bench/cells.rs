//! The cells of the table: what is asked, of which server, at how many connections.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::answer::Answers;
use super::load::{self, Script, Seen};
use super::options::Options;
use super::raw_sqlite::Raw;
use super::sandbox::{Sandbox, Target};
use super::server::{self, Server};
use crate::process::{self, Outcome, Owned};

/// Enough ids that reads do not all hit one page of the store.
pub const IDS_MAX: u64 = 1_000;
const FILL_MAX: Duration = Duration::from_secs(40 * 60);

/// One cell of the table: the best of a few rounds, because what else runs on the machine's host
/// can only make a round slower.
#[derive(Clone, Copy)]
pub struct Cell {
    pub connections: u32,
    pub seen: Seen,
    pub cpu_us_per_request: f64,
    /// Of all rounds.
    pub succeeded: u64,
    pub errors: u64,
    /// Requests that may have been carried out without an answer.
    pub unanswered: u64,
}

impl Cell {
    pub fn measure(
        server: &Server,
        target: &Target,
        script: Script,
        connections: u32,
        options: &Options,
    ) -> Outcome<Cell> {
        println!("  {script:?} at {connections} …");
        let mut best = Cell::round(server, target, script, connections, options)?;
        for _ in 1..options.rounds {
            let next = Cell::round(server, target, script, connections, options)?;
            let (one, other) = if next.rate() > best.rate() { (next, best) } else { (best, next) };
            best = Cell {
                succeeded: one.succeeded + other.succeeded,
                errors: one.errors + other.errors,
                unanswered: one.unanswered + other.unanswered,
                ..one
            };
        }
        Ok(best)
    }

    fn round(
        server: &Server,
        target: &Target,
        script: Script,
        connections: u32,
        options: &Options,
    ) -> Outcome<Cell> {
        let cpu_before = server.cpu_seconds()?;
        let seen = load::run(script, target, connections, options.seconds)?;
        let cpu = server.cpu_seconds()? - cpu_before;
        Ok(Cell {
            connections,
            seen,
            cpu_us_per_request: cpu * 1e6 / seen.requests.max(1) as f64,
            succeeded: seen.succeeded(),
            errors: seen.errors(),
            unanswered: u64::from(connections) + seen.broken,
        })
    }

    pub fn rate(&self) -> f64 {
        self.seen.succeeded() as f64 * 1e6 / self.seen.duration_us.max(1) as f64
    }
}

/// The server itself.
pub struct Product {
    pub answers: Answers,
    pub create_1: Cell,
    pub create_16: Cell,
    pub create_64: Cell,
    pub memory_64: Cell,
    pub retrieve: Cell,
    pub list: Cell,
    pub mixed: Cell,
    pub bytes_per_payment: f64,
    /// Commits as the server counts them, per create at 64 connections.
    pub commits_per_create: Option<f64>,
    /// Flushes as the system counts them, per commit at 64 connections.
    pub flushes_per_commit: Option<f64>,
    /// From the start of the program with no store to its first answer, in milliseconds.
    pub ready_ms: f64,
    /// Memory of a program that has just started, and the most while it was measured.
    pub bytes_at_rest: u64,
    pub bytes_under_load: u64,
}

impl Product {
    pub fn measure(folder: &Path, options: &Options) -> Outcome<Product> {
        let program = super::program(options)?;
        println!("durable store");
        let data = folder.join("durable.db");
        let new = |time| folder.join(format!("new-{time}.db")).to_string_lossy().into_owned();
        let ready_ms = server::time_to_ready(&program, new, folder)?;
        let server = Server::start(&program, &data.to_string_lossy(), folder)?;
        let (bytes_at_rest, _) = server.memory()?;
        let sandbox = Sandbox::set_up(&server.address, folder)?;
        let bytes_before = server::store_bytes(&data)?;
        let create = |n| Cell::measure(&server, &sandbox.target, Script::Create, n, options);
        let create_1 = create(1)?;
        let create_16 = create(16)?;
        let commits_before = sandbox.commits();
        let create_64 = create(64)?;
        let commits = sandbox.commits().zip(commits_before).map(|(after, before)| after - before);

        let payments = agreed(&sandbox, &[create_1, create_16, create_64])?;
        let bytes = server::store_bytes(&data)?.saturating_sub(bytes_before);
        let answers = sandbox.answers()?;
        fill(&sandbox, options.payments_min)?;
        sandbox.choose_ids(IDS_MAX)?;
        let read = |script| Cell::measure(&server, &sandbox.target, script, 64, options);
        let (retrieve, list) = (read(Script::Retrieve)?, read(Script::List)?);
        let mixed = read(Script::Mixed)?;
        let (_, bytes_under_load) = server.memory()?;
        server.stop()?;

        Ok(Product {
            answers,
            create_1,
            create_16,
            create_64,
            memory_64: memory(&program, folder, options)?,
            retrieve,
            list,
            mixed,
            bytes_per_payment: bytes as f64 / payments.max(1) as f64,
            commits_per_create: commits
                .map(|count| count as f64 / create_64.succeeded.max(1) as f64),
            flushes_per_commit: flushes(&program, folder, options)?,
            ready_ms,
            bytes_at_rest,
            bytes_under_load,
        })
    }

    pub fn errors(&self) -> u64 {
        let creates = [self.create_1, self.create_16, self.create_64, self.memory_64];
        let others = [self.retrieve, self.list, self.mixed];
        creates.iter().chain(&others).map(|cell| cell.errors).sum()
    }
}

fn memory(program: &Path, folder: &Path, options: &Options) -> Outcome<Cell> {
    println!("store in memory");
    let server = Server::start(program, ":memory:", folder)?;
    let sandbox = Sandbox::set_up(&server.address, folder)?;
    let cell = Cell::measure(&server, &sandbox.target, Script::Create, 64, options)?;
    server.stop()?;
    Ok(cell)
}

/// Flushes are counted in a run of their own: being traced, however little, costs time, so that a
/// commit then holds fewer creates. How many flushes a commit makes stays the same.
fn flushes(program: &Path, folder: &Path, options: &Options) -> Outcome<Option<f64>> {
    if options.smoke || !process::exists("strace") {
        return Ok(None);
    }
    println!("durable store, flushes counted");
    let data = folder.join("traced.db");
    let server = Server::start_traced(program, &data.to_string_lossy(), folder)?;
    let sandbox = Sandbox::set_up(&server.address, folder)?;
    load::run(Script::Create, &sandbox.target, 64, options.seconds)?;
    let commits = sandbox.commits();
    let flushes = server.stop()?;
    Ok(flushes.zip(commits).map(|(flushes, commits)| flushes as f64 / commits.max(1) as f64))
}

/// The ledger's count of payments, which must be what the generator saw answered, and at most
/// one more for each connection it left with a request under way.
fn agreed(sandbox: &Sandbox, cells: &[Cell]) -> Outcome<u64> {
    let payments = sandbox.payments()?;
    let answered: u64 = cells.iter().map(|cell| cell.succeeded).sum();
    let unanswered: u64 = cells.iter().map(|cell| cell.unanswered).sum();
    if (answered..=answered + unanswered).contains(&payments) {
        Ok(payments)
    } else {
        let errors: u64 = cells.iter().map(|cell| cell.errors).sum();
        Err(format!(
            "{answered} payments were answered and {errors} failed, the ledger holds {payments}"
        ))
    }
}

/// Creates payments until the ledger holds as many as asked for, in rounds of bounded length.
pub fn fill(sandbox: &Sandbox, payments_min: u64) -> Outcome<()> {
    let begun = Instant::now();
    let mut rate = 1_000.0_f64;
    loop {
        let missing = payments_min.saturating_sub(sandbox.payments()?);
        if missing == 0 {
            return Ok(());
        }
        if begun.elapsed() > FILL_MAX {
            return Err(format!("{missing} payments missing after {FILL_MAX:?} of filling"));
        }
        println!("  filling, {missing} payments to go …");
        let seconds = (missing as f64 / rate).clamp(1.0, 20.0) as u64;
        let seen = load::run(Script::Create, &sandbox.target, 64, seconds)?;
        if seen.errors() > 0 {
            return Err(format!("{} requests failed while filling", seen.errors()));
        }
        rate = (seen.succeeded() as f64 / seconds as f64).max(1.0);
    }
}

/// What the machine can do without the server's own work.
pub struct Floor {
    pub create_16: Cell,
    pub create_64: Cell,
    pub retrieve: Cell,
    pub list: Cell,
    pub raw_indexed: Raw,
    pub raw_plain: Raw,
}

impl Floor {
    pub fn measure(answers: Option<&Answers>, folder: &Path, options: &Options) -> Outcome<Floor> {
        println!("bare server");
        let file = folder.join("answers.json");
        if let Some(answers) = answers {
            let json = serde_json::to_string(answers).map_err(|error| error.to_string())?;
            fs::write(&file, json).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        let server = Server::start_bare(answers.map(|_| file.as_path()), folder)?;
        let target = Target::new(&server.address, folder)?;
        let cell = |script, n| Cell::measure(&server, &target, script, n, options);
        let (create_16, create_64) = (cell(Script::Create, 16)?, cell(Script::Create, 64)?);
        let (retrieve, list) = (cell(Script::Retrieve, 64)?, cell(Script::List, 64)?);
        drop(server);
        println!("raw SQLite");
        let raw_indexed = raw(folder, options, 2)?;
        let raw_plain = raw(folder, options, 0)?;
        Ok(Floor { create_16, create_64, retrieve, list, raw_indexed, raw_plain })
    }

    pub fn errors(&self) -> u64 {
        let cells = [self.create_16, self.create_64, self.retrieve, self.list];
        cells.iter().map(|cell| cell.errors).sum()
    }
}

fn raw(folder: &Path, options: &Options, indexes: u32) -> Outcome<Raw> {
    let seconds = if options.smoke { 0.5 } else { options.seconds as f64 };
    let mut command = Command::new(super::released("xtask")?);
    command
        .arg("raw-sqlite")
        .arg(folder.join(format!("raw-{indexes}.db")))
        .args([seconds.to_string(), indexes.to_string()])
        .stdout(Stdio::piped());
    let limit = Duration::from_secs_f64(seconds + 30.0);
    let output = Owned::start(&mut command)?.output_within(limit)?;
    serde_json::from_str(&output).map_err(|error| format!("raw-sqlite: {error}\n{output}"))
}
