//! A server under measurement: started on a free port, watched through /proc, always ended.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::{self, Outcome, Owned};

const READY_MAX: Duration = Duration::from_secs(10);
const END_MAX: Duration = Duration::from_secs(15);

pub struct Server {
    pub address: String,
    /// The server itself, where the child is a tracer.
    pid: u32,
    process: Owned,
    trace: Option<PathBuf>,
}

impl Server {
    /// The program under test. `data` is a file, or `:memory:`.
    pub fn start(program: &Path, data: &str, folder: &Path) -> Outcome<Server> {
        let address = free_address()?;
        Server::spawn(&mut serve(program, data, &address), address, folder, None)
    }

    /// The same below a tracer that stops it at flushes only and counts them.
    pub fn start_traced(program: &Path, data: &str, folder: &Path) -> Outcome<Server> {
        let address = free_address()?;
        let trace = folder.join("flushes.txt");
        let inner = serve(program, data, &address);
        let mut tracer = Command::new("strace");
        tracer
            .args(["-f", "--seccomp-bpf", "-c", "-e", "trace=fsync,fdatasync", "-o"])
            .arg(&trace)
            .arg(inner.get_program())
            .args(inner.get_args());
        Server::spawn(&mut tracer, address, folder, Some(trace))
    }

    /// The bare server, which is this program.
    pub fn start_bare(answers: Option<&Path>, folder: &Path) -> Outcome<Server> {
        let address = free_address()?;
        let program = super::released("xtask")?;
        let mut command = Command::new(program);
        command.arg("bare-server").arg(&address).args(answers);
        Server::spawn(&mut command, address, folder, None)
    }

    fn spawn(
        command: &mut Command,
        address: String,
        folder: &Path,
        trace: Option<PathBuf>,
    ) -> Outcome<Server> {
        let log = folder.join("server.log");
        let file = fs::File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let copy = file.try_clone().map_err(|error| error.to_string())?;
        for (name, _) in std::env::vars_os() {
            // The developer's own settings must not change what is measured.
            if name.to_string_lossy().starts_with("EXCHEQUER_") {
                command.env_remove(name);
            }
        }
        command.current_dir(folder).stdin(Stdio::null()).stdout(file).stderr(copy);
        let process = Owned::start(command)?;
        let mut server = Server { address, pid: process.pid(), process, trace };
        server.wait_until_ready(&log)?;
        if server.trace.is_some() {
            server.pid = only_child(server.pid)?;
        }
        Ok(server)
    }

    fn wait_until_ready(&mut self, log: &Path) -> Outcome<()> {
        let deadline = Instant::now() + READY_MAX;
        while TcpStream::connect(&self.address).is_err() {
            let ended = self.process.exited();
            if ended.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(log).unwrap_or_default();
                return Err(format!("the server did not start ({ended:?}):\n{log}"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Processor time the server has used so far, in seconds, of all its threads.
    pub fn cpu_seconds(&self) -> Outcome<f64> {
        let path = format!("/proc/{}/stat", self.pid);
        let stat = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        // SAFETY: sysconf only reads a constant of the system.
        let ticks_per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
        cpu_ticks(&stat)
            .map(|ticks| ticks as f64 / ticks_per_second as f64)
            .ok_or_else(|| format!("{path}: {stat}"))
    }

    /// Ends it as an operator would. What it counted of flushes is given, where it was traced.
    pub fn stop(mut self) -> Outcome<Option<u64>> {
        self.process.terminate(self.pid, END_MAX)?;
        let Some(trace) = self.trace.take() else { return Ok(None) };
        let text =
            fs::read_to_string(&trace).map_err(|error| format!("{}: {error}", trace.display()))?;
        Ok(Some(flushes(&text)))
    }
}

impl Drop for Server {
    /// A tracer that is killed would leave the server behind.
    fn drop(&mut self) {
        if self.process.exited().is_none() {
            let _ = self.process.terminate(self.pid, END_MAX);
        }
    }
}

/// Bytes of the store on disk, with everything moved out of the log.
pub fn store_bytes(data: &Path) -> Outcome<u64> {
    let store = rusqlite::Connection::open(data).map_err(|error| error.to_string())?;
    let _ = store.busy_timeout(Duration::from_secs(5));
    // A store that is in use may refuse; its log then counts as it is.
    let _ = store.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    let mut log = data.as_os_str().to_owned();
    log.push("-wal");
    let length = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    Ok(length(data) + length(Path::new(&log)))
}

fn serve(program: &Path, data: &str, address: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["serve", "--listen", address, "--data", data, "--log-level", "warn"]);
    command
}

fn free_address() -> Outcome<String> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.to_string())
        .map_err(|error| format!("no free port: {error}"))
}

fn only_child(pid: u32) -> Outcome<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let first = children.split_whitespace().next().and_then(|child| child.parse().ok());
    first.ok_or_else(|| format!("{path}: no child"))
}

/// User and system time stand 14th and 15th; the name before them may hold anything but is
/// closed by the last parenthesis.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// The calls column of the tracer's summary, of every line that names a flush.
fn flushes(summary: &str) -> u64 {
    let lines = summary
        .lines()
        .filter(|line| matches!(line.split_whitespace().last(), Some("fsync" | "fdatasync")));
    lines.filter_map(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok()).sum()
}

/// Names the file system below a folder: on one in memory a flush costs nothing.
pub fn file_system(folder: &Path) -> Outcome<String> {
    let mut stat = Command::new("stat");
    stat.args(["--file-system", "--format=%T"]).arg(folder);
    Ok(process::capture(&mut stat)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_are_found_behind_any_name() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 1 0 0 0 30 12 0 0 20 0 9 0 100";
        assert_eq!(cpu_ticks(stat), Some(42));
    }

    #[test]
    fn flushes_of_both_names_are_added() {
        let summary = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 99.00    0.090000         300       300           fdatasync
  1.00    0.001000         100        10         2 fsync
------ ----------- ----------- --------- --------- ----------------
100.00    0.091000         293       310         2 total
";
        assert_eq!(flushes(summary), 310);
    }
}
