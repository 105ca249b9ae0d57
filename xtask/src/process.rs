//! Child processes: run one and say what failed, or own one so that it never outlives us.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A chore either works or ends with one line for the developer.
pub type Outcome<T> = Result<T, String>;

const POLL: Duration = Duration::from_millis(5);

/// The workspace's root: the folder above this package.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}

/// Cargo's own idea of the target folder, since it can be moved by configuration.
pub fn target() -> Outcome<PathBuf> {
    let text =
        capture(cargo().args(["metadata", "--no-deps", "--offline", "--format-version", "1"]))?;
    let metadata: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    metadata["target_directory"]
        .as_str()
        .map(PathBuf::from)
        .ok_or_else(|| "cargo metadata names no target folder".to_owned())
}

/// The cargo that runs us, in the workspace's root.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs a command with our own input and output.
pub fn run(command: &mut Command) -> Outcome<()> {
    let name = describe(command);
    let status = command.status().map_err(|error| format!("{name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name}: {status}")) }
}

/// Runs a command and gives its standard output; standard error goes through.
pub fn capture(command: &mut Command) -> Outcome<String> {
    let name = describe(command);
    let output =
        command.stderr(Stdio::inherit()).output().map_err(|error| format!("{name}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name}: {}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program can be started at all.
pub fn exists(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

/// Installs a Debian package, where that is ours to do.
pub fn apt_install(package: &str) -> Outcome<()> {
    let install = || run(Command::new("apt-get").args(["install", "-y", "-qq", package]));
    // SAFETY: geteuid only reads the identity of this process.
    let root = unsafe { libc::geteuid() } == 0;
    if !root || !exists("apt-get") {
        return Err(format!("{package} is missing: install it (apt-get install {package})"));
    }
    println!("installing {package} …");
    install().or_else(|_| {
        run(Command::new("apt-get").args(["update", "-qq"]))?;
        install()
    })
}

/// A child process that is ended when this value goes, and by the kernel when we die first.
pub struct Owned {
    child: Child,
    name: String,
}

impl Owned {
    pub fn start(command: &mut Command) -> Outcome<Owned> {
        let name = describe(command);
        // SAFETY: prctl is async-signal-safe and touches nothing but the child itself.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
        Ok(Owned { child, name })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its standard output, once, where that was piped.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for the child's own end and gives what it printed.
    pub fn output_within(&mut self, limit: Duration) -> Outcome<String> {
        let mut stdout = self.child.stdout.take();
        let reader = thread::spawn(move || {
            let mut text = String::new();
            if let Some(stdout) = stdout.as_mut() {
                let _ = stdout.read_to_string(&mut text);
            }
            text
        });
        let status = self.end_within(limit)?;
        let text = reader.join().unwrap_or_default();
        if status.success() { Ok(text) } else { Err(format!("{}: {status}\n{text}", self.name)) }
    }

    /// Asks a process, the child or one below it, to end, and waits for the child to do so.
    pub fn terminate(&mut self, pid: u32, limit: Duration) -> Outcome<ExitStatus> {
        if let Ok(pid) = libc::pid_t::try_from(pid) {
            // SAFETY: the process was started by us and is not reaped before the wait below.
            unsafe { libc::kill(pid, libc::SIGTERM) };
        }
        self.end_within(limit)
    }

    fn end_within(&mut self, limit: Duration) -> Outcome<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if Instant::now() < deadline => thread::sleep(POLL),
                Ok(None) => {
                    let _ = self.child.kill();
                    let _ = self.child.wait();
                    return Err(format!("{}: not done after {limit:?}, killed", self.name));
                }
                Err(error) => return Err(format!("{}: {error}", self.name)),
            }
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program and its first words: enough to know what failed.
fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = command.get_args().take(3).map(|word| word.to_string_lossy());
    std::iter::once(program.to_string_lossy()).chain(words).collect::<Vec<_>>().join(" ")
}
