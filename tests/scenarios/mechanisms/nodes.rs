//! Two programs on one database: either serves any request, and either may die.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::scope;
use std::time::{Duration, Instant};

use exchequer_tests::{
    FinancialAccount, Receiver, Sandbox, Server, cut_connections, new_database, run_program,
};
use serde_json::json;

struct Nodes {
    data: String,
    seal_key: String,
    first: Server,
    second: Server,
}

impl Nodes {
    fn start() -> Self {
        let (data, seal_key) = new_database();
        let args = ["--data", &data, "--seal-key", &seal_key];
        let (first, second) = (Server::start(&args), Server::start(&args));
        Self { data, seal_key, first, second }
    }

    #[track_caller]
    fn end_well(self) {
        let Self { data, seal_key, first, second } = self;
        drop((first, second));
        let output = run_program(&["verify", "--data", &data, "--seal-key", &seal_key]);
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}\n{errors}");
    }
}

/// Returns at that many answers, and in any case before long: what follows tells if some failed.
fn wait_for(answered: &AtomicUsize, enough: usize) {
    let until = Instant::now() + Duration::from_secs(30);
    while answered.load(Ordering::Relaxed) < enough && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn either_node_shows_what_the_other_answered() {
    let nodes = Nodes::start();
    let one = Sandbox::on_server(&nodes.first);
    let other = Sandbox::with_key(&nodes.second, one.key());
    for (writer, reader) in [(&one, &other), (&other, &one), (&one, &other)] {
        for number in 0..10 {
            let name = format!("number {number}");
            let id = writer.post("/v1/customers", &[("name", &name)]).ok().id();
            let path = format!("/v1/customers/{id}");
            reader.get(&path).ok().expect("name", name.as_str());
            reader.post(&path, &[("name", "changed")]).ok();
            writer.get(&path).ok().expect("name", "changed");
            assert_eq!(writer.list("/v1/customers", &[("limit", "1")]).ids(), [id.as_str()]);
        }
    }
    let same = |sandbox: &Sandbox| {
        sandbox.idempotency_key("same").post("/v1/customers", &[("name", "once")])
    };
    let id = same(&one).ok().id();
    let again = same(&other);
    again.ok().expect_header("Idempotent-Replayed", "true");
    assert_eq!(again.id(), id);
    one.advance("3d");
    assert_eq!(one.now(), other.now(), "one clock");
    nodes.end_well();
}

/// The rows of the sandbox get another number in the middle of both programs' work on it.
#[test]
fn what_one_node_puts_back_the_other_goes_on_from() {
    let nodes = Nodes::start();
    let one = Sandbox::on_server(&nodes.first);
    let other = Sandbox::with_key(&nodes.second, one.key());
    let receiver = Receiver::new();
    one.webhook(&receiver, &["customer.created"]);
    let account = one.financial_account().holding(100_000);
    other.post("/v1/customers", &[("name", "kept")]).ok();
    let before = one.get("/v1/customers").ids();
    one.post_json("/_exchequer/snapshots", &json!({"name": "base"})).ok();
    for (putter, payer) in [(&other, &one), (&one, &other), (&other, &one)] {
        let account = FinancialAccount { owner: payer.clone(), id: account.id.clone() };
        let is_over = AtomicUsize::new(0);
        scope(|threads| {
            threads.spawn(|| {
                while is_over.load(Ordering::Relaxed) == 0 {
                    account.pays(10).to_bank("110000000", "000000000009");
                }
            });
            for _ in 0..3 {
                putter.post("/v1/customers", &[("name", "dropped")]).ok();
                putter.post_json("/_exchequer/snapshots/base/restore", &json!(null)).ok();
            }
            is_over.store(1, Ordering::Relaxed);
        });
        for node in [&one, &other] {
            assert_eq!(node.get("/v1/customers").ids(), before);
        }
        putter.post_json("/_exchequer/snapshots/base/restore", &json!(null)).ok();
        assert_eq!(account.payments().len(), 0);
        let fresh = payer.post("/v1/customers", &[("name", "fresh")]).ok().id();
        payer.deliveries_wait();
        let heard = receiver.received();
        let is_told = heard.iter().any(|heard| heard.json()["data"]["object"]["id"] == *fresh);
        assert!(is_told, "{fresh}: {:?}", payer.deliveries(&[]));
        assert_eq!(putter.get(&format!("/v1/customers/{fresh}")).id(), fresh);
        putter.post_json("/_exchequer/snapshots/base/restore", &json!(null)).ok();
    }
    let fork = Sandbox::on_server(&nodes.second);
    other.post_json("/_exchequer/fork", &json!({"to_key": fork.key()})).ok();
    let fork = Sandbox::with_key(&nodes.first, fork.key());
    assert_eq!(fork.get("/v1/customers").ids(), before);
    one.reset();
    assert_eq!(other.get("/v1/customers").ids(), [""; 0]);
    nodes.end_well();
}

#[test]
fn two_nodes_keep_one_snapshot_of_a_name_and_no_more_than_there_may_be() {
    let nodes = Nodes::start();
    let one = Sandbox::on_server(&nodes.first);
    let other = Sandbox::with_key(&nodes.second, one.key());
    one.post("/v1/customers", &[("name", "Ann")]).ok();
    let take = |sandbox: &Sandbox, name: &str| {
        sandbox.post_json("/_exchequer/snapshots", &json!({ "name": name })).status
    };
    let both = |first: &str, second: &str| {
        let mut said = scope(|threads| {
            let there = threads.spawn(|| take(&other, second));
            [take(&one, first), there.join().expect("an answer")]
        });
        said.sort_unstable();
        said
    };
    let kept = || one.get("/_exchequer/snapshots").body["snapshots"].as_array().map(Vec::len);
    for _ in 0..5 {
        assert_eq!(both("same", "same"), [200, 409]);
        assert_eq!(kept(), Some(1));
        other.delete("/_exchequer/snapshots/same").ok();
    }
    for number in 0..15 {
        assert_eq!(take(&one, &format!("s{number}")), 200);
    }
    assert_eq!(both("left", "right"), [200, 409]);
    assert_eq!(kept(), Some(16));
    nodes.end_well();
}

#[test]
fn jobs_and_deliveries_of_a_dead_node_are_done_by_the_other() {
    let nodes = Nodes::start();
    let receiver = Receiver::new();
    let one = Sandbox::on_server(&nodes.first);
    let other = Sandbox::with_key(&nodes.second, one.key());
    one.webhook(&receiver, &["customer.created"]);
    // Whichever node has the lease, nothing is told twice and nothing is left out.
    let mut told = Vec::new();
    for sandbox in [&one, &other, &other, &one] {
        told.push(sandbox.post("/v1/customers", &[]).ok().id());
    }
    other.deliveries_wait();
    let heard = receiver.wait_for(told.len());
    assert_eq!(heard.len(), told.len());
    let objects: Vec<String> = heard
        .iter()
        .map(|one| one.json()["data"]["object"]["id"].as_str().unwrap_or("").to_owned())
        .collect();
    assert_eq!(objects, told, "first attempts are in order");
    // The first node has the lease when it dies: the second takes over when that has run out.
    nodes.first.kill();
    other.post("/v1/customers", &[]).ok();
    let heard = receiver.wait_for(told.len() + 1);
    assert_eq!(heard.len(), told.len() + 1);
    nodes.end_well();
}

#[test]
fn a_node_that_is_killed_under_load_loses_nothing() {
    const WRITERS: usize = 4;
    const ENOUGH: usize = 120;
    const EACH_MAX: usize = 60;
    let nodes = Nodes::start();
    let account = Sandbox::on_server(&nodes.first).financial_account().holding(10_000);
    let survivor = Sandbox::with_key(&nodes.second, account.owner.key());
    let draft = account.pays(7).bank("110000000", "000000000009");
    let form: Vec<(&str, &str)> =
        draft.params().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let answered = AtomicUsize::new(0);
    // Every key that was sent, with the id that was answered, if one was.
    let sent: Mutex<Vec<(String, Option<String>)>> = Mutex::new(Vec::new());
    scope(|threads| {
        for (node, owner) in [&account.owner, &survivor].into_iter().enumerate() {
            for writer in 0..WRITERS {
                let (form, answered, sent) = (&form, &answered, &sent);
                threads.spawn(move || {
                    for number in 0..EACH_MAX {
                        let key = format!("{node}-{writer}-{number}");
                        let keyed = owner.idempotency_key(&key);
                        let answer = keyed.try_post("/v1/treasury/outbound_payments", form);
                        let id = answer.as_ref().ok().map(|answer| answer.ok().id());
                        answered.fetch_add(1, Ordering::Relaxed);
                        sent.lock().expect("the keys").push((key, id.clone()));
                        if id.is_none() {
                            return;
                        }
                    }
                });
            }
        }
        wait_for(&answered, ENOUGH);
        nodes.first.kill();
    });
    let sent = sent.into_inner().expect("the keys");
    let account = FinancialAccount { owner: survivor.clone(), id: account.id };
    for (key, id) in &sent {
        let answer = draft.send_as(&survivor.idempotency_key(key));
        if let Some(id) = id {
            assert_eq!(&answer.id(), id, "an answered payment is still there");
            answer.expect_header("Idempotent-Replayed", "true");
        }
    }
    let count = i64::try_from(sent.len()).expect("few");
    account.expect_balance(10_000 - 7 * count, 7 * count);
    nodes.end_well();
}

#[test]
fn connections_that_are_cut_lose_nothing_and_do_nothing_twice() {
    const CUTS: usize = 6;
    const ENOUGH: usize = 20;
    let nodes = Nodes::start();
    let one = Sandbox::on_server(&nodes.first);
    let other = Sandbox::with_key(&nodes.second, one.key());
    let (answered, cuts) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let sent: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());
    scope(|threads| {
        for (node, owner) in [&one, &other].into_iter().enumerate() {
            for writer in 0..3 {
                let (answered, cuts, sent) = (&answered, &cuts, &sent);
                threads.spawn(move || {
                    for number in 0.. {
                        if cuts.load(Ordering::Relaxed) >= CUTS {
                            return;
                        }
                        let key = format!("{node}-{writer}-{number}");
                        let keyed = owner.idempotency_key(&key);
                        // Nobody is refused because of it.
                        let id = keyed.post("/v1/customers", &[("name", &key)]).ok().id();
                        answered.fetch_add(1, Ordering::Relaxed);
                        sent.lock().expect("the keys").push((key, id));
                    }
                });
            }
        }
        for cut in 1..=CUTS {
            wait_for(&answered, ENOUGH * cut);
            cut_connections(&nodes.data);
            cuts.fetch_add(1, Ordering::Relaxed);
        }
    });
    let sent = sent.into_inner().expect("the keys");
    for (key, id) in &sent {
        let again = other.idempotency_key(key).post("/v1/customers", &[("name", key)]);
        assert_eq!(&again.ok().id(), id, "done once");
        again.expect_header("Idempotent-Replayed", "true");
    }
    let created = one.events("customer.created").len();
    assert_eq!(created.min(100), sent.len().min(100), "each told once");
    nodes.end_well();
}
