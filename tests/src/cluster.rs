//! A PostgreSQL cluster of our own, for `EXCHEQUER_TEST_DATA=postgres`: made when first needed, gone
//! when this process is, however it ends.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

/// Stops when its input ends, which our end ends. It listens on a socket in its folder only.
const SCRIPT: &str = r#"
set -e
folder=$(mktemp -d "${TMPDIR:-/tmp}/exchequer-cluster-XXXXXX")
trap 'rm -rf "$folder"' EXIT
"$1/initdb" -D "$folder/data" -E UTF8 --locale=C -A trust -U exchequer --no-sync >"$folder/log" 2>&1
"$1/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c max_connections=300 \
  -c fsync=off -c shared_buffers=64MB -c max_wal_size=2GB >>"$folder/log" 2>&1 </dev/null &
server=$!
for _ in $(seq 200); do
  "$1/pg_isready" -q -h "$folder" && break
  sleep 0.05
done
echo "$folder"
cat >/dev/null
kill -QUIT $server
wait $server || true
"#;

/// Whether servers that name no store of their own get one in a database.
pub fn is_wanted() -> bool {
    std::env::var("EXCHEQUER_TEST_DATA").is_ok_and(|data| data == "postgres")
}

struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    /// Its input is open for as long as the cluster is to run.
    _script: Mutex<Child>,
}

/// A new database: its address, and where its seal key goes.
pub fn new_database() -> (String, String) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let cluster = cluster();
    let name = format!("d{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut create = Command::new(cluster.programs.join("createdb"));
    create.arg("-h").arg(&cluster.folder).args(["-U", "exchequer", &name]);
    let made = create.output().expect("createdb runs");
    assert!(made.status.success(), "createdb: {}", String::from_utf8_lossy(&made.stderr));
    let host = cluster.folder.to_str().expect("a path of plain text").replace('/', "%2F");
    let key = cluster.folder.join(format!("{name}.key"));
    let key = key.to_str().expect("a path of plain text").to_owned();
    (format!("postgres://exchequer@{host}/{name}"), key)
}

/// Ends every connection to a database of [`new_database`], whatever it is doing.
pub fn cut_connections(data: &str) {
    let cluster = cluster();
    let name = data.rsplit('/').next().expect("the name of a database");
    let cut =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    let mut psql = Command::new(cluster.programs.join("psql"));
    psql.arg("-h").arg(&cluster.folder).args(["-U", "exchequer", "-d", "postgres", "-c", &cut]);
    let done = psql.output().expect("psql runs");
    assert!(done.status.success(), "psql: {}", String::from_utf8_lossy(&done.stderr));
}

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(start)
}

fn start() -> Cluster {
    let programs = programs();
    let mut child = run_script(SCRIPT, &programs);
    let mut line = String::new();
    let output = child.stdout.take().expect("a pipe");
    BufReader::new(output).read_line(&mut line).expect("the cluster says where it is");
    assert!(!line.trim().is_empty(), "the cluster did not start");
    Cluster { folder: line.trim().into(), programs, _script: Mutex::new(child) }
}

/// Runs a script of the shell, whose first word is the folder of the server programs, as a user
/// that they are willing to run as.
pub(crate) fn run_script(script: &str, programs: &Path) -> Child {
    // The server refuses to run as root.
    // SAFETY: asks for a number, nothing more.
    let is_root = unsafe { libc::geteuid() } == 0;
    let mut command = Command::new(if is_root { "runuser" } else { "bash" });
    if is_root {
        command.args(["-u", "postgres", "--", "bash"]);
    }
    command.args(["-c", script, "cluster"]).arg(programs).current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().expect("the cluster's script starts")
}

/// The newest of those that are installed where Debian puts them, or those on the path.
pub(crate) fn programs() -> PathBuf {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = installed.map(|entry| entry.path().join("bin")).collect();
    found.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let is_whole = |folder: &PathBuf| {
        ["initdb", "postgres", "createdb", "pg_basebackup", "pg_ctl", "pg_isready", "psql"]
            .iter()
            .all(|name| folder.join(name).is_file())
    };
    found.retain(is_whole);
    found.sort();
    found.pop().expect("PostgreSQL's server programs are installed")
}
