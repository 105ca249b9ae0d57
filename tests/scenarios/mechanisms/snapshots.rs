//! Snapshots: back to what was, and on from there elsewhere.

use std::thread::scope;
use std::time::{Duration, Instant};

use exchequer_tests::{
    Answer, FinancialAccount, Folder, Receiver, Sandbox, Server, random_key, run_program,
};
use serde_json::{Value, json};

use super::failpoints;

const NOON: i64 = 1_700_049_600;

/// Another program on the store has another port.
fn portless(line: &str) -> String {
    const PAGES: &str = "http://127.0.0.1:";
    match line.split_once(PAGES) {
        Some((before, after)) if line.contains("receipt") => {
            format!("{before}{PAGES}{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        _ => line.to_owned(),
    }
}

/// What a client can see of a sandbox, line by line.
#[track_caller]
fn picture(given: &Sandbox) -> Vec<String> {
    let mut paths: Vec<String> = [
        "/v1/accounts",
        "/v1/customers",
        "/v1/events",
        "/v1/webhook_endpoints",
        "/v1/treasury/financial_accounts",
        "/_exchequer/clock",
        "/_exchequer/deliveries",
    ]
    .map(str::to_owned)
    .to_vec();
    for account in given.get("/v1/treasury/financial_accounts").ids() {
        for list in ["transactions", "transaction_entries", "outbound_payments"] {
            let of = format!("financial_account={account}&limit=100");
            paths.push(format!("/v1/treasury/{list}?{of}"));
        }
    }
    let lines = |path: String| {
        let answer = given.get(&path);
        assert_eq!(answer.status, 200, "{answer:?}");
        let text = String::from_utf8(answer.bytes).expect("text");
        text.lines().map(|line| format!("{path} {}", portless(line))).collect::<Vec<_>>()
    };
    paths.into_iter().flat_map(lines).collect()
}

/// The sandbox looks as it did then.
#[track_caller]
fn expect_picture(given: &Sandbox, then: &[String], why: &str) {
    let now = picture(given);
    let differs = now.iter().zip(then).find(|(now, then)| now != then);
    assert_eq!(differs, None, "{why}");
    assert_eq!(now.len(), then.len(), "{why}");
}

#[track_caller]
fn snapshot(given: &Sandbox, name: &str) -> Answer {
    given.post_json("/_exchequer/snapshots", &json!({ "name": name }))
}

#[track_caller]
fn restore(given: &Sandbox, name: &str) -> Answer {
    given.post_json(&format!("/_exchequer/snapshots/{name}/restore"), &Value::Null)
}

#[track_caller]
fn fork(given: &Sandbox, to: &Sandbox) -> Answer {
    given.post_json("/_exchequer/fork", &json!({"to_key": to.key()}))
}

#[track_caller]
fn names(given: &Sandbox) -> Vec<String> {
    let answer = given.get("/_exchequer/snapshots");
    let name = |kept: &Value| kept["name"].as_str().expect("a name").to_owned();
    answer.ok().list("snapshots").iter().map(name).collect()
}

/// A sandbox with something of everything, at a standing clock, and nothing left to be delivered.
fn furnished(given: &Sandbox, receiver: &Receiver) -> FinancialAccount {
    given.clock_freeze(NOON);
    given.webhook(receiver, &["*"]);
    let account = given.financial_account().holding(10_000);
    account.pays(2_000).to_bank("110000000", "000123456789");
    given.idempotency_key("once").post("/v1/customers", &[("name", "Ann")]).ok();
    given.settle();
    account.pays(500).to_bank("110000000", "000123456789");
    given.deliveries_wait();
    account
}

#[test]
fn a_restored_sandbox_is_what_it_was() {
    let given = Sandbox::new();
    let receiver = Receiver::new();
    let account = furnished(&given, &receiver);
    let before = picture(&given);
    snapshot(&given, "base").ok().expect("name", "base").expect("now", NOON + 10);
    expect_picture(&given, &before, "taking a snapshot changes nothing");

    let customer = given.get("/v1/customers").ids().remove(0);
    given.delete(&format!("/v1/customers/{customer}")).ok();
    given.idempotency_key("later").post("/v1/customers", &[("name", "Bob")]).ok();
    account.pays(3_000).to_bank("110000000", "000123456789");
    given.advance("3d");
    given.deliveries_wait();
    assert_ne!(picture(&given).len(), before.len());
    let heard = receiver.received().len();

    for _ in 0..2 {
        restore(&given, "base").ok().expect("now", NOON + 10);
        expect_picture(&given, &before, "put back");
    }
    given.deliveries_wait();
    assert_eq!(receiver.received().len(), heard, "nothing is told again");

    // Everything goes on from there: the step that was ahead, the keys that were used.
    let again = given.idempotency_key("once").post("/v1/customers", &[("name", "Ann")]);
    assert_eq!(again.ok().header("Idempotent-Replayed"), Some("true"));
    assert_eq!(again.id(), customer);
    let fresh = given.idempotency_key("later").post("/v1/customers", &[("name", "Eve")]);
    assert_eq!(fresh.ok().header("Idempotent-Replayed"), None);
    account.expect_balance(7_500, 500);
    given.settle();
    account.expect_balance(7_500, 0);
    given.deliveries_wait();
    assert!(receiver.received().len() > heard);
}

#[test]
fn a_running_clock_goes_on_from_where_it_was() {
    let given = Sandbox::new();
    given.post("/v1/customers", &[]).ok();
    given.advance("2d");
    let then = snapshot(&given, "base").ok().int("now");
    given.advance("30d");
    restore(&given, "base").ok();
    let clock = given.get("/_exchequer/clock");
    clock.ok().expect("mode", "real");
    assert!((then..then + 60).contains(&clock.int("now")), "{then}: {clock:?}");
}

#[test]
fn snapshots_have_names_of_their_own_sandbox() {
    let (given, other) = (Sandbox::new(), Sandbox::new());
    snapshot(&given, "b").ok();
    snapshot(&given, "a.1-x_Y").ok();
    assert_eq!(names(&given), ["a.1-x_Y", "b"]);
    snapshot(&given, "b").expect_status(409).expect("error.param", "name");
    for wrong in ["", "a b", "../a", ".", "..", &"x".repeat(65), "ä"] {
        snapshot(&given, wrong).expect_status(400).expect("error.param", "name");
    }
    given.post_json("/_exchequer/snapshots", &json!({})).expect_status(400);
    given.post_json("/_exchequer/snapshots", &json!({"nam": "b"})).expect_status(400);

    // Nobody else's, whether that sandbox has ever been written to or not.
    for other in [&other, &Sandbox::new()] {
        assert_eq!(names(other), [""; 0]);
        restore(other, "b").expect_status(404).expect("error.code", "resource_missing");
        other.delete("/_exchequer/snapshots/b").expect_status(404);
        other.post("/v1/customers", &[]).ok();
    }
    restore(&given, "c").expect_status(404);
    given.delete("/_exchequer/snapshots/b").ok().expect("deleted", true);
    restore(&given, "b").expect_status(404);
    assert_eq!(names(&given), ["a.1-x_Y"]);
    // They outlive a reset, and are no part of what they keep.
    given.reset();
    assert_eq!(names(&given), ["a.1-x_Y"]);
    restore(&given, "a.1-x_Y").ok();
    assert_eq!(names(&given), ["a.1-x_Y"]);

    let account = given.connected_account();
    snapshot(&account, "c").expect_status(400).expect_message_contains("leave out Stripe-Account");
}

#[test]
fn a_sandbox_has_so_many_snapshots_and_no_more() {
    let given = Sandbox::new();
    for number in 0..16 {
        snapshot(&given, &format!("s{number}")).ok();
    }
    snapshot(&given, "more").expect_status(409).expect_message_contains("at most 16");
    given.delete("/_exchequer/snapshots/s3").ok();
    snapshot(&given, "more").ok();
}

#[test]
fn a_fork_goes_its_own_way() {
    let (given, other) = (Sandbox::new(), Sandbox::new());
    let receiver = Receiver::new();
    let account = furnished(&given, &receiver);
    let platform = given.account_id();
    given.post(&format!("/v1/accounts/{platform}"), &[("metadata[a]", "1")]);
    let connected = given.connected_account();
    let customer = connected.post("/v1/customers", &[("name", "Cas")]).id();
    given.deliveries_wait();
    receiver.now_answers(500);
    // Ahead in the origin, which alone will tell it.
    given.idempotency_key("twice").post("/v1/customers", &[("name", "Dan")]).ok();
    given.deliveries_wait();
    let before = picture(&given);
    let heard = receiver.received().len();
    receiver.now_answers(200);
    fork(&given, &other).ok().expect("account", other.account_id());
    expect_picture(&given, &before, "the origin stays as it is");

    // The same objects under the same ids, the same books and clock; another platform.
    assert_eq!(other.now(), given.now());
    for path in ["/v1/customers", "/v1/events", "/v1/treasury/financial_accounts"] {
        assert_eq!(other.get(path).ids(), given.get(path).ids(), "{path}");
    }
    let copy = FinancialAccount { owner: other.clone(), id: account.id.clone() };
    copy.expect_balance(7_500, 500);
    assert_ne!(other.account_id(), platform);
    for line in picture(&other) {
        assert!(!line.contains(&platform), "it names the origin's account: {line}");
    }
    let view = other.on(&connected.account_id());
    assert_eq!(view.get(&format!("/v1/customers/{customer}")).id(), customer);
    let again = other.idempotency_key("twice").post("/v1/customers", &[("name", "Dan")]);
    assert_eq!(again.ok().header("Idempotent-Replayed"), Some("true"));

    // Each goes on alone. What is sealed opens: the secret signs as before.
    other.settle();
    copy.expect_balance(7_500, 0);
    account.expect_balance(7_500, 500);
    copy.pays(1_000).to_bank("110000000", "000123456789");
    copy.receives(100, "ach");
    other.post(&format!("/v1/customers/{}", again.id()), &[("name", "Don")]).ok();
    other.deliveries_wait();
    expect_picture(&given, &before, "the fork alone goes on");
    let told = receiver.received();
    assert!(told.len() > heard);
    let event = again.id();
    let created = told[heard..].iter().filter(|heard| {
        let json = heard.json();
        json["type"] == "customer.created" && json["data"]["object"]["id"] == event.as_str()
    });
    assert_eq!(created.count(), 0, "it is the origin's to tell");
    let ids = other.list("/v1/events", &[("limit", "100")]).ids();
    let mut sorted = ids.clone();
    sorted.sort();
    sorted.reverse();
    assert_eq!(ids, sorted, "new ids come after those that came along");
    // A transfer between accounts of the fork finds the platform by an id of the origin.
    let to = view.financial_account();
    let pay = [
        ("financial_account", copy.id.as_str()),
        ("amount", "100"),
        ("currency", "usd"),
        ("destination_payment_method_data[type]", "financial_account"),
        ("destination_payment_method_data[financial_account]", to.id.as_str()),
    ];
    other.post("/v1/treasury/outbound_payments", &pay).ok();
}

#[test]
fn a_fork_needs_an_empty_sandbox_and_a_secret_key() {
    let (given, other) = (Sandbox::new(), Sandbox::new());
    given.post("/v1/customers", &[("name", "Ann")]).ok();
    other.post("/v1/customers", &[("name", "Bob")]).ok();
    let refused = fork(&given, &other);
    refused.expect_status(409).expect("error.param", "to_key");
    assert_eq!(other.get("/v1/customers").data()[0]["name"], "Bob");
    fork(&given, &given).expect_status(400).expect("error.param", "to_key");
    for key in ["nonsense", "pk_test_somebody", "sk_live_somebody"] {
        let body = json!({ "to_key": key });
        let answer = given.post_json("/_exchequer/fork", &body);
        assert!(matches!(answer.status, 401 | 403), "{key}: {answer:?}");
    }
    given.post_json("/_exchequer/fork", &json!({})).expect_status(400);
    other.reset();
    fork(&given, &other).ok();
    assert_eq!(other.get("/v1/customers").data()[0]["name"], "Ann");
    // A fork can be forked, kept and put back like any other.
    snapshot(&other, "base").ok();
    let third = Sandbox::new();
    fork(&other, &third).ok();
    other.post("/v1/customers", &[]).ok();
    restore(&other, "base").ok();
    let ids = given.get("/v1/customers").ids();
    assert_eq!(other.get("/v1/customers").ids(), ids);
    assert_eq!(third.get("/v1/customers").ids(), ids);
}

#[test]
fn the_commands_of_the_program_do_the_same() {
    let given = Sandbox::new();
    let url = given.url();
    let run = |args: &[&str]| {
        let mut all = args.to_vec();
        all.extend(["--server", &url, "--key", given.key()]);
        let output = run_program(&all);
        (output.status.code(), String::from_utf8(output.stdout).expect("text"))
    };
    let customer = given.post("/v1/customers", &[]).id();
    assert_eq!(run(&["snapshot", "base"]).0, Some(0));
    assert!(run(&["snapshots"]).1.contains("\"base\""));
    given.delete(&format!("/v1/customers/{customer}")).ok();
    assert_eq!(run(&["restore", "base"]).0, Some(0));
    assert_eq!(given.get("/v1/customers").ids(), std::slice::from_ref(&customer));
    let key = random_key();
    assert_eq!(run(&["fork", "--to-key", &key]).0, Some(0));
    let other = Sandbox::at(given.address(), &key);
    assert_eq!(other.get("/v1/customers").ids(), [customer]);
    assert_eq!(run(&["snapshots", "delete", "base"]).0, Some(0));
    assert_eq!(run(&["restore", "base"]).0, Some(1));
    assert_eq!(run(&["restore", "no name"]).0, Some(2));
}

/// The programs that come and go over one store.
struct Story {
    folder: Folder,
    server: Server,
    key: String,
}

#[track_caller]
fn serve(folder: &Folder) -> Server {
    failpoints::server(&["--data", &folder.file("store.db")])
}

impl Story {
    fn begin() -> Story {
        let folder = Folder::new();
        let server = serve(&folder);
        Story { folder, server, key: random_key() }
    }

    fn given(&self) -> Sandbox {
        Sandbox::with_key(&self.server, &self.key)
    }

    /// `verify` finds nothing wrong when the program has gone.
    #[track_caller]
    fn verify(&self) -> String {
        let output = run_program(&["verify", "--data", &self.folder.file("store.db")]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}\n{errors}");
        said
    }

    #[track_caller]
    fn start_again(self) -> Story {
        let server = serve(&self.folder);
        Story { server, ..self }
    }

    /// How many sets of rows there are beside those of workspaces, and snapshots among them.
    fn copies(&self) -> (i64, i64) {
        let file = rusqlite::Connection::open_with_flags(
            self.folder.file("store.db"),
            rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
        );
        let sql = "SELECT count(*), count(name) FROM copies";
        file.expect("the store")
            .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("a count")
    }

    #[track_caller]
    fn wait_until_swept(&self) {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let (all, kept) = self.copies();
            if all == kept {
                return;
            }
            assert!(Instant::now() < until, "{all} sets of rows, {kept} snapshots");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    fn crash(&self, doing: impl FnOnce(&Sandbox) -> std::io::Result<Answer>) {
        let lost = doing(&self.given());
        assert!(lost.is_err(), "the server should be gone: {lost:?}");
        self.server.wait(Duration::from_secs(10));
    }
}

#[test]
fn a_crash_in_the_middle_leaves_what_was() {
    let mut story = Story::begin();
    let receiver = Receiver::new();
    furnished(&story.given(), &receiver);
    snapshot(&story.given(), "base").ok();
    let base = picture(&story.given());
    story.given().post("/v1/customers", &[("name", "Bob")]).ok();
    story.given().deliveries_wait();
    let before = picture(&story.given());
    let to = random_key();
    let body = json!({ "to_key": to }).to_string();
    let calls = [
        ("/_exchequer/snapshots", r#"{"name": "other"}"#),
        ("/_exchequer/snapshots/base/restore", ""),
        ("/_exchequer/fork", body.as_str()),
    ];
    for (path, body) in calls {
        failpoints::set(&story.given(), "copy_step", "3*off->1*return");
        story.crash(|given| given.try_send("POST", path, body.as_bytes()));
        story.verify();
        story = story.start_again();
        expect_picture(&story.given(), &before, path);
        assert_eq!(names(&story.given()), ["base"]);
        let other = Sandbox::with_key(&story.server, &to);
        assert_eq!(other.get("/v1/customers").ids(), [""; 0]);
        story.wait_until_swept();
    }
    // Once it is done it stays done, whatever is left to be removed.
    failpoints::set(&story.given(), "remove_step", "1*return");
    let done = story.given().try_send("POST", "/_exchequer/snapshots/base/restore", b"");
    drop(done);
    story.server.wait(Duration::from_secs(10));
    story.verify();
    story = story.start_again();
    expect_picture(&story.given(), &base, "done before the crash");
    story.wait_until_swept();
    let other = Sandbox::with_key(&story.server, &to);
    fork(&story.given(), &other).ok();
    assert_eq!(other.get("/v1/customers").ids(), story.given().get("/v1/customers").ids());
    other.post("/v1/customers", &[]).ok();
    assert!(story.server.stop().success());
    assert!(story.verify().contains("2 workspaces, 1 snapshots"));
}

#[test]
fn everybody_goes_on_while_a_copy_is_made() {
    let story = Story::begin();
    let given = story.given();
    let other = Sandbox::on_server(&story.server);
    let account = given.financial_account().holding(1_000_000);
    scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for _ in 0..300 {
                    given.post("/v1/customers", &[]).ok();
                }
            });
        }
    });
    failpoints::set(&given, "copy_step", "sleep(100)");
    let (taken, during) = scope(|threads| {
        let copying = threads.spawn(|| snapshot(&given, "base"));
        let mut during = 0;
        while !copying.is_finished() {
            other.post("/v1/customers", &[]).ok();
            account.pays(100).to_bank("110000000", "000123456789");
            during += 1;
        }
        (copying.join().expect("an answer"), during)
    });
    // Customers, their events and their places: more than a step moves at a time, each of them.
    assert!(taken.ok().int("rows") > 2_400, "{taken:?}");
    assert!(during > 10, "{during} payments went on meanwhile");
    failpoints::set(&given, "copy_step", "off");
    let paid = account.payments().len();
    restore(&given, "base").ok();
    let kept = account.payments().len();
    assert!(kept < paid, "{kept} of {paid}: those of the moment it was taken at");
    given.reset();
    assert_eq!(given.get("/v1/customers").ids(), [""; 0]);
    story.wait_until_swept();
    assert!(story.server.stop().success());
    story.verify();
    let file = rusqlite::Connection::open(story.folder.file("store.db")).expect("the store");
    let sql = "SELECT count(*) FROM objects WHERE ws NOT IN (SELECT part FROM copies) \
               AND id LIKE 'cus_%'";
    let left: i64 = file.query_row(sql, [], |row| row.get(0)).expect("a count");
    assert_eq!(left, i64::from(during), "the other sandbox's alone");
}

#[test]
fn a_sandbox_that_was_put_back_is_so_after_a_restart() {
    let mut story = Story::begin();
    let receiver = Receiver::new();
    furnished(&story.given(), &receiver);
    let before = picture(&story.given());
    snapshot(&story.given(), "base").ok();
    story.given().reset();
    story.given().post("/v1/customers", &[]).ok();
    restore(&story.given(), "base").ok();
    story.wait_until_swept();
    assert!(story.server.stop().success());
    story.verify();
    story = story.start_again();
    expect_picture(&story.given(), &before, "after a restart");
    story.given().settle();
    story.given().delete("/_exchequer/snapshots/base").ok();
    story.wait_until_swept();
    assert_eq!(story.copies(), (0, 0));
    assert!(story.server.stop().success());
    story.verify();
}
