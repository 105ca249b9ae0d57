//! Server processes: one that all scenarios share, and more for those that need their own.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::cluster;

/// Ready means under 100 ms on an idle machine; a loaded one gets more patience.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// A running `exchequer serve`, killed when dropped.
pub struct Server {
    address: String,
    child: Mutex<Child>,
    output: Arc<Mutex<String>>,
}

impl Server {
    /// The server all scenarios share, in memory, each on a sandbox of its own.
    pub fn shared() -> &'static Server {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Server::start(&[]))
    }

    /// Starts `exchequer serve` with these arguments, on a free port, and in memory unless they
    /// say otherwise; returns when it has said that it is ready.
    #[track_caller]
    pub fn start(args: &[&str]) -> Server {
        Self::start_program(&program(), args, &[])
    }

    #[track_caller]
    pub fn start_program(program: &Path, args: &[&str], env: &[(&str, &str)]) -> Server {
        let mut command = Command::new(program);
        command.arg("serve").args(args);
        if !args.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        if !args.contains(&"--data") && cluster::is_wanted() {
            let (data, seal_key) = cluster::new_database();
            command.args(["--data", &data, "--seal-key", &seal_key]);
        } else if !args.contains(&"--data") {
            command.args(["--data", ":memory:"]);
        }
        // A developer's own settings must not change what the scenarios see.
        for (name, _) in std::env::vars() {
            if name.starts_with("EXCHEQUER_") || name.starts_with("STRIPE_") {
                command.env_remove(name);
            }
        }
        command.envs(env.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(command).unwrap_or_else(|error| {
            panic!("cannot start {}: {error}", program.display());
        });
        let output = Arc::new(Mutex::new(String::new()));
        let (ready, address) = channel();
        listen(child.stdout.take().expect("a pipe"), &output, Some(ready));
        listen(child.stderr.take().expect("a pipe"), &output, None);
        let Ok(address) = address.recv_timeout(READY_WITHIN) else {
            child.kill().ok();
            child.wait().ok();
            panic!("the server did not get ready; it said:\n{}", output.lock().expect("output"));
        };
        Server { address, child: Mutex::new(child), output }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn pid(&self) -> u32 {
        self.child.lock().expect("the child").id()
    }

    /// All it has printed until now, both streams.
    pub fn output(&self) -> String {
        self.output.lock().expect("output").clone()
    }

    /// `kill -9`: the process gets no chance to write anything more.
    pub fn kill(&self) {
        let mut child = self.child.lock().expect("the child");
        child.kill().ok();
        child.wait().expect("an end");
    }

    /// SIGTERM, then the exit status; a server that will not go fails the test.
    #[track_caller]
    pub fn stop(&self) -> ExitStatus {
        let pid = i32::try_from(self.pid()).expect("a small pid");
        // SAFETY: signals one process that we started and have not yet waited for.
        unsafe { libc::kill(pid, libc::SIGTERM) };
        self.wait(Duration::from_secs(20))
    }

    /// Waits for the process to end by itself.
    #[track_caller]
    pub fn wait(&self, within: Duration) -> ExitStatus {
        let until = Instant::now() + within;
        loop {
            if let Some(status) = self.child.lock().expect("the child").try_wait().expect("wait") {
                return status;
            }
            assert!(Instant::now() < until, "the server is still running\n{}", self.output());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(mut child) = self.child.lock() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// The program under test: `EXCHEQUER_BIN`, or the one built beside the tests.
pub fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("EXCHEQUER_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().expect("the path of this test");
    let target = test.parent().and_then(Path::parent).expect("a target folder");
    target.join(format!("exchequer{}", std::env::consts::EXE_SUFFIX))
}

/// Runs another command of the program (`verify`, `clock` …) to its end.
#[track_caller]
pub fn run_program(args: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.args(args).stdin(Stdio::null());
    command.output().unwrap_or_else(|error| panic!("exchequer {args:?}: {error}"))
}

/// Starts a child that ends with us, whatever happens to us.
///
/// Linux sends the death signal when the *thread* that spawned the child ends, and a test's
/// thread ends with its test: so one thread that never ends spawns them all.
pub(crate) fn spawn(command: Command) -> std::io::Result<Child> {
    type Job = (Command, Sender<std::io::Result<Child>>);
    static SPAWNER: OnceLock<Sender<Job>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, jobs): (Sender<Job>, Receiver<Job>) = channel();
        std::thread::spawn(move || {
            for (mut command, answer) in jobs {
                end_with_us(&mut command);
                answer.send(command.spawn()).ok();
            }
        });
        sender
    });
    let (answer, child) = channel();
    spawner.send((command, answer)).expect("the spawner lives");
    child.recv().expect("the spawner answers")
}

#[cfg(target_os = "linux")]
fn end_with_us(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    // SAFETY: prctl is a plain system call, safe between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
}

#[cfg(not(target_os = "linux"))]
fn end_with_us(_: &mut Command) {}

/// Keeps what the server prints, and finds its address in the line that says it is ready.
fn listen(
    stream: impl Read + Send + 'static,
    output: &Arc<Mutex<String>>,
    ready: Option<Sender<String>>,
) {
    let output = Arc::clone(output);
    std::thread::spawn(move || {
        let mut ready = ready;
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if let (Some(sender), Some(address)) = (&ready, address_in(&line)) {
                sender.send(address).ok();
                ready = None;
            }
            let mut output = output.lock().expect("output");
            output.push_str(&line);
            output.push('\n');
        }
    });
}

fn address_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("http://127.0.0.1:")?;
    let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
    (!port.is_empty()).then(|| format!("127.0.0.1:{port}"))
}

/// A folder for one test, gone when the test is.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("exchequer-tests-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A path inside, as the command line takes it.
    pub fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a path of plain text").to_owned()
    }

    /// Writes a file inside and gives its path.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.file(name);
        std::fs::write(&path, text).expect("a file can be written");
        path
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
