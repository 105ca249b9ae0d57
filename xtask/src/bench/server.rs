//! A server under measurement: started on a free port, watched through /proc, always ended.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::{self, Outcome, Owned};

const READY_MAX: Duration = Duration::from_secs(10);
const END_MAX: Duration = Duration::from_secs(15);
const READY_POLL: Duration = Duration::from_micros(500);
/// How often a start is measured.
const STARTS: u32 = 5;

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

    /// The program on a database, of which each program has the same key.
    pub fn start_on_database(program: &Path, url: &str, folder: &Path) -> Outcome<Server> {
        let address = free_address()?;
        let mut command = serve(program, url, &address);
        let key = folder.join(format!("{}.key", url.rsplit('/').next().unwrap_or_default()));
        command.arg("--seal-key").arg(key);
        Server::spawn(&mut command, address, folder, None)
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

    /// Memory that it holds now, and the most it ever held, in bytes.
    pub fn memory(&self) -> Outcome<(u64, u64)> {
        let path = format!("/proc/{}/status", self.pid);
        let status = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let now = kibibytes(&status, "VmRSS:").zip(kibibytes(&status, "VmHWM:"));
        let (now, most) = now.ok_or_else(|| format!("{path}: {status}"))?;
        Ok((now * 1024, most * 1024))
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

/// How long a program takes from its start until it says that it is ready: the middle of several.
pub fn time_to_ready(program: &Path, data: impl Fn(u32) -> String, folder: &Path) -> Outcome<f64> {
    let mut took = Vec::new();
    for time in 0..STARTS {
        let address = free_address()?;
        let mut command = serve(program, &data(time), &address);
        let log = fs::File::create(folder.join("start.log")).map_err(|e| e.to_string())?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let begun = Instant::now();
        let mut process = Owned::start(&mut command)?;
        while !is_ready(&address) {
            if process.exited().is_some() || begun.elapsed() > READY_MAX {
                return Err("the server did not get ready".into());
            }
            thread::sleep(READY_POLL);
        }
        took.push(begun.elapsed().as_secs_f64() * 1e3);
        process.terminate(process.pid(), END_MAX)?;
    }
    took.sort_by(f64::total_cmp);
    Ok(took[took.len() / 2])
}

/// Asks once, with nothing that would take time of its own.
fn is_ready(address: &str) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(READY_MAX))?;
        let request = format!(
            "GET /_exchequer/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    ask().is_ok_and(|answer| answer.ends_with(b" 200"))
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

/// A line of a process's status.
fn kibibytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
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
