//! What all desks share, and the list of desks.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::App;
use store::workspace::Tail;
use store::{Committer, Database, Millis, Workspace};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::client::Client;
use crate::counters::Counters;
use crate::desk::{Desk, Worker};
use crate::forward::Forward;

pub struct Shared {
    pub app: Arc<App>,
    pub database: Arc<Database>,
    pub committer: Committer,
    pub forward: Option<Forward>,
    pub client: Client,
    pub slots: Semaphore,
    pub counters: Counters,
    /// No attempt starts any more.
    pub closing: AtomicBool,
    pub handle: Handle,
    pub desks: Mutex<DeskMap>,
}

/// By the workspace, with the task.
type DeskMap = HashMap<Tail, (Arc<Desk>, JoinHandle<()>)>;
pub type Desks<'a> = MutexGuard<'a, DeskMap>;

impl Shared {
    pub fn desks(&self) -> Desks<'_> {
        self.desks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The desk of a workspace, with its task. Its inbox is filled under the same lock, so that the
    /// task cannot end in between.
    pub fn desk(self: &Arc<Self>, desks: &mut Desks<'_>, workspace: &Arc<Workspace>) -> Arc<Desk> {
        let entry = desks.entry(workspace.tail).or_insert_with(|| {
            let desk = Arc::new(Desk::new(workspace.clone()));
            let worker = Worker::new(self.clone(), desk.clone());
            let task = self.handle.spawn(worker.run());
            (desk, task)
        });
        entry.0.clone()
    }

    /// Takes a desk off the list, unless somebody has asked it for something.
    pub fn dismiss(&self, desk: &Arc<Desk>) -> bool {
        let mut desks = self.desks();
        let is_quiet = desk.is_quiet();
        if is_quiet {
            desks.remove(&desk.workspace.tail);
        }
        is_quiet
    }

    /// When the first of a workspace's deliveries is due.
    pub fn first_due(&self, workspace: &Workspace) -> store::Result<Option<Millis>> {
        let ws = workspace.number();
        let first = self.database.read(|reader| reader.pending_deliveries(ws, None, 1))??;
        Ok(first.into_iter().find_map(|(_, row)| row.due))
    }
}
