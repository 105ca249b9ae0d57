//! Every number of the acceptance lists has a scenario that carries it in its name.

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_listed_number_has_a_scenario() {
    let names = scenario_names();
    let later = [72, 95, 100, 101, 102];
    let platform = (1..=106).filter(|number| !later.contains(number));
    let treasury = 1..=54;
    // Transfers, subscriptions, files and disputes are not served yet.
    let supporting = (1..=19).chain(21..=24).chain(31..=33);
    let missing: Vec<String> = platform
        .map(|number| format!("platform_{number:02}_"))
        .chain(treasury.map(|number| format!("treasury_{number:02}_")))
        .chain(supporting.map(|number| format!("supporting_{number:02}_")))
        .filter(|start| !names.iter().any(|name| name.starts_with(start)))
        .collect();
    assert!(missing.is_empty(), "no scenario: {missing:?}");
}

/// The names of all functions that stand under `#[test]` in this folder.
fn scenario_names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios"), &mut names);
    names
}

fn read(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder of scenarios") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read(&path, names);
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a file of text");
        let mut under_test = false;
        for line in text.lines().map(str::trim) {
            let name = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next());
            if let Some(name) = name.filter(|_| under_test) {
                names.insert(name.to_owned());
            }
            // Other attributes may stand between the mark and the function.
            under_test = line == "#[test]" || (under_test && line.starts_with("#["));
        }
    }
}
