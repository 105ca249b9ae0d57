//! A PostgreSQL cluster that a test has for itself, to restart, to kill and to replace by its
//! standby. Every commit of it is flushed. It is gone when the test is, however that ends.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::Mutex;

use crate::cluster::{programs, run_script};

/// Runs the lines of its input and says how each ended. Its input ends when our end does.
const SCRIPT: &str = r#"
folder=$(mktemp -d "${TMPDIR:-/tmp}/exchequer-cluster-XXXXXX")
trap '"$1/pg_ctl" stop -D "$folder/data" -m immediate >>"$folder/log" 2>&1; rm -rf "$folder"' EXIT
PATH="$1:$PATH"
echo "$folder"
while read -r line; do
  eval "$line" >>"$folder/log" 2>&1 </dev/null
  echo $?
done
"#;
/// How the server listens: on a socket in its folder, and nowhere else.
const QUIET: &str = "-c listen_addresses= -c max_connections=100 -c shared_buffers=32MB";
/// The name that a standby gives itself.
const STANDBY: &str = "standby";

/// How a server is told to stop.
#[derive(Clone, Copy, Debug)]
pub enum Shutdown {
    /// Connections are ended, all is written back.
    Fast,
    /// Everything is dropped; the next start recovers from the log.
    Immediate,
    /// The same for every process at once, without a word.
    Kill,
}

pub struct Postgres {
    folder: PathBuf,
    script: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    /// What the server is started with.
    options: String,
    _child: Child,
}

impl Postgres {
    /// A cluster with one empty database, that listens on its socket only.
    #[track_caller]
    pub fn start() -> Postgres {
        Self::start_with("")
    }

    /// The same with more settings (`-c name=value …`).
    #[track_caller]
    pub fn start_with(settings: &str) -> Postgres {
        let mut postgres = Self::new(settings);
        postgres.run("initdb -D $folder/data -E UTF8 --locale=C -A trust -U exchequer --no-sync");
        postgres.start_again();
        postgres.create_database();
        postgres
    }

    /// A primary that commits only what its standby has, and that standby.
    #[track_caller]
    pub fn start_pair(synchronous_commit: &str) -> (Postgres, Postgres) {
        let primary = Self::start();
        let standby = Self::new("");
        let from = primary.folder.to_str().expect("a path of plain text");
        standby.run(&format!(
            "pg_basebackup -h {from} -U exchequer -D $folder/data -R -c fast --no-sync && \
             echo \"primary_conninfo = 'host={from} user=exchequer application_name={STANDBY}'\" \
             >>$folder/data/postgresql.auto.conf"
        ));
        standby.start_again();
        // Only now, since without a standby nothing could be committed any more.
        primary.sql(&format!(
            "ALTER SYSTEM SET synchronous_standby_names = '{STANDBY}'; \
             ALTER SYSTEM SET synchronous_commit = '{synchronous_commit}'; \
             SELECT pg_reload_conf()"
        ));
        primary.until("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'");
        (primary, standby)
    }

    fn new(settings: &str) -> Postgres {
        let mut child = run_script(SCRIPT, &programs());
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let mut output = BufReader::new(output.expect("a pipe"));
        let mut line = String::new();
        output.read_line(&mut line).expect("the cluster says where it is");
        let script = Mutex::new((input.expect("a pipe"), output));
        let options = format!("{QUIET} {settings}");
        Postgres { folder: line.trim().into(), script, options, _child: child }
    }

    /// Takes connections on loopback, only with TLS and this certificate and only with a password:
    /// gives the port. Its socket is of no use any more.
    #[track_caller]
    pub fn listen_with_tls(&mut self, certificate: &str, key: &str, password: &str) -> u16 {
        for (from, name) in [(certificate, "given.crt"), (key, "given.key")] {
            let text = std::fs::read(from).expect("a file");
            let to = self.folder.join(name);
            std::fs::write(&to, text).expect("a file in the cluster's folder");
            let mode = std::fs::Permissions::from_mode(0o644);
            std::fs::set_permissions(&to, mode).expect("its rights");
        }
        // The key must belong to the server, and to nobody else.
        self.run("install -m 600 $folder/given.key $folder/server.key");
        self.sql(&format!("ALTER USER exchequer PASSWORD '{password}'"));
        self.run("echo 'hostssl all all 127.0.0.0/8 scram-sha-256' >$folder/data/pg_hba.conf");
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
        let port = port.expect("a free port").port();
        self.stop(Shutdown::Fast);
        self.options.push_str(&format!(
            " -c listen_addresses=127.0.0.1,127.0.0.2 -c port={port} -c ssl=on \
             -c ssl_cert_file=$folder/given.crt -c ssl_key_file=$folder/server.key"
        ));
        self.start_again();
        port
    }

    fn create_database(&mut self) {
        self.run("createdb -h $folder -U exchequer exchequer");
    }

    /// Runs one line of the shell, in which `$folder` is the cluster's; it must succeed.
    #[track_caller]
    pub fn run(&self, line: &str) {
        let mut script = self.script.lock().expect("the script");
        writeln!(script.0, "{line}").expect("the script reads");
        let mut status = String::new();
        script.1.read_line(&mut status).expect("the script answers");
        assert_eq!(status.trim(), "0", "{line}\n{}", self.log());
    }

    /// What the programs said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// The folder, percent-encoded: the host of an address.
    pub fn host(&self) -> String {
        self.folder.to_str().expect("a path of plain text").replace('/', "%2F")
    }

    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// The database, as the program takes it.
    pub fn url(&self) -> String {
        format!("postgres://exchequer@{}/exchequer", self.host())
    }

    #[track_caller]
    pub fn sql(&self, statements: &str) {
        for statement in statements.split("; ") {
            self.run(&format!("psql -h $folder -U exchequer exchequer -Xc \"{statement}\""));
        }
    }

    /// Waits until a query gives a row.
    #[track_caller]
    fn until(&self, query: &str) {
        self.run(&format!(
            "for _ in $(seq 200); do psql -h $folder -U exchequer exchequer -XAtc \"{query}\" | \
             grep -q 1 && break; sleep 0.05; false; done"
        ));
    }

    #[track_caller]
    pub fn stop(&self, how: Shutdown) {
        match how {
            Shutdown::Fast => self.run("pg_ctl stop -D $folder/data -m fast"),
            Shutdown::Immediate => self.run("pg_ctl stop -D $folder/data -m immediate"),
            // The sessions first: they would go on for a moment.
            Shutdown::Kill => self.run(
                "pid=$(head -1 $folder/data/postmaster.pid); kill -STOP $pid; \
                 kill -KILL $(cat /proc/$pid/task/*/children) $pid; \
                 while [ -e /proc/$pid ]; do sleep 0.01; done",
            ),
        }
    }

    #[track_caller]
    pub fn start_again(&self) {
        let options = &self.options;
        self.run(&format!("pg_ctl start -w -D $folder/data -o \"{options} -k $folder\""));
    }

    /// Makes the standby the primary.
    #[track_caller]
    pub fn promote(&self) {
        self.run("pg_ctl promote -w -D $folder/data");
    }
}
