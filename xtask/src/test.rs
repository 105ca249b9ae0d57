//! `cargo xtask test`: sets up what the tests need on a fresh machine and runs all of them.
//!
//! Python and Node run the official SDKs against the server, so both are needed: a machine
//! without them fails here, with a line that says what is missing, and skips nothing.
//! The last line printed is always `N passed, M failed`.

mod sdk;
mod tally;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process::{self, Outcome, cargo};
use crate::readme;
use tally::Tally;

/// Everything is built once, with fail-points: another set of features would be another build.
pub const FEATURES: &str = "exchequer/failpoints";

pub fn run(filter: Option<&str>) -> Outcome<()> {
    let mut tally = Tally::default();
    let outcome = everything(filter, &mut tally);
    if let Err(message) = &outcome {
        println!("\nxtask: {message}");
        tally.fail_unless_counted();
    }
    println!("\n{tally}");
    let _ = std::io::stdout().flush();
    std::process::exit(i32::from(tally.failed > 0));
}

fn everything(filter: Option<&str>, tally: &mut Tally) -> Outcome<()> {
    let target = process::target()?;
    let sdk = sdk::set_up(&target)?;
    println!("building …");
    let server = build(&target)?;
    let bodies = target.join("bodies");
    empty(&bodies)?;

    let mut tests = cargo();
    tests
        .args(["test", "--workspace", "--no-fail-fast", "--features", FEATURES])
        .args(filter)
        .env("EXCHEQUER_BIN", &server)
        .env("EXCHEQUER_PYTHON", &sdk.python)
        .env("EXCHEQUER_NODE_MODULES", &sdk.node_modules)
        .env("EXCHEQUER_BODIES_DIR", &bodies);
    let outcome = stream(&mut tests, tally).and(on_postgres(filter, &server, &sdk, tally));

    // A filtered run may well have seen no body; a whole one that saw none is a failure.
    let script = |name: &str| process::root().join("tests/sdk").join(name);
    if filter.is_none() {
        let mut own = Command::new(&sdk.python);
        count(own.arg(script("test_check_bodies.py")), tally);
    }
    if filter.is_none() || fs::read_dir(&bodies).is_ok_and(|mut entries| entries.next().is_some()) {
        println!("checking the bodies against the SDK's types …");
        let mut check = Command::new(&sdk.python);
        count(check.arg(script("check_bodies.py")).arg(&bodies), tally);
    }
    if filter.is_none() {
        println!("following the README …");
        tally.count(&readme::run());
    }
    outcome
}

/// The scenarios once more, with every server that names no store of its own on PostgreSQL. The
/// tests start a private cluster, for which the server programs must be installed.
fn on_postgres(
    filter: Option<&str>,
    server: &Path,
    sdk: &sdk::Sdk,
    tally: &mut Tally,
) -> Outcome<()> {
    println!("the scenarios on PostgreSQL …");
    let mut tests = cargo();
    tests
        .args(["test", "--package", "exchequer-tests", "--test", "scenarios"])
        .args(filter)
        .env("EXCHEQUER_TEST_DATA", "postgres")
        .env("EXCHEQUER_BIN", server)
        .env("EXCHEQUER_PYTHON", &sdk.python)
        .env("EXCHEQUER_NODE_MODULES", &sdk.node_modules);
    stream(&mut tests, tally)
}

/// Builds the server and gives a copy of it: another build must not replace it under the tests.
pub fn build(target: &Path) -> Outcome<PathBuf> {
    process::run(cargo().args(["build", "--workspace", "--bins", "--features", FEATURES]))?;
    let folder = target.join("test");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let copy = folder.join("exchequer");
    // A running program cannot be written over, but its name can be given to another.
    let _ = fs::remove_file(&copy);
    fs::copy(target.join("debug/exchequer"), &copy)
        .map_err(|error| format!("target/debug/exchequer: {error}"))?;
    Ok(copy)
}

fn empty(folder: &Path) -> Outcome<()> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

/// Runs cargo, shows each line as it comes and adds up the summaries.
fn stream(tests: &mut Command, tally: &mut Tally) -> Outcome<()> {
    let mut child =
        tests.stdout(Stdio::piped()).spawn().map_err(|error| format!("cargo test: {error}"))?;
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line);
            print!("{text}");
            tally.read(&text);
            line.clear();
        }
    }
    let status = child.wait().map_err(|error| format!("cargo test: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("cargo test: {status}")) }
}

/// A program that is a test by itself, such as the one that compares every body that the tests
/// saw with the types the official SDK declares.
fn count(test: &mut Command, tally: &mut Tally) {
    tally.count(&process::run(test));
}
