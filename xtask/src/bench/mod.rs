//! `cargo xtask bench`: the release binary on its durable store, measured beside what the
//! machine itself can do, in one run, by one kept load generator.
//!
//! The generator shares the processors with the server, as every figure of ours does; so only
//! ratios within a run are held against the bars. A request that fails fails the run.

mod answer;
pub mod bare;
mod cells;
mod cluster;
mod growth;
mod load;
mod options;
mod postgres;
pub mod raw_postgres;
pub mod raw_sqlite;
mod report;
mod sandbox;
mod server;
mod webhooks;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::process::{self, Outcome, cargo};
use cells::{Floor, Product};
use options::{Kind, Options};

pub fn run(words: &[&str]) -> Outcome<()> {
    let options = Options::read(words)?;
    load::require()?;
    build(&options)?;
    let folder = prepare(&options)?;
    describe_machine(&folder)?;
    let errors = match options.kind {
        Kind::Bare => {
            let floor = Floor::measure(None, &folder, &options)?;
            report::floor(&floor);
            floor.errors()
        }
        Kind::Whole => {
            let product = Product::measure(&folder, &options)?;
            let floor = Floor::measure(Some(&product.answers), &folder, &options)?;
            let webhooks = webhooks::measure(&folder, &options)?;
            let shares = postgres::measure(&folder, &options)?;
            report::whole(&product, &floor, &webhooks, &shares);
            let on_postgres: u64 = shares.iter().map(|share| share.errors).sum();
            product.errors() + floor.errors() + on_postgres
        }
        Kind::Postgres => {
            let shares = postgres::measure(&folder, &options)?;
            report::postgres(&shares);
            shares.iter().map(|share| share.errors).sum()
        }
        Kind::Webhooks => {
            report::webhooks(&webhooks::measure(&folder, &options)?);
            0
        }
        Kind::Growth => growth::run(&folder, &options)?,
    };
    let _ = fs::remove_dir_all(&folder);
    if errors > 0 { Err(format!("{errors} requests failed")) } else { Ok(()) }
}

/// What is measured is what is installed; a smoke run takes what is built sooner.
const PROFILE: &str = "dist";
const PROFILE_OF_SMOKE: &str = "release";

static BUILT_WITH: OnceLock<&str> = OnceLock::new();

/// A program as it is built to be used: this one in its debug build would flatter us as a bare
/// server.
fn released(name: &str) -> Outcome<PathBuf> {
    Ok(process::target()?.join(BUILT_WITH.get().unwrap_or(&PROFILE)).join(name))
}

/// The server is built by itself, as a user builds it, so that what is measured is what is used.
fn build(options: &Options) -> Outcome<()> {
    let profile =
        *BUILT_WITH.get_or_init(|| if options.smoke { PROFILE_OF_SMOKE } else { PROFILE });
    println!("building with the profile {profile} …");
    let build =
        |package| process::run(cargo().args(["build", "--profile", profile, "-p", package]));
    if options.kind != Kind::Bare && options.program.is_none() {
        build("exchequer")?;
    }
    build("xtask")
}

/// The program under test.
fn program(options: &Options) -> Outcome<PathBuf> {
    match &options.program {
        Some(path) => path.canonicalize().map_err(|error| format!("{}: {error}", path.display())),
        None => released("exchequer"),
    }
}

/// An empty folder for the stores, below the one that was asked for.
fn prepare(options: &Options) -> Outcome<PathBuf> {
    let above = match &options.folder {
        Some(folder) => folder.clone(),
        None => process::target()?.join("bench"),
    };
    let folder = above.join("exchequer-bench");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    folder.canonicalize().map_err(|error| error.to_string())
}

fn describe_machine(folder: &Path) -> Outcome<()> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let disk = server::file_system(folder)?;
    let busy = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let busy = busy.split(' ').next().unwrap_or("?");
    println!("{cores} cores, stores on {disk}, load average before the run {busy}");
    if disk == "tmpfs" {
        println!("warning: a file system in memory flushes for nothing: give a disk with --data");
    }
    Ok(())
}
