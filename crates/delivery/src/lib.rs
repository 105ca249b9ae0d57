//! Deliveries: events become signed HTTP requests, tried again until they are heard.
//!
//! Each event is written with a row for every endpoint it is for, in the transaction of the change.
//! From there on the rows rule: attempts are made when a row is due by the workspace's clock, and
//! their results are commands like any other. Killing the program loses nothing; at worst an
//! endpoint hears of an event twice.
//!
//! First attempts to an endpoint are made in the order of events, those about one object strictly
//! one after the other. One that fails is tried again by itself and holds nothing back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::App;
use store::{Committer, Database, Millis, Notice, Registry, Workspace};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

mod attempt;
mod client;
mod counters;
mod desk;
mod forward;
pub mod limits;
mod log;
mod queue;
mod schedule;
mod sender;
mod shared;
pub mod signature;

pub use attempt::Attempt;
pub use counters::Counters;
pub use forward::Forward;
pub use log::{LogQuery, log};

use limits::*;
use shared::Shared;

/// How many workspaces are looked through at a time when the program starts.
const RESUMED_AT_ONCE: usize = 1000;

/// The deliveries of all workspaces.
pub struct Delivery {
    shared: Arc<Shared>,
    registry: Arc<Registry>,
}

impl Delivery {
    /// Must be called within the runtime that the attempts will run on. Nothing is sent before
    /// [`Delivery::resume`] or the first commit.
    pub fn start(
        app: Arc<App>,
        database: Arc<Database>,
        committer: Committer,
        registry: Arc<Registry>,
        forward: Option<Forward>,
    ) -> Arc<Delivery> {
        let shared = Shared {
            app,
            database,
            committer,
            forward,
            client: client::Client::default(),
            slots: Semaphore::new(ATTEMPTS_MAX),
            counters: Counters::default(),
            closing: AtomicBool::new(false),
            handle: Handle::current(),
            desks: Mutex::default(),
        };
        Arc::new(Delivery { shared: Arc::new(shared), registry })
    }

    /// Goes on with what the store holds from before.
    pub fn resume(&self) {
        if let Err(error) = self.try_resume() {
            tracing::error!(%error, "pending deliveries cannot be read");
        }
    }

    fn try_resume(&self) -> store::Result<()> {
        let mut after = 0;
        loop {
            let database = &self.shared.database;
            let rows = database.read(|reader| reader.workspaces(after, RESUMED_AT_ONCE))??;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.number;
            for row in rows {
                let workspace = self.registry.adopt(row);
                if workspace.is_ours() && self.shared.first_due(&workspace)?.is_some() {
                    let mut desks = self.shared.desks();
                    self.shared.desk(&mut desks, &workspace);
                }
            }
        }
    }

    /// Told after each commit, on the committer's thread.
    pub fn committed(&self, notice: Notice) {
        if self.is_closing() {
            return;
        }
        if notice.is_incomplete {
            let ours = notice.workspaces.iter().filter(|workspace| workspace.is_ours());
            ours.filter(|workspace| workspace.number() != 0).for_each(|w| self.look_after(w));
        }
        let mut desks = self.shared.desks();
        for (key, row) in notice.deliveries {
            let workspace = notice.workspaces.iter().find(|w| w.number() == key.ws);
            let (Some(workspace), Some(due)) = (workspace, row.due) else { continue };
            if !workspace.is_ours() {
                // Another program makes them: it finds them by itself. Should this one have to
                // after all, it must not begin with later ones.
                if let Some((desk, _)) = desks.get(&workspace.tail) {
                    desk.miss();
                }
                continue;
            }
            self.shared.desk(&mut desks, workspace).announce(due, key);
        }
        for workspace in &notice.workspaces {
            // Its clock may have been moved, too.
            if let Some((desk, _)) = desks.get(&workspace.tail) {
                desk.wake.notify_one();
            }
        }
    }

    /// Looks after the deliveries of a workspace that has just become ours, or in which another
    /// program made new ones.
    pub fn look_after(&self, workspace: &Arc<Workspace>) {
        if self.is_closing() {
            return;
        }
        let desk = self.shared.desk(&mut self.shared.desks(), workspace);
        desk.look_again();
    }

    /// When the first of the deliveries ahead is due, which may have been already.
    pub fn next_due(&self, workspace: &Arc<Workspace>) -> store::Result<Option<Millis>> {
        if workspace.number() == 0 { Ok(None) } else { self.shared.first_due(workspace) }
    }

    /// Resolves when every delivery that is due by the workspace's clock has been tried and the
    /// results are kept.
    pub async fn flush_due(&self, workspace: Arc<Workspace>) {
        if workspace.number() == 0 || self.is_closing() {
            return;
        }
        let until = workspace.state().now();
        let told = {
            let mut desks = self.shared.desks();
            self.shared.desk(&mut desks, &workspace).flush(until)
        };
        // The sender is dropped when the store fails or the program stops: no use in waiting on.
        let _ = told.await;
    }

    /// The same, but not for longer than that; answers how many are left.
    pub async fn wait(&self, workspace: Arc<Workspace>, timeout: Duration) -> usize {
        let until = workspace.state().now();
        match tokio::time::timeout(timeout, self.flush_due(workspace.clone())).await {
            Ok(()) => 0,
            Err(_) => self.count_due(&workspace, until).unwrap_or_else(|error| {
                tracing::error!(%error, "pending deliveries cannot be counted");
                COUNTED_MAX
            }),
        }
    }

    fn count_due(&self, workspace: &Workspace, until: Millis) -> store::Result<usize> {
        let ws = workspace.number();
        let database = &self.shared.database;
        let rows = database.read(|reader| reader.pending_deliveries(ws, None, COUNTED_MAX))??;
        Ok(rows.iter().filter(|(_, row)| row.due.is_some_and(|due| due <= until)).count())
    }

    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Attempts being made right now.
    pub fn under_way(&self) -> usize {
        ATTEMPTS_MAX - self.shared.slots.available_permits().min(ATTEMPTS_MAX)
    }

    /// Deliveries still to be made, due or not, over all workspaces; not counted beyond
    /// [`COUNTED_MAX`].
    pub fn pending(&self) -> store::Result<usize> {
        // Whatever is pending has a desk.
        let desks = self.shared.desks().values().map(|(desk, _)| desk.clone()).collect::<Vec<_>>();
        let workspaces: Vec<i64> = desks.iter().map(|desk| desk.workspace.number()).collect();
        self.shared.database.read(|reader| {
            let mut count = 0;
            for ws in workspaces {
                if count >= COUNTED_MAX {
                    break;
                }
                count += reader.pending_deliveries(ws, None, COUNTED_MAX - count)?.len();
            }
            Ok(count)
        })?
    }

    /// The rows of the workspace are others now: what is under way for it is dropped.
    pub fn forget(&self, workspace: &Workspace) {
        if let Some((desk, _)) = self.shared.desks().get(&workspace.tail) {
            desk.forget();
        }
    }

    pub fn forward(&self) -> Option<&Forward> {
        self.shared.forward.as_ref()
    }

    fn is_closing(&self) -> bool {
        self.shared.closing.load(Ordering::Acquire)
    }

    /// Starts nothing more and lets what is under way end, for a short time.
    pub async fn stop(&self) {
        self.shared.closing.store(true, Ordering::Release);
        let desks: Vec<_> = self.shared.desks().drain().map(|(_, desk)| desk).collect();
        for (desk, _) in &desks {
            desk.wake.notify_one();
        }
        let deadline = tokio::time::Instant::now() + STOP_GRACE;
        for (_, mut task) in desks {
            if tokio::time::timeout_at(deadline, &mut task).await.is_err() {
                task.abort();
                // Only says that it was aborted.
                let _ = task.await;
            }
        }
    }
}
