//! `/_exchequer/`: what the real API does by a dashboard, by waiting, or not at all. JSON in and
//! out, with the sandbox's secret key.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::runtime::{Acting, platform, with_tx};
use api::{ApiError, Failure, Json, object};
use delivery::LogQuery;
use hyper::Request;
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use store::Workspace;
use store::committer::Keep;

use crate::answer::Answer;
use crate::clock::{self, Move};
use crate::gateway::{Gateway, fault};
use crate::keys::Peer;
use crate::limits::WAIT_MS_MAX;
use crate::seen::Seen;
use crate::{keys, metrics, openapi, readiness, refusals, snapshots};

pub async fn answer(gateway: &Arc<Gateway>, request: Request<Incoming>, seen: &mut Seen) -> Answer {
    let mut answer = match dispatch(gateway, request, seen).await {
        Ok(answer) => answer,
        Err(error) => Answer::error(&error, None),
    };
    answer.set("request-id", &seen.request_id);
    answer
}

async fn dispatch(
    gateway: &Arc<Gateway>,
    request: Request<Incoming>,
    seen: &mut Seen,
) -> Result<Answer, ApiError> {
    let (parts, incoming) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let method = parts.method.as_str().to_owned();
    let inner = path.strip_prefix("/_exchequer/").unwrap_or("").to_owned();
    match (method.as_str(), inner.as_str()) {
        ("GET", "health") => return Ok(readiness::health(gateway)),
        ("GET", "ready") => return Ok(readiness::ready(gateway)),
        ("GET", "metrics") if gateway.metrics_open => return Ok(metrics(gateway)),
        _ => {}
    }
    let caller = gateway.authenticate(&parts.headers, Peer::of(&parts))?;
    if caller.is_restricted() {
        return Err(keys::never(&caller, &caller.workspace.account));
    }
    let workspace = &caller.workspace;
    seen.acts_for(&workspace.account);
    let connected = ["stripe-account", "stripe-context"];
    if connected.iter().any(|name| parts.headers.contains_key(*name)) {
        refuse_connected(&inner)?;
    }
    let from = Peer::of(&parts);
    let query = Query(parts.uri.query().unwrap_or("").to_owned());
    let (bytes, _share) = gateway.body(incoming).await?;
    let body = if bytes.is_empty() { Value::Null } else { parse(&bytes)? };
    let steps: Vec<&str> = inner.split('/').collect();
    let json = match (method.as_str(), steps.as_slice()) {
        ("GET", ["clock"]) => clock::show(workspace),
        ("POST", ["clock"]) => clock::shift(gateway, workspace, Move::parse(&body)?).await?,
        ("POST", ["reset"]) => reset(gateway, workspace).await?,
        ("GET", ["snapshots"]) => snapshots::list(gateway, workspace)?,
        ("POST", ["snapshots"]) => take_snapshot(gateway, workspace, &body).await?,
        ("POST", ["snapshots", name, "restore"]) => {
            snapshots::restore(gateway, workspace, (*name).to_owned()).await?
        }
        ("DELETE", ["snapshots", name]) => {
            snapshots::delete(gateway, workspace, (*name).to_owned()).await?
        }
        ("POST", ["fork"]) => fork(gateway, workspace, from, &body).await?,
        ("POST", ["account"]) => account(gateway, workspace, &body).await?,
        ("GET", ["metrics"]) if caller.masked.starts_with("sk_") => return Ok(metrics(gateway)),
        ("GET", ["metrics"]) => return Err(refusals::secret_key_required()),
        ("GET", ["coverage"]) => openapi::coverage(&gateway.app),
        ("GET", ["deliveries"]) => deliveries(gateway, workspace, &query)?,
        ("POST", ["deliveries", "wait"]) => return wait(gateway, workspace, &body).await,
        ("POST", ["webhook_endpoints", id, "roll_secret"]) => {
            roll_secret(gateway, workspace, (*id).to_owned()).await?
        }
        #[cfg(feature = "failpoints")]
        ("POST", ["failpoint"]) => failpoint(&body)?,
        _ => return Err(refusals::unknown_url(&method, &path)),
    };
    Ok(Answer::json(200, json))
}

/// What is about the whole sandbox is not done for one of its accounts.
fn refuse_connected(inner: &str) -> Result<(), ApiError> {
    let what = match inner.split('/').next() {
        Some("reset") => "A reset empties the whole sandbox",
        Some("snapshots") => "A snapshot is one of the whole sandbox",
        Some("fork") => "A fork copies the whole sandbox",
        _ => return Ok(()),
    };
    Err(ApiError::invalid(format!("{what}: leave out Stripe-Account.")))
}

fn parse(bytes: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ApiError::invalid(format!("The body is not valid JSON: {error}.")))
}

fn metrics(gateway: &Gateway) -> Answer {
    let mut answer = Answer::html(200, metrics::text(gateway));
    answer.set("content-type", "text/plain; version=0.0.4; charset=utf-8");
    answer
}

/// Empties the workspace. The account keeps its id and the snapshots; the clock runs with the
/// machine's again.
async fn reset(gateway: &Arc<Gateway>, workspace: &Arc<Workspace>) -> Result<Json, ApiError> {
    if workspace.livemode {
        return Err(ApiError::invalid("Live mode cannot be reset."));
    }
    snapshots::empty(gateway, workspace).await?;
    Ok(object([("reset", true.into()), ("account", workspace.account.clone().into())]))
}

async fn take_snapshot(
    gateway: &Arc<Gateway>,
    workspace: &Arc<Workspace>,
    body: &Value,
) -> Result<Json, ApiError> {
    let name = only_text(body, "name")?;
    snapshots::take(gateway, workspace, name).await
}

/// Forks into the sandbox of the secret key in the body.
async fn fork(
    gateway: &Arc<Gateway>,
    workspace: &Arc<Workspace>,
    from: IpAddr,
    body: &Value,
) -> Result<Json, ApiError> {
    let key = only_text(body, "to_key")?;
    let target = gateway.caller(&key, from)?;
    if target.is_restricted() || !target.masked.starts_with("sk_") {
        return Err(refusals::secret_key_required());
    }
    snapshots::fork(gateway, workspace, &target.workspace).await
}

/// The one parameter of a body, a text.
fn only_text(body: &Value, wanted: &'static str) -> Result<String, ApiError> {
    let names = body.as_object().into_iter().flat_map(serde_json::Map::keys);
    if let Some(name) = names.into_iter().find(|name| *name != wanted) {
        let message = format!("Received unknown parameter: {name}");
        return Err(ApiError::param("parameter_unknown", name, message));
    }
    match &body[wanted] {
        Value::String(text) => Ok(text.clone()),
        Value::Null => {
            let message = format!("Missing required param: {wanted}.");
            Err(ApiError::param("parameter_missing", wanted, message))
        }
        _ => {
            Err(ApiError::invalid(format!("Invalid string: `{wanted}` must be a text.")).on(wanted))
        }
    }
}

/// Switches of the account that the real API has no call for.
async fn account(
    gateway: &Gateway,
    workspace: &Arc<Workspace>,
    body: &Value,
) -> Result<Json, ApiError> {
    let members =
        body.as_object().ok_or_else(|| ApiError::invalid("The body must be an object."))?;
    let (mut treasury, mut onboarding, mut settles) = (None, None, None);
    for (name, value) in members {
        match (name.as_str(), value) {
            ("treasury", Value::Bool(on)) => treasury = Some(*on),
            ("onboarding", Value::String(how)) if how == "real" => onboarding = Some(true),
            ("onboarding", Value::String(how)) if how == "instant" => onboarding = Some(false),
            ("settle", Value::String(how)) if how == "auto" => settles = Some(true),
            ("settle", Value::String(how)) if how == "manual" => settles = Some(false),
            ("treasury", _) => {
                return Err(ApiError::invalid("Invalid boolean").on("treasury"));
            }
            ("onboarding", _) => {
                let message = "Invalid onboarding: must be one of real or instant";
                return Err(ApiError::invalid(message).on("onboarding"));
            }
            ("settle", _) => {
                let message = "Invalid settle: must be one of auto or manual";
                return Err(ApiError::invalid(message).on("settle"));
            }
            (other, _) => {
                let message = format!("Received unknown parameter: {other}");
                return Err(ApiError::param("parameter_unknown", other, message));
            }
        }
    }
    let run = Box::new(move |session: &mut store::Session<'_>| {
        let settings = &mut session.state.settings;
        settings.treasury = treasury.unwrap_or(settings.treasury);
        settings.real_onboarding = onboarding.unwrap_or(settings.real_onboarding);
        settings.settles = settles.or(settings.settles);
        Keep::Yes
    });
    gateway.run(workspace, 0, false, run).await?;
    let settings = workspace.state().settings;
    let onboarding = if settings.real_onboarding { "real" } else { "instant" };
    let settles = settings.settles.unwrap_or(gateway.app.config.settles);
    Ok(object([
        ("treasury", settings.treasury.into()),
        ("onboarding", onboarding.into()),
        ("settle", if settles { "auto" } else { "manual" }.into()),
    ]))
}

fn deliveries(
    gateway: &Gateway,
    workspace: &Arc<Workspace>,
    query: &Query,
) -> Result<Json, ApiError> {
    let limit = match query.get("limit") {
        None => 100,
        Some(text) => text.parse::<usize>().map_err(|_| {
            let message = format!("Invalid integer: {text}");
            ApiError::param("parameter_invalid_integer", "limit", message)
        })?,
    };
    let acting = Acting { owner: platform(workspace), request: None };
    let log = LogQuery { event: query.get("event"), endpoint: query.get("endpoint"), limit };
    gateway.with_view(workspace, acting, |view| delivery::log(view, &log))?.map_err(fault)
}

async fn wait(
    gateway: &Gateway,
    workspace: &Arc<Workspace>,
    body: &Value,
) -> Result<Answer, ApiError> {
    let timeout = match &body["timeout_ms"] {
        Value::Null => 5_000,
        given => given.as_u64().ok_or_else(|| {
            ApiError::invalid("`timeout_ms` must be a number of milliseconds.").on("timeout_ms")
        })?,
    };
    let timeout = timeout.min(WAIT_MS_MAX);
    gateway.catch_up(workspace).await?;
    let timeout = Duration::from_millis(timeout);
    let pending = gateway.delivery.wait(workspace.clone(), timeout).await;
    let status = if pending == 0 { 200 } else { 408 };
    let pending = i64::try_from(pending).unwrap_or(i64::MAX);
    Ok(Answer::json(status, object([("pending", pending.into())])))
}

/// Gives an endpoint a new signing secret; the old one signs too for a day.
async fn roll_secret(
    gateway: &Gateway,
    workspace: &Arc<Workspace>,
    id: String,
) -> Result<Json, ApiError> {
    let acting = Acting { owner: platform(workspace), request: None };
    let app = gateway.app.clone();
    // The command can run more than once; the last time counts.
    let given = Arc::new(Mutex::new(None));
    let give = given.clone();
    let run = Box::new(move |session: &mut store::Session<'_>| {
        let rolled = with_tx(&app, session, acting.clone(), |tx| (app.api.roll_secret)(tx, &id));
        let keep = if rolled.is_ok() { Keep::Yes } else { Keep::No };
        *give.lock().unwrap_or_else(PoisonError::into_inner) = Some(rolled);
        keep
    });
    gateway.run(workspace, 0, false, run).await?;
    let rolled: Option<Result<String, Failure>> =
        given.lock().unwrap_or_else(PoisonError::into_inner).take();
    let rolled = rolled.ok_or_else(ApiError::internal)?;
    Ok(object([("secret", rolled.map_err(fault)?.into())]))
}

/// Stops or slows the program at a named point; only in test builds.
#[cfg(feature = "failpoints")]
fn failpoint(body: &Value) -> Result<Json, ApiError> {
    let name = body["name"].as_str().unwrap_or("").to_owned();
    let action = body["action"].as_str().unwrap_or("");
    fail::cfg(name, action).map_err(ApiError::invalid)?;
    Ok(object([("set", true.into())]))
}

/// The query string of a control call.
struct Query(String);

impl Query {
    fn get(&self, name: &str) -> Option<String> {
        self.0.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            let value = value.replace('+', " ");
            (key == name).then(|| percent_decode_str(&value).decode_utf8_lossy().into_owned())
        })
    }
}
