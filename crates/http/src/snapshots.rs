//! Snapshots of a sandbox: to take one, to go back to it, and to go on with a copy in the sandbox of
//! another key. All three copy rows in steps ([`store::copying`]) while commands go on; one command
//! at the end makes it so.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use api::{ApiError, Json, array, object, seconds};
use store::committer::Keep;
use store::copying::{Copying, MAKING_MS, Renaming, fresh_part, making};
use store::tables::Row;
use store::workspace::machine_now;
use store::{
    Clock, ClockMode, CopyKey, CopyRow, Millis, Reader, Session, StoreError, Workspace,
    WorkspaceState,
};

use crate::gateway::Gateway;
use crate::limits::{SNAPSHOT_NAME_CHARS_MAX, SNAPSHOTS_MAX};

/// A snapshot as it is kept.
#[derive(Clone)]
struct Kept {
    key: CopyKey,
    taken: Millis,
    state: WorkspaceState,
}

/// A command that has its batch to itself, and says why not.
type Decide<T> = Box<dyn FnMut(&mut Session<'_>) -> Result<Result<T, ApiError>, StoreError> + Send>;

/// Keeps the sandbox as it is now under a name.
pub async fn take(
    gateway: &Arc<Gateway>,
    workspace: &Arc<Workspace>,
    name: String,
) -> Result<Json, ApiError> {
    check_name(&name)?;
    refuse_live(workspace)?;
    let (gateway, workspace) = (gateway.clone(), workspace.clone());
    alone(async move {
        let turn = gateway.turns.of(&workspace);
        let _mine = turn.lock().await;
        gateway.catch_up(&workspace).await?;
        let part = fresh_part();
        let wanted = name.clone();
        let begin = move |session: &mut Session<'_>| match has_room(session, &wanted)? {
            Ok(()) => begin(session, part),
            full => Ok(full),
        };
        decide(&gateway, &workspace, Box::new(begin)).await?;
        let copied = copy_now(&gateway, &workspace, part).await;
        let (state, taken, rows) = or_give_up(&gateway, &workspace, part, copied).await?;
        let kept = name.clone();
        let keep = move |session: &mut Session<'_>| {
            if let Some(gone) = given_up(session, part)? {
                return Ok(Err(gone));
            }
            // Turns are those of one program: another may have kept some meanwhile.
            if let Err(full) = has_room(session, &kept)? {
                return Ok(Err(full));
            }
            let row = CopyRow::Kept { name: kept.clone(), taken, state: Box::new(state) };
            let key = CopyKey { ws: session.home, part };
            session.write()?.copies.put(key, row);
            Ok(Ok(()))
        };
        let done = decide(&gateway, &workspace, Box::new(keep)).await;
        or_give_up(&gateway, &workspace, part, done).await?;
        sweep(&gateway, &workspace);
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        Ok(object([("name", name.into()), ("now", seconds(taken).into()), ("rows", rows.into())]))
    })
    .await
}

/// Lists what is kept, by name.
pub fn list(gateway: &Gateway, workspace: &Arc<Workspace>) -> Result<Json, ApiError> {
    let home = workspace.home();
    let found = gateway.database.read(|reader| kept_in(reader, home));
    let mut found = found.and_then(|inner| inner).map_err(fault)?;
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    let found = found
        .into_iter()
        .map(|(name, kept)| object([("name", name.into()), ("now", seconds(kept.taken).into())]));
    Ok(object([("snapshots", array(found.collect::<Vec<_>>()))]))
}

/// Forgets a snapshot. Its rows go in steps afterwards.
pub async fn delete(
    gateway: &Arc<Gateway>,
    workspace: &Arc<Workspace>,
    name: String,
) -> Result<Json, ApiError> {
    let turn = gateway.turns.of(workspace);
    let _mine = turn.lock().await;
    let wanted = name.clone();
    let forget = move |session: &mut Session<'_>| {
        let Some(kept) = find(session, &wanted)? else { return Ok(Err(unknown(&wanted))) };
        session.write()?.copies.put(kept.key, CopyRow::Removing);
        Ok(Ok(()))
    };
    if workspace.home() == 0 {
        return Err(unknown(&name));
    }
    decide(gateway, workspace, Box::new(forget)).await?;
    sweep(gateway, workspace);
    Ok(object([("name", name.into()), ("deleted", true.into())]))
}

/// Puts the sandbox back to what it was, clock included.
pub async fn restore(
    gateway: &Arc<Gateway>,
    workspace: &Arc<Workspace>,
    name: String,
) -> Result<Json, ApiError> {
    refuse_live(workspace)?;
    if workspace.home() == 0 {
        return Err(unknown(&name));
    }
    let (gateway, workspace) = (gateway.clone(), workspace.clone());
    alone(async move {
        let turn = gateway.turns.of(&workspace);
        let _mine = turn.lock().await;
        let part = fresh_part();
        let wanted = name.clone();
        let start = move |session: &mut Session<'_>| {
            let Some(kept) = find(session, &wanted)? else { return Ok(Err(unknown(&wanted))) };
            Ok(begin(session, part)?.map(|()| kept))
        };
        let kept = decide(&gateway, &workspace, Box::new(start)).await?;
        let from = kept.key.part;
        let copied = {
            let owner = workspace.clone();
            let inner = gateway.clone();
            blocking(move || {
                let copying = Tools::of(&inner);
                copying.run(|copying, reader| {
                    copying.copy(&owner, (reader, from), part, &mut as_it_is)
                })
            })
            .await
        };
        or_give_up(&gateway, &workspace, part, copied).await?;
        let wanted = name.clone();
        let switch = move |session: &mut Session<'_>| {
            // Another program may have deleted it while it was copied.
            let Some(kept) = find(session, &wanted)?.filter(|kept| kept.key.part == from) else {
                return Ok(Err(unknown(&wanted)));
            };
            let clock = clock_at(kept.state.clock, kept.taken);
            switch(session, part, WorkspaceState { clock, ..kept.state })
        };
        let switched = decide(&gateway, &workspace, Box::new(switch)).await;
        or_give_up(&gateway, &workspace, part, switched).await?;
        gateway.delivery.forget(&workspace);
        sweep(&gateway, &workspace);
        let now = seconds(workspace.state().now());
        Ok(object([("name", name.into()), ("now", now.into())]))
    })
    .await
}

/// Copies the sandbox, as it is now, into the empty one of another key.
pub async fn fork(
    gateway: &Arc<Gateway>,
    origin: &Arc<Workspace>,
    target: &Arc<Workspace>,
) -> Result<Json, ApiError> {
    refuse_live(origin)?;
    refuse_live(target)?;
    if origin.tail == target.tail {
        return Err(ApiError::invalid("A sandbox cannot be forked into itself.").on("to_key"));
    }
    let (gateway, origin, target) = (gateway.clone(), origin.clone(), target.clone());
    alone(async move {
        // Always in the same order, so that two forks the other way round do not wait for ever.
        let mut both = [&origin, &target];
        both.sort_by_key(|workspace| workspace.tail);
        let turns = both.map(|workspace| gateway.turns.of(workspace));
        let _first = turns[0].lock().await;
        let _second = turns[1].lock().await;
        gateway.catch_up(&origin).await?;
        let part = fresh_part();
        let start = move |session: &mut Session<'_>| {
            if !session.state.is_empty() {
                return Ok(Err(not_empty()));
            }
            begin(session, part)
        };
        decide(&gateway, &target, Box::new(start)).await?;
        let copied = {
            let (inner, origin, target) = (gateway.clone(), origin.clone(), target.clone());
            blocking(move || copy_fork(&inner, &origin, &target, part)).await
        };
        let (state, rows) = or_give_up(&gateway, &target, part, copied).await?;
        let finish = move |session: &mut Session<'_>| {
            if !session.state.is_empty() {
                return Ok(Err(not_empty()));
            }
            switch(session, part, forked(state))
        };
        let switched = decide(&gateway, &target, Box::new(finish)).await;
        or_give_up(&gateway, &target, part, switched).await?;
        gateway.delivery.forget(&target);
        sweep(&gateway, &target);
        let now = seconds(target.state().now());
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        let account = target.account.clone();
        Ok(object([("account", account.into()), ("now", now.into()), ("rows", rows.into())]))
    })
    .await
}

/// Gives the sandbox a number without any rows. What it had goes in steps afterwards.
pub async fn empty(gateway: &Arc<Gateway>, workspace: &Arc<Workspace>) -> Result<(), ApiError> {
    let turn = gateway.turns.of(workspace);
    let _mine = turn.lock().await;
    if workspace.home() != 0 {
        let part = fresh_part();
        let empty = move |session: &mut Session<'_>| {
            move_to(session, part, WorkspaceState::default())?;
            Ok(Ok(()))
        };
        decide(gateway, workspace, Box::new(empty)).await?;
    }
    gateway.delivery.forget(workspace);
    sweep(gateway, workspace);
    Ok(())
}

/// Removes what copies and snapshots left behind, while everything else goes on. What cannot be
/// removed now is found by the next sweep.
pub fn sweep(gateway: &Arc<Gateway>, workspace: &Arc<Workspace>) {
    sweep_until(gateway, workspace, machine_now());
}

/// The same when a program begins that has the store to itself: whatever is said to be made was
/// begun by a program that is gone.
pub fn sweep_all(gateway: &Arc<Gateway>, workspaces: Vec<Arc<Workspace>>) {
    let before_us = machine_now() + MAKING_MS - 1;
    for workspace in workspaces {
        sweep_until(gateway, &workspace, before_us);
    }
}

fn sweep_until(gateway: &Arc<Gateway>, workspace: &Arc<Workspace>, now: Millis) {
    let (gateway, workspace) = (gateway.clone(), workspace.clone());
    tokio::task::spawn_blocking(move || {
        let tools = Tools::of(&gateway);
        if let Err(error) = tools.with(|copying| copying.sweep(&workspace, now)) {
            tracing::warn!(%error, "rows that are nobody's could not be removed yet");
        }
    });
}

/// What copying needs of a gateway.
struct Tools<'a>(&'a Gateway);

impl<'a> Tools<'a> {
    fn of(gateway: &'a Gateway) -> Tools<'a> {
        Tools(gateway)
    }

    fn with<T>(&self, work: impl FnOnce(&Copying<'_>) -> T) -> T {
        let stopping = || self.0.stopping.load(Ordering::Relaxed);
        let (database, committer) = (&*self.0.database, &self.0.committer);
        work(&Copying { database, committer, is_stopping: &stopping })
    }

    /// Lets `work` copy from one snapshot of the store.
    fn run<T>(
        &self,
        work: impl FnOnce(&Copying<'_>, &dyn Reader) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.with(|copying| copying.database.read(|reader| work(copying, reader))?)
    }
}

/// Copies the workspace as it is at one moment; gives its state then, the time, and how many rows.
async fn copy_now(
    gateway: &Arc<Gateway>,
    workspace: &Arc<Workspace>,
    part: i64,
) -> Result<(WorkspaceState, Millis, usize), ApiError> {
    let (gateway, workspace) = (gateway.clone(), workspace.clone());
    blocking(move || {
        Tools::of(&gateway).run(|copying, reader| {
            let row = reader.workspace(&workspace.tail)?;
            let gone = || StoreError::Corrupt("a workspace has no row".into());
            let row = row.ok_or_else(gone)?;
            let (from, taken) = (row.state.rows_of(row.number), row.state.now());
            let rows = copying.copy(&workspace, (reader, from), part, &mut as_it_is)?;
            Ok((row.state, taken, rows))
        })
    })
    .await
}

fn as_it_is(_: &dyn Reader, _: usize, row: Row) -> Result<Option<Row>, StoreError> {
    Ok(Some(row))
}

fn copy_fork(
    gateway: &Arc<Gateway>,
    origin: &Arc<Workspace>,
    target: &Arc<Workspace>,
    part: i64,
) -> Result<(WorkspaceState, usize), StoreError> {
    let account = [origin.account.clone(), target.account.clone()];
    Tools::of(gateway).run(|copying, reader| {
        let Some(row) = reader.workspace(&origin.tail)? else {
            return Ok((WorkspaceState::default(), 0));
        };
        let from = row.state.rows_of(row.number);
        let renaming = Renaming { sealer: &gateway.database.sealer, from, account };
        let mut change = |reader: &dyn Reader, table, row| renaming.change(reader, table, row);
        let rows = copying.copy(target, (reader, from), part, &mut change)?;
        Ok((row.state, rows))
    })
}

fn clock_at(clock: Clock, taken: Millis) -> Clock {
    let clock = clock.resumed(machine_now());
    match clock.mode {
        ClockMode::Frozen => clock,
        ClockMode::Real => Clock { offset: taken - machine_now(), ..clock },
    }
}

/// The state of a copy in another sandbox. Its ids go on in the next second, because those of two
/// accounts do not sort by their counters.
fn forked(state: WorkspaceState) -> WorkspaceState {
    if state.id_second == 0 {
        return state;
    }
    WorkspaceState {
        forked_until: state.id_second,
        id_second: state.id_second + 1,
        id_counter: 0,
        id_drift: state.id_drift + 1,
        clock: state.clock.resumed(machine_now()),
        ..state
    }
}

fn begin(session: &mut Session<'_>, part: i64) -> Result<Result<(), ApiError>, StoreError> {
    let key = CopyKey { ws: session.home, part };
    session.write()?.copies.put(key, making());
    Ok(Ok(()))
}

/// The workspace has its rows there from now on.
fn switch(
    session: &mut Session<'_>,
    part: i64,
    state: WorkspaceState,
) -> Result<Result<(), ApiError>, StoreError> {
    if let Some(gone) = given_up(session, part)? {
        return Ok(Err(gone));
    }
    move_to(session, part, state)?;
    Ok(Ok(()))
}

fn move_to(session: &mut Session<'_>, part: i64, state: WorkspaceState) -> Result<(), StoreError> {
    let (home, old) = (session.home, session.number);
    session.state = WorkspaceState { rows: part, ..state };
    let copies = &mut session.write()?.copies;
    copies.remove(CopyKey { ws: home, part });
    copies.put(CopyKey { ws: home, part: old }, CopyRow::Removing);
    Ok(())
}

/// A sweep of another program may have taken the copy for one that nobody goes on with.
fn given_up(session: &Session<'_>, part: i64) -> Result<Option<ApiError>, StoreError> {
    let copies = session.reader.copies(session.home)?;
    let is_making =
        copies.iter().any(|(key, row)| key.part == part && matches!(row, CopyRow::Making { .. }));
    Ok((!is_making).then(ApiError::internal))
}

fn kept_in(reader: &dyn Reader, home: i64) -> Result<Vec<(String, Kept)>, StoreError> {
    let copies = reader.copies(home)?.into_iter();
    let kept = copies.filter_map(|(key, row)| match row {
        CopyRow::Kept { name, taken, state } => Some((name, Kept { key, taken, state: *state })),
        CopyRow::Making { .. } | CopyRow::Removing => None,
    });
    Ok(kept.collect())
}

fn kept_of(session: &Session<'_>) -> Result<Vec<(String, Kept)>, StoreError> {
    kept_in(session.reader, session.home)
}

/// Whether another snapshot may be kept, under that name.
fn has_room(session: &Session<'_>, name: &str) -> Result<Result<(), ApiError>, StoreError> {
    let kept = kept_of(session)?;
    if kept.iter().any(|(known, _)| known == name) {
        return Ok(Err(taken_already(name)));
    }
    if kept.len() >= SNAPSHOTS_MAX {
        return Ok(Err(too_many()));
    }
    Ok(Ok(()))
}

fn find(session: &Session<'_>, name: &str) -> Result<Option<Kept>, StoreError> {
    Ok(kept_of(session)?.into_iter().find(|(known, _)| known == name).map(|(_, kept)| kept))
}

/// Runs a command that has its batch to itself; nothing of it stands where it is refused.
async fn decide<T: Send + 'static>(
    gateway: &Gateway,
    workspace: &Arc<Workspace>,
    mut work: Decide<T>,
) -> Result<T, ApiError> {
    // The command can run more than once; the last time counts.
    let given = Arc::new(Mutex::new(None));
    let give = given.clone();
    let run = Box::new(move |session: &mut Session<'_>| {
        let decided = work(session);
        let keep = if matches!(decided, Ok(Ok(_))) { Keep::Yes } else { Keep::No };
        *give.lock().unwrap_or_else(PoisonError::into_inner) = Some(decided);
        keep
    });
    gateway.run(workspace, 0, true, run).await?;
    let decided = given.lock().unwrap_or_else(PoisonError::into_inner).take();
    decided.ok_or_else(ApiError::internal)?.map_err(fault)?
}

/// What was copied for nothing goes again.
async fn or_give_up<T>(
    gateway: &Arc<Gateway>,
    owner: &Arc<Workspace>,
    part: i64,
    result: Result<T, ApiError>,
) -> Result<T, ApiError> {
    if result.is_err() {
        let give_up = move |session: &mut Session<'_>| {
            // What failed may stand all the same, where only its answer was lost.
            if given_up(session, part)?.is_none() {
                let key = CopyKey { ws: session.home, part };
                session.write()?.copies.put(key, CopyRow::Removing);
            }
            Ok(Ok(()))
        };
        // Where even that fails, the entry is given up when its time is over.
        let _ = decide(gateway, owner, Box::new(give_up)).await;
        sweep(gateway, owner);
    }
    result
}

/// Goes on when the client hangs up.
async fn alone<T: Send + 'static>(
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::spawn(work).await.unwrap_or_else(|_| Err(ApiError::internal()))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| ApiError::internal())?.map_err(fault)
}

fn fault(error: StoreError) -> ApiError {
    tracing::error!(%error, "a copy of a sandbox failed");
    ApiError::internal()
}

fn refuse_live(workspace: &Workspace) -> Result<(), ApiError> {
    if workspace.livemode {
        return Err(ApiError::invalid(
            "Live mode has no snapshots: it cannot be put back, forked, or forked into.",
        ));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    // Clients resolve `.` and `..` in a path, so nobody could restore or delete those.
    let is_path = matches!(name, "." | "..");
    let is_short = (1..=SNAPSHOT_NAME_CHARS_MAX).contains(&name.len());
    if is_short && !is_path && name.chars().all(is_plain) {
        return Ok(());
    }
    let message = format!(
        "A snapshot's name has 1 to {SNAPSHOT_NAME_CHARS_MAX} letters, digits, dots, hyphens and \
         underscores, and is neither '.' nor '..'."
    );
    Err(ApiError::invalid(message).on("name"))
}

fn unknown(name: &str) -> ApiError {
    ApiError::param("resource_missing", "name", format!("No such snapshot: '{name}'")).status(404)
}

fn taken_already(name: &str) -> ApiError {
    let message = format!("There is a snapshot '{name}' already: delete it first.");
    ApiError::invalid(message).on("name").status(409)
}

fn too_many() -> ApiError {
    let message = format!("A sandbox has at most {SNAPSHOTS_MAX} snapshots: delete one first.");
    ApiError::invalid(message).status(409)
}

fn not_empty() -> ApiError {
    let message = "The sandbox of that key is not empty: reset it first, or take another key.";
    ApiError::invalid(message).on("to_key").status(409)
}
