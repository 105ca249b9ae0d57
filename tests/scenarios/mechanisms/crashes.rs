//! Crashes: an answer means "on disk", and a retry after a crash does a thing once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::scope;
use std::time::Duration;

use exchequer_tests::{FinancialAccount, Folder, Sandbox, Server, run_program};

use super::failpoints;

/// A store on disk, a sandbox in it, and the programs that come and go over it.
struct Story {
    folder: Folder,
    server: Server,
    account: FinancialAccount,
}

impl Story {
    fn begin() -> Self {
        let folder = Folder::new();
        let server = failpoints::server(&["--data", &folder.file("store.db")]);
        let account = Sandbox::on_server(&server).financial_account().holding(10_000);
        Self { folder, server, account }
    }

    /// Another process on the same store; the sandbox is reached at its new address.
    fn restart(self) -> Self {
        self.server.wait(Duration::from_secs(10));
        let server = failpoints::server(&["--data", &self.folder.file("store.db")]);
        let owner = Sandbox::with_key(&server, self.account.owner.key());
        let account = FinancialAccount { owner, id: self.account.id };
        Self { folder: self.folder, server, account }
    }

    /// `verify` finds nothing wrong with the store after this server has gone.
    #[track_caller]
    fn end_well(self) {
        assert!(self.server.stop().success());
        let output = run_program(&["verify", "--data", &self.folder.file("store.db")]);
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}\n{errors}");
    }
}

#[track_caller]
fn a_crash_then_a_retry(point: &str, committed: bool) {
    let story = Story::begin();
    let draft = story.account.pays(2_000).bank("110000000", "000000000009");
    failpoints::set(&story.account.owner, point, "1*return");
    let keyed = story.account.owner.idempotency_key("once");
    let form: Vec<(&str, &str)> =
        draft.params().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let lost = keyed.try_post("/v1/treasury/outbound_payments", &form);
    assert!(lost.is_err(), "the server should be gone: {lost:?}");

    let story = story.restart();
    let account = story.account.clone();
    assert_eq!(account.payments().len(), usize::from(committed), "before the retry");
    let answer = draft.send_as(&account.owner.idempotency_key("once"));
    answer.ok().expect("status", "processing").expect("amount", 2_000);
    let replayed = answer.header("Idempotent-Replayed");
    assert_eq!(replayed, committed.then_some("true"), "{answer:?}");
    assert_eq!(account.payments().len(), 1, "one payment");
    account.expect_balance(8_000, 2_000);
    assert_eq!(account.transactions().len(), 2, "the credit's and the payment's");
    account.owner.expect_events(&["treasury.outbound_payment.created"]);
    story.end_well();
}

#[test]
fn a_crash_before_the_commit_leaves_nothing() {
    a_crash_then_a_retry("before_commit", false);
}

#[test]
fn a_crash_after_the_commit_leaves_all() {
    a_crash_then_a_retry("after_commit", true);
}

#[test]
fn a_crash_before_the_answer_leaves_all() {
    a_crash_then_a_retry("before_answer", true);
}

#[test]
fn kill_under_load_loses_nothing_that_was_answered() {
    const WRITERS: usize = 8;
    const ENOUGH: usize = 200;
    let story = Story::begin();
    let draft = story.account.pays(7).bank("110000000", "000000000009");
    let form: Vec<(&str, &str)> =
        draft.params().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let owner = story.account.owner.clone();
    let answered = AtomicUsize::new(0);
    // Every key that was sent, with the id that was answered, if one was.
    let sent: Mutex<Vec<(String, Option<String>)>> = Mutex::new(Vec::new());
    scope(|threads| {
        for writer in 0..WRITERS {
            let (owner, form, answered, sent) = (&owner, &form, &answered, &sent);
            threads.spawn(move || {
                for number in 0.. {
                    let key = format!("{writer}-{number}");
                    let keyed = owner.idempotency_key(&key);
                    let answer = keyed.try_post("/v1/treasury/outbound_payments", form);
                    let id = answer.as_ref().ok().map(|answer| answer.id());
                    answered.fetch_add(1, Ordering::Relaxed);
                    sent.lock().expect("the keys").push((key, id.clone()));
                    if id.is_none() {
                        return;
                    }
                }
            });
        }
        while answered.load(Ordering::Relaxed) < ENOUGH {
            std::thread::sleep(Duration::from_millis(1));
        }
        story.server.kill();
    });
    let sent = sent.into_inner().expect("the keys");
    let story = story.restart();
    let owner = &story.account.owner;
    for (key, id) in &sent {
        let answer = draft.send_as(&owner.idempotency_key(key));
        if let Some(id) = id {
            assert_eq!(&answer.id(), id, "an answered payment is still there");
            answer.expect_header("Idempotent-Replayed", "true");
            owner.get(&format!("/v1/treasury/outbound_payments/{id}")).ok();
        }
    }
    let count = i64::try_from(sent.len()).expect("few");
    story.account.expect_balance(10_000 - 7 * count, 7 * count);
    story.end_well();
}

/// A process that is asked to end finishes what it has begun and says so with a zero.
#[test]
fn a_stopped_server_leaves_a_clean_store() {
    let story = Story::begin();
    story.account.pays(2_000).to_bank("110000000", "000000000009");
    story.end_well();
}
