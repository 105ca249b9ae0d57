//! `cargo xtask docs --write`: the pictures and tables of the guide, drawn from the tables of
//! states that the code runs.
//!
//! A unit test compares them with what is there, so that `cargo xtask check` fails where they have
//! fallen behind.

mod ladder;
mod svg;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use treasury::flows::{self, Flow};

use crate::process::{self, Outcome};

/// What `cargo xtask readme` follows, too.
pub const GUIDE: &str = "docs/money-movement.md";
const PICTURES: &str = "docs/flows";

/// A file, and what belongs into it.
struct Page {
    path: PathBuf,
    text: String,
}

pub fn write() -> Outcome<()> {
    for Page { path, text } in pages(&process::root())? {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn pages(root: &Path) -> Outcome<Vec<Page>> {
    let guide = root.join(GUIDE);
    let mut text =
        fs::read_to_string(&guide).map_err(|error| format!("{}: {error}", guide.display()))?;
    let mut pages = Vec::new();
    for flow in flows::all() {
        let name = name(&flow);
        let path = root.join(PICTURES).join(format!("{name}.svg"));
        pages.push(Page { path, text: ladder::draw(&flow)? });
        text = replace(&text, name, &table::write(&flow)?)?;
    }
    pages.push(Page { path: guide, text });
    Ok(pages)
}

/// `outbound_payment`.
fn name(flow: &Flow) -> &str {
    flow.object.trim_start_matches("treasury.")
}

/// The guide with a flow's picture and table in their marked place.
fn replace(text: &str, name: &str, table: &str) -> Outcome<String> {
    let begin = format!("<!-- {name}: written by `cargo xtask docs --write` -->\n");
    let end = format!("<!-- end of {name} -->\n");
    let missing = || format!("{GUIDE} has no place for a flow: {begin}{end}");
    let (before, rest) = text.split_once(&begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&end).ok_or_else(missing)?;
    let picture = format!("![What can become of it](flows/{name}.svg)");
    Ok(format!("{before}{begin}\n{picture}\n\n{table}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_shows_what_the_code_runs() -> Outcome<()> {
        for Page { path, text } in pages(&process::root())? {
            let shown = fs::read_to_string(&path).unwrap_or_default();
            let path = path.display();
            assert!(shown == text, "{path} is out of date: run `cargo xtask docs --write`");
        }
        Ok(())
    }

    #[test]
    fn a_flow_has_its_place() -> Outcome<()> {
        let mark = "<!-- a: written by `cargo xtask docs --write` -->\n";
        let text = format!("before\n{mark}old\n<!-- end of a -->\nafter\n");
        let new = replace(&text, "a", "table\n")?;
        assert!(new.starts_with("before\n") && new.ends_with("<!-- end of a -->\nafter\n"));
        assert!(new.contains("flows/a.svg") && !new.contains("old"), "{new}");
        assert!(replace(&text, "b", "").is_err());
        Ok(())
    }
}
