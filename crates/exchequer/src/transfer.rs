//! `exchequer export` and `exchequer import`: a whole store to a file and back, between stores of
//! either engine.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use store::transfer::Totals;

use crate::{Ended, Exit};

/// How often progress is told where no bar can be drawn.
const TOLD_EVERY: Duration = Duration::from_secs(5);
const BUFFER_BYTES: usize = 1 << 20;

#[derive(Args)]
pub struct ExportOptions {
    /// The file of the store, or the address of a database; it may be served meanwhile
    #[arg(long, env = "EXCHEQUER_DATA")]
    data: String,
}

#[derive(Args)]
pub struct ImportOptions {
    /// The file of a new or empty store, or the address of a database
    #[arg(long, env = "EXCHEQUER_DATA")]
    data: String,
    /// The file of the key that the exported store is sealed with
    #[arg(long, env = "EXCHEQUER_SEAL_KEY")]
    seal_key: Option<PathBuf>,
    /// What was exported; - for standard input
    file: PathBuf,
}

/// Writes the store to standard output.
pub fn export(options: &ExportOptions) -> Result<(), Ended> {
    let stdout = std::io::stdout();
    if stdout.is_terminal() {
        let why = "the store goes to standard output: say where to, with > FILE";
        return Err(Ended::new(Exit::BadFlag, why));
    }
    let mut told = Told::new(None);
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, stdout.lock());
    let done = store::transfer::export(&options.data, &mut out, &mut |totals| told.so_far(totals));
    let totals = done.map_err(unusable)?;
    out.flush().map_err(|error| failed(&format!("the file cannot be written: {error}")))?;
    told.end("exported", &totals);
    Ok(())
}

pub fn import(options: &ImportOptions) -> Result<(), Ended> {
    let seal_key = options.seal_key.as_deref();
    if options.file == Path::new("-") {
        return read_in(options, seal_key, &mut BufReader::new(std::io::stdin()), Told::new(None));
    }
    let name = options.file.display();
    let unreadable = |error| failed(&format!("{name} cannot be read: {error}"));
    let file = File::open(&options.file).map_err(unreadable)?;
    let told = Told::new(file.metadata().ok().map(|meta| meta.len()));
    let file = told.counted(file);
    read_in(options, seal_key, &mut BufReader::with_capacity(BUFFER_BYTES, file), told)
}

fn read_in(
    options: &ImportOptions,
    seal_key: Option<&Path>,
    file: &mut dyn BufRead,
    mut told: Told,
) -> Result<(), Ended> {
    let data = &options.data;
    let done = store::transfer::import(data, seal_key, file, &mut |totals| told.so_far(totals));
    let totals = done.map_err(unusable)?;
    told.end("imported", &totals);
    let shown = store::postgres::shown(data);
    let key = if store::postgres::is_url(data) {
        seal_key.map(|path| format!(" --seal-key {}", path.display()))
    } else {
        None
    };
    let key = key.unwrap_or_default();
    eprintln!("Every row is there. To check the books, too: exchequer verify --data {shown}{key}");
    Ok(())
}

/// What is told on the way: a bar for people, a line now and then for a log.
struct Told {
    bar: Option<ProgressBar>,
    last: Instant,
}

impl Told {
    /// `bytes`: how long the way is, if that is known.
    fn new(bytes: Option<u64>) -> Told {
        let bar = std::io::stderr().is_terminal().then(|| {
            let template = match bytes {
                Some(_) => "{bar:32} {bytes} of {total_bytes}, {eta} to go: {msg}",
                None => "{spinner} {elapsed}: {msg}",
            };
            let bar = bytes.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
            // A template that cannot be read would only lack its looks.
            ProgressStyle::with_template(template)
                .map_or(bar.clone(), |style| bar.with_style(style))
        });
        Told { bar, last: Instant::now() }
    }

    /// The file, moving the bar as it is read.
    fn counted(&self, file: File) -> Box<dyn std::io::Read> {
        match &self.bar {
            Some(bar) => Box::new(bar.wrap_read(file)),
            None => Box::new(file),
        }
    }

    fn so_far(&mut self, totals: &Totals) {
        if let Some(bar) = &self.bar {
            bar.set_message(words(totals));
            bar.tick();
        } else if self.last.elapsed() >= TOLD_EVERY {
            self.last = Instant::now();
            eprintln!("{} so far", words(totals));
        }
    }

    fn end(&self, what: &str, totals: &Totals) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        eprintln!("{what} {}", words(totals));
    }
}

fn words(totals: &Totals) -> String {
    let Totals { workspaces, snapshots, rows } = totals;
    format!("{rows} rows of {workspaces} workspaces and {snapshots} snapshots")
}

fn failed(why: &str) -> Ended {
    Ended::new(Exit::Failed, why)
}

fn unusable(error: store::StoreError) -> Ended {
    Ended::new(Exit::StoreUnusable, error.to_string())
}
