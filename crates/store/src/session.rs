//! What a command or a read sees of the store: one workspace, at one time.
//!
//! Reads go overlay → decoded cache → engine. On the way of a GET there is no overlay and nothing
//! can be written.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::cache::DecodedCache;
use crate::overlay::Overlay;
use crate::reader::{IdRange, Reader};
use crate::rows::*;
use crate::seal::Sealer;
use crate::workspace::{Workspace, WorkspaceState};
use crate::{Millis, Result, StoreError, id};

pub type Decoded = Arc<dyn Any + Send + Sync>;

/// Decoded objects as last committed, and ids known to have none, in two generations: when the young one is full it becomes
/// the old one, and what nobody asks for again is gone with the next turn.
pub struct Cache {
    young: HashMap<ObjectKey, Option<Decoded>>,
    old: HashMap<ObjectKey, Option<Decoded>>,
    /// Ids that commands made since the last commit: the engine cannot have them.
    fresh: HashSet<String>,
}

/// How many fresh ids are remembered.
const FRESH_MAX: usize = 4096;
/// How many decoded objects a generation of the committer's cache holds.
const CACHE_GENERATION_MAX: usize = 4096;

impl Default for Cache {
    fn default() -> Self {
        let generation = || HashMap::with_capacity(CACHE_GENERATION_MAX);
        Cache { young: generation(), old: generation(), fresh: HashSet::new() }
    }
}

impl Cache {
    fn get(&mut self, key: &ObjectKey) -> Option<Option<Decoded>> {
        if let Some(object) = self.young.get(key) {
            return Some(object.clone());
        }
        let object = self.old.remove(key)?;
        self.insert(key.clone(), object.clone());
        Some(object)
    }

    fn insert(&mut self, key: ObjectKey, object: Option<Decoded>) {
        if self.young.len() >= CACHE_GENERATION_MAX {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(key, object);
    }

    /// Takes over what a batch committed.
    pub fn committed(&mut self, overlay: &Overlay) {
        self.fresh.clear();
        for (key, row) in overlay.objects.changes() {
            self.insert(key.clone(), row.map(|row| row.object.clone()));
        }
    }

    /// What is remembered of a workspace no longer counts.
    pub fn forget(&mut self, ws: i64) {
        self.fresh.clear();
        self.young.retain(|key, _| key.scope.ws != ws);
        self.old.retain(|key, _| key.scope.ws != ws);
    }

    pub fn clear(&mut self) {
        self.fresh.clear();
        self.young.clear();
        self.old.clear();
    }
}

/// The part of a session that only a command has.
pub struct Writing<'a> {
    pub overlay: &'a mut Overlay,
    pub cache: &'a RefCell<Cache>,
}

pub struct Session<'a> {
    pub reader: &'a dyn Reader,
    /// What reads decoded lately; a command has the committer's cache instead.
    pub decoded: Option<&'a DecodedCache>,
    pub sealer: &'a Sealer,
    pub workspace: Arc<Workspace>,
    /// The number of the workspace itself: 0 for one that nobody wrote to.
    pub home: i64,
    /// The number that its rows have.
    pub number: i64,
    pub state: WorkspaceState,
    /// The time of this command: a job's is the time it was due.
    pub now: Millis,
    pub writing: Option<Writing<'a>>,
}

impl<'a> Session<'a> {
    /// A read of one snapshot.
    pub fn reading(
        reader: &'a dyn Reader,
        decoded: Option<&'a DecodedCache>,
        sealer: &'a Sealer,
        workspace: Arc<Workspace>,
        state: WorkspaceState,
        now: Millis,
    ) -> Session<'a> {
        let home = workspace.home();
        let number = state.rows_of(home);
        Session { reader, decoded, sealer, workspace, home, number, state, now, writing: None }
    }

    pub fn scope(&self, acct: i64) -> Scope {
        Scope { ws: self.number, acct }
    }

    fn overlay(&self) -> Option<&Overlay> {
        self.writing.as_ref().map(|writing| &*writing.overlay)
    }

    /// The overlay to write to. Asking for it while reading is a fault of ours.
    pub fn write(&mut self) -> Result<&mut Overlay> {
        match &mut self.writing {
            Some(writing) => Ok(writing.overlay),
            None => Err(StoreError::Corrupt("a read tried to write".into())),
        }
    }

    /// An object, decoded by `decode` unless a batch or the cache has it decoded already.
    pub fn object<T: Send + Sync + 'static>(
        &self,
        acct: i64,
        id: &str,
        decode: fn(&StoredObject) -> Result<T>,
    ) -> Result<Option<Arc<T>>> {
        let scope = self.scope(acct);
        let Some(writing) = &self.writing else {
            let stored = self.reader.object(scope, id)?;
            return stored.map(|stored| self.decode(scope, stored, decode)).transpose();
        };
        let key = ObjectKey { scope, id: id.to_owned() };
        if let Some(changed) = writing.overlay.objects.get(&key) {
            return Ok(changed.and_then(|row| row.object.clone().downcast().ok()));
        }
        if let Some(known) = writing.cache.borrow_mut().get(&key) {
            return Ok(known.and_then(|object| object.downcast().ok()));
        }
        if writing.cache.borrow().fresh.contains(id) {
            return Ok(None);
        }
        let stored = self.reader.object(scope, id)?;
        let object = stored.map(|stored| decode(&stored).map(Arc::new)).transpose()?;
        let known = object.clone().map(|object| object as Decoded);
        writing.cache.borrow_mut().insert(key, known);
        Ok(object)
    }

    fn decode<T: Send + Sync + 'static>(
        &self,
        scope: Scope,
        stored: StoredObject,
        decode: fn(&StoredObject) -> Result<T>,
    ) -> Result<Arc<T>> {
        match self.decoded {
            Some(decoded) => decoded.decode(scope, stored, decode),
            None => Ok(Arc::new(decode(&stored)?)),
        }
    }

    /// An object as the running command or its batch changed it.
    pub fn changed_object(&self, scope: Scope, id: &str) -> Option<Decoded> {
        let key = ObjectKey { scope, id: id.to_owned() };
        let row = self.overlay()?.objects.get(&key)??;
        Some(row.object.clone())
    }

    /// Whether there is an object of that id, without decoding it.
    pub fn has_object(&self, acct: i64, id: &str) -> Result<bool> {
        let scope = self.scope(acct);
        if let Some(overlay) = self.overlay() {
            let key = ObjectKey { scope, id: id.to_owned() };
            if let Some(changed) = overlay.objects.get(&key) {
                return Ok(changed.is_some());
            }
        }
        Ok(self.reader.object(scope, id)?.is_some())
    }

    /// Objects by id, in order: all of a kind, when the range is a prefix.
    pub fn objects<T: Send + Sync + 'static>(
        &self,
        acct: i64,
        range: &IdRange,
        limit: usize,
        decode: fn(&StoredObject) -> Result<T>,
    ) -> Result<Vec<Arc<T>>> {
        let scope = self.scope(acct);
        let Some(overlay) = self.overlay() else {
            let rows = self.reader.objects(scope, range, limit)?;
            return rows.into_iter().map(|row| self.decode(scope, row, decode)).collect();
        };
        let more = limit + overlay.objects.removals();
        let rows = self.reader.objects(scope, range, more)?;
        let mut ids: BTreeMap<ObjectKey, ()> =
            rows.into_iter().map(|row| (ObjectKey { scope, id: row.id }, ())).collect();
        for (key, present) in self.changed_objects(overlay, scope, range) {
            if present {
                ids.insert(key, ());
            } else {
                ids.remove(&key);
            }
        }
        let ids = in_order(ids.into_keys().map(|key| key.id), range.descending, limit);
        self.by_ids(acct, ids, decode)
    }

    fn changed_objects(
        &self,
        overlay: &Overlay,
        scope: Scope,
        range: &IdRange,
    ) -> Vec<(ObjectKey, bool)> {
        let mut changed = BTreeMap::new();
        let lower = range.lower.clone().unwrap_or_default();
        let from = ObjectKey { scope, id: lower };
        let mut rows: BTreeMap<ObjectKey, ObjectRow> = BTreeMap::new();
        overlay.objects.merge(from.clone().., &mut rows);
        for key in rows.into_keys() {
            if key.scope == scope && range.contains(&key.id) {
                changed.insert(key, true);
            }
        }
        for (key, row) in overlay.objects.changes() {
            if row.is_none() && key.scope == scope && range.contains(&key.id) {
                changed.entry(key.clone()).or_insert(false);
            }
        }
        changed.into_iter().collect()
    }

    pub fn by_ids<T: Send + Sync + 'static>(
        &self,
        acct: i64,
        ids: Vec<String>,
        decode: fn(&StoredObject) -> Result<T>,
    ) -> Result<Vec<Arc<T>>> {
        let mut objects = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(object) = self.object(acct, &id, decode)? {
                objects.push(object);
            }
        }
        Ok(objects)
    }

    /// The sort keys of one value of an indexed field.
    pub fn index(
        &self,
        acct: i64,
        field: &'static str,
        value: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<String>> {
        let scope = self.scope(acct);
        let Some(overlay) = self.overlay() else {
            return self.reader.index(scope, field, value, range, limit);
        };
        let more = limit + overlay.index.removals();
        let key = |sort: String| IndexKey { scope, field, value: value.to_owned(), sort };
        let stored = self.reader.index(scope, field, value, range, more)?;
        let mut keys: BTreeMap<IndexKey, ()> =
            stored.into_iter().map(|sort| (key(sort), ())).collect();
        let lower = key(range.lower.clone().unwrap_or_default());
        let last = key("\u{10FFFF}".into());
        overlay.index.merge(lower..=last, &mut keys);
        let sorts = keys.into_keys().map(|key| key.sort).filter(|sort| range.contains(sort));
        Ok(in_order(sorts, range.descending, limit))
    }

    /// The objects with that value, where the sort key is the id.
    pub fn indexed_objects<T: Send + Sync + 'static>(
        &self,
        acct: i64,
        field: &'static str,
        value: &str,
        range: &IdRange,
        limit: usize,
        decode: fn(&StoredObject) -> Result<T>,
    ) -> Result<Vec<Arc<T>>> {
        if self.writing.is_none() {
            let scope = self.scope(acct);
            let rows = self.reader.indexed_objects(scope, field, value, range, limit)?;
            return rows.into_iter().map(|row| self.decode(scope, row, decode)).collect();
        }
        let ids = self.index(acct, field, value, range, limit)?;
        self.by_ids(acct, ids, decode)
    }

    pub fn posting(&self, acct: i64, id: &str) -> Result<Option<PostingRow>> {
        let scope = self.scope(acct);
        if let Some(overlay) = self.overlay() {
            let key = PostingKey { scope, id: id.to_owned() };
            if let Some(changed) = overlay.postings.get(&key) {
                return Ok(changed.cloned());
            }
        }
        self.reader.posting(scope, id)
    }

    pub fn event(&self, acct: i64, id: &str) -> Result<Option<EventRow>> {
        let scope = self.scope(acct);
        if let Some(overlay) = self.overlay() {
            let key = EventKey { scope, id: id.to_owned() };
            if let Some(changed) = overlay.events.get(&key) {
                return Ok(changed.cloned());
            }
        }
        self.reader.event(scope, id)
    }

    /// The deliveries of an event, to its endpoints.
    pub fn deliveries(&self, event: &str) -> Result<Vec<(DeliveryKey, DeliveryRow)>> {
        let stored = self.reader.deliveries(self.number, event)?;
        let Some(overlay) = self.overlay() else { return Ok(stored) };
        let mut rows: BTreeMap<DeliveryKey, DeliveryRow> = stored.into_iter().collect();
        let key = |endpoint: &str| DeliveryKey {
            ws: self.number,
            event: event.to_owned(),
            endpoint: endpoint.to_owned(),
        };
        overlay.deliveries.merge(key("")..=key("\u{10FFFF}"), &mut rows);
        Ok(rows.into_iter().collect())
    }

    /// The kept answers of an idempotency key's hash.
    pub fn answers(&self, acct: i64, hash: i64) -> Result<Vec<AnswerRow>> {
        let scope = self.scope(acct);
        let stored = self.reader.answers(scope, hash)?;
        let Some(overlay) = self.overlay() else {
            return Ok(stored.into_iter().map(|(_, row)| row).collect());
        };
        let same = |key: &AnswerKey, row: &AnswerRow| {
            key.ws == self.number && row.acct == acct && row.hash == hash
        };
        let present = |key: &AnswerKey| overlay.answers.get(key).is_none_or(|row| row.is_some());
        let stored = stored.into_iter().filter(|(key, _)| present(key)).map(|(_, row)| row);
        let fresh = overlay.answers.rows().filter(|(key, row)| same(key, row) && present(key));
        Ok(stored.chain(fresh.map(|(_, row)| row.clone())).collect())
    }

    /// Jobs due at that time, in the order they are due.
    pub fn jobs(&self, due: Millis, limit: usize) -> Result<Vec<(JobKey, JobRow)>> {
        let ws = self.number;
        let Some(overlay) = self.overlay() else { return self.reader.jobs(ws, due, limit) };
        let more = limit + overlay.jobs.removals();
        let mut rows: BTreeMap<JobKey, JobRow> =
            self.reader.jobs(ws, due, more)?.into_iter().collect();
        let first = JobKey { ws, due: Millis::MIN, seq: 0 };
        overlay.jobs.merge(first..=JobKey { ws, due, seq: i64::MAX }, &mut rows);
        Ok(rows.into_iter().take(limit).collect())
    }

    /// Plans a job; its number keeps jobs of one time in the order they were planned.
    pub fn add_job(&mut self, due: Millis, row: JobRow) -> Result<()> {
        self.state.jobs += 1;
        let key = JobKey { ws: self.number, due, seq: self.state.jobs };
        self.write()?.jobs.put(key, row);
        self.state.next_due = Some(self.state.next_due.map_or(due, |next| next.min(due)));
        Ok(())
    }

    /// Takes a job off the list and finds when the next one is due.
    pub fn remove_job(&mut self, key: JobKey) -> Result<()> {
        self.write()?.jobs.remove(key);
        self.state.next_due = self.jobs(Millis::MAX, 1)?.first().map(|(key, _)| key.due);
        Ok(())
    }

    /// A fresh id of that kind for an account.
    pub fn new_id(&mut self, prefix: &str, account: &str) -> String {
        let (second, counter) = self.state.next_id(self.now);
        let id = id::object_id(prefix, second, account, counter, id::random_u64());
        if let Some(writing) = &self.writing {
            let fresh = &mut writing.cache.borrow_mut().fresh;
            // Refused commands leave theirs behind; without them the engine is only asked in vain.
            if fresh.len() >= FRESH_MAX {
                fresh.clear();
            }
            fresh.insert(id.clone());
        }
        id
    }
}

fn in_order(
    keys: impl DoubleEndedIterator<Item = String>,
    desc: bool,
    limit: usize,
) -> Vec<String> {
    if desc { keys.rev().take(limit).collect() } else { keys.take(limit).collect() }
}
