//! The one way to change the store: commands, run one after another, committed in batches.
//!
//! The committer takes what is queued, runs each command on an overlay, applies the whole overlay
//! as one write set, commits once, then lets all the answers go. One flush serves hundreds of
//! requests, and an idle server adds no delay, because a batch is never waited for.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::counters::Counters;
use crate::overlay::{Overlay, Touched};
use crate::rows::*;
use crate::seal::Sealer;
use crate::session::{Cache, Session, Writing};
use crate::workspace::Workspace;
use crate::{Millis, Reader, Result, StoreError, Writers, postgres, sqlite};

mod shared;

/// The most commands, bytes of parameters and time of one batch.
pub const BATCH_COMMANDS_MAX: usize = 256;
pub const BATCH_BYTES_MAX: usize = 1 << 20;
pub const BATCH_TIME_MAX: Duration = Duration::from_millis(5);
/// How many commands may wait; more are refused at once.
pub const QUEUE_MAX: usize = 4096;
/// How many due jobs run before the batch is committed and the rest queues again.
pub const JOBS_PER_BATCH_MAX: usize = 1000;

/// Whether what a command wrote stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    Yes,
    No,
}

/// Runs on the committer's thread. It may run again, with the same time, where an engine asks for it.
pub type Run = Box<dyn FnMut(&mut Session<'_>) -> Keep + Send>;
/// Told once the batch stands, or why it does not.
pub type Done = Box<dyn FnOnce(Result<()>) + Send>;

pub struct Command {
    pub workspace: Arc<Workspace>,
    /// The size of its parameters, for the limit of a batch.
    pub bytes: usize,
    /// Has a batch to itself: it moves rows, or says where the rows of its workspace are.
    pub alone: bool,
    /// The account and hash of the idempotency key that it looks up, so that an engine far away can
    /// be asked once for a whole batch.
    pub key: Option<(i64, i64)>,
    pub run: Run,
    pub done: Done,
}

/// What the rest of the program is told after each commit.
pub struct Notice {
    pub workspaces: Vec<Arc<Workspace>>,
    /// Deliveries that are new or were planned anew.
    pub deliveries: Vec<(DeliveryKey, DeliveryRow)>,
    /// Other programs may have made deliveries before these.
    pub is_incomplete: bool,
}

/// What the committer needs to know of the layers above it.
pub trait Upcalls: Send + Sync + 'static {
    /// Runs one job. Its refusal drops what it did; the job is done either way.
    fn run_job(&self, session: &mut Session<'_>, job: &JobRow) -> Keep;
    /// Removes a bounded number of rows past their keeping time and plans the next look.
    fn sweep(&self, session: &mut Session<'_>) -> Keep;
    fn committed(&self, notice: Notice);
}

#[derive(Clone)]
pub struct Committer {
    /// One for each writer. A workspace always has the same.
    queues: Vec<Sender<Command>>,
    pub counters: Arc<Counters>,
}

/// The threads that commit.
pub struct Committing(Vec<JoinHandle<()>>);

impl Committing {
    /// Waits until they have ended: when everything that was queued is committed.
    pub fn join(self) -> std::thread::Result<()> {
        self.0.into_iter().try_for_each(JoinHandle::join)
    }
}

impl Committer {
    /// Starts the committing threads; they end when the last `Committer` is dropped.
    pub fn start(
        writers: impl Into<Writers>,
        sealer: Arc<Sealer>,
        upcalls: Arc<dyn Upcalls>,
    ) -> Result<(Committer, Committing)> {
        let mut committer = Committer { queues: Vec::new(), counters: Arc::default() };
        let mut threads = Vec::new();
        match writers.into() {
            Writers::File(writer) => {
                let number = writer.next_workspace_number()?;
                let mut work = committer.work(writer, &sealer, &upcalls);
                work.next_number = number;
                threads.push(spawn(move || work.run(Work::batch))?);
            }
            Writers::Shared(writers) => {
                for writer in writers {
                    let mut work = committer.work(writer, &sealer, &upcalls);
                    threads.push(spawn(move || work.run(Work::shared_batch))?);
                }
            }
        }
        Ok((committer, Committing(threads)))
    }

    fn work<W: Engine>(
        &mut self,
        writer: W,
        sealer: &Arc<Sealer>,
        upcalls: &Arc<dyn Upcalls>,
    ) -> Work<W> {
        let (queue, commands) = bounded(QUEUE_MAX);
        self.queues.push(queue);
        Work {
            commands,
            writer,
            sealer: sealer.clone(),
            upcalls: upcalls.clone(),
            cache: RefCell::new(Cache::default()),
            counters: self.counters.clone(),
            next_number: 0,
            waiting: VecDeque::new(),
            is_behind: false,
        }
    }

    /// Queues a command, or gives it back when the queue is full.
    pub fn send(&self, command: Command) -> Result<(), Command> {
        let at = usize::from(command.workspace.tail[31]) % self.queues.len().max(1);
        let Some(queue) = self.queues.get(at) else { return Err(command) };
        match queue.try_send(command) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(command) | TrySendError::Disconnected(command)) => Err(command),
        }
    }

    pub fn queued(&self) -> usize {
        self.queues.iter().map(Sender::len).sum()
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name("committer".into());
    thread.spawn(work).map_err(|e| StoreError::Engine(format!("cannot start the committer: {e}")))
}

/// What running commands takes of an engine.
trait Engine: Send + 'static {
    fn reader(&self) -> &dyn Reader;
    /// The number of a workspace that has none yet.
    fn fresh_number(&self, workspace: &Workspace, next: i64) -> i64;
}

impl Engine for sqlite::Writer {
    fn reader(&self) -> &dyn Reader {
        sqlite::Writer::reader(self)
    }

    fn fresh_number(&self, _: &Workspace, next: i64) -> i64 {
        next
    }
}

impl Engine for postgres::Writer {
    fn reader(&self) -> &dyn Reader {
        postgres::Writer::reader(self)
    }

    fn fresh_number(&self, workspace: &Workspace, _: i64) -> i64 {
        postgres::Writer::number_of(workspace)
    }
}

struct Work<W> {
    commands: Receiver<Command>,
    writer: W,
    sealer: Arc<Sealer>,
    upcalls: Arc<dyn Upcalls>,
    cache: RefCell<Cache>,
    counters: Arc<Counters>,
    next_number: i64,
    /// Commands taken from the queue that the current batch had no room for.
    waiting: VecDeque<Command>,
    /// Other programs committed since the last notice. Only on a database.
    is_behind: bool,
}

impl<W: Engine> Work<W> {
    fn run(&mut self, batch: fn(&mut Self)) {
        loop {
            if self.waiting.is_empty() {
                match self.commands.recv() {
                    Ok(command) => self.waiting.push_back(command),
                    Err(_) => return,
                }
            }
            fail::fail_point!("hold_committer");
            batch(self);
        }
    }
}

impl Work<sqlite::Writer> {
    /// Runs what is queued, within the limits, and commits it.
    fn batch(&mut self) {
        let started = Instant::now();
        let mut overlay = Overlay::default();
        let mut done: Vec<Done> = Vec::new();
        if let Err(error) = self.writer.begin() {
            self.refuse_waiting(&error);
            return;
        }
        let (mut bytes, mut count) = (0, 0);
        while count < BATCH_COMMANDS_MAX
            && bytes < BATCH_BYTES_MAX
            && started.elapsed() < BATCH_TIME_MAX
        {
            let next = self.waiting.pop_front().or_else(|| self.commands.try_recv().ok());
            let Some(mut command) = next else { break };
            let alone = command.alone;
            if alone && count > 0 {
                self.waiting.push_front(command);
                break;
            }
            count += 1;
            bytes += command.bytes;
            match self.catch_up(&mut overlay, &command.workspace) {
                Ok(true) => {
                    self.execute(&mut overlay, &mut command);
                    done.push(command.done);
                }
                Ok(false) => {
                    // Too much became due for one batch: commit this part, then go on.
                    self.waiting.push_front(command);
                    break;
                }
                Err(error) => (command.done)(Err(error)),
            }
            if alone {
                break;
            }
        }
        self.commit(overlay, done, count);
    }

    /// No batch can begin: whoever waits is told, and the next command tries again.
    fn refuse_waiting(&mut self, error: &StoreError) {
        tracing::error!(%error, "a batch could not begin");
        self.counters.failed();
        for command in self.waiting.drain(..) {
            (command.done)(Err(error.clone()));
        }
    }

    fn commit(&mut self, overlay: Overlay, done: Vec<Done>, count: usize) {
        let result = if overlay.is_empty() {
            self.writer.abandon();
            Ok(())
        } else {
            self.apply(&overlay, count)
        };
        if let Err(error) = &result {
            self.counters.failed();
            tracing::error!(%error, commands = count, "a batch could not be committed");
            self.cache.borrow_mut().clear();
        }
        self.counters.commands.fetch_add(count as u64, Ordering::Relaxed);
        // First, so that whoever is answered finds the rest of the program knowing of it.
        if result.is_ok() && !overlay.is_empty() {
            self.notify(&overlay);
        }
        for tell in done {
            tell(result.clone());
        }
    }

    fn apply(&mut self, overlay: &Overlay, commands: usize) -> Result<()> {
        fail::fail_point!("before_commit", |_| std::process::abort());
        let started = Instant::now();
        self.writer.apply(overlay)?;
        fail::fail_point!("after_commit", |_| std::process::abort());
        self.counters.committed(commands, started.elapsed());
        let mut cache = self.cache.borrow_mut();
        cache.committed(overlay);
        for touched in overlay.workspaces.values() {
            touched.workspace.publish(touched.home, touched.state);
        }
        Ok(())
    }
}

impl<W: Engine> Work<W> {
    fn notify(&self, overlay: &Overlay) {
        let deliveries = overlay.deliveries.changes();
        let notice = Notice {
            workspaces: overlay.workspaces.values().map(|t| t.workspace.clone()).collect(),
            deliveries: deliveries
                .filter_map(|(key, row)| Some((key.clone(), row?.clone())))
                .filter(|(_, row)| row.due.is_some())
                .collect(),
            is_incomplete: false,
        };
        self.upcalls.committed(notice);
    }

    /// The workspace as this batch has it so far.
    fn touched(&self, overlay: &Overlay, workspace: &Arc<Workspace>) -> Touched {
        let stored = workspace.home();
        let known = if stored == 0 {
            overlay.workspaces.values().find(|t| t.workspace.tail == workspace.tail)
        } else {
            overlay.workspaces.get(&stored)
        };
        if let Some(touched) = known {
            return touched.clone();
        }
        let home = match stored {
            0 => self.writer.fresh_number(workspace, self.next_number),
            stored => stored,
        };
        Touched { workspace: workspace.clone(), home, state: workspace.state() }
    }

    /// Runs the jobs that became due before now. False: there were too many for one batch.
    fn catch_up(&mut self, overlay: &mut Overlay, workspace: &Arc<Workspace>) -> Result<bool> {
        let mut ran = 0;
        loop {
            let touched = self.touched(overlay, workspace);
            let now = touched.state.now();
            if !touched.state.is_due(now) {
                return Ok(true);
            }
            if ran >= JOBS_PER_BATCH_MAX {
                return Ok(false);
            }
            ran += 1;
            self.run_due(overlay, touched, now)?;
        }
    }

    /// Runs the first thing that is due: a sweep, or a job at the time it was due.
    fn run_due(&mut self, overlay: &mut Overlay, touched: Touched, now: Millis) -> Result<()> {
        let upcalls = self.upcalls.clone();
        let mut job = None;
        let mut at = now;
        if touched.state.next_due.is_some_and(|due| due <= now) {
            let session = self.session(overlay, &touched, now);
            job = session.jobs(now, 1)?.into_iter().next();
            match &job {
                Some((key, _)) => at = key.due.max(touched.state.last_now.min(now)),
                None => {
                    let mut state = touched.state;
                    state.next_due = None;
                    overlay.workspaces.insert(touched.home, Touched { state, ..touched });
                    return Ok(());
                }
            }
        }
        let before = touched.state;
        let outcome = self.guarded(overlay, &touched, at, |session| match &job {
            Some((_, row)) => upcalls.run_job(session, row),
            None => upcalls.sweep(session),
        });
        let mut touched = match outcome {
            Some(changed) => {
                overlay.keep();
                changed
            }
            None => {
                overlay.drop_command();
                Touched { state: before, ..touched }
            }
        };
        let Some((key, _)) = job else {
            if touched.state.next_sweep == before.next_sweep {
                // A sweep that failed is tried again in an hour, not at once.
                touched.state.next_sweep = Some(now + 3_600_000);
            }
            overlay.workspaces.insert(touched.home, touched);
            return Ok(());
        };
        let mut session = self.session(overlay, &touched, now);
        session.remove_job(key)?;
        touched.state.next_due = session.state.next_due;
        touched.state.jobs_done += 1;
        self.counters.jobs.fetch_add(1, Ordering::Relaxed);
        drop(session);
        overlay.keep();
        overlay.workspaces.insert(touched.home, touched);
        Ok(())
    }

    fn session<'a>(
        &'a self,
        overlay: &'a mut Overlay,
        touched: &Touched,
        now: Millis,
    ) -> Session<'a> {
        Session {
            reader: self.writer.reader(),
            decoded: None,
            sealer: &self.sealer,
            workspace: touched.workspace.clone(),
            home: touched.home,
            number: touched.number(),
            state: touched.state,
            now,
            writing: Some(Writing { overlay, cache: &self.cache }),
        }
    }

    /// Runs `work` in a layer of its own; a panic drops it like a refusal. Gives the workspace as
    /// it is afterwards if the work stands.
    fn guarded(
        &self,
        overlay: &mut Overlay,
        touched: &Touched,
        now: Millis,
        work: impl FnOnce(&mut Session<'_>) -> Keep,
    ) -> Option<Touched> {
        let mut session = self.session(overlay, touched, now);
        session.state.last_now = session.state.last_now.max(now);
        match catch_unwind(AssertUnwindSafe(|| work(&mut session))) {
            Ok(Keep::Yes) => Some(Touched { state: session.state, ..touched.clone() }),
            Ok(Keep::No) => None,
            Err(_) => {
                tracing::error!("a command panicked; what it did is dropped");
                None
            }
        }
    }

    fn execute(&mut self, overlay: &mut Overlay, command: &mut Command) {
        let touched = self.touched(overlay, &command.workspace);
        let now = touched.state.now();
        match self.guarded(overlay, &touched, now, |session| (command.run)(session)) {
            Some(changed) => {
                overlay.keep();
                if changed.home == self.next_number {
                    self.next_number += 1;
                }
                overlay.workspaces.insert(changed.home, changed);
            }
            None => overlay.drop_command(),
        }
    }
}
