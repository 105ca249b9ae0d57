//! The desk of a workspace: one task that takes deliveries from the outbox as they become due and
//! lets attempts be made.
//!
//! The store is the queue. What is new is announced after each commit; what becomes due later is
//! found by reading the pending rows from where the last look ended; what does not fit into memory
//! is read again from a mark. Before each attempt its row is read once more, and only what that
//! says counts: so an announcement may come late, twice or never.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use store::workspace::machine_now;
use store::{DeliveryKey, Millis, Workspace};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;

use crate::attempt::{self, Prepared};
use crate::limits::*;
use crate::queue::{Position, Queue, Waiting};
use crate::sender::{self, Finished, Work};
use crate::shared::Shared;

/// The part of a desk that others reach.
pub struct Desk {
    pub workspace: Arc<Workspace>,
    inbox: Mutex<Inbox>,
    pub wake: Notify,
}

#[derive(Default)]
struct Inbox {
    announced: Vec<(Millis, DeliveryKey)>,
    /// More was announced than fits.
    is_incomplete: bool,
    /// The rows of the workspace are others now.
    forget: bool,
    waiters: Vec<Waiter>,
}

/// A delivery that is due and cannot be read.
struct Unreadable;

/// Told when everything that was due at a time has been tried.
struct Waiter {
    until: Millis,
    done: oneshot::Sender<()>,
}

impl Desk {
    pub fn new(workspace: Arc<Workspace>) -> Desk {
        Desk { workspace, inbox: Mutex::default(), wake: Notify::new() }
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn announce(&self, due: Millis, key: DeliveryKey) {
        let mut inbox = self.inbox();
        if inbox.announced.len() < INBOX_MAX {
            inbox.announced.push((due, key));
        } else {
            inbox.is_incomplete = true;
        }
    }

    pub fn flush(&self, until: Millis) -> oneshot::Receiver<()> {
        let (done, told) = oneshot::channel();
        self.inbox().waiters.push(Waiter { until, done });
        self.wake.notify_one();
        told
    }

    /// There may be more than was announced.
    pub fn look_again(&self) {
        self.miss();
        self.wake.notify_one();
    }

    /// The same, of which nothing is to be done yet.
    pub fn miss(&self) {
        self.inbox().is_incomplete = true;
    }

    pub fn forget(&self) {
        self.inbox().forget = true;
        self.wake.notify_one();
    }

    /// Whether nobody has asked for anything since the last look.
    pub fn is_quiet(&self) -> bool {
        let inbox = self.inbox();
        inbox.announced.is_empty()
            && inbox.waiters.is_empty()
            && !inbox.is_incomplete
            && !inbox.forget
    }
}

/// The part that its task has for itself.
pub struct Worker {
    shared: Arc<Shared>,
    desk: Arc<Desk>,
    queues: HashMap<String, Queue>,
    attempts: JoinSet<Finished>,
    waiters: Vec<Waiter>,
    /// Where the reading of pending rows goes on; none when it has reached the present.
    scan: Option<Position>,
    /// What was due until then has been read.
    seen: Millis,
    /// When the next one becomes due, as far as is known.
    next_due: Option<Millis>,
    /// When a waiting first attempt may start.
    start_at: Option<Instant>,
    /// The store failed: nothing starts before then, when everything is read again. What is known
    /// may lack the event that should come first.
    again_at: Option<Instant>,
    /// The event that could not be read, and how often in a row.
    unreadable: Option<(String, u32)>,
    /// Another program made the deliveries: it may have left some.
    was_left: bool,
}

const BEGINNING: Position =
    (Millis::MIN, DeliveryKey { ws: 0, event: String::new(), endpoint: String::new() });

impl Worker {
    pub fn new(shared: Arc<Shared>, desk: Arc<Desk>) -> Worker {
        Worker {
            shared,
            desk,
            queues: HashMap::new(),
            attempts: JoinSet::new(),
            waiters: Vec::new(),
            scan: Some(BEGINNING),
            seen: Millis::MIN,
            next_due: None,
            start_at: None,
            again_at: None,
            unreadable: None,
            was_left: false,
        }
    }

    pub async fn run(mut self) {
        loop {
            let is_closing = self.shared.closing.load(Ordering::Acquire);
            if is_closing && self.attempts.is_empty() {
                return;
            }
            self.take_inbox();
            let has_more = !is_closing && self.work();
            while let Some(finished) = self.attempts.try_join_next() {
                self.finish(finished.ok());
            }
            if has_more {
                tokio::task::yield_now().await;
                continue;
            }
            if !is_closing && self.is_idle() && self.shared.dismiss(&self.desk) {
                return;
            }
            let sleep = if is_closing { SLEEP_MAX } else { self.sleep() };
            let (desk, attempts) = (&self.desk, &mut self.attempts);
            let finished = tokio::select! {
                () = desk.wake.notified() => continue,
                () = tokio::time::sleep(sleep) => continue,
                Some(finished) = attempts.join_next() => finished,
            };
            self.finish(finished.ok());
        }
    }

    fn now(&self) -> Millis {
        self.desk.workspace.state().now()
    }

    /// Nothing is due and nothing is known that will be.
    fn is_idle(&self) -> bool {
        self.queues.is_empty()
            && self.attempts.is_empty()
            && self.waiters.is_empty()
            && self.scan.is_none()
            && self.again_at.is_none()
            && self.next_due.is_none()
    }

    fn sleep(&self) -> Duration {
        let now = Instant::now();
        let soonest = self.start_at.into_iter().chain(self.again_at).min();
        let until = soonest.map_or(SLEEP_MAX, |at| at.saturating_duration_since(now));
        let clock = self.desk.workspace.state().clock;
        let due = self.next_due.and_then(|due| clock.machine_time_of(due));
        let due = due.map_or(SLEEP_MAX, |at| {
            Duration::from_millis((at - machine_now()).max(1).unsigned_abs())
        });
        until.min(due).min(SLEEP_MAX)
    }

    fn take_inbox(&mut self) {
        let inbox = std::mem::take(&mut *self.desk.inbox());
        if inbox.forget {
            // What is under way is dropped: its rows are gone.
            self.attempts = JoinSet::new();
            self.queues.clear();
            self.scan = Some(BEGINNING);
            self.next_due = None;
        }
        self.waiters.extend(inbox.waiters);
        if inbox.is_incomplete {
            // What was announced is among what is read, and behind what was not.
            self.queues.values_mut().for_each(Queue::forget_waiting);
            self.scan = Some(BEGINNING);
            return;
        }
        let now = self.now();
        for (due, key) in inbox.announced {
            if due <= now {
                self.queues.entry(key.endpoint.clone()).or_default().add(due, &key);
            } else {
                self.next_due = Some(self.next_due.map_or(due, |next| next.min(due)));
            }
        }
    }

    /// One round: reads on, starts what can be started. True: there is more to read at once.
    fn work(&mut self) -> bool {
        if let Some(at) = self.again_at {
            if at > Instant::now() {
                return false;
            }
            self.again_at = None;
            self.scan = Some(BEGINNING);
            self.queues.values_mut().for_each(Queue::forget_waiting);
        }
        match self.read_on() {
            Ok(has_more) => {
                self.start();
                match self.answer_waiters() {
                    Ok(has_lost) => has_more || has_lost,
                    Err(error) => self.fail(&error),
                }
            }
            Err(error) => self.fail(&error),
        }
    }

    /// The store failed. Whoever waits must not wait for ever.
    fn fail(&mut self, error: &dyn std::fmt::Display) -> bool {
        tracing::error!(%error, "deliveries cannot be read; trying again soon");
        self.scan = None;
        self.again_at = Some(Instant::now() + FAULT_PAUSE);
        self.waiters.clear();
        false
    }

    fn read_on(&mut self) -> store::Result<bool> {
        let now = self.now();
        if self.scan.is_none() && self.next_due.is_some_and(|due| due <= now) {
            // Behind everything that was due at that time.
            let key = DeliveryKey { event: "\u{10FFFF}".to_owned(), ..BEGINNING.1 };
            self.scan = Some((self.seen, key));
        }
        let mut has_more = false;
        if let Some(from) = self.scan.take() {
            has_more |= self.scan_page(from, now)?;
        }
        let wanting: Vec<(String, Position)> = self
            .queues
            .iter()
            .filter_map(|(name, queue)| Some((name.clone(), queue.wants_more()?)))
            .collect();
        for (endpoint, from) in wanting {
            has_more |= self.refill(&endpoint, from, now)?;
        }
        Ok(has_more)
    }

    fn page(&self, from: Position) -> store::Result<Vec<Position>> {
        let ws = self.desk.workspace.number();
        let database = &self.shared.database;
        let rows = database.read(|r| r.pending_deliveries(ws, Some(from), PAGE_ROWS))??;
        let position = |(key, row): (DeliveryKey, store::DeliveryRow)| Some((row.due?, key));
        Ok(rows.into_iter().filter_map(position).collect())
    }

    /// Takes in a page of what is due. At its end, `next_due` is known for certain.
    fn scan_page(&mut self, from: Position, now: Millis) -> store::Result<bool> {
        let page = self.page(from)?;
        let is_last = page.len() < PAGE_ROWS;
        let mut last = None;
        for (due, key) in page {
            if due > now {
                self.seen = now;
                self.next_due = Some(due);
                return Ok(false);
            }
            self.queues.entry(key.endpoint.clone()).or_default().add(due, &key);
            last = Some((due, key));
        }
        if is_last {
            self.seen = now;
            self.next_due = None;
            return Ok(false);
        }
        self.scan = last;
        Ok(true)
    }

    /// Takes in more of one endpoint, whose deliveries did not all fit before.
    fn refill(&mut self, endpoint: &str, from: Position, now: Millis) -> store::Result<bool> {
        let page = self.page(from)?;
        let is_last = page.len() < PAGE_ROWS;
        let Some(queue) = self.queues.get_mut(endpoint) else { return Ok(false) };
        queue.unmark();
        let mut last = None;
        for (due, key) in page {
            if due > now {
                return Ok(false);
            }
            if key.endpoint == endpoint {
                queue.add(due, &key);
                if queue.is_full() {
                    return Ok(false);
                }
            }
            last = Some((due, key));
        }
        if let Some(last) = last.filter(|_| !is_last) {
            queue.mark_at(last);
            return Ok(true);
        }
        Ok(false)
    }

    fn start(&mut self) {
        self.start_at = None;
        if !self.desk.workspace.is_ours() {
            self.leave_to_others();
            return;
        }
        if std::mem::take(&mut self.was_left) {
            // What was announced meanwhile may come behind something that was not.
            self.queues.values_mut().for_each(Queue::forget_waiting);
            self.desk.look_again();
            return;
        }
        let endpoints: Vec<String> = self.queues.keys().cloned().collect();
        for endpoint in &endpoints {
            while self.again_at.is_none() && self.start_one(endpoint) {}
        }
        self.queues.retain(|_, queue| !queue.is_idle());
    }

    /// Another program makes the deliveries. Whoever waits for them here is told by the rows.
    fn leave_to_others(&mut self) {
        self.was_left = true;
        if self.attempts.is_empty() {
            self.queues.clear();
        }
        self.next_due = None;
        if !self.waiters.is_empty() {
            self.start_at = Some(Instant::now() + LOOK_AGAIN);
        }
    }

    /// Starts the first delivery whose lane is free. False: nothing more can start now.
    fn start_one(&mut self, endpoint: &str) -> bool {
        let now = Instant::now();
        let mut after: Option<Waiting> = None;
        loop {
            let Some(queue) = self.queues.get(endpoint) else { return false };
            let Some(at) = queue.may_start(now) else { return false };
            let Some(waiting) = queue.next(after.as_ref()) else { return false };
            if at > now {
                self.start_at = Some(self.start_at.map_or(at, |earlier| earlier.min(at)));
                return false;
            }
            let Ok(prepared) = self.prepare(endpoint, &waiting) else { return false };
            let Some(queue) = self.queues.get_mut(endpoint) else { return false };
            let (lane, work) = match prepared {
                None => {
                    queue.remove(&waiting);
                    continue;
                }
                Some(Work::Send(sending)) if queue.is_busy(&sending.lane) => {
                    queue.know_lane(&waiting, sending.lane);
                    after = Some(waiting);
                    continue;
                }
                Some(Work::Send(sending)) => (sending.lane.clone(), Work::Send(sending)),
                Some(stop) => (format!("stop {}", waiting.1), stop),
            };
            queue.start(&waiting, lane, now);
            let (shared, workspace) = (self.shared.clone(), self.desk.workspace.clone());
            self.attempts.spawn(sender::execute(shared, workspace, work));
            return true;
        }
    }

    /// What is to be done about a delivery, by its row as it is now. An error: it cannot be read,
    /// and nothing may go before it.
    fn prepare(
        &mut self,
        endpoint: &str,
        (_, event): &Waiting,
    ) -> Result<Option<Work>, Unreadable> {
        let (shared, workspace) = (self.shared.clone(), &self.desk.workspace);
        let sealer = &shared.database.sealer;
        let mut ws = 0;
        let prepared = shared.database.read_of(workspace, |reader, state| {
            let session = attempt::reading(reader, sealer, workspace, state);
            ws = session.number;
            attempt::prepare(&shared.app, shared.forward.as_ref(), session, event, endpoint)
        });
        let key = DeliveryKey { ws, event: event.clone(), endpoint: endpoint.to_owned() };
        let why = match prepared {
            Ok(Ok(prepared)) => {
                self.unreadable.take_if(|(unreadable, _)| unreadable == event);
                return Ok(match prepared {
                    Prepared::Nothing => None,
                    Prepared::Stop { due } => Some(Work::Stop { key, due }),
                    Prepared::Send(sending) => Some(Work::Send(sending)),
                });
            }
            Ok(Err(failure)) => format!("{event} to {endpoint}: {failure:?}"),
            Err(error) => error.to_string(),
        };
        let tries = match &self.unreadable {
            Some((unreadable, tries)) if unreadable == event => tries + 1,
            _ => 1,
        };
        self.unreadable = Some((event.clone(), tries));
        if tries > READ_TRIES_MAX {
            // It stays in the store, but does not stop the others for ever.
            tracing::error!(error = why, "a delivery is left out");
            self.waiters.clear();
            return Ok(None);
        }
        self.fail(&why);
        Err(Unreadable)
    }

    fn finish(&mut self, finished: Option<Finished>) {
        // An attempt that was dropped or panicked cannot say which it was: all is read anew.
        let Some(finished) = finished else {
            self.attempts = JoinSet::new();
            self.queues.clear();
            self.again_at = Some(Instant::now() + FAULT_PAUSE);
            return;
        };
        if let Some(queue) = self.queues.get_mut(&finished.key.endpoint) {
            queue.finish(&finished.key.event);
        }
        if !finished.is_recorded {
            self.fail(&"a delivery's result could not be kept");
        }
    }

    /// Tells those whose time has no delivery left. True: a row was overlooked and is looked for.
    fn answer_waiters(&mut self) -> store::Result<bool> {
        self.waiters.retain(|waiter| !waiter.done.is_closed());
        if self.waiters.is_empty() || self.scan.is_some() {
            return Ok(false);
        }
        let first = self.shared.first_due(&self.desk.workspace)?;
        let is_over = |waiter: &Waiter| first.is_none_or(|due| due > waiter.until);
        let (over, rest): (Vec<_>, Vec<_>) = self.waiters.drain(..).partition(is_over);
        self.waiters = rest;
        for waiter in over {
            // Whoever asked may have left.
            let _ = waiter.done.send(());
        }
        let is_ours = self.desk.workspace.is_ours();
        let has_lost = is_ours && !self.waiters.is_empty() && self.queues.is_empty();
        if has_lost {
            self.scan = Some(BEGINNING);
        }
        Ok(has_lost)
    }
}
