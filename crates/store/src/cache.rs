//! What reads decoded and printed lately.
//!
//! An entry counts only for the very state it was made from, which every read still fetches: it
//! can be forgotten, but it cannot be wrong. Decoding and printing an object take longer than
//! fetching it.

use std::any::Any;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, OnceLock};

use crate::Result;
use crate::rows::{Scope, StoredObject};
use crate::workspace::lock;

const SHARDS: usize = 16;
/// Entries of one generation of a shard; two generations are kept.
const GENERATION_MAX: usize = 128;
/// Longer states are decoded each time: a few of them could fill the memory.
const STATE_BYTES_MAX: usize = 16 * 1024;
/// At how many levels of indentation an object is kept printed: alone, and in a list.
pub const PRINT_LEVELS: [usize; 2] = [0, 2];

struct Entry {
    scope: Scope,
    state: String,
    object: Arc<dyn Any + Send + Sync>,
    printed: Arc<[OnceLock<Arc<str>>; PRINT_LEVELS.len()]>,
}

#[derive(Default)]
struct Shard {
    young: HashMap<String, Entry>,
    old: HashMap<String, Entry>,
}

impl Shard {
    fn get(&mut self, id: &str) -> Option<&Entry> {
        if !self.young.contains_key(id)
            && let Some((id, entry)) = self.old.remove_entry(id)
        {
            self.insert(id, entry);
        }
        self.young.get(id)
    }

    fn insert(&mut self, id: String, entry: Entry) {
        if self.young.len() >= GENERATION_MAX {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(id, entry);
    }
}

#[derive(Default)]
pub struct DecodedCache {
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

impl DecodedCache {
    fn shard(&self, id: &str) -> &Mutex<Shard> {
        &self.shards[self.hasher.hash_one(id) as usize % SHARDS]
    }

    /// The object of that state, decoded now or before.
    pub fn decode<T: Send + Sync + 'static>(
        &self,
        scope: Scope,
        stored: StoredObject,
        decode: fn(&StoredObject) -> Result<T>,
    ) -> Result<Arc<T>> {
        let shard = self.shard(&stored.id);
        if let Some(entry) = lock(shard).get(&stored.id)
            && entry.scope == scope
            && entry.state == stored.state
            && let Ok(object) = entry.object.clone().downcast()
        {
            return Ok(object);
        }
        let object = Arc::new(decode(&stored)?);
        if stored.state.len() <= STATE_BYTES_MAX {
            let entry = Entry {
                scope,
                state: stored.state,
                object: object.clone(),
                printed: Arc::default(),
            };
            lock(shard).insert(stored.id, entry);
        }
        Ok(object)
    }

    /// The object as printed at one of the levels, by `print` if it was not before. None: the
    /// object is not one of those kept.
    pub fn printed<E>(
        &self,
        id: &str,
        object: &Arc<dyn Any + Send + Sync>,
        level: usize,
        print: impl FnOnce() -> Result<String, E>,
    ) -> Result<Option<Arc<str>>, E> {
        let Some(slot) = PRINT_LEVELS.iter().position(|kept| *kept == level) else {
            return Ok(None);
        };
        let printed = match lock(self.shard(id)).get(id) {
            Some(entry) if Arc::ptr_eq(&entry.object, object) => entry.printed.clone(),
            _ => return Ok(None),
        };
        if let Some(text) = printed[slot].get() {
            return Ok(Some(text.clone()));
        }
        let text: Arc<str> = print()?.into();
        Ok(Some(printed[slot].get_or_init(|| text).clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(state: &str) -> StoredObject {
        StoredObject { id: "x_1".into(), version: 1, state: state.into() }
    }

    fn decode(stored: &StoredObject) -> Result<String> {
        Ok(stored.state.clone())
    }

    #[test]
    fn an_entry_counts_only_for_its_own_state_and_scope() {
        let cache = DecodedCache::default();
        let (a, b) = (Scope { ws: 1, acct: 0 }, Scope { ws: 2, acct: 0 });
        let first = cache.decode(a, stored("one"), decode).unwrap();
        assert!(Arc::ptr_eq(&first, &cache.decode(a, stored("one"), decode).unwrap()));
        assert_eq!(*cache.decode(a, stored("two"), decode).unwrap(), "two");
        let other = cache.decode(b, stored("two"), decode).unwrap();
        assert_eq!(*other, "two");
    }

    #[test]
    fn what_is_printed_belongs_to_the_object_it_was_printed_from() {
        let cache = DecodedCache::default();
        let scope = Scope { ws: 1, acct: 0 };
        let print = |object: &Arc<String>| {
            let any: Arc<dyn Any + Send + Sync> = object.clone();
            cache.printed("x_1", &any, 2, || Ok::<_, ()>(format!("<{object}>"))).unwrap()
        };
        let one = cache.decode(scope, stored("one"), decode).unwrap();
        assert_eq!(print(&one).as_deref(), Some("<one>"));
        let two = cache.decode(scope, stored("two"), decode).unwrap();
        assert_eq!(print(&one), None);
        assert_eq!(print(&two).as_deref(), Some("<two>"));
    }
}
