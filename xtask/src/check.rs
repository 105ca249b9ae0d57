//! `cargo xtask check`: what must be clean before a commit, in the order of speed.

use crate::process::{self, Outcome, cargo};
use crate::test::FEATURES;

pub fn run() -> Outcome<()> {
    println!("fmt …");
    process::run(cargo().args(["fmt", "--all", "--check"]))?;
    println!("clippy …");
    process::run(
        cargo()
            .args(["clippy", "--workspace", "--all-targets", "--features", FEATURES])
            .args(["--", "-D", "warnings"]),
    )?;
    println!("unit tests …");
    process::run(cargo().args(["test", "--workspace", "--lib", "--bins", "--features", FEATURES]))
}
