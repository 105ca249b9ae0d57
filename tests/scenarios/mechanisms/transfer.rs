//! Export and import: a store in a file, and in another store of either engine.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;

use exchequer_tests::{
    FinancialAccount, Folder, Receiver, Sandbox, Server, new_database, program, random_key,
    run_program,
};
use serde_json::json;

/// A store on disk with three sandboxes, one of them with a snapshot and put back to it.
fn furnished(server: &Server) -> Sandbox {
    let given = Sandbox::on_server(server);
    let receiver = Receiver::answering(&[500]);
    given.webhook(&receiver, &["*"]);
    let account = given.financial_account().holding(10_000);
    account.pays(2_000).to_bank("110000000", "000123456789");
    given.idempotency_key("once").post("/v1/customers", &[("name", "Änn \u{1F600}")]).ok();
    given.connected_account().post("/v1/customers", &[("metadata[a]", "\\\"\n")]).ok();
    given.post_json("/_exchequer/snapshots", &json!({"name": "base"})).ok();
    given.post("/v1/customers", &[("name", "Bob")]).ok();
    given.post_json("/_exchequer/snapshots/base/restore", &json!(null)).ok();
    let fork = random_key();
    given.post_json("/_exchequer/fork", &json!({"to_key": fork})).ok();
    Sandbox::on_server(server).post("/v1/customers", &[]).ok();
    given.deliveries_wait();
    given
}

#[track_caller]
fn run(args: &[&str]) -> String {
    let output = run_program(args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
    said
}

#[track_caller]
fn refused(args: &[&str], why: &str) {
    let output = run_program(args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{args:?}: {said}");
    assert!(said.to_lowercase().contains(why), "{why}: {said}");
}

#[track_caller]
fn export(data: &str, to: &str) {
    let file = std::fs::File::create(to).expect("a file");
    let mut command = Command::new(program());
    command.args(["export", "--data", data]).stdout(file).stderr(Stdio::piped());
    let output = command.output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("exported"), "{said}");
}

/// The lines of an exported file, each workspace and snapshot with its rows under its own name, in
/// the order of the lines: stores have them in another.
fn contents(file: &str) -> BTreeMap<String, Vec<String>> {
    let text = std::fs::read_to_string(file).expect("a file of text");
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut workspace = String::new();
    let mut place = String::new();
    for line in text.lines() {
        if line.starts_with("{\"workspace\"") {
            line.clone_into(&mut workspace);
            line.clone_into(&mut place);
        } else if line.starts_with("{\"snapshot\"") {
            place = format!("{workspace} {line}");
        } else if line.starts_with("{\"end\"") {
            break;
        }
        found.entry(place.clone()).or_default().push(line.to_owned());
    }
    found.values_mut().for_each(|lines| lines.sort());
    found
}

struct Story {
    folder: Folder,
    store: String,
    key: String,
    file: String,
}

impl Story {
    /// A store that nobody serves any more, and the file of it.
    fn begin() -> Story {
        let folder = Folder::new();
        let store = folder.file("store.db");
        let server = Server::start(&["--data", &store]);
        furnished(&server);
        assert!(server.stop().success());
        let (key, file) = (format!("{store}.key"), folder.file("store.jsonl"));
        export(&store, &file);
        Story { folder, store, key, file }
    }
}

#[test]
fn a_store_comes_back_as_it_was_through_either_engine() {
    let story = Story::begin();
    let Story { folder, store, key, file } = &story;
    let all = contents(file);
    assert_eq!(all.keys().filter(|place| place.contains("\"snapshot\"")).count(), 1);
    assert!(all.values().map(Vec::len).sum::<usize>() > 100);
    let whole = std::fs::read_to_string(file).expect("text");
    assert!(!whole.contains("000123456789"), "an account number stands in it in clear");
    run(&["verify", "--data", store]);

    let second = folder.file("second.db");
    run(&["import", "--data", &second, "--seal-key", key, file]);
    run(&["verify", "--data", &second]);
    let again = folder.file("second.jsonl");
    export(&second, &again);
    assert_eq!(contents(&again), all);

    let (database, sealed) = new_database();
    std::fs::copy(key, &sealed).expect("a key");
    run(&["import", "--data", &database, "--seal-key", &sealed, file]);
    run(&["verify", "--data", &database, "--seal-key", &sealed]);
    let third = folder.file("third.jsonl");
    export(&database, &third);
    assert_eq!(contents(&third), all);

    let fourth = folder.file("fourth.db");
    std::fs::copy(key, format!("{fourth}.key")).expect("a key");
    run(&["import", "--data", &fourth, &third]);
    run(&["verify", "--data", &fourth]);
    let last = folder.file("fourth.jsonl");
    export(&fourth, &last);
    assert_eq!(contents(&last), all);
}

/// A sandbox goes on in the other store: its books, its secrets, its snapshot, what is planned.
#[test]
fn what_was_moved_is_served_as_before() {
    let folder = Folder::new();
    let store = folder.file("store.db");
    let server = Server::start(&["--data", &store]);
    let given = furnished(&server);
    let file = folder.file("store.jsonl");
    export(&store, &file);
    let customers = given.get("/v1/customers").ids();
    let account = given.get("/v1/treasury/financial_accounts").ids().remove(0);
    let (database, sealed) = new_database();
    std::fs::copy(format!("{store}.key"), &sealed).expect("a key");
    run(&["import", "--data", &database, "--seal-key", &sealed, &file]);
    let other = Server::start(&["--data", &database, "--seal-key", &sealed]);
    let moved = Sandbox::with_key(&other, given.key());
    assert_eq!(moved.get("/v1/customers").ids(), customers);
    let again = moved.idempotency_key("once");
    let again = again.post("/v1/customers", &[("name", "Änn \u{1F600}")]);
    assert_eq!(again.ok().header("Idempotent-Replayed"), Some("true"));
    moved.settle();
    let account = FinancialAccount { owner: moved.clone(), id: account };
    account.expect_balance(8_000, 0);
    moved.post_json("/_exchequer/snapshots/base/restore", &json!(null)).ok();
    account.pays(100).to_bank("110000000", "000123456789");
    assert!(other.stop().success());
    run(&["verify", "--data", &database, "--seal-key", &sealed]);
}

#[test]
fn a_store_that_is_written_to_is_exported_as_it_was_at_one_moment() {
    let folder = Folder::new();
    let store = folder.file("store.db");
    let server = Server::start(&["--data", &store]);
    let accounts: Vec<FinancialAccount> = (0..2)
        .map(|_| Sandbox::on_server(&server).financial_account().holding(1_000_000))
        .collect();
    let is_over = AtomicBool::new(false);
    scope(|threads| {
        for account in &accounts {
            for _ in 0..2 {
                threads.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        account.pays(10).to_bank("110000000", "000123456789");
                    }
                });
            }
        }
        for round in 0..3 {
            let file = folder.file(&format!("{round}.jsonl"));
            export(&store, &file);
            let target = folder.file(&format!("{round}.db"));
            run(&["import", "--data", &target, "--seal-key", &format!("{store}.key"), &file]);
            run(&["verify", "--data", &target]);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(server.stop().success());
}

#[test]
fn what_is_cut_off_or_changed_leaves_nothing() {
    let story = Story::begin();
    let whole = std::fs::read_to_string(&story.file).expect("text");
    let lines: Vec<&str> = whole.lines().collect();
    let (last, middle) = (lines.len() - 1, lines.len() / 2);
    let without = |at: usize| {
        let mut some = lines.clone();
        some.remove(at);
        some.join("\n") + "\n"
    };
    let mut twice = lines.clone();
    twice.insert(middle, lines[middle]);
    let changed = whole.replacen("\"usd\"", "\"eur\"", 1);
    assert_ne!(changed, whole);
    let cases = [
        ("its end is missing", without(last)),
        ("ends within a line", whole[..whole.len() / 2].to_owned()),
        ("is damaged", without(middle)),
        ("unique", twice.join("\n") + "\n"),
        ("not those that its end tells of", changed),
        ("goes on behind its end", format!("{whole}{{\"table\":\"events\"}}\n")),
        ("no file of an exported store", String::new()),
        ("no file of an exported store", without(0)),
        ("newer", whole.replacen("\"format\":1", "\"format\":99", 1)),
    ];
    let target = story.folder.file("target.db");
    let (database, sealed) = new_database();
    std::fs::copy(&story.key, &sealed).expect("a key");
    for (why, text) in cases {
        let file = story.folder.write("broken.jsonl", &text);
        refused(&["import", "--data", &target, "--seal-key", &story.key, &file], why);
        refused(&["import", "--data", &database, "--seal-key", &sealed, &file], why);
    }
    // Nothing is there, so the whole file still fits.
    run(&["import", "--data", &target, "--seal-key", &story.key, &story.file]);
    run(&["import", "--data", &database, "--seal-key", &sealed, &story.file]);
    run(&["verify", "--data", &target]);
    refused(&["import", "--data", &target, &story.file], "not empty");
    refused(&["import", "--data", &database, "--seal-key", &sealed, &story.file], "not empty");
}

#[test]
fn a_store_is_filled_only_with_its_own_key() {
    let story = Story::begin();
    let target = story.folder.file("target.db");
    refused(&["import", "--data", &target, &story.file], "--seal-key");
    let other = story.folder.file("other.key");
    std::fs::write(&other, [7; 32]).expect("a key");
    let args = ["import", "--data", &target, "--seal-key", &other, &story.file];
    refused(&args, "not the key");
    let (database, _) = new_database();
    refused(&["import", "--data", &database, &story.file], "--seal-key");
    let args = ["import", "--data", &database, "--seal-key", &other, &story.file];
    refused(&args, "not the key");
    let served = Server::start(&["--data", &story.store]);
    let key = story.key.as_str();
    refused(&["import", "--data", &story.store, "--seal-key", key, &story.file], "in use");
    assert!(served.stop().success());
    refused(&["export", "--data", &story.folder.file("none.db")], "no store");
}
