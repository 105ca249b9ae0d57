//! Runs operations, jobs and sweeps on the store.

use std::sync::{Arc, OnceLock};

use store::committer::{Keep, Upcalls};
use store::{AnswerKey, JobRow, Millis, Notice, Session, Workspace};

use crate::app::{ANSWER_KEPT_MS, App, EVENT_KEPT_MS, SWEEP_AFTER_MS, SWEEP_ROWS_MAX};
use crate::error::{Failure, Result};
use crate::view::{Owner, RequestInfo, Tx, View};

type Listener = Box<dyn Fn(Notice) + Send + Sync>;

/// What the committer calls.
pub struct Runtime {
    pub app: Arc<App>,
    listener: OnceLock<Listener>,
}

impl Runtime {
    pub fn new(app: Arc<App>) -> Self {
        Runtime { app, listener: OnceLock::new() }
    }

    /// Who is told after each commit. Only the first one given counts.
    pub fn listen(&self, listener: Listener) {
        let _ = self.listener.set(listener);
    }
}

/// Who acts, and for which request.
#[derive(Clone, Debug)]
pub struct Acting {
    pub owner: Owner,
    pub request: Option<RequestInfo>,
}

/// Runs `work` on a session and gives the session its state back.
pub fn with_tx<R>(
    app: &App,
    session: &mut Session<'_>,
    acting: Acting,
    work: impl FnOnce(&mut Tx<'_>) -> R,
) -> R {
    let inner = Session {
        reader: session.reader,
        decoded: session.decoded,
        sealer: session.sealer,
        workspace: session.workspace.clone(),
        home: session.home,
        number: session.number,
        state: session.state,
        now: session.now,
        writing: session
            .writing
            .as_mut()
            .map(|w| store::session::Writing { overlay: &mut *w.overlay, cache: w.cache }),
    };
    let Acting { owner, request } = acting;
    let mut tx = Tx::new(View { session: inner, app, owner, request });
    let result = work(&mut tx);
    let state = tx.into_session().state;
    session.state = state;
    result
}

/// A view of one snapshot.
pub fn view<'a>(app: &'a App, session: Session<'a>, acting: Acting) -> View<'a> {
    View { session, app, owner: acting.owner, request: acting.request }
}

impl Upcalls for Runtime {
    fn run_job(&self, session: &mut Session<'_>, row: &JobRow) -> Keep {
        let Some(job) = self.app.api.job(&row.kind) else {
            tracing::error!(kind = row.kind, "a job of an unknown kind is dropped");
            return Keep::No;
        };
        let owner = Owner { number: 0, id: session.workspace.account.clone() };
        let acting = Acting { owner, request: None };
        let outcome = with_tx(&self.app, session, acting, |tx| run_as(tx, row, job));
        match outcome {
            Ok(()) | Err(Failure::Declined(_)) => Keep::Yes,
            Err(Failure::Refused(_)) => Keep::No,
            Err(Failure::Fault(fault)) => {
                tracing::error!(kind = row.kind, object = row.object, %fault, "a job failed");
                Keep::No
            }
        }
    }

    fn sweep(&self, session: &mut Session<'_>) -> Keep {
        match sweep(session) {
            Ok(()) => Keep::Yes,
            Err(error) => {
                tracing::error!(%error, "old rows could not be removed");
                Keep::No
            }
        }
    }

    fn committed(&self, notice: Notice) {
        if let Some(listener) = self.listener.get() {
            listener(notice);
        }
    }
}

fn run_as(tx: &mut Tx<'_>, row: &JobRow, job: crate::app::Job) -> Result<()> {
    if row.acct == 0 {
        return job(tx, &row.object, &row.detail);
    }
    let account = (tx.app.api.account_by_number)(tx, row.acct)?;
    // An account that is gone has nothing left to do.
    let Some(id) = account else { return Ok(()) };
    let owner = Owner { number: row.acct, id };
    tx.on(owner, |tx| job(tx, &row.object, &row.detail))
}

/// Removes kept answers after a day and events after thirty, oldest first, a bounded number at a
/// time, and plans the next look for when the oldest row left is old enough.
fn sweep(session: &mut Session<'_>) -> store::Result<()> {
    let (ws, now) = (session.number, session.now);
    let mut next: Option<Millis> = None;
    let answers = session.reader.oldest_answers(ws, SWEEP_ROWS_MAX + 1)?;
    for (at, (key, row)) in answers.into_iter().enumerate() {
        let AnswerKey { ws, seq } = key;
        if row.created + ANSWER_KEPT_MS > now || at == SWEEP_ROWS_MAX {
            next = Some((row.created + SWEEP_AFTER_MS).max(now));
            break;
        }
        session.write()?.answers.remove(AnswerKey { ws, seq });
    }
    let events = session.reader.oldest_events(ws, SWEEP_ROWS_MAX + 1)?;
    for (at, (key, created)) in events.into_iter().enumerate() {
        let kept_until = created + EVENT_KEPT_MS;
        if kept_until > now || at == SWEEP_ROWS_MAX {
            let again = (kept_until + 3_600_000).max(now);
            next = Some(next.map_or(again, |next| next.min(again)));
            break;
        }
        for (delivery, _) in session.deliveries(&key.id)? {
            session.write()?.deliveries.remove(delivery);
        }
        session.write()?.events.remove(key);
    }
    session.state.next_sweep = next;
    Ok(())
}

/// The platform of a workspace.
pub fn platform(workspace: &Workspace) -> Owner {
    Owner { number: 0, id: workspace.account.clone() }
}
