//! Makes one attempt and lets its result be kept.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use store::committer::Keep;
use store::workspace::machine_now;
use store::{Command, DeliveryKey, Millis, Workspace};
use tokio::sync::oneshot;

use crate::attempt::{self, Attempt, Outcome, Sending};
use crate::limits::QUEUE_PAUSE;
use crate::shared::Shared;
use crate::signature;

/// The bytes that a result counts for in the limit of a batch.
const RESULT_BYTES: usize = 256;

pub enum Work {
    Send(Box<Sending>),
    /// Nobody is to be told any more.
    Stop {
        key: DeliveryKey,
        due: Millis,
    },
}

pub struct Finished {
    pub key: DeliveryKey,
    pub is_recorded: bool,
}

/// Runs to its end: when it answers, the store says what became of the delivery.
pub async fn execute(shared: Arc<Shared>, workspace: Arc<Workspace>, work: Work) -> Finished {
    let outcome = match work {
        Work::Stop { key, due } => {
            let now = workspace.state().now();
            Outcome { key, due, created: now, now, attempt: None }
        }
        Work::Send(sending) => send(&shared, &workspace, *sending).await,
    };
    let key = outcome.key.clone();
    shared.counters.note(outcome.attempt.as_ref());
    let is_recorded = record(&shared, &workspace, outcome).await;
    Finished { key, is_recorded }
}

async fn send(shared: &Shared, workspace: &Workspace, sending: Sending) -> Outcome {
    // Never closed: without a permit it would only go ahead sooner.
    let _slot = shared.slots.acquire().await.ok();
    let now = workspace.state().now();
    let t = signature::timestamp(machine_now().div_euclid(1000), sending.last_t);
    let header = signature::header(t, &sending.body, &sending.secrets, sending.livemode);
    let started = Instant::now();
    let result = match &sending.target {
        Some(target) => {
            let body = Bytes::from(sending.body);
            shared.client.post(target, sending.egress, &header, body).await
        }
        None => Err("the URL cannot be requested".to_owned()),
    };
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (status, error) = match result {
        Ok(status) => (Some(status), None),
        Err(error) => (None, Some(error)),
    };
    let attempt = Attempt { at: now.div_euclid(1000), t, status, error, duration_ms };
    let Sending { key, due, created, .. } = sending;
    Outcome { key, due, created, now, attempt: Some(attempt) }
}

/// True when the result stands, or there was nothing to keep it for.
async fn record(shared: &Shared, workspace: &Arc<Workspace>, outcome: Outcome) -> bool {
    let (tell, told) = oneshot::channel();
    let mut command = Command {
        workspace: workspace.clone(),
        bytes: RESULT_BYTES,
        alone: false,
        key: None,
        run: Box::new(move |session| match attempt::record(session, &outcome) {
            Ok(keep) => keep,
            Err(failure) => {
                tracing::error!(?failure, "a delivery's result cannot be written down");
                Keep::No
            }
        }),
        done: Box::new(move |result| {
            // Nobody listens when the workspace was emptied meanwhile.
            let _ = tell.send(result.is_ok());
        }),
    };
    while let Err(refused) = shared.committer.send(command) {
        command = refused;
        tokio::time::sleep(QUEUE_PAUSE).await;
    }
    told.await.unwrap_or(false)
}
