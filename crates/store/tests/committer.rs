//! The committer on a real file: what is answered is kept, what is dropped leaves nothing, and a
//! store that cannot be trusted is refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]

use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use exchequer_store as store;
use store::committer::{Keep, Upcalls};
use store::sqlite::Database;
use store::{
    Clock, ClockMode, Command, Committer, JobRow, Notice, ObjectKey, ObjectRow, Session,
    StoreError, StoredObject, Workspace,
};

/// A file of its own for each test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("exchequer-store-{}", store::id::random_text(12));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        Folder(folder)
    }

    fn data(&self) -> String {
        self.0.join("store.db").to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Notes the times its jobs ran at.
#[derive(Default)]
struct Notes(Mutex<Vec<i64>>);

impl Upcalls for Notes {
    fn run_job(&self, session: &mut Session<'_>, job: &JobRow) -> Keep {
        self.0.lock().unwrap().push(session.now);
        if job.kind == "panics" {
            panic!("a job of a test panics");
        }
        Keep::Yes
    }

    fn sweep(&self, session: &mut Session<'_>) -> Keep {
        session.state.next_sweep = None;
        Keep::Yes
    }

    fn committed(&self, _: Notice) {}
}

fn workspace() -> Arc<Workspace> {
    Arc::new(Workspace::new([7; 32], "acct_1000000000000000".into(), false))
}

fn run(
    committer: &Committer,
    workspace: &Arc<Workspace>,
    mut work: impl FnMut(&mut Session<'_>) -> Keep + Send + 'static,
) {
    let (tell, told) = channel();
    let command = Command {
        workspace: workspace.clone(),
        bytes: 0,
        alone: false,
        key: None,
        run: Box::new(move |session| work(session)),
        done: Box::new(move |result| tell.send(result).unwrap()),
    };
    assert!(committer.send(command).is_ok());
    told.recv().unwrap().unwrap();
}

fn put(session: &mut Session<'_>, id: &str, value: &str) {
    let key = ObjectKey { scope: session.scope(0), id: id.into() };
    let row = ObjectRow::of(1, Arc::new(value.to_owned()));
    session.write().unwrap().objects.put(key, row);
}

fn text(row: &StoredObject) -> store::Result<String> {
    Ok(serde_json::from_str(&row.state)?)
}

fn stored(database: &Database, ws: i64, id: &str) -> Option<String> {
    let scope = store::Scope { ws, acct: 0 };
    let row = database.read(|reader| reader.object(scope, id)).unwrap().unwrap();
    row.map(|row| text(&row).unwrap())
}

#[test]
fn what_is_kept_is_there_after_a_restart_and_what_is_dropped_is_not() {
    let folder = Folder::new();
    let workspace = workspace();
    {
        let (database, writer) = Database::open(&folder.data()).unwrap();
        let (committer, thread) =
            Committer::start(writer, database.sealer.clone(), Arc::new(Notes::default())).unwrap();
        run(&committer, &workspace, |session| {
            put(session, "x_1", "kept");
            Keep::Yes
        });
        run(&committer, &workspace, |session| {
            put(session, "x_1", "dropped");
            put(session, "x_2", "dropped");
            Keep::No
        });
        run(&committer, &workspace, |session| {
            let seen = session.object(0, "x_1", text).unwrap();
            assert_eq!(seen.as_deref().map(String::as_str), Some("kept"));
            panic!("a command of a test panics");
        });
        assert_eq!(stored(&database, workspace.number(), "x_1").as_deref(), Some("kept"));
        drop(committer);
        thread.join().unwrap();
    }
    let (database, _writer) = Database::open(&folder.data()).unwrap();
    assert_eq!(stored(&database, workspace.number(), "x_1").as_deref(), Some("kept"));
    assert_eq!(stored(&database, workspace.number(), "x_2"), None);
}

#[test]
fn jobs_run_at_the_time_they_were_due_in_order_and_a_panic_stops_none() {
    let folder = Folder::new();
    let workspace = workspace();
    let notes = Arc::new(Notes::default());
    let (database, writer) = Database::open(&folder.data()).unwrap();
    let (committer, _thread) =
        Committer::start(writer, database.sealer.clone(), notes.clone()).unwrap();
    let job = |kind: &str| JobRow {
        acct: 0,
        kind: kind.into(),
        object: String::new(),
        detail: String::new(),
    };
    let (start_given, start) = channel();
    run(&committer, &workspace, move |session| {
        let now = session.now;
        start_given.send(now).unwrap();
        session.state.clock =
            Clock { mode: ClockMode::Frozen, offset: 0, at: now + 10_000, moving: None };
        session.add_job(now + 3_000, job("fine")).unwrap();
        session.add_job(now + 1_000, job("panics")).unwrap();
        session.add_job(now + 20_000, job("later")).unwrap();
        Keep::Yes
    });
    let start = start.recv().unwrap();
    assert!(notes.0.lock().unwrap().is_empty());
    run(&committer, &workspace, |_| Keep::No);
    assert_eq!(*notes.0.lock().unwrap(), [start + 1_000, start + 3_000]);
    let state = workspace.state();
    assert_eq!((state.next_due, state.jobs_done), (Some(start + 20_000), 2));
}

#[test]
fn a_store_that_cannot_be_trusted_is_refused() {
    let folder = Folder::new();
    let data = folder.data();
    let refused = |data: &str| match Database::open(data) {
        Err(StoreError::Unusable(why)) => why,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was opened"),
    };
    let open = Database::open(&data).unwrap();
    assert!(refused(&data).contains("in use"));
    drop(open);
    let connection = rusqlite::Connection::open(&data).unwrap();
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    assert!(refused(&data).contains("newer"));
    connection.pragma_update(None, "user_version", version).unwrap();
    drop(Database::open(&data).unwrap());
    let key = std::fs::read(format!("{data}.key")).unwrap();
    std::fs::write(format!("{data}.key"), [7; 32]).unwrap();
    assert!(refused(&data).contains("not the one"));
    std::fs::write(format!("{data}.key"), key).unwrap();
    drop(Database::open(&data).unwrap());
    std::fs::remove_file(format!("{data}.key")).unwrap();
    assert!(refused(&data).contains("missing"));
    let other = folder.0.join("other.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    std::fs::write(format!("{}.key", other.display()), [1; 32]).unwrap();
    assert!(refused(other.to_str().unwrap()).contains("no store of ours"));
}
