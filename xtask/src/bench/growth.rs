//! `cargo xtask bench growth`: the same questions asked of a small and of a large store. What
//! grows with history shows here and nowhere else. It takes many minutes: run it by hand.

use std::path::Path;
use std::time::Instant;

use super::cells::{self, Cell};
use super::load::Script;
use super::options::Options;
use super::report::{self, Bound, figure};
use super::sandbox::Sandbox;
use super::server::{self, Server};
use crate::process::Outcome;

const READS_MIN: f64 = 90.0;
const CREATE_CPU_MAX: f64 = 125.0;
const READY_MS_MAX: f64 = 200.0;
const MEMORY_MIB_MAX: f64 = 150.0;

struct Size {
    payments: u64,
    bytes: u64,
    retrieve: Cell,
    list: Cell,
    create: Cell,
    /// The most memory the program ever held, until then.
    memory: u64,
}

/// Gives the number of failed requests.
pub fn run(folder: &Path, options: &Options) -> Outcome<u64> {
    let program = super::program(options)?;
    let data = folder.join("growth.db");
    let server = Server::start(&program, &data.to_string_lossy(), folder)?;
    let sandbox = Sandbox::set_up(&server.address, folder)?;
    let small = measure(&server, &sandbox, &data, options.growth_small, options)?;
    let large = measure(&server, &sandbox, &data, options.growth_large, options)?;
    server.stop()?;
    let ready_ms =
        server::time_to_ready(&program, |_| data.to_string_lossy().into_owned(), folder)?;

    println!("\n{:<34}{:>14}{:>14}{:>9}", "", "small", "large", "ratio");
    line("payments", small.payments as f64, large.payments as f64);
    line("store, MiB", mebibytes(small.bytes), mebibytes(large.bytes));
    line("retrieve at 64, requests/s", small.retrieve.rate(), large.retrieve.rate());
    line("list of 10 at 64, requests/s", small.list.rate(), large.list.rate());
    line("create at 64, requests/s", small.create.rate(), large.create.rate());
    let cpu = |size: &Size| size.create.cpu_us_per_request;
    line("create at 64, CPU µs", cpu(&small), cpu(&large));
    line("memory at most, MiB", mebibytes(small.memory), mebibytes(large.memory));
    let share = |large: Cell, small: Cell| Some(large.rate() / small.rate());
    report::table(&[
        figure(
            "retrieve at 64, large store of small",
            share(large.retrieve, small.retrieve),
            Bound::PercentMin(READS_MIN),
        ),
        figure(
            "list of 10 at 64, large store of small",
            share(large.list, small.list),
            Bound::PercentMin(READS_MIN),
        ),
        figure(
            "CPU of a create at 64, large store of small",
            Some(cpu(&large) / cpu(&small)),
            Bound::PercentMax(CREATE_CPU_MAX),
        ),
        figure("ready with the large store", Some(ready_ms), Bound::MillisBelow(READY_MS_MAX)),
        figure(
            "memory under load with the large store",
            Some(large.memory as f64),
            Bound::MebibytesBelow(MEMORY_MIB_MAX),
        ),
    ]);
    let cells = [&small, &large].map(|size| [size.retrieve, size.list, size.create]);
    Ok(cells.iter().flatten().map(|cell| cell.errors).sum())
}

fn measure(
    server: &Server,
    sandbox: &Sandbox,
    data: &Path,
    payments: u64,
    options: &Options,
) -> Outcome<Size> {
    println!("store with {payments} payments");
    let begun = Instant::now();
    cells::fill(sandbox, payments)?;
    println!("  filled in {:.0} s", begun.elapsed().as_secs_f64());
    sandbox.choose_ids(cells::IDS_MAX * 10)?;
    let bytes = server::store_bytes(data)?;
    let payments = sandbox.payments()?;
    let cell = |script| Cell::measure(server, &sandbox.target, script, 64, options);
    let (retrieve, list) = (cell(Script::Retrieve)?, cell(Script::List)?);
    // Last, since it changes the size.
    let create = cell(Script::Create)?;
    let (_, memory) = server.memory()?;
    Ok(Size { payments, bytes, retrieve, list, create, memory })
}

fn line(what: &str, small: f64, large: f64) {
    println!("{what:<34}{small:>14.1}{large:>14.1}{:>9.2}", large / small);
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}
