//! The table below a picture: what each step books, and the event that tells of it.

use std::fmt::Write;

use treasury::flows::{Arrow, Flow, Step};

use super::ladder::{members, rungs, signed, who};
use crate::process::Outcome;

pub fn write(flow: &Flow) -> Outcome<String> {
    let mut table = String::from(
        "| Step | By | Entry | Balances | Transaction then | Event |\n|---|---|---|---|---|---|\n",
    );
    for arrow in rungs(flow) {
        for (at, step) in (0..).zip(&arrow.steps) {
            let (what, by) = if at == 0 { named(arrow) } else { (String::new(), String::new()) };
            let entry = step.entry.map_or(String::new(), |entry| format!("`{}`", entry.as_str()));
            let event = step.event.map_or(String::new(), |event| format!("`{event}`"));
            let (balances, transaction) = (balances(step), transaction(step));
            // Writing to a string cannot fail.
            let _ = writeln!(
                table,
                "| {what} | {by} | {entry} | {balances} | {transaction} | {event} |"
            );
        }
    }
    Ok(table)
}

/// The words of a step, and who lets it happen.
fn named(arrow: &Arrow) -> (String, String) {
    let from: Vec<&str> = arrow.from.iter().map(|state| state.name).collect();
    let to = arrow.to.map_or(String::new(), |state| format!(" → {}", state.name));
    let from = if from.is_empty() { String::new() } else { format!(": {}", from.join(", ")) };
    let by: Vec<&str> = arrow.by.iter().map(|by| who(*by)).collect();
    (format!("**{}**{from}{to}", arrow.action), by.join(", "))
}

fn balances(step: &Step) -> String {
    let changes = members(step.impact()).into_iter().filter(|(_, change)| *change != 0);
    let told = changes.map(|(name, change)| format!("`{name}` {}", signed(change).0));
    told.collect::<Vec<String>>().join(", ")
}

fn transaction(step: &Step) -> String {
    match step.transaction() {
        Some((status, true)) => format!("a new one, {}", status.as_str()),
        Some((status, false)) => status.as_str().to_owned(),
        None => String::new(),
    }
}
