//! Batches on a database that several programs share: each holds the commands of one workspace and
//! is run again as a whole when the database was in the way.
//!
//! A commit whose answer got lost is in doubt. The batch's number, kept by the batch itself, tells
//! later which it was; until then nothing is run again and nobody is answered.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{BATCH_BYTES_MAX, BATCH_COMMANDS_MAX, BATCH_TIME_MAX, Command, Notice, Work};
use crate::id::random_u64;
use crate::overlay::Overlay;
use crate::postgres::{Trouble, Writer};
use crate::workspace::Workspace;

/// How long a batch is tried: a standby takes over within that time.
const TRIED_MAX: Duration = Duration::from_secs(30);
const PAUSE_MIN: Duration = Duration::from_millis(2);
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// How many commands of other workspaces are set aside while one's are looked for.
const ASIDE_MAX: usize = 1024;

/// A batch that may have been committed.
struct Doubt {
    batch: i64,
    overlay: Overlay,
    /// How many of the commands taken it holds.
    count: usize,
}

impl Work<Writer> {
    pub(super) fn shared_batch(&mut self) {
        let Some(first) = self.waiting.front() else { return };
        let workspace = first.workspace.clone();
        let started = Instant::now();
        let mut taken: Vec<Command> = Vec::new();
        let mut doubt: Option<Doubt> = None;
        let mut pause = PAUSE_MIN;
        loop {
            let trouble = match self.attempt(&workspace, &mut taken, &mut doubt) {
                Ok(()) => return,
                Err(trouble) => trouble,
            };
            if !trouble.is_passing || started.elapsed() > TRIED_MAX {
                return self.give_up(taken, &trouble);
            }
            tracing::debug!(error = %trouble.error, "a batch is tried again");
            fail::fail_point!("before_retry");
            // Of two that are in each other's way, one should come first.
            let jitter = random_u64() % (pause.as_millis() as u64 + 1);
            std::thread::sleep(pause + Duration::from_millis(jitter));
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    fn give_up(&mut self, mut taken: Vec<Command>, trouble: &Trouble) {
        if taken.is_empty() {
            taken.extend(self.waiting.pop_front());
        }
        tracing::error!(error = %trouble.error, commands = taken.len(), "a batch failed");
        self.counters.failed();
        self.cache.borrow_mut().clear();
        for command in taken {
            (command.done)(Err(trouble.error.clone()));
        }
    }

    /// Runs the commands taken so far, on the first attempt those that wait, and commits.
    fn attempt(
        &mut self,
        workspace: &Arc<Workspace>,
        taken: &mut Vec<Command>,
        doubt: &mut Option<Doubt>,
    ) -> Result<(), Trouble> {
        if self.writer.begin(workspace)? {
            self.cache.borrow_mut().forget(workspace.number());
            self.is_behind = true;
        }
        if let Some(doubtful) = doubt.take() {
            match self.writer.stands(doubtful.batch) {
                Ok(true) => {
                    self.writer.abandon();
                    self.finish(workspace, &doubtful.overlay, taken, doubtful.count);
                    // Others may have changed what it wrote, and what it wrote is now remembered.
                    self.cache.borrow_mut().forget(Writer::number_of(workspace));
                    return Ok(());
                }
                Ok(false) => {}
                Err(trouble) => {
                    *doubt = Some(doubtful);
                    return Err(trouble);
                }
            }
        }
        let mut overlay = Overlay::default();
        let count = self.run_all(workspace, &mut overlay, taken)?;
        if overlay.is_empty() {
            self.writer.abandon();
            self.finish(workspace, &overlay, taken, count);
            return Ok(());
        }
        fail::fail_point!("before_commit", |_| std::process::abort());
        let batch = random_u64().cast_signed();
        let began = Instant::now();
        if let Err(trouble) = self.writer.apply(&overlay, batch) {
            *doubt = Some(Doubt { batch, overlay, count });
            return Err(trouble);
        }
        fail::fail_point!("after_commit", |_| std::process::abort());
        self.counters.committed(count, began.elapsed());
        self.finish(workspace, &overlay, taken, count);
        Ok(())
    }

    /// Runs commands until the batch is full or nothing more waits. Gives how many have run; those
    /// taken that have not run yet wait again.
    fn run_all(
        &mut self,
        workspace: &Workspace,
        overlay: &mut Overlay,
        taken: &mut Vec<Command>,
    ) -> Result<usize, Trouble> {
        let started = Instant::now();
        let is_first = taken.is_empty();
        if is_first {
            self.gather();
        }
        self.look_up(workspace, taken)?;
        let (mut count, mut bytes) = (0, 0);
        loop {
            if count == taken.len() {
                let is_full = count >= BATCH_COMMANDS_MAX
                    || bytes >= BATCH_BYTES_MAX
                    || started.elapsed() >= BATCH_TIME_MAX;
                if !is_first || is_full || taken.last().is_some_and(|last| last.alone) {
                    return Ok(count);
                }
                match self.next_of(workspace) {
                    Some(next) if next.alone && count > 0 => {
                        self.waiting.push_front(next);
                        return Ok(count);
                    }
                    Some(next) => taken.push(next),
                    None => return Ok(count),
                }
            }
            let Some(command) = taken.get_mut(count) else { return Ok(count) };
            bytes += command.bytes;
            let owner = command.workspace.clone();
            let caught_up = self.catch_up(overlay, &owner);
            if let Some(trouble) = self.writer.failed() {
                return Err(trouble);
            }
            match caught_up {
                Ok(true) => {}
                Ok(false) => {
                    // Too much became due for one batch: commit this part, then go on.
                    for command in taken.drain(count..).rev() {
                        self.waiting.push_front(command);
                    }
                    return Ok(count);
                }
                Err(error) => return Err(Trouble { error, is_passing: false }),
            }
            if let Some(command) = taken.get_mut(count) {
                self.execute(overlay, command);
            }
            if let Some(trouble) = self.writer.failed() {
                return Err(trouble);
            }
            count += 1;
        }
    }

    /// Takes what is queued, so that it is known what its commands will look up.
    fn gather(&mut self) {
        while self.waiting.len() < ASIDE_MAX {
            let Ok(command) = self.commands.try_recv() else { return };
            self.waiting.push_back(command);
        }
    }

    fn look_up(&self, workspace: &Workspace, taken: &[Command]) -> Result<(), Trouble> {
        let is_same = |command: &&Command| command.workspace.tail == workspace.tail;
        let batch = taken.iter().chain(self.waiting.iter().filter(is_same));
        let keys = batch.take(BATCH_COMMANDS_MAX).filter_map(|command| command.key);
        self.writer.look_up(&keys.collect::<Vec<_>>())
    }

    /// The next command of that workspace; those of others wait their turn.
    fn next_of(&mut self, workspace: &Workspace) -> Option<Command> {
        let is_same = |command: &Command| command.workspace.tail == workspace.tail;
        if let Some(at) = self.waiting.iter().position(is_same) {
            return self.waiting.remove(at);
        }
        while self.waiting.len() < ASIDE_MAX {
            let next = self.commands.try_recv().ok()?;
            if is_same(&next) {
                return Some(next);
            }
            self.waiting.push_back(next);
        }
        None
    }

    /// The batch stands: everybody is told.
    fn finish(
        &mut self,
        workspace: &Arc<Workspace>,
        overlay: &Overlay,
        taken: &mut Vec<Command>,
        count: usize,
    ) {
        self.cache.borrow_mut().committed(overlay);
        self.counters.commands.fetch_add(count as u64, Ordering::Relaxed);
        // First, so that whoever is answered finds the rest of the program knowing of it.
        if std::mem::take(&mut self.is_behind) {
            // What the others announced to themselves comes first, so all is read from the rows.
            let (workspaces, deliveries) = (vec![workspace.clone()], Vec::new());
            self.upcalls.committed(Notice { workspaces, deliveries, is_incomplete: true });
        } else if !overlay.is_empty() {
            self.notify(overlay);
        }
        for command in taken.drain(..) {
            (command.done)(Ok(()));
        }
    }
}
