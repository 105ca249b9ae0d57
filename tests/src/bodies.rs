//! Keeps every body the scenarios see, for the comparison with the SDKs' types.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use serde_json::{Value, json};

static FILE: OnceLock<Option<Mutex<File>>> = OnceLock::new();

/// Appends one line `{test, method, path, status, body}`, when asked to by the environment.
pub fn keep(method: &str, path: &str, status: u16, body: &Value) {
    let Some(file) = FILE.get_or_init(open) else { return };
    let thread = std::thread::current();
    let line = json!({
        "test": thread.name().unwrap_or("unnamed"),
        "method": method,
        "path": path,
        "status": status,
        "body": body,
    });
    let mut file = file.lock().expect("the bodies file is not poisoned");
    writeln!(file, "{line}").expect("the bodies file can be written");
}

fn open() -> Option<Mutex<File>> {
    let folder = PathBuf::from(std::env::var_os("EXCHEQUER_BODIES_DIR")?);
    std::fs::create_dir_all(&folder).expect("the bodies folder can be made");
    let path = folder.join("scenarios.jsonl");
    let file = OpenOptions::new().create(true).append(true).open(path);
    Some(Mutex::new(file.expect("the bodies file can be opened")))
}
