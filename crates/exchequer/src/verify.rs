//! `exchequer verify`: every rule of the books, checked on the rows of a store that nobody serves.
//!
//! This walks the rows and checks what is true of the rows of every product. What is true of a
//! product's own objects and postings stands in its crate, as its audits.

use std::path::PathBuf;

use api::audit::{Audits, PROBLEMS_TOLD_MAX};
use api::{Config, WebhookTargets};
use clap::Args;
use store::database::open_to_read;
use store::sqlite::Database;
use walk::{Totals, Walk};

use crate::{Ended, Exit, resources};

mod events;
mod foundations;
mod objects;
mod order;
mod postings;
mod walk;
mod workspaces;

#[derive(Args)]
pub struct Options {
    /// The file of the store, or the address of a database
    #[arg(long, env = "EXCHEQUER_DATA")]
    data: String,
    /// The file of the key that a store in a database is sealed with
    #[arg(long, env = "EXCHEQUER_SEAL_KEY")]
    seal_key: Option<PathBuf>,
}

/// The rules of all products.
fn audits() -> Vec<Audits> {
    vec![foundations::audits(), payments::audit::audits(), treasury::audit::audits()]
}

pub fn run(options: &Options) -> Result<(), Ended> {
    let seal_key = options.seal_key.as_deref();
    let database = open_to_read(&options.data, seal_key).map_err(unreadable)?;
    let report = check(&database).map_err(unreadable)?;
    let Report { problems, count, totals } = report;
    for problem in &problems {
        println!("{problem}");
    }
    if count > PROBLEMS_TOLD_MAX as u64 {
        println!("and more");
    }
    if count > 0 {
        let noun = if count == 1 { "problem" } else { "problems" };
        return Err(Ended::new(Exit::Failed, format!("the store is broken: {count} {noun}")));
    }
    let Totals { workspaces, snapshots, objects, postings, events } = totals;
    let snapshots = if snapshots == 0 { String::new() } else { format!("{snapshots} snapshots, ") };
    println!(
        "ok: {workspaces} workspaces, {snapshots}{objects} objects, {postings} postings, {events} events \
         checked"
    );
    Ok(())
}

fn unreadable(error: store::StoreError) -> Ended {
    Ended::new(Exit::StoreUnusable, error.to_string())
}

struct Report {
    problems: Vec<String>,
    count: u64,
    totals: Totals,
}

fn check(database: &Database) -> store::Result<Report> {
    // What is not kept in the store does not matter here: nothing is made and nothing is sent.
    let app = resources::app(Config {
        step_delay_ms: 0,
        settles: false,
        rail_files: false,
        webhook_targets: WebhookTargets::Local,
        forwards: false,
        public_url: String::new(),
    });
    let rows = database.raw()?;
    database.read(|reader| {
        let mut walk = Walk::new(&app, audits(), &rows, reader, &database.sealer);
        walk.all()?;
        let problems = walk.findings.lines().to_vec();
        Ok(Report { problems, count: walk.findings.count(), totals: walk.totals })
    })?
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What is wrong with a store into which these rows were put.
    fn problems(sql: &str) -> Vec<String> {
        let (database, writer) = Database::open(":memory:").unwrap();
        database.raw().unwrap().execute_batch(sql).unwrap();
        drop(writer);
        check(&database).unwrap().problems
    }

    /// A workspace with the number 1 that has given out two jobs.
    fn workspace(next_due: &str) -> String {
        let state = store::WorkspaceState { jobs: 2, ..Default::default() };
        let mut state = serde_json::to_value(state).unwrap();
        state["next_due"] = serde_json::from_str(next_due).unwrap();
        format!(
            "INSERT INTO workspaces VALUES (1, zeroblob(32), 'acct_1', 0, {next_due}, '{state}');"
        )
    }

    #[track_caller]
    fn finds(sql: &str, told: &str) {
        let problems = problems(sql);
        assert!(problems.iter().any(|line| line.contains(told)), "{told}: {problems:?}");
    }

    #[test]
    fn an_empty_store_is_well() {
        let none: [String; 0] = [];
        assert_eq!(problems(""), none);
        assert_eq!(problems(&workspace("null")), none);
    }

    #[test]
    fn rows_that_belong_to_nothing_are_named() {
        let posting = "'trxne_1', 'fa_1', 'trxn_1', 'other', 'cash', 'other', 5, 'usd', 0";
        finds(&format!("INSERT INTO postings VALUES (9, 0, {posting})"), "ws 9");
        let workspace = workspace("null");
        let also = |sql: &str| format!("{workspace} INSERT INTO {sql}");
        finds(&also(&format!("postings VALUES (1, 0, {posting})")), "trxn_1 is not there");
        finds(&also("objects VALUES (1, 0, 'what_1', 1, '{}')"), "not known");
        finds(&also("objects VALUES (1, 3, 'cus_1', 1, '{}')"), "this number");
        finds(&also("object_index VALUES (1, 0, 'status', 'x', 'obp_1')"), "obp_1 is not there");
        finds(&also("answer_index VALUES (1, 1, 0, 5, 7)"), "its answer is not there");
        finds(&also("deliveries VALUES (1, 'evt_1', 'we_1', 0, NULL, 1, '[]')"), "not there");
        let long = "deliveries VALUES (1, 'evt_1', 'we_1', 0, NULL, 1, '[]')";
        finds(&also(long), "without an attempt");
    }

    #[test]
    fn a_snapshot_is_as_good_as_a_workspace_and_what_is_removed_is_nobodys() {
        let workspace = workspace("null");
        let copy = |part: i64, name: &str, taken: i64, state: &str| {
            format!(
                "{workspace} INSERT INTO copies VALUES (1, {part}, {name}, 0, {taken}, {state});"
            )
        };
        let of = |state: store::WorkspaceState| {
            let state = serde_json::to_string(&state).unwrap();
            format!("'{state}'")
        };
        let stray = "INSERT INTO objects VALUES (5, 0, 'what_1', 1, '{}')";
        let none: [String; 0] = [];
        let removing = copy(5, "NULL", 0, "NULL");
        assert_eq!(problems(&(removing + stray)), none);
        let kept = copy(5, "'base'", 0, &of(store::WorkspaceState::default()));
        assert_eq!(problems(&kept), none);
        finds(&(kept + stray), "not known");
        let late = store::WorkspaceState { last_now: 50, ..Default::default() };
        finds(&copy(5, "'base'", 49, &of(late)), "before the latest command");
        let planned = store::WorkspaceState { next_due: Some(7), ..Default::default() };
        finds(&copy(5, "'base'", 0, &of(planned)), "next_due");
        finds(&copy(5, "'base'", 0, "'{}'"), "cannot be read");
        finds(&copy(1, "NULL", 0, "NULL"), "those of a workspace");
        finds("INSERT INTO copies VALUES (9, 5, NULL, 0, 0, NULL)", "its workspace is not there");
    }

    #[test]
    fn jobs_are_known_and_the_first_is_when_the_workspace_wakes() {
        let job = |kind: &str| format!("INSERT INTO jobs VALUES (1, 50, 2, 0, '{kind}', 'x', '')");
        let step = "outbound_payment.step";
        assert!(problems(&(workspace("50") + &job(step))).is_empty());
        finds(&(workspace("50") + &job("dance")), "not known");
        finds(&(workspace("null") + &job(step)), "next_due");
        finds(&workspace("50"), "next_due");
        let seq = "INSERT INTO jobs VALUES (1, 50, 3, 0, 'outbound_payment.step', 'x', '')";
        finds(&(workspace("50") + seq), "this seq");
    }

    #[test]
    fn a_posting_moves_a_positive_amount_between_two_known_accounts() {
        let workspace = workspace("null");
        let posting = |from: &str, to: &str, amount: i64, currency: &str| {
            format!(
                "{workspace} INSERT INTO postings VALUES (1, 0, 'trxne_1', 'fa_1', 'trxn_1', \
                 'other', '{from}', '{to}', {amount}, '{currency}', 0)"
            )
        };
        finds(&posting("cash", "other", 0, "usd"), "its amount is 0");
        finds(&posting("cash", "other", -5, "usd"), "its amount is -5");
        finds(&posting("cash", "cash", 5, "usd"), "takes from where it gives to");
        finds(&posting("cash", "mattress", 5, "usd"), "mattress is no account");
        finds(&posting("cash", "other", 5, "gold"), "gold is no currency");
        finds(&posting("cash", "intra_stripe_transit", 5, "usd"), "holds 5");
        finds(&posting("intra_stripe_transit", "cash", 5, "usd"), "holds -5");
    }
}
