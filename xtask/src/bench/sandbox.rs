//! What a run needs in the server before it can be measured: a financial account with money in
//! it, a customer, and the ids of payments to ask for. All of it by plain HTTP, as a user would.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::answer::{Answer, Answers};
use crate::process::Outcome;

pub const KEY: &str = "sk_test_bench";
/// What every payment moves, in cents: the ledger's own count of payments follows from it.
pub const AMOUNT: u64 = 100;
/// The most that one credit may bring.
const CREDIT: &str = "9999999999";
const CREDITS: usize = 3;
const PAYMENTS: &str = "/v1/treasury/outbound_payments";
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Where the generator aims, and what it says there.
#[derive(Clone)]
pub struct Target {
    pub address: String,
    pub key: String,
    pub account: String,
    pub customer: String,
    /// A file with an id of a payment on each line.
    pub ids: PathBuf,
    /// A file with a key, an account and a customer on each line.
    pub others: PathBuf,
    started: u64,
    runs: Cell<u64>,
}

impl Target {
    pub fn new(address: &str, folder: &Path) -> Outcome<Target> {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let target = Target {
            address: address.to_owned(),
            key: KEY.to_owned(),
            account: "fa_10000000000000000000001".to_owned(),
            customer: "cus_10000000000001".to_owned(),
            ids: folder.join("ids.txt"),
            others: folder.join("sandboxes.txt"),
            started,
            runs: Cell::new(0),
        };
        target.write_ids(&["obp_10000000000000000000001".to_owned()])?;
        Ok(target)
    }

    /// A name for one run of the generator that no other run has: idempotency keys begin with it.
    pub fn next_run(&self) -> String {
        self.runs.set(self.runs.get() + 1);
        format!("bench-{}-{}", self.started, self.runs.get())
    }

    pub fn parameters(&self) -> [(&'static str, String); 4] {
        [
            ("BENCH_KEY", self.key.clone()),
            ("BENCH_AMOUNT", AMOUNT.to_string()),
            ("BENCH_ACCOUNT", self.account.clone()),
            ("BENCH_CUSTOMER", self.customer.clone()),
        ]
    }

    fn write_ids(&self, ids: &[String]) -> Outcome<()> {
        fs::write(&self.ids, ids.join("\n") + "\n")
            .map_err(|error| format!("{}: {error}", self.ids.display()))
    }
}

pub struct Sandbox {
    pub target: Target,
    agent: ureq::Agent,
}

impl Sandbox {
    pub fn set_up(address: &str, folder: &Path) -> Outcome<Sandbox> {
        Sandbox::set_up_with(address, folder, KEY)
    }

    /// The sandbox of a key.
    pub fn set_up_with(address: &str, folder: &Path, key: &str) -> Outcome<Sandbox> {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(ANSWER_MAX))
            .http_status_as_error(false)
            .proxy(None)
            .build()
            .into();
        let mut sandbox = Sandbox { target: Target::new(address, folder)?, agent };
        sandbox.target.key = key.to_owned();
        sandbox.target.account = sandbox.open_account()?;
        let customer = sandbox.post("/v1/customers", &[("name", "Bench Customer")])?;
        sandbox.target.customer = id_of(&customer)?;
        sandbox.fund()?;
        Ok(sandbox)
    }

    /// The same sandbox for another client at the same time, with keys of its own.
    pub fn another(&self, client: usize) -> Sandbox {
        let mut target = self.target.clone();
        target.runs = Cell::new((client as u64 + 1) << 32);
        Sandbox { target, agent: self.agent.clone() }
    }

    /// Features become active by steps of their own, which a moment is allowed for.
    fn open_account(&self) -> Outcome<String> {
        let feature = "features[outbound_payments][ach][requested]";
        let opened = self.post(
            "/v1/treasury/financial_accounts",
            &[
                ("supported_currencies[]", "usd"),
                (feature, "true"),
                ("features[financial_addresses][aba][requested]", "true"),
                ("features[intra_stripe_flows][requested]", "true"),
            ],
        )?;
        let id = id_of(&opened)?;
        let deadline = Instant::now() + ANSWER_MAX;
        while Instant::now() < deadline {
            let account = self.account(&id)?;
            let active = account["active_features"].as_array().map_or(&[][..], Vec::as_slice);
            if active.iter().any(|name| name == "outbound_payments.ach") {
                return Ok(id);
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(format!("{id}: outbound_payments.ach did not become active"))
    }

    pub fn fund(&self) -> Outcome<()> {
        for _ in 0..CREDITS {
            let parameters = [
                ("amount", CREDIT),
                ("currency", "usd"),
                ("financial_account", self.target.account.as_str()),
                ("network", "ach"),
            ];
            self.post("/v1/test_helpers/treasury/received_credits", &parameters)?;
        }
        Ok(())
    }

    /// The answers to the three requests, checked to be what they should, for the bare server.
    pub fn answers(&self) -> Outcome<Answers> {
        let create = self.create()?;
        let id = id_of(&parse(&create)?)?;
        let retrieve = self.get_answer(&format!("{PAYMENTS}/{id}"))?;
        let account = &self.target.account;
        let list = self.get_answer(&format!("{PAYMENTS}?financial_account={account}&limit=10"))?;
        if id_of(&parse(&retrieve)?)? != id {
            return Err(format!("{id} was asked for, another payment answered"));
        }
        let length = parse(&list)?["data"].as_array().map_or(0, Vec::len);
        if length != 10 {
            return Err(format!("a list of 10 payments has {length}"));
        }
        Ok(Answers { create, retrieve, list })
    }

    pub fn create(&self) -> Outcome<Answer> {
        let data = "destination_payment_method_data";
        let bank = format!("{data}[us_bank_account]");
        let parameters = [
            ("financial_account".to_owned(), self.target.account.clone()),
            ("amount".to_owned(), AMOUNT.to_string()),
            ("currency".to_owned(), "usd".to_owned()),
            ("customer".to_owned(), self.target.customer.clone()),
            ("description".to_owned(), "Invoice 4711".to_owned()),
            (format!("{data}[type]"), "us_bank_account".to_owned()),
            (format!("{bank}[account_holder_type]"), "company".to_owned()),
            (format!("{bank}[routing_number]"), "110000000".to_owned()),
            (format!("{bank}[account_number]"), "000000000009".to_owned()),
            (format!("{data}[billing_details][name]"), "Ann Vendor".to_owned()),
            ("metadata[invoice]".to_owned(), "in_4711".to_owned()),
            ("metadata[department]".to_owned(), "purchasing".to_owned()),
        ];
        let request = self.agent.post(self.url(PAYMENTS)).header("authorization", self.bearer());
        self.ask(request.header("idempotency-key", self.target.next_run()).send_form(parameters))
    }

    /// How many payments the ledger itself says are on their way.
    pub fn payments(&self) -> Outcome<u64> {
        let account = self.account(&self.target.account)?;
        let pending = account["balance"]["outbound_pending"]["usd"].as_u64();
        pending
            .map(|cents| cents / AMOUNT)
            .ok_or_else(|| format!("no pending balance in {account}"))
    }

    /// Chooses ids from the whole history for the reads: at most one in `stride`.
    pub fn choose_ids(&self, ids_max: u64) -> Outcome<()> {
        let stride = (self.payments()? / ids_max).max(1);
        let mut ids = Vec::new();
        let mut seen = 0;
        let mut after = String::new();
        loop {
            let account = &self.target.account;
            let page = format!("{PAYMENTS}?financial_account={account}&limit=100{after}");
            let page = self.get(&page)?;
            let payments = page["data"].as_array().map_or(&[][..], Vec::as_slice);
            for payment in payments {
                if seen % stride == 0 {
                    ids.push(id_of(payment)?);
                }
                seen += 1;
            }
            match payments.last() {
                Some(last) if page["has_more"] == true => {
                    after = format!("&starting_after={}", id_of(last)?);
                }
                _ => break,
            }
        }
        self.target.write_ids(&ids)
    }

    /// Commits of the store so far, where the server tells.
    pub fn commits(&self) -> Option<u64> {
        let health = self.get("/_exchequer/health").ok()?;
        health["commits"].as_u64().or_else(|| health["store"]["commits"].as_u64())
    }

    fn account(&self, id: &str) -> Outcome<Value> {
        self.get(&format!("/v1/treasury/financial_accounts/{id}"))
    }

    fn get(&self, path: &str) -> Outcome<Value> {
        parse(&self.get_answer(path)?)
    }

    fn get_answer(&self, path: &str) -> Outcome<Answer> {
        let request = self.agent.get(self.url(path)).header("authorization", self.bearer());
        self.ask(request.call())
    }

    pub fn post(&self, path: &str, parameters: &[(&str, &str)]) -> Outcome<Value> {
        let request = self.agent.post(self.url(path)).header("authorization", self.bearer());
        parse(&self.ask(request.send_form(parameters.iter().copied()))?)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.target.key)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.target.address)
    }

    /// Everything that is asked while setting up must succeed.
    fn ask(
        &self,
        response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Outcome<Answer> {
        let address = &self.target.address;
        let mut response = response.map_err(|error| format!("{address}: {error}"))?;
        let body = response.body_mut().read_to_string().map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(format!("{address} answered {status}: {body}"));
        }
        let headers = response.headers().iter().map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        Ok(Answer { status, headers: headers.collect(), body })
    }
}

fn parse(answer: &Answer) -> Outcome<Value> {
    serde_json::from_str(&answer.body).map_err(|error| format!("{error} in {}", answer.body))
}

fn id_of(object: &Value) -> Outcome<String> {
    object["id"].as_str().map(str::to_owned).ok_or_else(|| format!("no id in {object}"))
}
