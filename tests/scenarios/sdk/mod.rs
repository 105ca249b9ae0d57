//! The official SDKs, unmodified, against the running server: one test for each story.

use exchequer_tests::{Sandbox, node, python};

#[track_caller]
fn python_story(name: &str) {
    let mut command = python();
    command.arg(format!("{name}.py"));
    Sandbox::new().story(command, &format!("python_{name}"));
}

#[track_caller]
fn node_story(name: &str) {
    let mut command = node();
    command.arg(format!("{name}.mjs"));
    Sandbox::new().story(command, &format!("node_{name}"));
}

#[test]
fn python_pays_out() {
    python_story("outbound_payments");
}

#[test]
fn python_takes_in_and_sends_back() {
    python_story("money_in");
}

#[test]
fn python_transfers() {
    python_story("transfers");
}

#[test]
fn python_hears_webhooks() {
    python_story("webhooks");
}

#[test]
fn python_moves_the_balance() {
    python_story("payments");
}

#[test]
fn node_pays_out() {
    node_story("outbound_payments");
}

#[test]
fn node_takes_in_and_sends_back() {
    node_story("money_in");
}

#[test]
fn node_hears_webhooks() {
    node_story("webhooks");
}

/// The checker of bodies sees what it should see.
#[test]
fn the_checker_of_bodies_works() {
    let mut command = python();
    command.arg("../test_check_bodies.py");
    Sandbox::new().story(command, "test_check_bodies");
}

/// A story that nobody runs tests nothing.
#[test]
fn every_story_has_a_test() {
    let here = include_str!("mod.rs");
    for (folder, ending, runner) in [("python", ".py", "python"), ("node", ".mjs", "node")] {
        let path = format!("{}/sdk/{folder}", env!("CARGO_MANIFEST_DIR"));
        for entry in std::fs::read_dir(path).expect("a folder of stories") {
            let name = entry.expect("an entry").file_name().into_string().expect("plain text");
            let Some(name) = name.strip_suffix(ending) else { continue };
            // What the stories share.
            if ["story", "receiver"].contains(&name) {
                continue;
            }
            let call = format!("{runner}_story(\"{name}\")");
            assert!(here.contains(&call), "no test runs {folder}/{name}{ending}");
        }
    }
}
