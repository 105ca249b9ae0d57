//! Moving a workspace's clock: from one thing that is due to the next, so that every job runs and
//! every retry is made at its own time, in order, before the move is answered.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use api::runtime::{Acting, platform};
use api::view::Owner;
use api::{ApiError, Json, array, object, seconds};
use store::committer::Keep;
use store::workspace::{Tail, machine_now};
use store::{Clock, ClockMode, IdRange, Millis, Workspace, WorkspaceState, id};

use crate::gateway::{Gateway, fault};
use crate::limits::{CLOCK_EVENTS_MAX, CLOCK_STEPS_MAX};
use crate::refusals;

/// What a clock is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Stand still, now or at a time.
    Freeze(Option<Millis>),
    /// Go on from a time, in the mode it has.
    Set(Millis),
    Advance(Millis),
    /// Run with the machine's.
    Real,
}

impl Move {
    /// From the control call's body: `{"action": …, "to": seconds, "by": "3d"}`.
    pub fn parse(body: &serde_json::Value) -> Result<Move, ApiError> {
        let names = body.as_object().into_iter().flat_map(serde_json::Map::keys);
        let taken = match body["action"].as_str() {
            Some("freeze" | "set") => "to",
            Some("advance") => "by",
            _ => "action",
        };
        if let Some(name) = names.into_iter().find(|name| *name != "action" && *name != taken) {
            let message = format!("Received unknown parameter: {name}");
            return Err(ApiError::param("parameter_unknown", name, message));
        }
        let to = match &body["to"] {
            serde_json::Value::Null => None,
            value => Some(value.as_i64().and_then(|s| s.checked_mul(1000)).ok_or_else(|| {
                ApiError::invalid("`to` must be a time in Unix seconds.").on("to")
            })?),
        };
        let missing = |name: &'static str| {
            ApiError::param("parameter_missing", name, format!("Missing required param: {name}."))
        };
        match body["action"].as_str() {
            Some("freeze") => Ok(Move::Freeze(to)),
            Some("set") => Ok(Move::Set(to.ok_or_else(|| missing("to"))?)),
            Some("advance") => {
                let by = body["by"].as_str().ok_or_else(|| missing("by"))?;
                let by = duration(by).ok_or_else(|| {
                    ApiError::invalid("`by` must be a duration such as 90s, 15m, 4h or 3d.")
                        .on("by")
                })?;
                Ok(Move::Advance(by))
            }
            Some("real") => Ok(Move::Real),
            _ => Err(ApiError::invalid(
                "Invalid action: must be one of freeze, set, advance, or real",
            )
            .on("action")),
        }
    }
}

/// A number with a unit: ms, s, m, h, d.
pub fn duration(text: &str) -> Option<Millis> {
    let at = text.find(|c: char| !c.is_ascii_digit())?;
    let number: i64 = text[..at].parse().ok()?;
    let unit = match &text[at..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// Whose turn it is to move a workspace's clock, or to empty the workspace: one after another.
#[derive(Default)]
pub struct Turns(Mutex<HashMap<Tail, Arc<tokio::sync::Mutex<()>>>>);

/// Turns nobody waits for are forgotten when there are this many.
const TURNS_KEPT_MAX: usize = 1000;

impl Turns {
    pub fn of(&self, workspace: &Workspace) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() >= TURNS_KEPT_MAX {
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        }
        turns.entry(workspace.tail).or_default().clone()
    }
}

/// Moves the clock and answers with what happened on the way. It goes on when the client hangs up.
pub async fn shift(
    gateway: &Arc<Gateway>,
    workspace: &Arc<Workspace>,
    wanted: Move,
) -> Result<Json, ApiError> {
    if workspace.livemode {
        return Err(ApiError::invalid("The clock of live mode cannot be moved."));
    }
    let (gateway, workspace) = (gateway.clone(), workspace.clone());
    let moving = tokio::spawn(async move {
        let turn = gateway.turns.of(&workspace);
        let _mine = turn.lock().await;
        shift_alone(&gateway, &workspace, wanted).await
    });
    moving.await.unwrap_or_else(|_| Err(ApiError::internal()))
}

async fn shift_alone(
    gateway: &Gateway,
    workspace: &Arc<Workspace>,
    wanted: Move,
) -> Result<Json, ApiError> {
    gateway.catch_up(workspace).await?;
    let before = workspace.state();
    let now = before.now();
    let (target, mode) = aim(&before, now, wanted)?;
    if target < now && !before.is_empty() {
        return Err(ApiError::invalid(
            "The clock only moves forward. Reset the sandbox to start from an earlier time.",
        )
        .on("to"));
    }
    let range = id::EPOCH_SECOND * 1000..=id::LAST_SECOND * 1000;
    if !range.contains(&target) {
        return Err(ApiError::invalid("The clock runs from 2010 to 2039.").on("to"));
    }
    let mut happened = Happened { since: before, events: Vec::new() };
    step_to(gateway, workspace, target, mode, &mut happened).await?;
    set(gateway, workspace, target, mode, None).await?;
    happened.gather(gateway, workspace)?;
    let after = workspace.state();
    let has_more = happened.events.len() > CLOCK_EVENTS_MAX;
    happened.events.truncate(CLOCK_EVENTS_MAX);
    Ok(object([
        ("mode", mode_name(mode).into()),
        ("now", seconds(after.now()).into()),
        ("jobs_run", (after.jobs_done - before.jobs_done).into()),
        ("events", array(happened.events)),
        ("events_has_more", has_more.into()),
    ]))
}

/// The events of a move, gathered before old ones are removed on the way.
struct Happened {
    since: WorkspaceState,
    events: Vec<Json>,
}

impl Happened {
    fn gather(&mut self, gateway: &Gateway, workspace: &Arc<Workspace>) -> Result<(), ApiError> {
        let until = workspace.state();
        if self.events.len() <= CLOCK_EVENTS_MAX {
            self.events.extend(events_since(gateway, workspace, &self.since)?);
        }
        self.since = until;
        Ok(())
    }
}

/// Where the clock goes and how it runs from there.
fn aim(state: &WorkspaceState, now: Millis, wanted: Move) -> Result<(Millis, ClockMode), ApiError> {
    Ok(match wanted {
        Move::Freeze(to) => (to.unwrap_or(now), ClockMode::Frozen),
        Move::Set(to) => (to, state.clock.mode),
        Move::Advance(by) => {
            let too_far = || ApiError::invalid("The clock runs from 2010 to 2039.").on("by");
            (now.checked_add(by).ok_or_else(too_far)?, state.clock.mode)
        }
        Move::Real => (now.max(machine_now()), ClockMode::Real),
    })
}

/// Stops at everything that is due on the way, and lets it happen.
async fn step_to(
    gateway: &Gateway,
    workspace: &Arc<Workspace>,
    target: Millis,
    mode: ClockMode,
    happened: &mut Happened,
) -> Result<(), ApiError> {
    for _ in 0..CLOCK_STEPS_MAX {
        if gateway.stopping.load(Ordering::Relaxed) {
            return Err(refusals::overloaded());
        }
        let state = workspace.state();
        let job = state.next_due.into_iter().chain(state.next_sweep).min();
        let retry = gateway.delivery.next_due(workspace).map_err(store_fault)?;
        let Some(next) = job.into_iter().chain(retry).min().filter(|next| *next <= target) else {
            return Ok(());
        };
        if state.next_sweep == Some(next) {
            happened.gather(gateway, workspace)?;
        }
        let at = next.max(state.now().min(target));
        set(gateway, workspace, at, ClockMode::Frozen, Some(mode)).await?;
        gateway.catch_up(workspace).await?;
        gateway.delivery.flush_due(workspace.clone()).await;
    }
    Err(ApiError::invalid("Too much becomes due on the way; advance by less at a time.").on("by"))
}

/// Sets the clock to a time. While it is on its way, `moving` tells how it will run at the end: a
/// program that is stopped in between finds it going on like that.
async fn set(
    gateway: &Gateway,
    workspace: &Arc<Workspace>,
    now: Millis,
    mode: ClockMode,
    moving: Option<ClockMode>,
) -> Result<(), ApiError> {
    let run = Box::new(move |session: &mut store::Session<'_>| {
        // An empty workspace may go back; in any other, other commands saw later times meanwhile.
        let earliest = if session.state.is_empty() { Millis::MIN } else { session.state.last_now };
        let now = now.max(earliest);
        let offset = if mode == ClockMode::Real { now - machine_now() } else { 0 };
        session.state.clock = Clock { mode, offset, at: now, moving };
        session.state.last_now = now;
        if session.state.is_empty() {
            session.state.next_sweep = None;
        }
        Keep::Yes
    });
    gateway.run(workspace, 0, false, run).await
}

fn mode_name(mode: ClockMode) -> &'static str {
    match mode {
        ClockMode::Real => "real",
        ClockMode::Frozen => "frozen",
    }
}

/// The present time of a workspace.
pub fn show(workspace: &Workspace) -> Json {
    let state = workspace.state();
    object([
        ("mode", mode_name(state.clock.mode).into()),
        ("now", seconds(state.now()).into()),
        ("jobs_run", Json::Int(0)),
        ("events", Json::Array(vec![])),
    ])
}

/// The events made since, of all accounts, oldest first.
fn events_since(
    gateway: &Gateway,
    workspace: &Arc<Workspace>,
    before: &WorkspaceState,
) -> Result<Vec<Json>, ApiError> {
    let acting = Acting { owner: platform(workspace), request: None };
    let found = gateway.with_view(workspace, acting, |view| {
        let mut owners = vec![view.platform()];
        for number in 1..=view.session.state.accounts {
            if let Some(id) = (gateway.app.api.account_by_number)(view, number)? {
                owners.push(Owner { number, id });
            }
        }
        let mut events = Vec::new();
        for owner in owners {
            let (second, counter) = (before.id_second, before.id_counter + 1);
            let first = id::object_id("evt", second, &owner.id, counter, 0);
            let range = IdRange::prefix("evt", false).at_least(first);
            let scope = view.session.scope(owner.number);
            let rows = view.session.reader.events(scope, None, &range, CLOCK_EVENTS_MAX + 1)?;
            for (id, row) in rows {
                let account = (owner.number != 0).then(|| owner.id.clone());
                events.push((row.created, id, row.kind, account));
            }
        }
        events.sort_by(|(_, a, ..), (_, b, ..)| order_of(a).cmp(&order_of(b)));
        Ok(events)
    })?;
    let events = found.map_err(fault)?.into_iter();
    Ok(events
        .map(|(created, id, kind, account)| {
            object([
                ("id", id.into()),
                ("account", account.into()),
                ("created", seconds(created).into()),
                ("type", kind.into()),
            ])
        })
        .collect())
}

/// The time and the counter in an event's id: the order of the workspace, whoever the account.
fn order_of(id: &str) -> (Option<&str>, Option<&str>) {
    let tail = id.rsplit('_').next().unwrap_or(id);
    (tail.get(..6), tail.get(16..19))
}

fn store_fault(error: store::StoreError) -> ApiError {
    tracing::error!(%error, "the store could not be read");
    ApiError::internal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("3d"), Some(259_200_000));
        assert_eq!(duration("15m"), Some(900_000));
        assert_eq!(duration("250ms"), Some(250));
        for wrong in ["", "3", "d", "-1d", "3 d", "99999999999999999d", "1w"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
