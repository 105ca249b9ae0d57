//! Attempts: what one needs to know beforehand, read from one snapshot, and how its result is
//! written down, as a command of its workspace.

use std::sync::Arc;

use api::runtime::{Acting, platform, view};
use api::{App, Fault, Result, View};
use exchequer_core::account::deleted;
use exchequer_core::egress::{Egress, Target};
use exchequer_core::subscriptions::FORWARD;
use exchequer_core::{event, webhook_endpoint};
use serde::{Deserialize, Serialize};
use store::committer::Keep;
use store::{DeliveryKey, DeliveryRow, EventRow, Millis, Session};

use crate::forward::Forward;
use crate::limits::ATTEMPTS_KEPT_MAX;
use crate::schedule;

/// One attempt, as the row of its delivery remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The time of the workspace's clock, in seconds.
    pub at: i64,
    /// The time it was signed with.
    pub t: i64,
    /// What the receiver answered; nothing else of its answer is ever kept.
    pub status: Option<u16>,
    /// Why there was no answer.
    pub error: Option<String>,
    pub duration_ms: u64,
}

impl Attempt {
    /// The receiver said 2xx.
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

pub fn attempts_of(row: &DeliveryRow) -> Result<Vec<Attempt>> {
    serde_json::from_str(&row.attempts).map_err(|error| {
        Fault::new(format!("a delivery's attempts cannot be read: {error}")).into()
    })
}

/// What is to be done about a delivery that is due.
pub enum Prepared {
    /// It is not there, or not due, any more.
    Nothing,
    /// Its endpoint is switched off or gone: it is given up.
    Stop {
        due: Millis,
    },
    Send(Box<Sending>),
}

/// All that an attempt needs.
pub struct Sending {
    pub key: DeliveryKey,
    /// The time it was due: the result counts for this plan only.
    pub due: Millis,
    /// First attempts of one lane are made one after the other.
    pub lane: String,
    /// None where the URL is none any more.
    pub target: Option<Target>,
    pub egress: Egress,
    pub secrets: Vec<String>,
    pub body: Vec<u8>,
    pub last_t: Option<i64>,
    pub livemode: bool,
    /// When the event happened.
    pub created: Millis,
}

/// Looks up everything about a delivery.
pub fn prepare(
    app: &App,
    forward: Option<&Forward>,
    session: Session<'_>,
    event: &str,
    endpoint: &str,
) -> Result<Prepared> {
    let acting = Acting { owner: platform(&session.workspace), request: None };
    let view = view(app, session, acting);
    let rows = view.session.deliveries(event)?;
    let Some((key, row)) = rows.into_iter().find(|(key, _)| key.endpoint == endpoint) else {
        return Ok(Prepared::Nothing);
    };
    let Some(due) = row.due.filter(|due| *due <= view.now_ms()) else {
        return Ok(Prepared::Nothing);
    };
    let Some(told) = view.session.event(row.acct, event)? else {
        return Ok(Prepared::Stop { due });
    };
    let Some(receiver) = receiver(&view, forward, row.acct, endpoint)? else {
        return Ok(Prepared::Stop { due });
    };
    let attempts = attempts_of(&row)?;
    let (created, subject) = (told.created, event::subject(&told)?);
    // A retry goes alone: it neither waits for others nor do they wait for it.
    let lane = if attempts.is_empty() { subject } else { format!("retry {event}") };
    let body = body(&view, event, told, row.acct, &receiver)?;
    Ok(Prepared::Send(Box::new(Sending {
        key,
        due,
        lane,
        target: Target::parse(&receiver.url),
        egress: receiver.egress,
        secrets: receiver.secrets,
        body,
        last_t: attempts.last().map(|attempt| attempt.t),
        livemode: view.livemode(),
        created,
    })))
}

struct Receiver {
    url: String,
    secrets: Vec<String>,
    egress: Egress,
    version: Option<String>,
    /// It hears of several accounts, so that each event must say whose it is.
    hears_of_accounts: bool,
}

/// None where nothing is sent any more.
fn receiver(
    view: &View<'_>,
    forward: Option<&Forward>,
    account: i64,
    id: &str,
) -> Result<Option<Receiver>> {
    if id == FORWARD {
        // Whoever starts the program may send its events anywhere.
        let egress = Egress { targets: api::WebhookTargets::Any, livemode: view.livemode() };
        return Ok(forward.map(|forward| Receiver {
            url: forward.url.clone(),
            secrets: vec![forward.secret.clone()],
            egress,
            version: None,
            hears_of_accounts: true,
        }));
    }
    let endpoint = webhook_endpoint::of_delivery(view, account, id)?;
    let Some(endpoint) = endpoint.filter(|endpoint| !endpoint.disabled) else { return Ok(None) };
    Ok(Some(Receiver {
        url: endpoint.url.clone(),
        secrets: endpoint.signing_secrets(view)?,
        egress: webhook_endpoint::egress(view),
        version: endpoint.api_version.clone(),
        hears_of_accounts: endpoint.connect,
    }))
}

fn body(
    view: &View<'_>,
    id: &str,
    row: EventRow,
    account: i64,
    receiver: &Receiver,
) -> Result<Vec<u8>> {
    let account = if receiver.hears_of_accounts && account != 0 {
        deleted::id_ever(view, account)?
    } else {
        None
    };
    let version = receiver.version.as_deref();
    Ok(event::payload(view, id, row, version, account.as_deref())?.pretty())
}

/// What became of a delivery.
#[derive(Clone)]
pub struct Outcome {
    pub key: DeliveryKey,
    pub due: Millis,
    pub created: Millis,
    /// The time of the workspace's clock when the attempt began.
    pub now: Millis,
    /// None where it is given up without an attempt.
    pub attempt: Option<Attempt>,
}

/// Writes down an outcome. Where the row is gone (a reset) there is nothing to write; where the
/// delivery was planned anew meanwhile, that plan stays.
pub fn record(session: &mut Session<'_>, outcome: &Outcome) -> Result<Keep> {
    let rows = session.deliveries(&outcome.key.event)?;
    let Some((key, mut row)) = rows.into_iter().find(|(key, _)| *key == outcome.key) else {
        return Ok(Keep::No);
    };
    let mut next = None;
    if let Some(attempt) = &outcome.attempt {
        let mut attempts = attempts_of(&row)?;
        attempts.push(attempt.clone());
        let excess = attempts.len().saturating_sub(ATTEMPTS_KEPT_MAX);
        attempts.drain(..excess);
        if attempt.is_success() {
            row.delivered = true;
        } else {
            let first = attempts.first().map_or(0, |first| first.at * 1000);
            let livemode = session.workspace.livemode;
            next = schedule::next(livemode, outcome.created.max(first), outcome.now);
        }
        row.attempts = serde_json::to_string(&attempts).map_err(store::StoreError::from)?;
    }
    if row.due == Some(outcome.due) {
        row.due = next;
    }
    session.write()?.deliveries.put(key, row);
    Ok(Keep::Yes)
}

/// A session that reads the workspace as it is now.
pub fn reading<'a>(
    reader: &'a dyn store::Reader,
    sealer: &'a store::seal::Sealer,
    workspace: &Arc<store::Workspace>,
    state: store::WorkspaceState,
) -> Session<'a> {
    Session::reading(reader, None, sealer, workspace.clone(), state, state.now())
}
