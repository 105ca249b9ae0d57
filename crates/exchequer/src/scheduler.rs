//! Wakes a workspace when something in it becomes due, so that jobs run and are told about even
//! when nobody asks. A frozen clock never wakes anybody.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use store::committer::Keep;
use store::workspace::machine_now;
use store::{Command, Committer, Millis, Workspace};
use tokio::sync::Notify;

/// How long a wake-up that found the queue full waits.
const AGAIN_MS: Millis = 50;
/// The longest sleep: the machine's clock may be set.
const SLEEP_MS_MAX: Millis = 60_000;

#[derive(Default)]
struct Plan {
    order: BTreeSet<(Millis, i64)>,
    workspaces: HashMap<i64, (Millis, Arc<Workspace>)>,
}

#[derive(Default)]
pub struct Scheduler {
    plan: Mutex<Plan>,
    changed: Notify,
}

impl Scheduler {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of when a workspace wants to be woken next.
    pub fn note(&self, workspace: &Arc<Workspace>) {
        let state = workspace.state();
        let due = state.next_due.into_iter().chain(state.next_sweep).min();
        let at = due.and_then(|due| state.clock.machine_time_of(due));
        self.wake_at(workspace, at);
    }

    fn wake_at(&self, workspace: &Arc<Workspace>, at: Option<Millis>) {
        let number = workspace.home();
        let mut plan = self.plan();
        let former = plan.workspaces.remove(&number).map(|(at, _)| at);
        if let Some(former) = former {
            plan.order.remove(&(former, number));
        }
        let Some(at) = at else { return };
        plan.order.insert((at, number));
        plan.workspaces.insert(number, (at, workspace.clone()));
        let first = plan.order.first().is_some_and(|(_, first)| *first == number);
        drop(plan);
        if first && former != Some(at) {
            self.changed.notify_one();
        }
    }

    fn next(&self, now: Millis) -> Result<Arc<Workspace>, Millis> {
        let mut plan = self.plan();
        match plan.order.first().copied() {
            Some((at, number)) if at <= now => {
                plan.order.remove(&(at, number));
                plan.workspaces.remove(&number).map(|(_, workspace)| workspace).ok_or(now)
            }
            Some((at, _)) => Err(at),
            None => Err(now + SLEEP_MS_MAX),
        }
    }

    pub async fn run(self: Arc<Self>, committer: Committer) {
        loop {
            let now = machine_now();
            match self.next(now) {
                Ok(workspace) => self.wake(&committer, workspace),
                Err(at) => {
                    let sleep = (at - now).clamp(0, SLEEP_MS_MAX).unsigned_abs();
                    let sleep = tokio::time::sleep(Duration::from_millis(sleep));
                    tokio::select! { () = sleep => {}, () = self.changed.notified() => {} }
                }
            }
        }
    }

    /// An empty command: the committer runs what is due before any command.
    fn wake(&self, committer: &Committer, workspace: Arc<Workspace>) {
        let command = Command {
            workspace: workspace.clone(),
            bytes: 0,
            alone: false,
            key: None,
            run: Box::new(|_| Keep::No),
            done: Box::new(|_| ()),
        };
        if committer.send(command).is_err() {
            self.wake_at(&workspace, Some(machine_now() + AGAIN_MS));
        }
    }
}
