//! Writing a batch of one workspace: its row is locked first, then the commands run, then every
//! table gets one statement with arrays, and the commit travels with them.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_postgres::types::ToSql;

use super::columns;
use super::lease::LEASE_MS;
use super::link::{Failure, Link};
use super::reader::PostgresReader;
use super::statements as sql;
use super::{Shared, number_of};
use crate::overlay::{Overlay, Touched};
use crate::workspace::{Workspace, WorkspaceState, machine_now};
use crate::{ClockMode, Millis, Reader, Result, StoreError};

/// How long the last batch of a program is kept.
const BATCH_KEPT_MS: Millis = 24 * 3_600_000;
/// How many workspaces' versions are remembered.
const KNOWN_MAX: usize = 10_000;

/// One of the connections that write. It belongs to a committer.
pub struct Writer {
    shared: Arc<Shared>,
    reader: PostgresReader,
    /// The versions up to which this writer's committer knows workspaces.
    known: HashMap<i64, i64>,
    held: Option<Held>,
}

/// The row that this transaction has locked.
struct Held {
    ws: i64,
    /// The number that its rows have when the batch begins. A command that changes it has its batch
    /// to itself and writes no row but the workspace's, after what had become due before.
    rows: i64,
    version: i64,
    lease: Lease,
}

struct Lease {
    owner: Option<i64>,
    until: Millis,
    /// Until when it holds by this machine's clock, if it is ours.
    ours_until: Option<Millis>,
}

/// A step of a batch that failed.
#[derive(Debug)]
pub struct Trouble {
    pub error: StoreError,
    /// Trying the whole batch again can help.
    pub is_passing: bool,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, reader: PostgresReader) -> Writer {
        Writer { shared, reader, known: HashMap::new(), held: None }
    }

    pub fn reader(&self) -> &dyn Reader {
        &self.reader
    }

    pub fn number_of(workspace: &Workspace) -> i64 {
        number_of(&workspace.tail)
    }

    /// Locks the workspace and learns its state. True: others have changed it since our last batch,
    /// so nothing remembered of it counts.
    pub fn begin(&mut self, workspace: &Workspace) -> Result<bool, Trouble> {
        self.held = None;
        self.reader.forget_looked_up();
        if self.link().failed().is_some() {
            let link = self.shared.connect().map_err(|refused| Trouble {
                error: StoreError::Engine(refused.why),
                is_passing: refused.failure == Failure::Passing,
            })?;
            self.reader = PostgresReader::new(link);
            // It may be a standby that took over: a version there need not be the one known here.
            self.known.clear();
        }
        self.lock(workspace).map_err(|error| self.trouble(error))
    }

    /// Asks once for the kept answers that the commands of this batch will look up.
    pub fn look_up(&self, keys: &[(i64, i64)]) -> Result<(), Trouble> {
        let Some(held) = self.held.as_ref().filter(|_| keys.len() > 1) else { return Ok(()) };
        self.reader.look_up(held.ws, keys).map_err(|error| self.trouble(error))
    }

    fn link(&self) -> &Link {
        &self.reader.link
    }

    fn trouble(&self, error: StoreError) -> Trouble {
        Trouble { error, is_passing: self.link().failed() == Some(Failure::Passing) }
    }

    fn lock(&mut self, workspace: &Workspace) -> Result<bool> {
        let ws = number_of(&workspace.tail);
        let known = self.known.get(&ws).copied().unwrap_or(-1);
        let asked = machine_now();
        let mut rows = self.link().run_then_query("BEGIN", sql::LOCK, &[&ws, &known])?;
        if rows.is_empty() {
            self.make(ws, workspace)?;
            rows = self.link().query(sql::LOCK, &[&ws, &known])?;
        }
        let gone = || StoreError::Corrupt("a workspace vanished while it was made".into());
        let row = rows.first().ok_or_else(gone)?;
        if row.get::<_, &[u8]>(2) != workspace.tail.as_slice() {
            return Err(StoreError::Corrupt("two workspaces have one number".into()));
        }
        let version: i64 = row.get(0);
        let (owner, until, now): (Option<i64>, i64, i64) = (row.get(3), row.get(4), row.get(5));
        let lease = if owner == Some(self.shared.node) || until <= now {
            let owner = Some(self.shared.node);
            Lease { owner, until: now + LEASE_MS, ours_until: Some(asked + LEASE_MS) }
        } else {
            Lease { owner, until, ours_until: None }
        };
        let state: Option<&str> = row.get(1);
        if let Some(state) = state
            && version > 0
        {
            let state: WorkspaceState = serde_json::from_str(state)?;
            workspace.relearn(ws, version, state);
        }
        if known < 0 {
            let old = machine_now() - BATCH_KEPT_MS;
            self.link().execute(sql::FORGET_BATCHES, &[&ws, &old])?;
        }
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(ws, version);
        let rows = workspace.state().rows_of(ws);
        self.held = Some(Held { ws, rows, version, lease });
        Ok(version != known)
    }

    fn make(&self, ws: i64, workspace: &Workspace) -> Result<()> {
        let state = serde_json::to_string(&WorkspaceState::default())?;
        let tail = workspace.tail.as_slice();
        let values: [&(dyn ToSql + Sync); 5] =
            [&ws, &tail, &workspace.account, &workspace.livemode, &state];
        self.link().execute(sql::MAKE, &values)?;
        Ok(())
    }

    /// Whether the last batch of this program in the workspace is that one. The row is locked, so
    /// nothing that was on its way is open any more.
    pub fn stands(&self, batch: i64) -> Result<bool, Trouble> {
        let Some(held) = &self.held else { return Ok(false) };
        let found = self.link().query(sql::LAST_BATCH, &[&held.ws, &self.shared.node, &batch]);
        found.map(|rows| !rows.is_empty()).map_err(|error| self.trouble(error))
    }

    /// What failed since the batch began, if anything did: then none of it can be committed.
    pub fn failed(&self) -> Option<Trouble> {
        let failure = self.link().failed()?;
        let error = StoreError::Engine("a statement of the batch failed".into());
        Some(Trouble { error, is_passing: failure == Failure::Passing })
    }

    /// Ends a batch that wrote nothing.
    pub fn abandon(&mut self) {
        self.held = None;
        self.reader.forget_looked_up();
        // A connection that cannot even do that is replaced by the next batch.
        if self.link().run("ROLLBACK").is_ok() {
            self.link().mend();
        }
    }

    /// Makes the whole batch durable, or none of it; after trouble [`Writer::stands`] tells which.
    pub fn apply(&mut self, overlay: &Overlay, batch: i64) -> Result<(), Trouble> {
        let Some(held) = self.held.take() else {
            let error = StoreError::Corrupt("a batch was not begun".into());
            return Err(Trouble { error, is_passing: false });
        };
        self.known.remove(&held.ws);
        self.reader.forget_looked_up();
        let version = held.version + 1;
        self.write(overlay, batch, version, &held).map_err(|error| self.trouble(error))?;
        fail::fail_point!("lose_commit", |_| {
            let error = StoreError::Engine("the commit's answer was lost on purpose".into());
            Err(Trouble { error, is_passing: true })
        });
        self.known.insert(held.ws, version);
        for touched in overlay.workspaces.values() {
            touched.workspace.learn(held.ws, version, touched.state);
            if let Some(until) = held.lease.ours_until {
                touched.workspace.lease_until(until);
            }
        }
        Ok(())
    }

    fn write(&self, overlay: &Overlay, batch: i64, version: i64, held: &Held) -> Result<()> {
        let ws = held.ws;
        if let Some(other) = overlay.workspaces.keys().find(|n| **n != ws) {
            return Err(StoreError::Corrupt(format!("a batch of {ws} touched {other}")));
        }
        let mut work = columns::statements(overlay, &ws, &held.rows)?;
        let (node, made) = (self.shared.node, machine_now());
        work.push((
            sql::KEEP_BATCH,
            vec![Box::new(ws), Box::new(node), Box::new(batch), Box::new(made)],
        ));
        if let Some(touched) = overlay.workspaces.get(&ws) {
            work.push((sql::KEEP_WORKSPACE, workspace_values(touched, version, &held.lease)?));
        }
        self.link().execute_all_and_commit(&work)
    }
}

fn workspace_values(
    touched: &Touched,
    version: i64,
    lease: &Lease,
) -> Result<Vec<Box<dyn ToSql + Sync>>> {
    values(touched.home, &touched.state, version, (lease.owner, lease.until))
}

/// The same for a workspace that comes from another store: nobody looks after it yet.
pub(super) fn imported_values(
    home: i64,
    state: &WorkspaceState,
) -> Result<Vec<Box<dyn ToSql + Sync>>> {
    values(home, state, 1, (None, 0))
}

fn values(
    home: i64,
    state: &WorkspaceState,
    version: i64,
    (owner, until): (Option<i64>, Millis),
) -> Result<Vec<Box<dyn ToSql + Sync>>> {
    let due = state.next_due.into_iter().chain(state.next_sweep).min();
    let wake_at = due.and_then(|due| state.clock.machine_time_of(due));
    let is_frozen = state.clock.mode == ClockMode::Frozen;
    let clock = if is_frozen { state.now() } else { state.clock.offset };
    Ok(vec![
        Box::new(home),
        Box::new(version),
        Box::new(state.next_due),
        Box::new(serde_json::to_string(state)?),
        Box::new(wake_at),
        Box::new(owner),
        Box::new(until),
        Box::new(is_frozen),
        Box::new(clock),
        Box::new(state.rows_of(home)),
    ])
}
