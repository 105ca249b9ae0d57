//! Servers that fail on demand. They need a build with the feature `failpoints`, which is the
//! program under test itself or the one that `EXCHEQUER_FAILPOINTS_BIN` names.

use std::path::PathBuf;

use exchequer_tests::{Sandbox, Server, program};
use serde_json::json;

pub fn failpoints_program() -> PathBuf {
    std::env::var_os("EXCHEQUER_FAILPOINTS_BIN").map_or_else(program, PathBuf::from)
}

/// A server of its own: what fails, fails for all its sandboxes.
#[track_caller]
pub fn server(args: &[&str]) -> Server {
    Server::start_program(&failpoints_program(), args, &[])
}

/// Arms one place; `action` is like `1*return` or `sleep(2000)`.
#[track_caller]
pub fn set(sandbox: &Sandbox, name: &str, action: &str) {
    let body = json!({"name": name, "action": action});
    let answer = sandbox.post_json("/_exchequer/failpoint", &body);
    assert_eq!(answer.status, 200, "is this a build with the feature failpoints?\n{answer:?}");
}
