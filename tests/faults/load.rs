//! Clients that create payments while something fails, and what must hold afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use exchequer_tests::{Answer, Endpoint, FinancialAccount, Receiver, Sandbox};

const PAYMENTS: &str = "/v1/treasury/outbound_payments";
const AMOUNT: i64 = 7;
const MONEY: i64 = 10_000_000;
/// The longest that progress may take: more than any fault here.
const PATIENCE: Duration = Duration::from_secs(40);
const EVENTS: [&str; 2] = ["treasury.outbound_payment.created", "treasury.outbound_payment.posted"];

/// What was sent with one idempotency key.
#[derive(Clone, Debug)]
struct Sent {
    key: String,
    /// The payment, where one was answered.
    id: Option<String>,
    /// Whether the bank's word that it was paid was answered, too.
    is_posted: bool,
}

/// A FinancialAccount that pays, and a receiver that hears of it.
pub struct Load {
    pub account: FinancialAccount,
    form: Vec<(String, String)>,
    receiver: Receiver,
    endpoint: Endpoint,
    sent: Mutex<Vec<Sent>>,
    answered: AtomicUsize,
    refused: AtomicUsize,
    over: AtomicBool,
}

impl Load {
    pub fn new(owner: Sandbox) -> Load {
        let account = owner.financial_account().holding(MONEY);
        let receiver = Receiver::new();
        let endpoint = account.owner.webhook(&receiver, &EVENTS);
        let form = account.pays(AMOUNT).bank("110000000", "000000000009").params().to_vec();
        Load {
            account,
            form,
            receiver,
            endpoint,
            sent: Mutex::default(),
            answered: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        }
    }

    /// Lets `writers` clients of each server pay until `fault` is over.
    pub fn run(&self, nodes: &[Sandbox], writers: usize, fault: impl FnOnce()) {
        self.over.store(false, Ordering::Relaxed);
        let phase = self.sent().len();
        scope(|threads| {
            for (node, owner) in nodes.iter().enumerate() {
                for writer in 0..writers {
                    let name = format!("{phase}-{node}-{writer}");
                    threads.spawn(move || self.write(owner, &name));
                }
            }
            let end = Over(&self.over);
            fault();
            drop(end);
        });
    }

    /// Waits for that many answers more: where the fault had no end, they do not come.
    #[track_caller]
    pub fn progress(&self, answers: usize) {
        let enough = self.answered.load(Ordering::Relaxed) + answers;
        self.until("answers", || self.answered.load(Ordering::Relaxed) >= enough);
    }

    /// Waits until that many requests have been refused.
    #[track_caller]
    pub fn refusals(&self, refusals: usize) {
        self.until("refusals", || self.refused() >= refusals);
    }

    #[track_caller]
    fn until(&self, what: &str, is_reached: impl Fn() -> bool) {
        let until = Instant::now() + PATIENCE;
        while !is_reached() {
            assert!(Instant::now() < until, "too few {what}");
            sleep(Duration::from_millis(1));
        }
    }

    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    fn sent(&self) -> Vec<Sent> {
        self.sent.lock().expect("what was sent").clone()
    }

    fn write(&self, owner: &Sandbox, name: &str) {
        for number in 0.. {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            let mut sent = Sent { key: format!("{name}-{number}"), id: None, is_posted: false };
            if let Some(created) = self.ask(owner, &sent.key, PAYMENTS) {
                let id = created.id();
                // What was answered is there for whoever asks next.
                let found = owner.try_send("GET", &format!("{PAYMENTS}/{id}"), b"");
                match found {
                    Ok(found) if found.status < 500 => {
                        found.ok().expect("id", &id);
                    }
                    _ => self.refuse(),
                }
                let path = post_path(&id);
                sent.is_posted = self.ask(owner, &posted(&sent.key), &path).is_some();
                sent.id = Some(id);
            }
            self.sent.lock().expect("what was sent").push(sent);
        }
    }

    /// One request: its answer, or none where it was refused for no fault of its own, or nothing
    /// came back.
    fn ask(&self, owner: &Sandbox, key: &str, path: &str) -> Option<Answer> {
        let keyed = owner.idempotency_key(key);
        let answer = if path == PAYMENTS {
            keyed.try_post(path, &self.form())
        } else {
            keyed.try_post(path, &[])
        };
        match answer {
            Ok(answer) if answer.status == 200 => {
                self.answered.fetch_add(1, Ordering::Relaxed);
                Some(answer)
            }
            Ok(answer) => {
                assert!(answer.status >= 500, "{answer:?}");
                answer.expect("error.type", "api_error");
                self.refuse();
                None
            }
            Err(_) => {
                self.refuse();
                None
            }
        }
    }

    fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        // A client would wait, too.
        sleep(Duration::from_millis(20));
    }

    /// Takes note of a request that was sent and not answered.
    pub fn unanswered(&self, key: &str) {
        let sent = Sent { key: key.to_owned(), id: None, is_posted: false };
        self.sent.lock().expect("what was sent").push(sent);
    }

    /// The parameters of each payment.
    pub fn form(&self) -> Vec<(&str, &str)> {
        self.form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// Everything that was answered is there once, as it was answered; what was not can be sent
    /// again and is then done once; the balance is the sum; every event has been told in order,
    /// and no other.
    #[track_caller]
    pub fn check(&self, owner: &Sandbox) {
        let others = self.check_but_others(owner, 1);
        assert!(others.is_empty(), "told of what does not exist: {others:?}");
    }

    /// The same, where the receiver has heard of other stores, too: gives what else it was told of.
    /// Of what was answered, only one in `every` is sent again.
    #[track_caller]
    pub fn check_but_others(&self, owner: &Sandbox, every: usize) -> Vec<String> {
        let sent = self.sent();
        assert!(!sent.is_empty(), "nothing was sent");
        let mut ids = BTreeSet::new();
        for (at, one) in sent.iter().enumerate() {
            if let Some(id) = one.id.as_ref().filter(|_| one.is_posted && at % every != 0) {
                assert!(ids.insert(id.clone()), "{}: one payment for each key", one.key);
                continue;
            }
            let keyed = owner.idempotency_key(&one.key);
            let again = keyed.post_all(PAYMENTS, &self.form);
            let id = again.id();
            if let Some(answered) = &one.id {
                assert_eq!(&id, answered, "{}: an answered payment is still there", one.key);
                again.expect_header("Idempotent-Replayed", "true");
            }
            let keyed = owner.idempotency_key(&posted(&one.key));
            let again = keyed.post(&post_path(&id), &[]);
            again.ok().expect("status", "posted");
            if one.is_posted {
                again.expect_header("Idempotent-Replayed", "true");
            }
            assert!(ids.insert(id), "{}: one payment for each key", one.key);
        }
        assert_eq!(self.listed(owner), ids, "the list has each once");
        let account = FinancialAccount { owner: owner.clone(), id: self.account.id.clone() };
        let count = i64::try_from(ids.len()).expect("few");
        account.expect_balance(MONEY - AMOUNT * count, 0);
        self.check_deliveries(owner, &ids)
    }

    #[track_caller]
    fn listed(&self, owner: &Sandbox) -> BTreeSet<String> {
        let mut listed = BTreeSet::new();
        let mut after = None;
        loop {
            let mut params =
                vec![("financial_account", self.account.id.as_str()), ("limit", "100")];
            params.extend(after.as_deref().map(|id| ("starting_after", id)));
            let page = owner.list(PAYMENTS, &params);
            for id in page.ids() {
                assert!(listed.insert(id.clone()), "{id} is listed twice");
                after = Some(id);
            }
            if page.at("has_more") == false {
                return listed;
            }
        }
    }

    /// Each payment's events came at least once, the first time in their order, and signed.
    #[track_caller]
    fn check_deliveries(&self, owner: &Sandbox, ids: &BTreeSet<String>) -> Vec<String> {
        self.until("deliveries", || {
            let wait = serde_json::json!({"timeout_ms": 5_000});
            let answer = owner.post_json("/_exchequer/deliveries/wait", &wait);
            answer.status == 200 && answer.int("pending") == 0
        });
        let mut heard: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for received in self.receiver.received() {
            assert!(received.verifies(&self.endpoint.secret), "signed");
            let event = received.json();
            let id = event["data"]["object"]["id"].as_str().expect("an id").to_owned();
            let kind = event["type"].as_str().expect("a type").to_owned();
            let kinds = heard.entry(id).or_default();
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        for id in ids {
            let kinds = heard.remove(id).unwrap_or_default();
            assert_eq!(kinds, EVENTS, "{id}: told in order");
        }
        heard.into_keys().collect()
    }
}

/// Ends the load also where the fault's own checks fail.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn posted(key: &str) -> String {
    format!("{key}-posted")
}

fn post_path(id: &str) -> String {
    format!("/v1/test_helpers/treasury/outbound_payments/{id}/post")
}
