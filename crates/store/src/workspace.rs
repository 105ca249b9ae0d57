//! A workspace: a platform with all its connected accounts, in one mode. The unit of serial order,
//! clock, jobs, reset and verification.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::id;
use crate::{Millis, Reader, Result};

/// The machine's time in milliseconds.
pub fn machine_now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockMode {
    /// Runs with the machine's, `offset` ahead of it.
    Real,
    /// Stands still at `at`.
    Frozen,
}

/// The workspace's time. It only moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    pub mode: ClockMode,
    pub offset: Millis,
    pub at: Millis,
    /// How it will run when it has arrived, while it is being moved from one due time to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moving: Option<ClockMode>,
}

impl Clock {
    pub const REAL: Clock = Clock { mode: ClockMode::Real, offset: 0, at: 0, moving: None };

    /// The clock of a program that was stopped while it moved the clock: it goes on from where it
    /// was, as it would have run in the end.
    pub fn resumed(self, machine: Millis) -> Clock {
        match self.moving {
            None => self,
            Some(ClockMode::Frozen) => Clock { moving: None, ..self },
            Some(ClockMode::Real) => {
                Clock { mode: ClockMode::Real, offset: self.at - machine, moving: None, ..self }
            }
        }
    }

    pub fn now(&self, machine: Millis) -> Millis {
        match self.mode {
            ClockMode::Real => machine + self.offset,
            ClockMode::Frozen => self.at,
        }
    }

    /// When the machine's clock will show that this one has reached `time`; none while it stands.
    pub fn machine_time_of(&self, time: Millis) -> Option<Millis> {
        match self.mode {
            ClockMode::Real => Some(time - self.offset),
            ClockMode::Frozen => None,
        }
    }
}

/// Switches of a workspace that are not part of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Whether Treasury has been onboarded to.
    pub treasury: bool,
    /// Whether capabilities wait for real requirements instead of being active at once.
    pub real_onboarding: bool,
    /// Whether the bank moves money by the clock; as the server was told where this says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settles: Option<bool>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { treasury: true, real_onboarding: false, settles: None }
    }
}

/// What a workspace remembers between commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceState {
    pub clock: Clock,
    pub settings: Settings,
    /// The latest time any command saw, so that no later command sees an earlier one.
    pub last_now: Millis,
    /// The second of the last id, and how many ids it has.
    pub id_second: i64,
    pub id_counter: i64,
    /// By how many seconds the time in an id can be ahead of `created`: more ids were made in one
    /// second of a standing clock than a second has room for.
    pub id_drift: i64,
    /// The numbers last given to a connected account, a kept answer and a job.
    pub accounts: i64,
    pub answers: i64,
    pub jobs: i64,
    pub next_due: Option<Millis>,
    /// How many jobs have run.
    pub jobs_done: i64,
    /// When kept answers and events are next looked through for old ones.
    pub next_sweep: Option<Millis>,
    /// What its rows have as their `ws`; 0 for the number of the workspace itself. A workspace
    /// whose state was put back, copied or emptied has its rows under another number than before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rows: i64,
    /// The second of the last id that came with the rows of another workspace: up to then ids name
    /// that one's account. 0 where all are of its own.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub forked_until: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl Default for WorkspaceState {
    fn default() -> Self {
        WorkspaceState {
            clock: Clock::REAL,
            settings: Settings::default(),
            last_now: 0,
            id_second: 0,
            id_counter: 0,
            id_drift: 0,
            accounts: 0,
            answers: 0,
            jobs: 0,
            next_due: None,
            jobs_done: 0,
            next_sweep: None,
            rows: 0,
            forked_until: 0,
        }
    }
}

impl WorkspaceState {
    pub fn now(&self) -> Millis {
        self.clock.now(machine_now()).max(self.last_now)
    }

    /// What the rows of the workspace with that number have as their `ws`.
    pub fn rows_of(&self, home: i64) -> i64 {
        if self.rows == 0 { home } else { self.rows }
    }

    /// Whether nothing was ever made in it.
    pub fn is_empty(&self) -> bool {
        self.id_second == 0 && self.answers == 0
    }

    /// Whether a job or a sweep is due at that time.
    pub fn is_due(&self, now: Millis) -> bool {
        self.next_due.is_some_and(|due| due <= now) || self.next_sweep.is_some_and(|at| at <= now)
    }

    /// The second and counter of the next id.
    pub fn next_id(&mut self, now: Millis) -> (i64, i64) {
        let second = now.div_euclid(1000);
        if second > self.id_second {
            self.id_second = second;
            self.id_counter = 0;
        } else if self.id_counter < id::COUNTER_MAX {
            self.id_counter += 1;
        } else {
            self.id_second += 1;
            self.id_counter = 0;
            self.id_drift = self.id_drift.max(self.id_second - second);
        }
        (self.id_second, self.id_counter)
    }
}

/// Which workspace: the hash of its key's tail and mode.
pub type Tail = [u8; 32];

/// A workspace as the running program knows it.
pub struct Workspace {
    pub tail: Tail,
    /// The platform's account id.
    pub account: String,
    pub livemode: bool,
    /// Its number in the store; 0 until the first write creates it.
    home: AtomicI64,
    /// The number that its rows have.
    number: AtomicI64,
    committed: Mutex<Committed>,
    /// Until when this program looks after its deliveries, by the machine's clock: for ever, where
    /// no other program can.
    lease_until: AtomicI64,
}

#[derive(Default)]
struct Committed {
    state: WorkspaceState,
    /// Counted by an engine that several programs share; otherwise 0.
    version: i64,
}

impl Workspace {
    pub fn new(tail: Tail, account: String, livemode: bool) -> Self {
        let committed = Mutex::default();
        let lease_until = AtomicI64::new(Millis::MAX);
        let (home, number) = (AtomicI64::new(0), AtomicI64::new(0));
        Workspace { tail, account, livemode, home, number, committed, lease_until }
    }

    /// The number of its own row, which never changes; 0 until the first write creates it.
    pub fn home(&self) -> i64 {
        self.home.load(Ordering::Acquire)
    }

    /// The number that its rows have as their `ws`; 0 until the first write.
    pub fn number(&self) -> i64 {
        self.number.load(Ordering::Acquire)
    }

    /// The state as last committed.
    pub fn state(&self) -> WorkspaceState {
        lock(&self.committed).state
    }

    pub fn publish(&self, home: i64, state: WorkspaceState) {
        let mut committed = lock(&self.committed);
        committed.state = state;
        self.lives_at(home, &state);
    }

    /// Only under the lock of the state that says so.
    fn lives_at(&self, home: i64, state: &WorkspaceState) {
        self.home.store(home, Ordering::Release);
        self.number.store(state.rows_of(home), Ordering::Release);
    }

    /// Takes over a state that this program or another has committed, unless a later one is known.
    pub fn learn(&self, home: i64, version: i64, state: WorkspaceState) {
        let mut committed = lock(&self.committed);
        if version > committed.version {
            *committed = Committed { state, version };
            self.lives_at(home, &state);
        }
    }

    /// Takes over the state of the row, which the caller has locked: there is no other, even if a
    /// later one was known of a database that is gone.
    pub fn relearn(&self, home: i64, version: i64, state: WorkspaceState) {
        let mut committed = lock(&self.committed);
        *committed = Committed { state, version };
        self.lives_at(home, &state);
    }

    /// Whether this program makes its deliveries now.
    pub fn is_ours(&self) -> bool {
        let until = self.lease_until.load(Ordering::Acquire);
        until == Millis::MAX || until > machine_now()
    }

    pub fn lease_until(&self, until: Millis) {
        self.lease_until.store(until, Ordering::Release);
    }
}

/// A row of the table of workspaces.
#[derive(Clone, Debug)]
pub struct WorkspaceRow {
    pub number: i64,
    pub tail: Tail,
    pub account: String,
    pub livemode: bool,
    pub state: WorkspaceState,
}

impl From<WorkspaceRow> for Workspace {
    fn from(row: WorkspaceRow) -> Self {
        let workspace = Workspace::new(row.tail, row.account, row.livemode);
        workspace.publish(row.number, row.state);
        workspace
    }
}

/// The workspaces in use. A key nobody wrote with yet has one that is only in memory.
pub struct Registry {
    known: Mutex<HashMap<Tail, Arc<Workspace>>>,
    max: usize,
    /// Whether other programs use the same store: a workspace is then nobody's until it is claimed.
    is_shared: bool,
}

impl Registry {
    pub fn new(max: usize) -> Self {
        Registry { known: Mutex::new(HashMap::new()), max, is_shared: false }
    }

    /// For a store that other programs use at the same time.
    pub fn shared(max: usize) -> Self {
        Registry { is_shared: true, ..Registry::new(max) }
    }

    fn entered(&self, workspace: Workspace) -> Arc<Workspace> {
        if self.is_shared {
            workspace.lease_until(0);
        }
        Arc::new(workspace)
    }

    /// The workspace of that tail, read from the store when it is not known yet.
    pub fn get(
        &self,
        tail: &Tail,
        reader: &dyn Reader,
        fresh: impl FnOnce() -> Workspace,
    ) -> Result<Arc<Workspace>> {
        if let Some(workspace) = lock(&self.known).get(tail) {
            return Ok(workspace.clone());
        }
        let stored = reader.workspace(tail)?;
        let mut known = lock(&self.known);
        if let Some(workspace) = known.get(tail) {
            return Ok(workspace.clone());
        }
        let workspace = self.entered(stored.map_or_else(fresh, Workspace::from));
        if known.len() >= self.max {
            // Workspaces without rows are only names: they can be forgotten at any time, unless a
            // request holds one this moment.
            known.retain(|_, w| w.number() != 0 || Arc::strong_count(w) > 1);
        }
        known.insert(*tail, workspace.clone());
        Ok(workspace)
    }

    /// Takes in what the store holds, so that jobs due in any workspace are found.
    pub fn adopt(&self, mut row: WorkspaceRow) -> Arc<Workspace> {
        row.state.clock = row.state.clock.resumed(machine_now());
        let mut known = lock(&self.known);
        known.entry(row.tail).or_insert_with(|| self.entered(Workspace::from(row))).clone()
    }

    /// The workspace with that number of its own.
    pub fn by_home(&self, home: i64) -> Option<Arc<Workspace>> {
        lock(&self.known).values().find(|w| w.home() == home).cloned()
    }

    pub fn stored(&self) -> usize {
        lock(&self.known).values().filter(|w| w.number() != 0).count()
    }

    pub fn max(&self) -> usize {
        self.max
    }
}

/// A poisoned lock is taken all the same: what it guards is replaced whole, never half.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stay_in_order_when_a_second_overflows() {
        let mut state = WorkspaceState::default();
        let now = 1_700_000_000_000;
        let first = state.next_id(now);
        assert_eq!(first, (1_700_000_000, 0));
        state.id_counter = id::COUNTER_MAX;
        assert_eq!(state.next_id(now), (1_700_000_001, 0));
        assert_eq!(state.id_drift, 1);
        assert_eq!(state.next_id(now), (1_700_000_001, 1));
        assert_eq!(state.next_id(now + 5_000), (1_700_000_005, 0));
    }

    #[test]
    fn however_a_state_is_heard_of_it_says_where_the_rows_are() {
        let workspace = Workspace::new([0; 32], "acct_1".into(), false);
        let with = |rows: i64| WorkspaceState { rows, ..WorkspaceState::default() };
        workspace.publish(7, with(0));
        assert_eq!((workspace.home(), workspace.number()), (7, 7));
        workspace.learn(7, 2, with(70));
        assert_eq!((workspace.home(), workspace.number()), (7, 70));
        workspace.learn(7, 1, with(71));
        assert_eq!(workspace.number(), 70, "an older one says nothing");
        workspace.relearn(7, 1, with(72));
        assert_eq!((workspace.home(), workspace.number()), (7, 72));
        workspace.publish(7, with(73));
        assert_eq!((workspace.home(), workspace.number()), (7, 73));
    }

    #[test]
    fn a_standing_clock_has_no_machine_time() {
        let clock = Clock { mode: ClockMode::Frozen, offset: 0, at: 5, moving: None };
        assert_eq!(clock.now(1_000), 5);
        assert_eq!(clock.machine_time_of(9), None);
        let ahead = Clock { offset: 100, ..Clock::REAL };
        assert_eq!(ahead.now(1_000), 1_100);
        assert_eq!(ahead.machine_time_of(1_100), Some(1_000));
    }
}
