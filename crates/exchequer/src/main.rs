//! The program: `serve`, the commands that control a running server, and `verify`.

mod claims;
mod client;
mod rail_dir;
mod resources;
mod scheduler;
mod serve;
mod tls;
mod transfer;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The system's allocator took a tenth of the time of a create, on several threads at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How the program can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Failed = 1,
    BadFlag = 2,
    AddressTaken = 3,
    StoreUnusable = 4,
}

/// Why it ended, in one line, and how.
pub struct Ended {
    pub exit: Exit,
    pub why: String,
}

impl Ended {
    pub fn new(exit: Exit, why: impl Into<String>) -> Self {
        Ended { exit, why: why.into() }
    }
}

/// Stripe's money-movement API on your own machine. Not affiliated with Stripe.
#[derive(Parser)]
#[command(name = "exchequer", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API
    Serve(Box<serve::Options>),
    /// Show or move the clock of a sandbox
    Clock(client::ClockOptions),
    /// List the latest events of a sandbox
    Events(client::EventsOptions),
    /// List the latest deliveries of a sandbox
    Deliveries(client::DeliveriesOptions),
    /// Keep a sandbox as it is now under a name
    Snapshot(client::NameOptions),
    /// List or delete the snapshots of a sandbox
    Snapshots(client::SnapshotsOptions),
    /// Put a sandbox back to a snapshot, clock included
    Restore(client::NameOptions),
    /// Copy a sandbox into the empty one of another key
    Fork(client::ForkOptions),
    /// Empty a sandbox
    Reset(client::Server),
    /// Write a whole store to standard output, while it is served
    Export(transfer::ExportOptions),
    /// Fill an empty store with what was exported
    Import(transfer::ImportOptions),
    /// Check every rule of the books in a store, offline
    Verify(verify::Options),
}

fn main() -> ExitCode {
    let ended = match Arguments::parse().command {
        Command::Serve(options) => serve::run(*options),
        Command::Clock(options) => client::clock(&options),
        Command::Events(options) => client::events(&options),
        Command::Deliveries(options) => client::deliveries(&options),
        Command::Snapshot(options) => client::snapshot(&options),
        Command::Snapshots(options) => client::snapshots(&options),
        Command::Restore(options) => client::restore(&options),
        Command::Fork(options) => client::fork(&options),
        Command::Reset(server) => client::reset(&server),
        Command::Export(options) => transfer::export(&options),
        Command::Import(options) => transfer::import(&options),
        Command::Verify(options) => verify::run(&options),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(ended) => {
            eprintln!("exchequer: {}", ended.why);
            ExitCode::from(ended.exit as u8)
        }
    }
}
