//! A PostgreSQL that goes away under load and comes back, or whose standby comes in its place.

use std::thread::scope;
use std::time::{Duration, Instant};

use exchequer_tests::{FinancialAccount, Folder, Postgres, Sandbox, Server, Shutdown, run_program};

use crate::failpoints;
use crate::load::Load;

/// How many clients each program has.
const WRITERS: usize = 3;
/// How many answers there are between one event and the next.
const SOME: usize = 40;

/// Two programs on one database.
struct Nodes {
    folder: Folder,
    url: String,
    servers: [Server; 2],
}

impl Nodes {
    #[track_caller]
    fn start(url: String) -> Nodes {
        let folder = Folder::new();
        let seal_key = folder.file("seal.key");
        let args = ["--data", &url, "--seal-key", &seal_key];
        let servers = [failpoints::server(&args), failpoints::server(&args)];
        Nodes { folder, url, servers }
    }

    /// One sandbox, seen through each of them.
    fn sandboxes(&self) -> [Sandbox; 2] {
        let one = Sandbox::on_server(&self.servers[0]);
        let other = Sandbox::with_key(&self.servers[1], one.key());
        [one, other]
    }

    #[track_caller]
    fn end_well(self) {
        for server in &self.servers {
            assert!(server.stop().success(), "{}", server.output());
        }
        let seal_key = self.folder.file("seal.key");
        let output = run_program(&["verify", "--data", &self.url, "--seal-key", &seal_key]);
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}\n{errors}");
    }
}

#[track_caller]
fn a_restart_loses_nothing_and_refuses_nobody(how: Shutdown) {
    let postgres = Postgres::start();
    let nodes = Nodes::start(postgres.url());
    let sandboxes = nodes.sandboxes();
    let load = Load::new(sandboxes[0].clone());
    load.run(&sandboxes, WRITERS, || {
        for _ in 0..3 {
            load.progress(SOME);
            postgres.stop(how);
            postgres.start_again();
        }
        load.progress(SOME);
    });
    assert_eq!(load.refused(), 0, "a request waits for the database to come back");
    load.check(&sandboxes[1]);
    nodes.end_well();
}

#[test]
fn a_fast_restart_of_the_database() {
    a_restart_loses_nothing_and_refuses_nobody(Shutdown::Fast);
}

#[test]
fn a_crash_of_the_database() {
    a_restart_loses_nothing_and_refuses_nobody(Shutdown::Immediate);
}

#[test]
fn a_database_that_is_killed() {
    a_restart_loses_nothing_and_refuses_nobody(Shutdown::Kill);
}

/// What the first program wrote is changed by the second, before the first learns that it stands.
#[test]
fn a_commit_whose_answer_is_lost_while_another_program_goes_on() {
    let postgres = Postgres::start();
    let nodes = Nodes::start(postgres.url());
    let [one, other] = nodes.sandboxes();
    let account = one.financial_account().holding(1_000);
    let seen_by = |owner: &Sandbox| FinancialAccount { owner: owner.clone(), ..account.clone() };
    let pay = |owner: &Sandbox| seen_by(owner).pays(100).to_bank("110000000", "000000000009");
    failpoints::set(&one, "before_retry", "1*sleep(1000)");
    failpoints::set(&one, "lose_commit", "1*return");
    scope(|threads| {
        threads.spawn(|| pay(&one));
        let until = Instant::now() + Duration::from_secs(10);
        while seen_by(&other).balance() == (1_000, 0) {
            assert!(Instant::now() < until, "the first payment was not committed");
        }
        pay(&other);
        account_holds(&seen_by(&other), 2);
    });
    pay(&one);
    for owner in [&one, &other] {
        account_holds(&seen_by(owner), 3);
    }
    nodes.end_well();
}

#[track_caller]
fn account_holds(account: &FinancialAccount, payments: i64) {
    account.expect_balance(1_000 - 100 * payments, 100 * payments);
}

#[track_caller]
fn a_standby_takes_over(synchronous_commit: &str, how: Shutdown) {
    let (primary, standby) = Postgres::start_pair(synchronous_commit);
    let hosts = format!("{},{}", primary.host(), standby.host());
    let attributes = "target_session_attrs=read-write";
    let nodes = Nodes::start(format!("postgres://exchequer@{hosts}/exchequer?{attributes}"));
    let sandboxes = nodes.sandboxes();
    let load = Load::new(sandboxes[0].clone());
    load.run(&sandboxes, WRITERS, || {
        load.progress(SOME);
        primary.stop(how);
        standby.promote();
        load.progress(SOME);
    });
    assert_eq!(load.refused(), 0, "a request waits for the standby");
    load.check(&sandboxes[1]);
    nodes.end_well();
}

#[test]
fn a_standby_takes_over_from_a_primary_that_is_killed() {
    a_standby_takes_over("on", Shutdown::Kill);
}

#[test]
fn a_standby_that_has_applied_all_takes_over() {
    a_standby_takes_over("remote_apply", Shutdown::Immediate);
}
