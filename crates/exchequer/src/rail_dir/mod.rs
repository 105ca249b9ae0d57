//! The folder through which ach files are exchanged: what was handed over is written to `out/`,
//! returns are read from `in/`.
//!
//! Files are touched by one thread and never by a command. A command says which entries are in a
//! file, then the file is written, then a command notes that it stands; returns are read, then a
//! command applies them with a note of that, then their file is moved. After a crash at any point
//! what was not noted is done again, to the same end.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use api::runtime::{Acting, platform, view, with_tx};
use api::{App, Failure, Tx, View};
use store::committer::Keep;
use store::{Command, Committer, Database, Registry, Session, Workspace};

mod inbox;
mod outbox;

use inbox::Inbox;

/// How often returns are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a command waits for room in the queue.
const QUEUE_PAUSE: Duration = Duration::from_millis(50);
/// How many workspaces are read at a time when the server starts.
const RESUMED_AT_ONCE: usize = 1000;
/// What a command here counts for in a batch.
const COMMAND_BYTES: usize = 256;

pub struct RailDir {
    folder: PathBuf,
    app: Arc<App>,
    database: Arc<Database>,
    committer: Committer,
    registry: Arc<Registry>,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    /// Workspaces that may have files to write, by their numbers.
    touched: BTreeMap<i64, Arc<Workspace>>,
    is_closing: bool,
}

/// Why something could not be done now.
type Trouble = String;

impl RailDir {
    /// Makes the folders and starts the thread, which goes on with what the store holds.
    pub fn start(
        folder: &Path,
        app: &Arc<App>,
        database: &Arc<Database>,
        committer: &Committer,
        registry: &Arc<Registry>,
    ) -> io::Result<(Arc<RailDir>, JoinHandle<()>)> {
        for name in ["out", "in/done", "in/refused"] {
            fs::create_dir_all(folder.join(name))?;
        }
        let rails = Arc::new(RailDir {
            folder: folder.to_owned(),
            app: app.clone(),
            database: database.clone(),
            committer: committer.clone(),
            registry: registry.clone(),
            state: Mutex::default(),
            wake: Condvar::new(),
        });
        let own = rails.clone();
        let thread = std::thread::Builder::new().name("rail-dir".into());
        let thread = thread.spawn(move || own.run())?;
        Ok((rails, thread))
    }

    /// Something was committed in a workspace.
    pub fn note(&self, workspace: &Arc<Workspace>) {
        self.state().touched.insert(workspace.home(), workspace.clone());
        self.wake.notify_one();
    }

    /// The thread ends when it has done what it is at.
    pub fn stop(&self) {
        self.state().is_closing = true;
        self.wake.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        if let Err(error) = self.resume() {
            tracing::error!(%error, "ach files that are still to be written cannot be looked for");
        }
        let mut inbox = Inbox::default();
        let mut is_failing = false;
        while let Some(touched) = self.next() {
            let mut trouble = None;
            for workspace in touched.into_values() {
                if let Err(why) = self.write_files(&workspace) {
                    self.state().touched.insert(workspace.home(), workspace);
                    trouble = Some(why);
                }
            }
            if let Err(why) = self.look(&mut inbox) {
                trouble = Some(why);
            }
            // Told once for each time that the folder or the store is away.
            if let Some(why) = trouble.as_ref().filter(|_| !is_failing) {
                tracing::error!("{}: {why}", self.folder.display());
            }
            is_failing = trouble.is_some();
            if is_failing {
                std::thread::sleep(LOOK_EVERY);
            }
        }
    }

    /// Waits for the next thing to do; none when the program stops.
    fn next(&self) -> Option<BTreeMap<i64, Arc<Workspace>>> {
        let idle = |state: &mut State| state.touched.is_empty() && !state.is_closing;
        let waited = self.wake.wait_timeout_while(self.state(), LOOK_EVERY, idle);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        (!state.is_closing).then(|| std::mem::take(&mut state.touched))
    }

    fn resume(&self) -> store::Result<()> {
        let mut after = 0;
        loop {
            let rows = self.database.read(|reader| reader.workspaces(after, RESUMED_AT_ONCE))??;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.number;
            for row in rows {
                self.note(&self.registry.adopt(row));
            }
        }
    }

    /// The workspace of that number, whether it is in use or not.
    fn workspace(&self, number: i64) -> store::Result<Option<Arc<Workspace>>> {
        let rows = self.database.read(|reader| reader.workspaces(number - 1, 1))??;
        let row = rows.into_iter().find(|row| row.number == number);
        Ok(row.map(|row| self.registry.adopt(row)))
    }

    fn read<T>(
        &self,
        workspace: &Arc<Workspace>,
        work: impl FnOnce(&mut View<'_>) -> api::Result<T>,
    ) -> Result<T, Trouble> {
        let read = self.database.read_of(workspace, |reader, state| {
            let (sealer, now) = (&self.database.sealer, state.now());
            let session = Session::reading(reader, None, sealer, workspace.clone(), state, now);
            let acting = Acting { owner: platform(workspace), request: None };
            work(&mut view(&self.app, session, acting))
        });
        read.map_err(|error| error.to_string())?.map_err(told)
    }

    /// Runs a command for the platform; it stands when this answers.
    fn commit<T: Send + 'static>(
        &self,
        workspace: &Arc<Workspace>,
        work: impl Fn(&mut Tx<'_>) -> api::Result<T> + Send + 'static,
    ) -> Result<T, Trouble> {
        let (give, outcome) = channel();
        let (tell, stands) = channel();
        let (app, owner) = (self.app.clone(), platform(workspace));
        let mut command = Command {
            workspace: workspace.clone(),
            bytes: COMMAND_BYTES,
            alone: false,
            key: None,
            run: Box::new(move |session| {
                let acting = Acting { owner: owner.clone(), request: None };
                let outcome = with_tx(&app, session, acting, &work);
                let keep = if outcome.is_ok() { Keep::Yes } else { Keep::No };
                // It can run more than once; the last time counts.
                let _ = give.send(outcome);
                keep
            }),
            done: Box::new(move |result| {
                let _ = tell.send(result);
            }),
        };
        while let Err(refused) = self.committer.send(command) {
            if self.state().is_closing {
                return Err("the server stops".to_owned());
            }
            command = refused;
            std::thread::sleep(QUEUE_PAUSE);
        }
        let stands = stands.recv().map_err(|_| "the server stops".to_owned())?;
        stands.map_err(|error| error.to_string())?;
        let outcome = outcome.try_iter().last();
        outcome.ok_or_else(|| "the command did not run".to_owned())?.map_err(told)
    }
}

fn told(failure: Failure) -> Trouble {
    match failure {
        Failure::Refused(error) | Failure::Declined(error) => error.message,
        Failure::Fault(fault) => fault.to_string(),
    }
}
