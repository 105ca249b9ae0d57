//! What can be read from an engine: points and bounded ranges of rows, as of one moment.

use crate::rows::*;
use crate::tables::Row;
use crate::workspace::{Tail, Workspace, WorkspaceRow, WorkspaceState};
use crate::{Millis, Result};

/// A range of ids or sort keys, and the way to walk it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdRange {
    /// Inclusive.
    pub lower: Option<String>,
    /// Exclusive.
    pub upper: Option<String>,
    pub descending: bool,
}

impl IdRange {
    pub fn newest_first() -> Self {
        IdRange { descending: true, ..IdRange::default() }
    }

    pub fn oldest_first() -> Self {
        IdRange::default()
    }

    /// Everything with that prefix.
    pub fn prefix(prefix: &str, descending: bool) -> Self {
        // The character after `_` sorts after every id of the kind and before no other kind's.
        let lower = format!("{prefix}_");
        let upper = format!("{prefix}`");
        IdRange { lower: Some(lower), upper: Some(upper), descending }
    }

    pub fn at_least(mut self, lower: String) -> Self {
        if self.lower.as_ref().is_none_or(|current| *current < lower) {
            self.lower = Some(lower);
        }
        self
    }

    pub fn below(mut self, upper: String) -> Self {
        if self.upper.as_ref().is_none_or(|current| *current > upper) {
            self.upper = Some(upper);
        }
        self
    }

    /// Strictly after that key.
    pub fn above(self, key: &str) -> Self {
        self.at_least(format!("{key}\0"))
    }

    pub fn contains(&self, key: &str) -> bool {
        self.lower.as_deref().is_none_or(|lower| lower <= key)
            && self.upper.as_deref().is_none_or(|upper| key < upper)
    }
}

/// One snapshot of the store. Every scan has a limit.
pub trait Reader {
    fn workspace(&self, tail: &Tail) -> Result<Option<WorkspaceRow>>;
    /// The state of a workspace as this snapshot has it, or a later one.
    fn state(&self, workspace: &Workspace) -> Result<WorkspaceState> {
        Ok(workspace.state())
    }
    /// Workspaces with a job, a sweep or a delivery ahead of them, and all others, by number.
    fn workspaces(&self, after: i64, limit: usize) -> Result<Vec<WorkspaceRow>>;

    fn object(&self, scope: Scope, id: &str) -> Result<Option<StoredObject>>;
    fn objects(&self, scope: Scope, range: &IdRange, limit: usize) -> Result<Vec<StoredObject>>;

    /// The sort keys of an index, in order.
    fn index(
        &self,
        scope: Scope,
        field: &str,
        value: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<String>>;
    /// The same for an index whose sort key is the id itself, with the objects.
    fn indexed_objects(
        &self,
        scope: Scope,
        field: &str,
        value: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<StoredObject>>;

    fn posting(&self, scope: Scope, id: &str) -> Result<Option<PostingRow>>;
    fn postings(
        &self,
        scope: Scope,
        book: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<(String, PostingRow)>>;

    fn event(&self, scope: Scope, id: &str) -> Result<Option<EventRow>>;
    /// Events of one type, or of all.
    fn events(
        &self,
        scope: Scope,
        kind: Option<&str>,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<(String, EventRow)>>;

    fn jobs(&self, ws: i64, due: Millis, limit: usize) -> Result<Vec<(JobKey, JobRow)>>;
    fn first_job(&self, ws: i64) -> Result<Option<JobKey>>;

    fn answers(&self, scope: Scope, hash: i64) -> Result<Vec<(AnswerKey, AnswerRow)>>;
    /// The oldest answers, for the sweep.
    fn oldest_answers(&self, ws: i64, limit: usize) -> Result<Vec<(AnswerKey, AnswerRow)>>;
    /// The oldest events of a workspace, over all its accounts.
    fn oldest_events(&self, ws: i64, limit: usize) -> Result<Vec<(EventKey, Millis)>>;

    /// The sets of rows beside those of a workspace, by its own number.
    fn copies(&self, home: i64) -> Result<Vec<(CopyKey, CopyRow)>>;
    /// Rows of one of [`crate::tables::TABLES`] as they are, in the order of their keys.
    fn page(&self, part: i64, table: usize, after: &Row, limit: usize) -> Result<Vec<Row>>;

    /// All deliveries of an event.
    fn deliveries(&self, ws: i64, event: &str) -> Result<Vec<(DeliveryKey, DeliveryRow)>>;
    /// Those still to be made, in the order they are due.
    fn pending_deliveries(
        &self,
        ws: i64,
        after: Option<(Millis, DeliveryKey)>,
        limit: usize,
    ) -> Result<Vec<(DeliveryKey, DeliveryRow)>>;
    /// The latest deliveries, newest event first.
    fn latest_deliveries(&self, ws: i64, limit: usize) -> Result<Vec<(DeliveryKey, DeliveryRow)>>;
}
