//! Workspaces, what is due in them, and the answers kept for idempotency keys.

use std::sync::Arc;

use api::app::ANSWER_KEPT_MS;
use store::{AnswerRow, CopyRow, JobKey, JobRow, Result, Scope, Workspace, WorkspaceState};

use super::walk::{Place, Walk};

const WORKSPACES: &str =
    "SELECT ws, tail, account, livemode, next_due, state FROM workspaces ORDER BY ws";
const JOBS: &str = "SELECT due, seq, acct, kind, object, detail FROM jobs WHERE ws = ?1 \
                    ORDER BY due, seq";
const COPIES: &str = "SELECT ws, part, name, until, taken, state FROM copies ORDER BY ws, part";
const FIRST_DUE: &str = "SELECT min(due) FROM jobs WHERE ws = ?1";
const ANSWERS: &str = "SELECT seq, acct, hash, idempotency_key, fingerprint, path, request, \
                       status, created, event, body FROM answers WHERE ws = ?1 ORDER BY seq";
const ANSWER_PLACE: &str = "SELECT count(*) FROM answer_index \
                            WHERE ws = ?1 AND part IN (0, 1) AND acct = ?2 AND hash = ?3 AND seq = ?4";
const ANSWER_PLACES_COUNT: &str = "SELECT count(*) FROM answer_index WHERE ws = ?1";
const STRAY_ANSWERS: &str = "SELECT acct, hash, seq FROM answer_index AS place WHERE ws = ?1 \
                             AND NOT EXISTS (SELECT 1 FROM answers AS answer \
                             WHERE answer.ws = place.ws AND answer.seq = place.seq \
                             AND answer.acct = place.acct AND answer.hash = place.hash) \
                             ORDER BY acct, hash, seq";

struct WorkspaceRow {
    ws: i64,
    tail: Vec<u8>,
    account: String,
    livemode: bool,
    next_due: Option<i64>,
    state: String,
}

/// What the kept answer to a key can be.
const STATUSES: [u16; 8] = [200, 400, 402, 403, 404, 409, 429, 500];

impl Walk<'_> {
    /// The workspaces whose rows can be read; the others are told about.
    pub fn places(&mut self) -> Result<Vec<Place>> {
        let read = |row: &rusqlite::Row<'_>| {
            Ok(WorkspaceRow {
                ws: row.get(0)?,
                tail: row.get(1)?,
                account: row.get(2)?,
                livemode: row.get(3)?,
                next_due: row.get(4)?,
                state: row.get(5)?,
            })
        };
        let mut places = Vec::new();
        self.each("workspaces", WORKSPACES, &[], read, |walk, found| {
            let state = serde_json::from_str::<WorkspaceState>(&found.state);
            let ws = state.as_ref().map_or(found.ws, |state| state.rows_of(found.ws));
            let first = walk.first_due(ws)?;
            let id = format!("ws {}, {}", found.ws, found.account);
            let mut row = walk.findings.at_row("workspaces", &id);
            let Ok(tail) = <[u8; 32]>::try_from(found.tail) else {
                row.wrong("its tail is not one of 32 bytes");
                return Ok(());
            };
            let state = match state {
                Ok(state) => state,
                Err(error) => {
                    row.wrong(format!("its state cannot be read: {error}"));
                    return Ok(());
                }
            };
            row.must(found.ws > 0, "its number is not positive");
            row.must(found.account.starts_with("acct_"), "its account is none");
            let due = found.next_due;
            row.must(due == first, format!("next_due is {due:?}, its first job is due {first:?}"));
            row.must(due == state.next_due, "next_due is not that of its state");
            let workspace = Arc::new(Workspace::new(tail, found.account, found.livemode));
            workspace.publish(found.ws, state);
            places.push(Place { ws, workspace, state, is_snapshot: false });
            Ok(())
        })?;
        self.snapshots(&mut places)?;
        Ok(places)
    }

    /// Snapshots are as good as what they show. Other copies are nobody's yet, or no longer.
    fn snapshots(&mut self, places: &mut Vec<Place>) -> Result<()> {
        let read = |row: &rusqlite::Row<'_>| {
            let (home, part) = (row.get::<_, i64>(0)?, row.get::<_, i64>(1)?);
            Ok((home, part, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        };
        self.each("copies", COPIES, &[], read, |walk, (home, part, name, until, taken, state)| {
            let owner = places.iter().find(|place| place.workspace.home() == home);
            let owner = owner.map(|place| place.workspace.clone());
            let is_used = places.iter().any(|place| place.ws == part);
            let id = format!("ws {home}, part {part}");
            let row = CopyRow::from_columns(name, until, taken, state);
            let due = match &row {
                Ok(CopyRow::Kept { .. }) => walk.first_due(part)?,
                _ => None,
            };
            let mut told = walk.findings.at_row("copies", &id);
            told.must(!is_used, "its rows are those of a workspace or a snapshot, too");
            let Some(owner) = owner else {
                told.wrong("its workspace is not there");
                return Ok(());
            };
            match row {
                Ok(CopyRow::Kept { state, taken, .. }) => {
                    let planned = state.next_due;
                    let rule = format!("next_due is {planned:?}, its first job is due {due:?}");
                    told.must(planned == due, rule);
                    let is_past = state.last_now <= taken;
                    told.must(is_past, "it was taken before the latest command that it shows");
                    let (tail, account) = (owner.tail, owner.account.clone());
                    let workspace = Workspace::new(tail, account, owner.livemode);
                    let state = WorkspaceState { rows: part, ..*state };
                    workspace.publish(home, state);
                    let workspace = Arc::new(workspace);
                    places.push(Place { ws: part, workspace, state, is_snapshot: true });
                }
                Ok(CopyRow::Making { .. } | CopyRow::Removing) => {}
                Err(error) => told.wrong(format!("its state cannot be read: {error}")),
            }
            Ok(())
        })
    }

    fn first_due(&self, ws: i64) -> Result<Option<i64>> {
        Ok(self.rows.prepare_cached(FIRST_DUE)?.query_row([ws], |row| row.get(0))?)
    }

    pub fn jobs(&mut self, place: &Place) -> Result<()> {
        let read = |row: &rusqlite::Row<'_>| {
            let key = JobKey { ws: 0, due: row.get(0)?, seq: row.get(1)? };
            let (acct, kind, object) = (row.get(2)?, row.get(3)?, row.get(4)?);
            Ok((key, JobRow { acct, kind, object, detail: row.get(5)? }))
        };
        let (ws, state) = (place.ws, place.state);
        self.each("jobs", JOBS, &[&ws], read, |walk, (key, job)| {
            let JobKey { due, seq, .. } = key;
            let JobRow { acct, kind, object, .. } = &job;
            let acct = *acct;
            let id = format!("due {due}, seq {seq}, {kind} of {object}");
            let mut row = walk.findings.at("jobs", Scope { ws, acct }, &id);
            row.must(walk.app.api.job(kind).is_some(), "a job of this kind is not known");
            let is_given = (0..=state.accounts).contains(&acct);
            row.must(is_given, "the workspace never gave an account this number");
            row.must((1..=state.jobs).contains(&seq), "the workspace never gave this seq");
            walk.findings.planned(job);
            Ok(())
        })
    }

    pub fn answers(&mut self, place: &Place) -> Result<()> {
        let read = |row: &rusqlite::Row<'_>| {
            let answer = AnswerRow {
                acct: row.get(1)?,
                hash: row.get(2)?,
                key: row.get(3)?,
                fingerprint: row.get(4)?,
                path: row.get(5)?,
                request: row.get(6)?,
                status: row.get(7)?,
                created: row.get(8)?,
                event: row.get(9)?,
                body: row.get(10)?,
            };
            Ok((row.get::<_, i64>(0)?, answer))
        };
        let mut there = 0;
        self.each("answers", ANSWERS, &[&place.ws], read, |walk, (seq, answer)| {
            there += walk.answer(place, seq, &answer)?;
            Ok(())
        })?;
        if self.count(ANSWER_PLACES_COUNT, &[&place.ws])? != there {
            self.stray_answers(place.ws)?;
        }
        Ok(())
    }

    /// One answer; gives how many rows of the index it has.
    fn answer(&mut self, place: &Place, seq: i64, answer: &AnswerRow) -> Result<i64> {
        let scope = Scope { ws: place.ws, acct: answer.acct };
        let there = self.count(ANSWER_PLACE, &[&place.ws, &answer.acct, &answer.hash, &seq])?;
        let event = match &answer.event {
            Some(event) => self.reader.event(scope, event)?.is_some(),
            None => false,
        };
        let id = format!("seq {seq}");
        let mut row = self.findings.at("answers", scope, &id);
        row.must(there == 1, "its row of answer_index is missing");
        row.must((1..=place.state.answers).contains(&seq), "the workspace never gave this seq");
        let status = answer.status;
        row.must(STATUSES.contains(&status), format!("no answer with the status {status} is kept"));
        let is_fit = answer.event.is_none() || status == 200;
        row.must(is_fit, format!("it says what an event says, with the status {status}"));
        // The event of an answer that counts no more can have been swept away before it.
        let counts = answer.created + ANSWER_KEPT_MS > place.state.last_now;
        match (&answer.event, &answer.body) {
            (Some(name), None) => {
                row.must(event || !counts, format!("its event {name} is not there"));
            }
            (None, Some(body)) => {
                let opens =
                    self.sealer.unseal(body).is_ok_and(|text| String::from_utf8(text).is_ok());
                row.must(opens, "its body does not open with the key");
            }
            (Some(_), Some(_)) => row.wrong("it has a body and names an event"),
            (None, None) => row.wrong("it has no body and names no event"),
        }
        Ok(there)
    }

    fn stray_answers(&mut self, ws: i64) -> Result<()> {
        let read = |row: &rusqlite::Row<'_>| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        };
        self.each("answer_index", STRAY_ANSWERS, &[&ws], read, |walk, (acct, hash, seq)| {
            let id = format!("hash {hash}, seq {seq}");
            walk.findings
                .at("answer_index", Scope { ws, acct }, &id)
                .wrong("its answer is not there");
            Ok(())
        })
    }
}
