//! Programs in other languages that use the official SDKs, run as children of a test.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::client::Sandbox;
use crate::server::spawn;

/// What a story printed; it has ended with success.
pub struct Story {
    pub printed: String,
}

impl Story {
    /// One line of JSON that the story printed last.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        let line = self.printed.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|error| {
            panic!("the last line is no JSON ({error}):\n{}", self.printed);
        })
    }
}

/// The Python that has the SDK: `EXCHEQUER_PYTHON`, or the first one on the path.
pub fn python() -> Command {
    let mut command = match std::env::var_os("EXCHEQUER_PYTHON") {
        Some(path) => Command::new(path),
        None => {
            let mut command = Command::new("/usr/bin/env");
            command.arg("python3");
            command
        }
    };
    command.current_dir(folder().join("python"));
    command
}

/// Node, in the folder where its packages are installed.
pub fn node() -> Command {
    let mut command = match std::env::var_os("EXCHEQUER_NODE") {
        Some(path) => Command::new(path),
        None => Command::new("node"),
    };
    command.current_dir(folder().join("node"));
    command
}

/// Where the stories stand.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk")
}

impl Sandbox {
    /// Runs a story against this sandbox; anything but success fails the test.
    #[track_caller]
    pub fn story(&self, mut command: Command, name: &str) -> Story {
        command.env("EXCHEQUER_URL", self.url()).env("EXCHEQUER_KEY", self.key());
        command.env("EXCHEQUER_BIN", crate::server::program());
        if let Some(folder) = std::env::var_os("EXCHEQUER_BODIES_DIR") {
            let file = Path::new(&folder).join(format!("{name}.jsonl"));
            command.env("EXCHEQUER_BODIES", file);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let program = command.get_program().to_owned();
        let child = spawn(command).unwrap_or_else(|error| panic!("{name}: {program:?}: {error}"));
        let output = child.wait_with_output().expect("the story ends");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {}\n{printed}\n{errors}", output.status);
        Story { printed }
    }
}
