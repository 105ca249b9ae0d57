//! `cargo xtask readme`: does what the README says, as a newcomer would, in a fresh clone.
//!
//! Its code blocks run in their order, with nothing between them: `sh` is run, a `python` or `js`
//! block is saved under the name in its first line, anything else is only read. The first command
//! serves until the end. Then the table of what is covered is compared with the server's own word, and
//! the guide to money movement is followed on the same server.

mod blocks;
mod coverage;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::docs::GUIDE;
use crate::process::{self, Outcome, Owned};
use blocks::{Action, Step};

/// The address and the key that the README names.
const ADDRESS: &str = "127.0.0.1:12111";
const KEY: &str = "sk_test_exchequer";
/// A first build takes minutes on a small machine.
const READY_WITHIN: Duration = Duration::from_secs(15 * 60);
/// A block may install an SDK.
const BLOCK_WITHIN: Duration = Duration::from_secs(5 * 60);
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// Runs the README of the current commit.
pub fn run() -> Outcome<()> {
    // The README names one address, so it is the only one that will do.
    TcpListener::bind(ADDRESS).map_err(|error| {
        format!("the README's server needs {ADDRESS}, which cannot be had: {error}")
    })?;
    let target = process::target()?;
    let clone = clone_into(&target.join("readme/clone"))?;
    let text = read(&clone.join("README.md"))?;
    let steps = blocks::steps(&text)?;
    // What was installed here before may stay: an SDK's version is part of the command.
    let folder = target.join("readme/work");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    follow(&steps, &clone, &folder, &target, &text)
}

fn follow(steps: &[Step], clone: &Path, folder: &Path, target: &Path, text: &str) -> Outcome<()> {
    let mut server = None;
    let mut after_file = false;
    for Step { line, action } in steps {
        match action {
            Action::Serve(command) => {
                println!("README.md:{line}: {command}");
                // The clone shares the build folder, so that only its own crates are built anew.
                let mut shell = bash(&format!("exec {command}"), clone);
                shell.env("CARGO_TARGET_DIR", target);
                server = Some(Server::start(&mut shell)?);
            }
            Action::Save { name, text } => {
                let path = folder.join(name);
                fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
                after_file = true;
            }
            Action::Run(command) => {
                let printed = run_block(*line, command, folder)?;
                proves(&printed, after_file).map_err(|why| format!("README.md:{line}: {why}"))?;
                after_file = false;
            }
        }
    }
    let mut server = server.ok_or("the README has no block that serves")?;
    if server.address != ADDRESS {
        return Err(format!("the README's server listens on {}, not {ADDRESS}", server.address));
    }
    coverage::check(text, &coverage::fetch(&server.address, KEY)?)?;
    follow_guide(clone, folder)?;
    server.stop()
}

/// The guide to money movement is for one shell from its beginning to its end, and for a sandbox
/// that is empty.
fn follow_guide(clone: &Path, folder: &Path) -> Outcome<()> {
    println!("{GUIDE} …");
    let empty = format!("curl -sS -X POST http://{ADDRESS}/_exchequer/reset -u {KEY}:\n");
    let commands = blocks::steps(&read(&clone.join(GUIDE))?)?;
    let commands = commands.into_iter().filter_map(|step| match step.action {
        Action::Run(command) => Some(command),
        Action::Serve(_) | Action::Save { .. } => None,
    });
    let script = std::iter::once(empty).chain(commands).collect::<String>();
    let mut shell = Owned::start(bash(&script, folder).stdout(Stdio::piped()))?;
    let printed = shell.output_within(BLOCK_WITHIN).map_err(|why| format!("{GUIDE}: {why}"))?;
    print!("{printed}");
    Ok(())
}

fn run_block(line: usize, command: &str, folder: &Path) -> Outcome<String> {
    println!("README.md:{line} …");
    let mut block = Owned::start(bash(command, folder).stdout(Stdio::piped()))?;
    let printed =
        block.output_within(BLOCK_WITHIN).map_err(|why| format!("README.md:{line}: {why}"))?;
    print!("{printed}");
    Ok(printed)
}

/// Every example ends with a payment that is posted; one with a program of its own has also heard
/// of it by a webhook that it verified.
fn proves(printed: &str, by_program: bool) -> Outcome<()> {
    if !printed.contains("posted") {
        return Err("it printed no `posted`".into());
    }
    let posted = printed.lines().any(|line| line == "posted");
    let verified = printed.lines().any(|line| line.starts_with("verified "));
    if by_program && !(posted && verified) {
        return Err("it must print `posted` and `verified …`, each on a line".into());
    }
    Ok(())
}

/// What a reader's shell does with a block: it stops at the first command that fails.
fn bash(command: &str, folder: &Path) -> Command {
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", command]).current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars() {
        if name.starts_with("EXCHEQUER_") || name.starts_with("STRIPE_") {
            shell.env_remove(name);
        }
    }
    shell
}

/// The current commit, as somebody else gets it.
fn clone_into(folder: &Path) -> Outcome<PathBuf> {
    let _ = fs::remove_dir_all(folder);
    let mut git = Command::new("git");
    git.args(["clone", "--quiet"]).arg(process::root()).arg(folder);
    process::run(&mut git)?;
    let changed = process::capture(
        Command::new("git")
            .args(["status", "--porcelain", "--", "README.md"])
            .current_dir(process::root()),
    )?;
    if !changed.trim().is_empty() {
        println!("README.md has changes that are not committed: the last commit's is run");
    }
    Ok(folder.to_path_buf())
}

/// A server started by a command, which tells its address when it is ready.
struct Server {
    process: Owned,
    address: String,
}

impl Server {
    fn start(command: &mut Command) -> Outcome<Server> {
        let mut process = Owned::start(command.stdout(Stdio::piped()))?;
        let stdout = process.stdout().ok_or("the server has no output")?;
        let address = match listen(stdout).recv_timeout(READY_WITHIN) {
            Ok(address) => address,
            Err(RecvTimeoutError::Timeout) => {
                return Err(format!("the server was not ready after {READY_WITHIN:?}"));
            }
            Err(RecvTimeoutError::Disconnected) => return Err("the server did not start".into()),
        };
        Ok(Server { process, address })
    }

    fn stop(&mut self) -> Outcome<()> {
        let status = self.process.terminate(self.process.pid(), STOP_WITHIN)?;
        if status.success() { Ok(()) } else { Err(format!("the server ended with {status}")) }
    }
}

/// Shows what the server prints and gives the address of the line that says it is ready.
fn listen(stdout: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            println!("{line}");
            let rest = line.split_once("is ready on http://").map(|(_, rest)| rest);
            if let Some(address) = rest.and_then(|rest| rest.split([' ', '/']).next()) {
                let _ = sender.send(address.to_owned());
            }
        }
    });
    receiver
}

/// `cargo xtask readme --write`: writes the table of what is covered anew.
pub fn write() -> Outcome<()> {
    let program = crate::test::build(&process::target()?)?;
    let mut command = Command::new(program);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data", ":memory:"]);
    let mut server = Server::start(&mut command)?;
    let covered = coverage::fetch(&server.address, KEY)?;
    server.stop()?;
    let path = process::root().join("README.md");
    let text = coverage::replace(&read(&path)?, &covered)?;
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_must_show_its_payment_and_its_webhook() {
        assert!(proves("  \"status\": \"posted\",\n", false).is_ok());
        assert!(proves("  \"status\": \"processing\",\n", false).is_err());
        assert!(proves("posted\nverified treasury.outbound_payment.posted\n", true).is_ok());
        assert!(proves("posted\n", true).is_err());
        assert!(proves("verified treasury.outbound_payment.posted\n", true).is_err());
    }

    #[test]
    fn the_ready_line_tells_the_address() {
        let said = "Exchequer 0.1.0 is ready on http://127.0.0.1:12111 (store x); try: …\n";
        assert_eq!(listen(said.as_bytes()).recv().ok().as_deref(), Some("127.0.0.1:12111"));
        assert!(listen("building\n".as_bytes()).recv().is_err());
    }
}
