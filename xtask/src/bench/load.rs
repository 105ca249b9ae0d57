//! The load generator: wrk, kept by Debian, driven by the scripts beside this file.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use super::sandbox::Target;
use crate::process::{self, Outcome, Owned};

/// What one run of the generator saw.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Seen {
    pub requests: u64,
    pub duration_us: u64,
    pub p50_us: u64,
    pub p99_us: u64,
    /// Answers with a status above 399.
    pub refused: u64,
    /// Connections that failed, broke or gave no answer in time.
    pub broken: u64,
}

impl Seen {
    pub fn errors(&self) -> u64 {
        self.refused + self.broken
    }

    pub fn succeeded(&self) -> u64 {
        self.requests.saturating_sub(self.refused)
    }
}

#[derive(Debug, Clone, Copy)]
pub enum Script {
    Create,
    /// In each of the sandboxes of a file in turn.
    CreateMany,
    Retrieve,
    List,
    Mixed,
}

impl Script {
    fn file(self) -> &'static str {
        match self {
            Script::Create => "create.lua",
            Script::CreateMany => "create_many.lua",
            Script::Retrieve => "retrieve.lua",
            Script::List => "list.lua",
            Script::Mixed => "mixed.lua",
        }
    }
}

/// The longest an answer may take before it counts as an error.
const ANSWER_SECONDS_MAX: u64 = 10;

/// Makes sure that the generator is there, once, before anything is measured.
pub fn require() -> Outcome<()> {
    if process::exists("wrk") { Ok(()) } else { process::apt_install("wrk") }
}

pub fn run(script: Script, target: &Target, connections: u32, seconds: u64) -> Outcome<Seen> {
    run_as(&target.next_run(), script, target, connections, seconds)
}

/// The same under a name that no other run has: its idempotency keys begin with that.
pub fn run_as(
    name: &str,
    script: Script,
    target: &Target,
    connections: u32,
    seconds: u64,
) -> Outcome<Seen> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bench/scripts");
    let mut wrk = Command::new("wrk");
    wrk.arg(format!("--threads={}", connections.min(2)))
        .arg(format!("--connections={connections}"))
        .arg(format!("--duration={seconds}s"))
        .arg(format!("--timeout={ANSWER_SECONDS_MAX}s"))
        .arg("--script")
        .arg(scripts.join(script.file()))
        .arg(format!("http://{}", target.address))
        .env("BENCH_SCRIPTS", &scripts)
        .env("BENCH_HOST", &target.address)
        .env("BENCH_RUN", name)
        .env("BENCH_IDS", &target.ids)
        .env("BENCH_TARGETS", &target.others)
        .envs(target.parameters())
        .stdout(Stdio::piped());
    let limit = Duration::from_secs(seconds + ANSWER_SECONDS_MAX + 5);
    read(&Owned::start(&mut wrk)?.output_within(limit)?)
}

fn read(output: &str) -> Outcome<Seen> {
    let result = output.lines().find_map(|line| line.strip_prefix("RESULT "));
    result
        .and_then(|json| serde_json::from_str(json).ok())
        .ok_or_else(|| format!("the generator gave no result:\n{output}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_failure_is_an_error() -> Outcome<()> {
        let seen = read(
            "Running 1s test\nRESULT {\"requests\":100,\"duration_us\":1000000,\"p50_us\":90,\
             \"p99_us\":800,\"refused\":3,\"broken\":4}\n",
        )?;
        assert_eq!((seen.errors(), seen.succeeded()), (7, 97));
        Ok(())
    }

    #[test]
    fn an_output_without_a_result_is_a_failure() {
        assert!(read("unable to connect to 127.0.0.1:1 Connection refused\n").is_err());
    }
}
