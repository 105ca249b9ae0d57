//! What a batch of commands would change, held in memory until it is committed whole.
//!
//! Two layers: the batch, and the command that is running. A command that fails drops its layer;
//! no savepoint of the engine is needed.

use std::collections::BTreeMap;
use std::ops::RangeBounds;
use std::sync::Arc;

use crate::rows::*;
use crate::tables;
use crate::workspace::{Workspace, WorkspaceState};

/// The changes of one table: a row, or its removal.
pub struct Layer<K, V> {
    batch: BTreeMap<K, Option<V>>,
    command: BTreeMap<K, Option<V>>,
}

impl<K, V> Default for Layer<K, V> {
    fn default() -> Self {
        Layer { batch: BTreeMap::new(), command: BTreeMap::new() }
    }
}

impl<K: Ord + Clone, V: Clone> Layer<K, V> {
    /// The changed row; an inner none is a removed one.
    pub fn get(&self, key: &K) -> Option<Option<&V>> {
        self.command.get(key).or_else(|| self.batch.get(key)).map(Option::as_ref)
    }

    pub fn put(&mut self, key: K, row: V) {
        self.command.insert(key, Some(row));
    }

    pub fn remove(&mut self, key: K) {
        self.command.insert(key, None);
    }

    /// Lays the changes within `range` over the rows an engine gave.
    pub fn merge(&self, range: impl RangeBounds<K> + Clone, rows: &mut BTreeMap<K, V>) {
        for layer in [&self.batch, &self.command] {
            for (key, change) in layer.range(range.clone()) {
                match change {
                    Some(row) => {
                        rows.insert(key.clone(), row.clone());
                    }
                    None => {
                        rows.remove(key);
                    }
                }
            }
        }
    }

    /// The rows put by the batch and the running command, which may still be hidden by a later
    /// change of the same key.
    pub fn rows(&self) -> impl Iterator<Item = (&K, &V)> {
        let layers = self.batch.iter().chain(&self.command);
        layers.filter_map(|(key, row)| Some((key, row.as_ref()?)))
    }

    /// How many removals could hide rows from a bounded scan.
    pub fn removals(&self) -> usize {
        let count = |layer: &BTreeMap<K, Option<V>>| layer.values().filter(|c| c.is_none()).count();
        count(&self.batch) + count(&self.command)
    }

    pub fn changes(&self) -> impl Iterator<Item = (&K, Option<&V>)> {
        self.batch.iter().map(|(key, row)| (key, row.as_ref()))
    }

    fn keep(&mut self) {
        if self.batch.is_empty() {
            std::mem::swap(&mut self.batch, &mut self.command);
            return;
        }
        // Not `append`, which builds the whole map anew: a command has a few rows, a batch many.
        for (key, row) in std::mem::take(&mut self.command) {
            self.batch.insert(key, row);
        }
    }

    fn drop_command(&mut self) {
        self.command.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }
}

/// A workspace as the batch leaves it.
#[derive(Clone)]
pub struct Touched {
    pub workspace: Arc<Workspace>,
    /// The number of its own row.
    pub home: i64,
    pub state: WorkspaceState,
}

impl Touched {
    /// The number that its rows have.
    pub fn number(&self) -> i64 {
        self.state.rows_of(self.home)
    }
}

/// Rows of one table that come from elsewhere, whatever they say.
pub struct Moved {
    /// The number they get as their `ws`.
    pub part: i64,
    /// Which of [`crate::tables::TABLES`].
    pub table: usize,
    pub rows: Arc<Vec<tables::Row>>,
}

/// So many rows of one table that are nobody's any more.
#[derive(Clone, Copy, Debug)]
pub struct Removed {
    pub part: i64,
    pub table: usize,
    pub rows: usize,
}

/// Every change of a batch: the write set.
#[derive(Default)]
pub struct Overlay {
    pub objects: Layer<ObjectKey, ObjectRow>,
    pub index: Layer<IndexKey, ()>,
    pub postings: Layer<PostingKey, PostingRow>,
    pub events: Layer<EventKey, EventRow>,
    pub jobs: Layer<JobKey, JobRow>,
    pub answers: Layer<AnswerKey, AnswerRow>,
    pub deliveries: Layer<DeliveryKey, DeliveryRow>,
    pub copies: Layer<CopyKey, CopyRow>,
    /// By the number of their own rows.
    pub workspaces: BTreeMap<i64, Touched>,
    /// Put and removed as they are. A command that does either has its batch to itself.
    pub moved: Vec<Moved>,
    pub removed: Vec<Removed>,
}

impl Overlay {
    /// The running command stands.
    pub fn keep(&mut self) {
        self.objects.keep();
        self.index.keep();
        self.postings.keep();
        self.events.keep();
        self.jobs.keep();
        self.answers.keep();
        self.deliveries.keep();
        self.copies.keep();
    }

    /// The running command leaves nothing behind.
    pub fn drop_command(&mut self) {
        self.objects.drop_command();
        self.index.drop_command();
        self.postings.drop_command();
        self.events.drop_command();
        self.jobs.drop_command();
        self.answers.drop_command();
        self.deliveries.drop_command();
        self.copies.drop_command();
        self.moved.clear();
        self.removed.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.workspaces.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_command_leaves_nothing() {
        let mut layer: Layer<u8, &str> = Layer::default();
        layer.put(1, "one");
        layer.keep();
        layer.put(2, "two");
        layer.remove(1);
        assert_eq!(layer.get(&1), Some(None));
        assert_eq!(layer.get(&2), Some(Some(&"two")));
        layer.drop_command();
        assert_eq!(layer.get(&1), Some(Some(&"one")));
        assert_eq!(layer.get(&2), None);
    }

    #[test]
    fn a_scan_sees_the_changes() {
        let mut layer: Layer<u8, &str> = Layer::default();
        layer.put(2, "new");
        layer.remove(3);
        let mut rows = BTreeMap::from([(1, "a"), (3, "c")]);
        layer.merge(0..9, &mut rows);
        assert_eq!(rows, BTreeMap::from([(1, "a"), (2, "new")]));
    }
}
