//! A PostgreSQL cluster of the bench's own, with the settings it comes with: every commit is
//! flushed. It listens on its socket only, and is gone when we are.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use crate::process::Outcome;

/// Makes a database for each line of its input; ends when that does.
const SCRIPT: &str = r#"
folder=$(mktemp -d "${TMPDIR:-/tmp}/exchequer-bench-XXXXXX")
trap '"$1/pg_ctl" stop -D "$folder/data" -m immediate >>"$folder/log" 2>&1; rm -rf "$folder"' EXIT
"$1/initdb" -D "$folder/data" -E UTF8 --locale=C -A trust -U exchequer >"$folder/log" 2>&1
"$1/pg_ctl" start -w -D "$folder/data" -o "-k $folder -c listen_addresses=" >>"$folder/log" 2>&1 \
  </dev/null || { cat "$folder/log" >&2; exit 1; }
echo "$folder"
while read -r name; do
  "$1/createdb" -h "$folder" -U exchequer "$name" </dev/null >&2 && echo "$name" || echo failed
done
"#;

pub struct Cluster {
    pub folder: PathBuf,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Cluster {
    pub fn start() -> Outcome<Cluster> {
        let programs = programs().ok_or("PostgreSQL's server programs are not installed")?;
        // The server refuses to run as root.
        // SAFETY: geteuid only reads the identity of this process.
        let is_root = unsafe { libc::geteuid() } == 0;
        let mut command = Command::new(if is_root { "runuser" } else { "bash" });
        if is_root {
            command.args(["-u", "postgres", "--", "bash"]);
        }
        command.args(["-c", SCRIPT, "cluster"]).arg(programs).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // It is not killed but sees the end of its input, so that it can clean up.
        let mut child = command.spawn().map_err(|error| format!("the cluster: {error}"))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (input, output) = input.zip(output).ok_or("the cluster has no pipes")?;
        let mut cluster = Cluster { folder: PathBuf::new(), input, output: BufReader::new(output) };
        cluster.folder = cluster.line()?.into();
        Ok(cluster)
    }

    /// Makes a database and gives its address.
    pub fn database(&mut self, name: &str) -> Outcome<String> {
        writeln!(self.input, "{name}").map_err(|error| format!("the cluster: {error}"))?;
        let made = self.line()?;
        if made != name {
            return Err(format!("the cluster made {made:?}, not {name}"));
        }
        let host = self.folder.to_string_lossy().replace('/', "%2F");
        Ok(format!("postgres://exchequer@{host}/{name}"))
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(|error| format!("the cluster: {error}"))?;
        if line.is_empty() { Err("the cluster has ended".into()) } else { Ok(line.trim().into()) }
    }
}

/// The newest that Debian's packages have installed, or those on the path.
fn programs() -> Option<PathBuf> {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = installed.map(|entry| entry.path().join("bin")).collect();
    found.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let needed = ["initdb", "pg_ctl", "postgres", "createdb"];
    found.retain(|folder| needed.iter().all(|name| folder.join(name).is_file()));
    found.sort();
    found.pop()
}
