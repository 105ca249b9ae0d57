//! The program without its sockets: commands go through the real committer into a private store,
//! and everything is read back by snapshots, as requests are.

use std::sync::Arc;
use std::sync::mpsc::channel;

use api::addresses::Addresses;
use api::app::Receipts;
use api::audit::Findings;
use api::expand::Expansion;
use api::form::Bag;
use api::operation::{Handler, Method, Operation, Write};
use api::runtime::{Acting, Runtime, platform, view, with_tx};
use api::view::RequestInfo;
use api::{Api, App, Failure, Owner, Path, View, WebhookTargets};
use serde_json::Value;
use store::committer::{Committing, Keep, Run};
use store::{
    Clock, ClockMode, Command, Committer, Database, IdRange, PostingRow, Reader, Session, Workspace,
};

/// When a walk begins: 2023-04-05, a Wednesday, in milliseconds.
const START: i64 = 1_680_716_009_000;
pub const STEP_MS: i64 = 1_000;
/// More rows than a walk makes.
const ROWS_MAX: usize = 10_000;

/// What an answer says, or what refused it.
pub type Answer = Result<Value, Refused>;

#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    pub code: Option<&'static str>,
    pub message: String,
}

pub enum Request {
    Post { path: &'static str, id: String, form: Form },
    Wait(i64),
}

pub type Form = Vec<(&'static str, String)>;

pub struct World {
    app: Arc<App>,
    database: Arc<Database>,
    workspace: Arc<Workspace>,
    /// The committer and its thread, which ends when the committer is dropped.
    running: Option<(Committer, Committing)>,
    owner: Owner,
    /// A bank account that takes payouts, and one that refuses them.
    pub banks: Vec<String>,
}

impl World {
    pub fn new() -> World {
        let mut resources = exchequer_core::resources();
        resources.extend(exchequer_payments::resources());
        let api = Api {
            resources,
            event_targets: exchequer_core::subscriptions::event_targets,
            account_by_number: exchequer_core::account::account_by_number,
            account_by_id: exchequer_core::account::account_by_id,
            roll_secret: exchequer_core::webhook_endpoint::roll_secret,
            receipts: Receipts { workspace: |_, _| None, page: |_, _| None },
            addresses: Addresses::NONE,
        };
        let config = api::Config {
            step_delay_ms: STEP_MS,
            settles: false,
            rail_files: false,
            webhook_targets: WebhookTargets::Local,
            forwards: false,
            public_url: "http://localhost".into(),
        };
        let app = Arc::new(App { api, config });
        let (database, writer) = Database::open(":memory:", None).unwrap();
        let runtime = Arc::new(Runtime::new(app.clone()));
        let running = Committer::start(writer, database.sealer.clone(), runtime).unwrap();
        let account = "acct_1AAAAA0123456789".to_owned();
        let workspace = Arc::new(Workspace::new([0; 32], account, false));
        let owner = platform(&workspace);
        let banks = Vec::new();
        let mut world = World { app, database, workspace, running: Some(running), owner, banks };
        world.send(Box::new(start));
        world.banks = ["000123456789", "000111111116"].map(|number| world.bank(number)).into();
        world
    }

    fn bank(&self, number: &str) -> String {
        let text = |name, value: &str| (name, value.to_owned());
        let form = vec![
            text("external_account[country]", "US"),
            text("external_account[routing_number]", "110000000"),
            text("external_account[account_number]", number),
        ];
        let (path, id) = ("/v1/accounts/{account}/external_accounts", self.owner.id.clone());
        let bank = self.run(Request::Post { path, id, form }).unwrap();
        bank["id"].as_str().unwrap().to_owned()
    }

    pub fn now(&self) -> i64 {
        self.workspace.state().now()
    }

    /// Runs a request, after what is due.
    pub fn run(&self, request: Request) -> Answer {
        let (give, answer) = channel();
        let run: Run = match request {
            Request::Wait(ms) => Box::new(move |session| {
                session.state.clock.at = session.now + ms;
                give.send(Ok(Value::Null)).unwrap();
                Keep::Yes
            }),
            Request::Post { path, id, form } => {
                let info = RequestInfo {
                    id: "req_walk".into(),
                    idempotency_key: None,
                    masked_key: String::new(),
                };
                let acting = Acting { owner: self.owner.clone(), request: Some(info) };
                let (write, app) = (self.write(path, id, form), self.app.clone());
                Box::new(move |session| {
                    let (answer, keep) = perform(&app, session, acting.clone(), &write);
                    give.send(answer).unwrap();
                    keep
                })
            }
        };
        self.send(run);
        answer.recv().unwrap()
    }

    /// Lets happen what is due.
    pub fn settle(&self) {
        self.send(Box::new(|_| Keep::No));
    }

    fn operation(&self, method: Method, path: &str) -> &Operation {
        let mut operations = self.app.api.operations();
        let named = |one: &&Operation| one.method == method && one.path == path;
        operations.find(named).unwrap_or_else(|| panic!("there is no {path}"))
    }

    /// The command that a path and a form mean.
    fn write(&self, path: &str, id: String, form: Form) -> Write {
        let Handler::Write(handler) = &self.operation(Method::Post, path).handler else {
            panic!("{path} writes nothing");
        };
        let pairs = form.into_iter().map(|(name, value)| (name.to_owned(), value));
        let bag = Bag::from_pairs(pairs).unwrap();
        let path = Path { path: path.to_owned(), variables: vec![id] };
        handler(&bag, path, Expansion::default()).unwrap()
    }

    fn send(&self, run: Run) {
        let (told, done) = channel();
        let (committer, _) = self.running.as_ref().unwrap();
        let command = Command {
            workspace: self.workspace.clone(),
            bytes: 0,
            alone: false,
            key: None,
            run,
            done: Box::new(move |result| told.send(result).unwrap()),
        };
        assert!(committer.send(command).is_ok(), "the queue is full");
        done.recv().unwrap().unwrap();
    }

    /// Reads one snapshot.
    fn see<T>(&self, work: impl FnOnce(&View<'_>) -> T) -> T {
        let read = |reader: &dyn Reader| {
            let state = self.workspace.state();
            let database = &self.database;
            let (decoded, sealer) = (Some(&database.decoded), &database.sealer);
            let workspace = self.workspace.clone();
            let now = state.now();
            let session = Session::reading(reader, decoded, sealer, workspace, state, now);
            let acting = Acting { owner: self.owner.clone(), request: None };
            work(&view(&self.app, session, acting))
        };
        self.database.read(read).unwrap()
    }

    /// What the API says is available and pending.
    pub fn balance(&self) -> (i64, i64) {
        let Handler::Read(handler) = &self.operation(Method::Get, "/v1/balance").handler else {
            panic!("the balance is read");
        };
        let read = handler(&Bag::empty(), Path::default(), Expansion::default()).unwrap();
        let shown = self.see(|view| read(view).unwrap().compact());
        let shown: Value = serde_json::from_str(&shown).unwrap();
        let part = |name: &str| shown[name][0]["amount"].as_i64().unwrap();
        (part("available"), part("pending"))
    }

    /// What the audits of `verify` find wrong with the rows.
    pub fn problems(&self) -> Vec<String> {
        let audits = exchequer_payments::audit::audits();
        self.see(|view| {
            let mut findings = Findings::default();
            let (session, scope) = (&view.session, view.session.scope(0));
            let jobs = session.reader.jobs(session.number, i64::MAX, ROWS_MAX).unwrap();
            jobs.into_iter().for_each(|(_, job)| findings.planned(job));
            let all = IdRange::oldest_first();
            for stored in session.reader.objects(scope, &all, ROWS_MAX).unwrap() {
                let prefix = stored.id.split_once('_').map(|(prefix, _)| prefix);
                let audit = audits.objects.iter().find(|audit| Some(audit.prefix) == prefix);
                if let Some(audit) = audit {
                    (audit.check)(view, &stored, &mut findings.at("objects", scope, &stored.id));
                }
            }
            let entries: Vec<(String, PostingRow)> =
                session.reader.postings(scope, "bal_usd", &all, ROWS_MAX).unwrap();
            for (id, row) in entries {
                let found = &mut findings.at("postings", scope, &id);
                (audits.books[0].check)(view, &id, &row, found).unwrap();
            }
            findings.lines().to_vec()
        })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some((committer, thread)) = self.running.take() {
            drop(committer);
            let _ = thread.join();
        }
    }
}

/// The clock of a workspace in which nothing has happened yet stands still.
fn start(session: &mut Session<'_>) -> Keep {
    session.state.clock = Clock { mode: ClockMode::Frozen, offset: 0, at: START, moving: None };
    session.state.last_now = START;
    Keep::Yes
}

/// Runs a command as the gateway does.
fn perform(app: &App, session: &mut Session<'_>, acting: Acting, write: &Write) -> (Answer, Keep) {
    let refused = |code, message| Err(Refused { code, message });
    match with_tx(app, session, acting, |tx| write(tx)) {
        Ok(json) => (Ok(serde_json::from_str(&json.compact()).unwrap()), Keep::Yes),
        Err(Failure::Refused(error)) => (refused(error.code, error.message), Keep::No),
        Err(Failure::Declined(error)) => (refused(error.code, error.message), Keep::Yes),
        Err(Failure::Fault(fault)) => (refused(Some("fault"), fault.to_string()), Keep::No),
    }
}
