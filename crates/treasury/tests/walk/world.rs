//! The program without its sockets: commands go through the real committer into a private store,
//! and everything is read back by snapshots, as requests are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

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
    Clock, ClockMode, Command, Committer, Database, IdRange, PostingRow, Reader, Session,
    StoredObject, Workspace, WorkspaceState,
};

/// When a walk begins: 2023-04-05, in milliseconds.
pub const START: i64 = 1_680_716_009_000;
/// More rows than a walk makes.
const ROWS_MAX: usize = 10_000;

/// Where objects are read, by the prefix of their ids.
const READS: [(&str, &str); 10] = [
    ("fa", "/v1/treasury/financial_accounts/{id}"),
    ("obp", "/v1/treasury/outbound_payments/{id}"),
    ("obt", "/v1/treasury/outbound_transfers/{id}"),
    ("credrev", "/v1/treasury/credit_reversals/{id}"),
    ("debrev", "/v1/treasury/debit_reversals/{id}"),
    ("ibt", "/v1/treasury/inbound_transfers/{id}"),
    ("rc", "/v1/treasury/received_credits/{id}"),
    ("rd", "/v1/treasury/received_debits/{id}"),
    ("trxn", "/v1/treasury/transactions/{id}"),
    ("trxne", "/v1/treasury/transaction_entries/{id}"),
];

/// What an answer says, or its error's status, code and message.
pub type Answer = Result<Value, Refused>;

#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    pub status: u16,
    pub code: Option<&'static str>,
    pub message: String,
}

pub enum Request {
    Post {
        owner: usize,
        path: &'static str,
        id: String,
        form: Form,
    },
    /// Moves the clock.
    Wait(i64),
}

pub type Form = Vec<(&'static str, String)>;

pub struct World {
    app: Arc<App>,
    database: Arc<Database>,
    workspace: Arc<Workspace>,
    /// The committer and its thread, which ends when the committer is dropped.
    running: Option<(Committer, Committing)>,
    /// The platform and its connected accounts.
    pub owners: Vec<Owner>,
    /// A customer of each.
    pub customers: Vec<String>,
}

/// Everything that is kept and shown at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// The treasury's objects as they are shown, by id.
    pub shown: BTreeMap<String, Value>,
    /// The rows of all objects, by id.
    pub kept: BTreeMap<String, Value>,
    pub entries: Vec<Entry>,
    /// Of each owner: type and object's id.
    pub events: Vec<Vec<(String, String)>>,
    pub state: WorkspaceState,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub id: String,
    pub row: PostingRow,
}

impl World {
    pub fn new(step_delay_ms: i64, settles: bool, connected: usize) -> World {
        let mut resources = exchequer_core::resources();
        resources.extend(exchequer_treasury::resources());
        let api = Api {
            resources,
            event_targets: exchequer_core::subscriptions::event_targets,
            account_by_number: exchequer_core::account::account_by_number,
            account_by_id: exchequer_core::account::account_by_id,
            roll_secret: exchequer_core::webhook_endpoint::roll_secret,
            receipts: exchequer_treasury::receipt::RECEIPTS,
            addresses: api::addresses::Addresses::NONE,
        };
        let config = api::Config {
            step_delay_ms,
            settles,
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
        let owners = vec![platform(&workspace)];
        let running = Some(running);
        let customers = Vec::new();
        let mut world = World { app, database, workspace, running, owners, customers };
        world.set_up(connected);
        world
    }

    fn set_up(&mut self, connected: usize) {
        self.send(vec![Box::new(start)]);
        for _ in 0..connected {
            let account = self.made(0, "/v1/accounts", able_account());
            let number = self.see(0, |view| (self.app.api.account_by_id)(view, &account).unwrap());
            self.owners.push(Owner { number: number.unwrap(), id: account });
        }
        for owner in 0..self.owners.len() {
            let customer = self.made(owner, "/v1/customers", vec![]);
            self.customers.push(customer);
        }
    }

    fn made(&self, owner: usize, path: &'static str, form: Form) -> String {
        let id = String::new();
        let answers = self.run(vec![Request::Post { owner, path, id, form }]);
        answers[0].as_ref().unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// Runs the requests in one batch, after what is due.
    pub fn run(&self, requests: Vec<Request>) -> Vec<Answer> {
        let (commands, answers): (Vec<Run>, Vec<Receiver<Answer>>) =
            requests.into_iter().map(|request| self.command(request)).unzip();
        self.send(commands);
        answers.into_iter().map(|answer| answer.recv().unwrap()).collect()
    }

    fn command(&self, request: Request) -> (Run, Receiver<Answer>) {
        let (give, answer) = channel();
        let run: Run = match request {
            Request::Wait(ms) => Box::new(move |session| {
                session.state.clock.at = session.now + ms;
                give.send(Ok(Value::Null)).unwrap();
                Keep::Yes
            }),
            Request::Post { owner, path, id, form } => {
                let info = RequestInfo {
                    id: "req_walk".into(),
                    idempotency_key: None,
                    masked_key: String::new(),
                };
                let acting = Acting { owner: self.owners[owner].clone(), request: Some(info) };
                let write = self.write(path, id, form);
                let app = self.app.clone();
                Box::new(move |session| {
                    let (answer, keep) = perform(&app, session, acting.clone(), &write);
                    give.send(answer).unwrap();
                    keep
                })
            }
        };
        (run, answer)
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

    /// Runs commands in one batch: the first of it holds the committer until all are there.
    fn send(&self, commands: Vec<Run>) {
        let (open, gate) = channel::<()>();
        let hold: Run = Box::new(move |_| {
            gate.recv().unwrap();
            Keep::No
        });
        let (told, done) = channel();
        let count = commands.len() + 1;
        let (committer, _) = self.running.as_ref().unwrap();
        for run in std::iter::once(hold).chain(commands) {
            let told = told.clone();
            let command = Command {
                workspace: self.workspace.clone(),
                bytes: 0,
                alone: false,
                key: None,
                run,
                done: Box::new(move |result| told.send(result).unwrap()),
            };
            assert!(committer.send(command).is_ok(), "the queue is full");
        }
        open.send(()).unwrap();
        for _ in 0..count {
            done.recv().unwrap().unwrap();
        }
    }

    /// Reads one snapshot as an owner.
    fn see<T>(&self, owner: usize, work: impl FnOnce(&mut View<'_>) -> T) -> T {
        let read = |reader: &dyn Reader| {
            let state = self.workspace.state();
            let database = &self.database;
            let (decoded, sealer) = (Some(&database.decoded), &database.sealer);
            let workspace = self.workspace.clone();
            let now = state.now();
            let session = Session::reading(reader, decoded, sealer, workspace, state, now);
            let acting = Acting { owner: self.owners[owner].clone(), request: None };
            work(&mut view(&self.app, session, acting))
        };
        self.database.read(read).unwrap()
    }

    /// Everything, after what is due.
    pub fn look(&self) -> Look {
        self.send(vec![]);
        self.see(0, |view| {
            let mut look = Look {
                shown: BTreeMap::new(),
                kept: BTreeMap::new(),
                entries: Vec::new(),
                events: Vec::new(),
                state: view.session.state,
            };
            for owner in &self.owners {
                view.owner = owner.clone();
                self.look_at(view, &mut look);
            }
            look
        })
    }

    fn look_at(&self, view: &View<'_>, look: &mut Look) {
        let (reader, scope) = (view.session.reader, view.session.scope(view.owner.number));
        for stored in objects(view) {
            let state = serde_json::from_str(&stored.state).unwrap();
            if let Some(shown) = self.show(view, &stored.id) {
                look.shown.insert(stored.id.clone(), shown);
            }
            look.kept.insert(stored.id, state);
        }
        for (id, row) in entries(view) {
            look.shown.insert(id.clone(), self.show(view, &id).unwrap());
            look.entries.push(Entry { id, row });
        }
        let events = reader.events(scope, None, &IdRange::oldest_first(), ROWS_MAX).unwrap();
        let events = events.into_iter().map(|(_, row)| {
            let object: Value = serde_json::from_str(&row.object).unwrap();
            (row.kind, object["id"].as_str().unwrap_or_default().to_owned())
        });
        look.events.push(events.collect());
    }

    /// How an object of the treasury is shown.
    fn show(&self, view: &View<'_>, id: &str) -> Option<Value> {
        let (prefix, _) = id.split_once('_')?;
        let (_, path) = READS.iter().find(|(of, _)| *of == prefix)?;
        let Handler::Read(handler) = &self.operation(Method::Get, path).handler else {
            panic!("{path} reads nothing");
        };
        let path = Path { path: (*path).to_owned(), variables: vec![id.to_owned()] };
        let read = handler(&Bag::empty(), path, Expansion::default()).unwrap();
        let json = read(view).unwrap();
        Some(serde_json::from_str(&json.compact()).unwrap())
    }

    /// What the audits of `verify` find wrong with the treasury's rows.
    pub fn problems(&self) -> Vec<String> {
        let audits = exchequer_treasury::audit::audits();
        self.see(0, |view| {
            let mut findings = Findings::default();
            let session = &view.session;
            let jobs = session.reader.jobs(session.number, i64::MAX, ROWS_MAX).unwrap();
            jobs.into_iter().for_each(|(_, job)| findings.planned(job));
            for owner in &self.owners {
                view.owner = owner.clone();
                let scope = view.session.scope(owner.number);
                for stored in objects(view) {
                    let prefix = stored.id.split_once('_').map(|(prefix, _)| prefix);
                    let audit = audits.objects.iter().find(|audit| Some(audit.prefix) == prefix);
                    if let Some(audit) = audit {
                        (audit.check)(
                            view,
                            &stored,
                            &mut findings.at("objects", scope, &stored.id),
                        );
                    }
                }
                for (id, row) in entries(view) {
                    let found = &mut findings.at("postings", scope, &id);
                    (audits.books[0].check)(view, &id, &row, found).unwrap();
                }
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

/// The rows of an owner's objects.
fn objects(view: &View<'_>) -> Vec<StoredObject> {
    let scope = view.session.scope(view.owner.number);
    view.session.reader.objects(scope, &IdRange::oldest_first(), ROWS_MAX).unwrap()
}

/// The rows of an owner's entries, oldest first, book by book.
fn entries(view: &View<'_>) -> Vec<(String, PostingRow)> {
    let scope = view.session.scope(view.owner.number);
    let books = objects(view).into_iter().filter(|stored| stored.id.starts_with("fa_"));
    let range = IdRange::oldest_first();
    let read = |book: StoredObject| {
        view.session.reader.postings(scope, &book.id, &range, ROWS_MAX).unwrap()
    };
    books.flat_map(read).collect()
}

/// The clock of a workspace in which nothing has happened yet stands still.
fn start(session: &mut Session<'_>) -> Keep {
    session.state.clock = Clock { mode: ClockMode::Frozen, offset: 0, at: START, moving: None };
    session.state.last_now = START;
    Keep::Yes
}

/// Runs a command as the gateway does.
fn perform(app: &App, session: &mut Session<'_>, acting: Acting, write: &Write) -> (Answer, Keep) {
    let refused = |status, code, message| Err(Refused { status, code, message });
    match with_tx(app, session, acting, |tx| write(tx)) {
        Ok(json) => (Ok(serde_json::from_str(&json.compact()).unwrap()), Keep::Yes),
        Err(Failure::Refused(error)) => {
            (refused(error.status, error.code, error.message), Keep::No)
        }
        Err(Failure::Declined(error)) => {
            (refused(error.status, error.code, error.message), Keep::Yes)
        }
        Err(Failure::Fault(fault)) => (refused(500, None, fault.to_string()), Keep::No),
    }
}

/// A connected account that may do everything.
fn able_account() -> Form {
    let yes = |name| (name, "true".to_owned());
    let text = |name, value: &str| (name, value.to_owned());
    vec![
        text("country", "US"),
        text("controller[stripe_dashboard][type]", "none"),
        text("controller[requirement_collection]", "application"),
        text("controller[losses][payments]", "application"),
        text("controller[fees][payer]", "application"),
        yes("capabilities[transfers][requested]"),
        yes("capabilities[treasury][requested]"),
        yes("capabilities[card_payments][requested]"),
        yes("capabilities[card_issuing][requested]"),
        yes("capabilities[us_bank_account_ach_payments][requested]"),
    ]
}
