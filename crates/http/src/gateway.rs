//! The way of a request: authenticate, route, read parameters, look up the idempotency key, then a
//! read on this thread or a command in the committer. The order of the checks is part of the API.

use std::net::IpAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use api::operation::{Handler, Method, Operation, Path, Product, Write};
use api::runtime::{Acting, platform, view, with_tx};
use api::view::{Owner, RequestInfo};
use api::{ApiError, App, Failure, Json};
use bytes::Bytes;
use delivery::Delivery;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use store::committer::Keep;
use store::{Command, Committer, Database, Registry, Session, Workspace};
use tokio::sync::oneshot;

use crate::answer::{Answer, Body};
use crate::clock::Turns;
use crate::head::{
    Echo, acting_account, idempotency_key, key_of, leading_slashes_collapsed, version,
};
use crate::idempotency::{Hold, InFlight, Key, body_of};
use crate::keys::{Caller, KeyError, Keys, Peer, events, no_key};
use crate::limits::Limits;
use crate::load::{Room, Share};
use crate::metrics::{Metrics, Reason};
use crate::rate::Limiter;
use crate::router::Router;
use crate::seen::Seen;
use crate::{body, refusals};

/// How often a read from a database is tried.
const READ_TRIES_MAX: usize = 3;

/// Everything a request needs.
pub struct Gateway {
    pub app: Arc<App>,
    pub database: Arc<Database>,
    pub committer: Committer,
    pub registry: Arc<Registry>,
    pub keys: Keys,
    pub router: Router,
    pub delivery: Arc<Delivery>,
    pub in_flight: InFlight,
    pub turns: Turns,
    /// None where requests may come as fast as they can.
    pub rate: Option<Limiter>,
    pub metrics: Arc<Metrics>,
    pub limits: Limits,
    pub bodies: Arc<Room>,
    pub stopping: AtomicBool,
    /// The metrics are shown to whoever asks.
    pub metrics_open: bool,
    /// Each request makes a line of the log.
    pub access_log: bool,
    pub version: &'static str,
}

/// A request that may act: whose it is and for whom.
pub struct Call {
    pub caller: Arc<Caller>,
    pub owner: Owner,
    pub request_id: String,
}

/// The head of a request.
struct Asked<'a> {
    from: IpAddr,
    method: &'a str,
    path: &'a str,
    query: &'a str,
    headers: &'a HeaderMap,
    request_id: &'a str,
}

/// What became of a command.
enum Outcome {
    Done { status: u16, json: Json },
    Replayed { status: u16, body: Bytes, original: String },
    Failed(ApiError),
}

/// An answer with what its headers must tell.
pub struct Executed {
    pub answer: Answer,
    pub original: Option<String>,
    pub replayed: bool,
    /// The operation began: a key's answer is kept, so that trying again only gives it again.
    pub began: bool,
}

impl Gateway {
    /// Answers one request to the API itself.
    pub async fn api(&self, request: Request<Incoming>, seen: &mut Seen) -> Answer {
        let request_id = seen.request_id.clone();
        let path = leading_slashes_collapsed(request.uri().path());
        let mut echo = Echo::default();
        let (parts, body) = request.into_parts();
        let query = parts.uri.query().unwrap_or("");
        let method = parts.method.as_str();
        let headers = &parts.headers;
        let from = Peer::of(&parts);
        let asked = Asked { from, method, path: &path, query, headers, request_id: &request_id };
        let outcome = self.admit(asked, body, &mut echo, seen).await;
        let mut answer = match outcome {
            Ok(executed) => echo.on_executed(executed, &request_id),
            Err((error, caller)) => {
                let log = caller.as_ref().map(|call| log_url(&call.workspace, &request_id));
                Answer::error(&error, log.filter(|_| error.status != 401))
            }
        };
        echo.write(&mut answer);
        answer.set("request-id", &request_id);
        answer
    }

    async fn admit(
        &self,
        asked: Asked<'_>,
        body: Incoming,
        echo: &mut Echo,
        seen: &mut Seen,
    ) -> Result<Executed, (ApiError, Option<Arc<Caller>>)> {
        let Asked { from, method, path, query, headers, request_id } = asked;
        let caller = self.authenticate(headers, from).map_err(|error| (error, None))?;
        let workspace = &caller.workspace;
        if let Some(limiter) = &self.rate {
            limiter.admit(workspace, method).map_err(|error| {
                echo.limited = true;
                (error, None)
            })?;
        }
        let fail = |error: ApiError| (error, Some(caller.clone()));
        let version = version(headers).map_err(fail)?;
        echo.version = Some(version);
        let owner = self.acting_account(&caller, headers, echo).map_err(fail)?;
        seen.acts_for(&owner.id);
        let (operation, path) =
            self.route(method, path, workspace).map_err(|error| match error {
                // Whoever looks for an endpoint that is not here learns where to see what is.
                Unrouted::Unknown(error) => {
                    let versioned = path.starts_with("/v1/") || path.starts_with("/v2/");
                    echo.notice = method != "PATCH" && versioned;
                    fail(error)
                }
                Unrouted::Refused(error) => fail(error),
            })?;
        seen.routed(self, operation);
        caller.may_call(&owner.id, operation).map_err(fail)?;
        let (bytes, share) = self.body(body).await.map_err(fail)?;
        let bag = body::bag(query, headers.get(CONTENT_TYPE), bytes).await.map_err(fail)?;
        let call = Call { caller: caller.clone(), owner, request_id: request_id.to_owned() };
        if caller.is_restricted() {
            events::may_touch(self, &call, operation, &path, &bag).map_err(fail)?;
            // Before a kept answer is given: it may have been expanded for a key that may more.
            let expansion = operation.expansion(&bag).map_err(fail)?;
            let object = operation.object.as_ref();
            caller.may_expand(&call.owner.id, object, &expansion).map_err(fail)?;
        }
        let mut key = None;
        if operation.method == Method::Post {
            key = idempotency_key(headers).map_err(fail)?;
            echo.key.clone_from(&key);
        }
        let key = key.map(|text| Key::new(&self.database.sealer, &text, &path.path, &bag));
        // The key is held before it is looked up: what is found then cannot be out of date.
        let held = key.as_ref().map(|key| {
            let acct = call.owner.number;
            self.in_flight.hold(workspace, acct, &key.text)
        });
        if let Some(key) = &key
            && let Some(replayed) = self.replay(&call, key).map_err(fail)?
        {
            return Ok(replayed);
        }
        let expansion = operation.expansion(&bag).map_err(fail)?;
        match &operation.handler {
            Handler::Read(handler) => {
                let read = handler(&bag, path.clone(), expansion).map_err(fail)?;
                self.catch_up(workspace).await.map_err(fail)?;
                let result = self.read(&call, |view| read(view)).map_err(fail)?;
                let result = result.map_err(|error| self.seen_by_sibling(&call, error));
                let json = result.map_err(fail)?;
                events::may_show(&call, operation, &json).map_err(fail)?;
                Ok(Executed::read(json))
            }
            Handler::Write(handler) => {
                let write = handler(&bag, path.clone(), expansion).map_err(fail)?;
                let held = held.transpose().map_err(fail)?;
                fail::fail_point!("error_answer", |_| Err(fail(ApiError::internal())));
                self.command(&call, write, key.zip(held), share).await.map_err(fail)
            }
        }
    }

    /// The caller behind `Authorization`: Bearer, or Basic with the key as user.
    pub fn authenticate(&self, headers: &HeaderMap, from: IpAddr) -> Result<Arc<Caller>, ApiError> {
        let key = headers.get(AUTHORIZATION).and_then(|value| key_of(value.as_bytes()));
        let key = key.filter(|key| !key.is_empty()).ok_or_else(no_key)?;
        self.caller(&key, from)
    }

    /// The caller with that key, whose workspace is known as it is now.
    pub fn caller(&self, key: &str, from: IpAddr) -> Result<Arc<Caller>, ApiError> {
        let caller = self.keys.caller(key, from).map_err(|error| match error {
            KeyError::Refused(error) => error,
            KeyError::Store(error) => {
                tracing::error!(%error, "a workspace could not be read");
                ApiError::internal()
            }
        })?;
        self.database.refresh(&caller.workspace).map_err(|error| {
            tracing::error!(%error, "a workspace could not be read");
            ApiError::internal()
        })?;
        Ok(caller)
    }

    /// The account a request acts for: the key's own, or one of `Stripe-Account`.
    fn acting_account(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
        echo: &mut Echo,
    ) -> Result<Owner, ApiError> {
        let platform = platform(&caller.workspace);
        let Some(wanted) = acting_account(headers, &platform.id)? else { return Ok(platform) };
        if wanted == platform.id {
            echo.account = Some(wanted);
            return Ok(platform);
        }
        let acting = Acting { owner: platform, request: None };
        let number = self
            .with_view(&caller.workspace, acting, |view| {
                (self.app.api.account_by_id)(view, &wanted)
            })
            .and_then(|inner| inner.map_err(fault));
        match number? {
            Some(number) => {
                echo.account = Some(wanted.clone());
                Ok(Owner { number, id: wanted })
            }
            None => Err(refusals::account_invalid(&caller.masked, &wanted)),
        }
    }

    fn route<'a>(
        &'a self,
        method: &str,
        path: &str,
        workspace: &Workspace,
    ) -> Result<(&'a Operation, Path), Unrouted> {
        let known = match method {
            "GET" | "HEAD" => Some(Method::Get),
            "POST" => Some(Method::Post),
            "DELETE" => Some(Method::Delete),
            _ => None,
        };
        let found = known.and_then(|known| self.router.find(&self.app, known, path));
        let (operation, path) =
            found.ok_or_else(|| Unrouted::Unknown(refusals::unknown_url(method, path)))?;
        let settings = workspace.state().settings;
        if operation.product() == Product::Treasury && !settings.treasury {
            return Err(Unrouted::Refused(refusals::not_onboarded(method, &path.path)));
        }
        if operation.is_test_helper() && workspace.livemode {
            return Err(Unrouted::Refused(refusals::test_helper_in_live_mode()));
        }
        Ok((operation, path))
    }

    /// The kept answer to a key, or the refusal of a key used otherwise.
    fn replay(&self, call: &Call, key: &Key) -> Result<Option<Executed>, ApiError> {
        let acct = call.owner.number;
        let found = self.read(call, |view| {
            let Some(row) = key.kept(&view.session, acct)? else { return Ok(None) };
            if let Some(error) = key.mismatch(&row) {
                return Err(error.into());
            }
            let body = body_of(&view.session, &row)?;
            Ok(Some((row.status, body, row.request)))
        })?;
        let found = found?;
        Ok(found.map(|(status, body, original)| Executed::replayed(status, body, original)))
    }

    /// Runs what is due before a read, so that the read sees it done.
    pub async fn catch_up(&self, workspace: &Arc<Workspace>) -> Result<(), ApiError> {
        let state = workspace.state();
        if workspace.number() == 0 || !state.is_due(state.now()) {
            return Ok(());
        }
        self.run(workspace, 0, false, Box::new(|_| Keep::No)).await
    }

    pub async fn body(&self, body: Incoming) -> Result<(Bytes, Share), ApiError> {
        let mut share = self.bodies.share();
        let within = self.limits.client_timeout;
        let bytes = body::read(body, &mut share, within, &self.metrics).await?;
        Ok((bytes, share))
    }

    pub fn is_queue_full(&self) -> bool {
        self.committer.queued() >= self.limits.queued
    }

    /// Queues a command and waits until its batch stands.
    pub async fn run(
        &self,
        workspace: &Arc<Workspace>,
        bytes: usize,
        alone: bool,
        run: store::committer::Run,
    ) -> Result<(), ApiError> {
        self.run_holding(workspace, bytes, alone, run, (None, None)).await
    }

    /// The same with a key that is held until then, whether the client waits or not, and with the
    /// key that the command looks up.
    async fn run_holding(
        &self,
        workspace: &Arc<Workspace>,
        bytes: usize,
        alone: bool,
        run: store::committer::Run,
        (held, key): (Option<Hold>, Option<(i64, i64)>),
    ) -> Result<(), ApiError> {
        let (tell, told) = oneshot::channel();
        let done = Box::new(move |result| {
            drop(held);
            // The client may have hung up; its command stands all the same.
            let _ = tell.send(result);
        });
        let command = Command { workspace: workspace.clone(), bytes, alone, key, run, done };
        if workspace.number() == 0 && self.registry.stored() >= self.registry.max() {
            return Err(refusals::too_many_sandboxes(self.registry.max()));
        }
        if self.is_queue_full() || self.committer.send(command).is_err() {
            self.metrics.refused(Reason::Queue);
            return Err(refusals::overloaded());
        }
        match told.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::error!(%error, "a command was not committed");
                Err(ApiError::internal())
            }
            Err(_) => Err(ApiError::internal()),
        }
    }

    async fn command(
        &self,
        call: &Call,
        write: Write,
        key: Option<(Key, Hold)>,
        share: Share,
    ) -> Result<Executed, ApiError> {
        let (key, held) = key.unzip();
        // The command can run more than once; the last time counts.
        let given = Arc::new(Mutex::new(None));
        let give = given.clone();
        let app = self.app.clone();
        let acting = call.acting(key.as_ref());
        let request_id = call.request_id.clone();
        let (keyed, bytes) = (key.is_some(), share.bytes());
        // Another program on the same database can have answered since the key was looked up.
        let look_again = self.database.is_shared();
        let looked_up = key.as_ref().filter(|_| look_again);
        let looked_up = looked_up.map(|key| (call.owner.number, key.hash));
        let run = Box::new(move |session: &mut Session<'_>| {
            // The parameters stay in memory for as long as this does, whether the client waits or
            // not.
            let _ = &share;
            let (outcome, keep) =
                execute(&app, session, &acting, &write, key.as_ref(), look_again, &request_id);
            *give.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
            keep
        });
        let keys = (held, looked_up);
        let command = self.run_holding(&call.caller.workspace, bytes, false, run, keys);
        command.await.inspect_err(|error| {
            if error.status == 500 {
                tracing::error!(request = call.request_id, "the request's command failed");
            }
        })?;
        fail::fail_point!("before_answer", |_| std::process::abort());
        let outcome = given.lock().unwrap_or_else(PoisonError::into_inner).take();
        let outcome = outcome.ok_or_else(ApiError::internal)?;
        Ok(match outcome {
            Outcome::Done { status, json } => Executed::done(Answer::json(status, json), keyed),
            Outcome::Replayed { status, body, original } => {
                Executed::replayed(status, body, original)
            }
            Outcome::Failed(error) => {
                let log = log_url(&call.caller.workspace, &call.request_id);
                Executed::done(Answer::error(&error, Some(log)), keyed)
            }
        })
    }

    /// Lets `work` read one snapshot as the account acted for. A connection to a database can be
    /// lost in the middle: then it reads another one.
    pub fn read<T>(
        &self,
        call: &Call,
        work: impl Fn(&api::View<'_>) -> api::Result<T>,
    ) -> Result<Result<T, ApiError>, ApiError> {
        let mut tries = if self.database.is_shared() { READ_TRIES_MAX } else { 1 };
        loop {
            tries -= 1;
            let read = self.read_once(call, &work);
            let (Ok(Err(error)) | Err(error)) = &read else { return read };
            if error.status != 500 || tries == 0 {
                return read;
            }
        }
    }

    fn read_once<T>(
        &self,
        call: &Call,
        work: impl FnOnce(&api::View<'_>) -> api::Result<T>,
    ) -> Result<Result<T, ApiError>, ApiError> {
        let acting = call.acting(None);
        let read = self.with_view(&call.caller.workspace, acting, work)?;
        Ok(read.map_err(|failure| {
            if let Failure::Fault(fault) = &failure {
                tracing::error!(request = call.request_id, %fault, "a read failed");
            }
            fault(failure)
        }))
    }

    pub fn with_view<T>(
        &self,
        workspace: &Arc<Workspace>,
        acting: Acting,
        work: impl FnOnce(&api::View<'_>) -> T,
    ) -> Result<T, ApiError> {
        let result = self.database.read_of(workspace, |reader, state| {
            let decoded = Some(&self.database.decoded);
            let (sealer, now) = (&self.database.sealer, state.now());
            let workspace = workspace.clone();
            let session = Session::reading(reader, decoded, sealer, workspace, state, now);
            work(&view(&self.app, session, acting))
        });
        result.map_err(|error| {
            tracing::error!(%error, "a snapshot could not be read");
            ApiError::internal()
        })
    }

    /// Says of an object that is not there that the other mode has it. The message names the id,
    /// whether the path, a parameter or a cursor did.
    fn seen_by_sibling(&self, call: &Call, mut error: ApiError) -> ApiError {
        if error.code != Some("resource_missing") {
            return error;
        }
        let workspace = &call.caller.workspace;
        let Some(sibling) = self.keys.sibling(workspace) else { return error };
        let id = error.message.trim_end_matches('\'').rsplit('\'').next().unwrap_or("").to_owned();
        let prefix = id.split('_').next().unwrap_or("");
        let mut objects = self.app.api.operations().filter_map(|operation| operation.object);
        let Some(object) = objects.find(|object| object.prefix == prefix) else { return error };
        let acting = Acting { owner: platform(&sibling), request: None };
        let found =
            self.with_view(&sibling, acting, |view| (object.load)(view, &id, &api::Include::NONE));
        if matches!(found, Ok(Ok(Some(_)))) {
            let (there, here) =
                if workspace.livemode { ("test", "live") } else { ("live", "test") };
            error.message.push_str(&format!(
                "; a similar object exists in {there} mode, but a {here} mode key was used to make \
                 this request."
            ));
        }
        error
    }
}

/// Runs an operation and keeps its answer, in one layer of the batch.
fn execute(
    app: &App,
    session: &mut Session<'_>,
    acting: &Acting,
    write: &Write,
    key: Option<&Key>,
    look_again: bool,
    request_id: &str,
) -> (Outcome, Keep) {
    let acct = acting.owner.number;
    if let Some(key) = key.filter(|_| look_again) {
        match found_again(session, key, acct) {
            Ok(None) => {}
            Ok(Some(outcome)) => return (outcome, Keep::No),
            Err(error) => {
                tracing::error!(%error, "a kept answer could not be read");
                return (Outcome::Failed(ApiError::internal()), Keep::No);
            }
        }
    }
    let before = session.state;
    let guarded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        with_tx(app, session, acting.clone(), |tx| {
            let json = write(tx)?;
            if let Some(key) = key {
                key.keep(tx, request_id, 200, &json)?;
            }
            Ok(json)
        })
    }));
    let (error, keeps) = match guarded {
        Ok(Ok(json)) => return (Outcome::Done { status: 200, json }, Keep::Yes),
        Ok(Err(Failure::Refused(error))) => (*error, false),
        Ok(Err(Failure::Declined(error))) => (*error, true),
        Ok(Err(Failure::Fault(fault))) => {
            tracing::error!(request = request_id, %fault, "a command failed");
            (ApiError::internal(), false)
        }
        Err(_) => {
            tracing::error!(request = request_id, "a command panicked");
            (ApiError::internal(), false)
        }
    };
    if !keeps {
        if let Ok(overlay) = session.write() {
            overlay.drop_command();
        }
        session.state = before;
    }
    let Some(key) = key else {
        return (Outcome::Failed(error), if keeps { Keep::Yes } else { Keep::No });
    };
    let log = log_url(&session.workspace, request_id);
    let json = error.body(Some(log));
    let kept =
        with_tx(app, session, acting.clone(), |tx| key.keep(tx, request_id, error.status, &json));
    if let Err(error) = kept {
        tracing::error!(%error, "an answer could not be kept");
        return (Outcome::Failed(ApiError::internal()), Keep::No);
    }
    (Outcome::Failed(error), Keep::Yes)
}

/// The committer looks again where another program may have answered since the reader looked.
fn found_again(
    session: &Session<'_>,
    key: &Key,
    acct: i64,
) -> Result<Option<Outcome>, store::StoreError> {
    let Some(row) = key.kept(session, acct)? else { return Ok(None) };
    if let Some(error) = key.mismatch(&row) {
        return Ok(Some(Outcome::Failed(error)));
    }
    let body = body_of(session, &row)?;
    Ok(Some(Outcome::Replayed { status: row.status, body, original: row.request }))
}

enum Unrouted {
    Unknown(ApiError),
    Refused(ApiError),
}

impl Call {
    fn acting(&self, key: Option<&Key>) -> Acting {
        let idempotency_key = key.map(|key| key.text.clone());
        let (id, masked_key) = (self.request_id.clone(), self.caller.masked.clone());
        let request = RequestInfo { id, idempotency_key, masked_key };
        Acting { owner: self.owner.clone(), request: Some(request) }
    }
}

impl Executed {
    fn read(json: Json) -> Self {
        let answer = Answer::json(200, json);
        Executed { answer, original: None, replayed: false, began: false }
    }

    fn done(answer: Answer, began: bool) -> Self {
        Executed { answer, original: None, replayed: false, began }
    }

    fn replayed(status: u16, body: Bytes, original: String) -> Self {
        let headers = crate::answer::common_headers();
        let answer = Answer { status, body: Body::Bytes(body), headers };
        Executed { answer, original: Some(original), replayed: true, began: true }
    }
}

pub fn fault(failure: Failure) -> ApiError {
    match failure {
        Failure::Refused(error) | Failure::Declined(error) => *error,
        Failure::Fault(fault) => {
            tracing::error!(%fault, "a request failed");
            ApiError::internal()
        }
    }
}

fn log_url(workspace: &Workspace, request_id: &str) -> String {
    let mode = if workspace.livemode { "" } else { "/test" };
    let account = &workspace.account;
    format!("https://dashboard.stripe.com/{account}{mode}/workbench/logs?object={request_id}")
}
