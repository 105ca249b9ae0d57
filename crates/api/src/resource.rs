//! A resource: an object of the API, how it is kept, found and shown.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{IndexKey, Millis, Scope, StoredObject};

use crate::error::{Fault, Result};
use crate::expand::Include;
use crate::json::Json;
use crate::view::View;

/// The state we keep is ours; [`Resource::render`] turns it into the API's JSON.
pub trait Resource: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The value of `object`.
    const OBJECT: &'static str;
    /// What its ids begin with, without the underscore.
    const PREFIX: &'static str;
    /// The words an error uses for it.
    const LABEL: &'static str;
    /// The `param` of the error for an id in the path that is not there.
    const PARAM: &'static str = "id";
    /// The version of the kept state.
    const VERSION: u32 = 1;
    /// The references and extra members that `expand` can ask for.
    const EXPANDS: &'static [Expandable] = &[];

    /// Whether the default rendering follows from the kept state and whose it is alone, not from
    /// the clock or from other objects: then reads may show it as they printed it before.
    const STATE_ONLY: bool = false;

    fn id(&self) -> &str;
    fn created(&self) -> Millis;

    /// The values by which lists find it.
    fn index(&self, _entries: &mut Index) {}

    fn render(&self, view: &View<'_>, include: &Include<'_>) -> Result<Json>;

    /// What stands for an object that was deleted, where that is still told.
    fn remembered(_: &View<'_>, _: &str) -> Result<Option<Json>> {
        Ok(None)
    }
}

/// What can be expanded, by its dotted path in the rendered object.
#[derive(Clone, Copy)]
pub struct Expandable {
    pub path: &'static str,
    pub kind: ExpandableKind,
}

#[derive(Clone, Copy)]
pub enum ExpandableKind {
    /// An id that becomes the object.
    Reference(fn() -> ObjectDef),
    /// A member that is absent unless asked for.
    Included {
        /// Whether lists can have it too.
        in_lists: bool,
    },
}

impl Expandable {
    pub const fn reference<T: Resource>(path: &'static str) -> Self {
        Expandable { path, kind: ExpandableKind::Reference(ObjectDef::of::<T>) }
    }

    pub const fn included(path: &'static str) -> Self {
        Expandable { path, kind: ExpandableKind::Included { in_lists: true } }
    }

    pub const fn included_on_retrieve(path: &'static str) -> Self {
        Expandable { path, kind: ExpandableKind::Included { in_lists: false } }
    }
}

/// A resource without its type: what expansion needs to follow a reference.
#[derive(Clone, Copy)]
pub struct ObjectDef {
    pub object: &'static str,
    pub prefix: &'static str,
    pub expands: &'static [Expandable],
    /// Renders the object of that id; none where it is not there.
    pub load: fn(&View<'_>, &str, &Include<'_>) -> Result<Option<Json>>,
}

impl ObjectDef {
    pub fn of<T: Resource>() -> ObjectDef {
        ObjectDef {
            object: T::OBJECT,
            prefix: T::PREFIX,
            expands: T::EXPANDS,
            load: |view, id, include| match view.load::<T>(id)? {
                Some(object) => object.render(view, include).map(Some),
                None => T::remembered(view, id),
            },
        }
    }
}

/// Collects what a resource is found by.
#[derive(Default)]
pub struct Index(Vec<(&'static str, String, Option<String>)>);

impl Index {
    /// The objects with that value are listed in the order of their ids.
    pub fn add(&mut self, field: &'static str, value: impl Into<String>) {
        self.0.push((field, value.into(), None));
    }

    pub fn add_some(&mut self, field: &'static str, value: Option<&String>) {
        if let Some(value) = value {
            self.add(field, value.clone());
        }
    }

    /// The objects with that value are listed by `order`, then by id.
    pub fn add_sorted(&mut self, field: &'static str, value: impl Into<String>, order: Millis) {
        self.0.push((field, value.into(), Some(sort_prefix(order))));
    }

    pub(crate) fn keys<T: Resource>(object: &T, scope: Scope) -> Vec<IndexKey> {
        let mut entries = Index::default();
        object.index(&mut entries);
        let id = object.id();
        let entries = entries.0.into_iter();
        entries
            .map(|(field, value, order)| {
                let sort = order.map_or_else(|| id.to_owned(), |order| order + id);
                IndexKey { scope, field, value, sort }
            })
            .collect()
    }
}

/// The width of [`sort_prefix`].
pub const SORT_PREFIX_WIDTH: usize = 17;

/// A time as text that sorts like the time; it stands before the id in a sort key.
pub fn sort_prefix(order: Millis) -> String {
    format!("{:016x}|", order.max(0))
}

/// A kept state, decoded.
pub fn decode<T: Resource>(stored: &StoredObject) -> store::Result<T> {
    if stored.version > T::VERSION {
        return Err(store::StoreError::Unusable(format!(
            "{} has state version {}, newer than this program's",
            stored.id, stored.version
        )));
    }
    Ok(serde_json::from_str(&stored.state)?)
}

/// Whether an id can be one of that resource at all.
pub fn is_id_of<T: Resource>(id: &str) -> bool {
    id.strip_prefix(T::PREFIX).is_some_and(|rest| rest.starts_with('_'))
}

impl From<store::StoreError> for crate::error::Failure {
    fn from(error: store::StoreError) -> Self {
        Fault(error.to_string()).into()
    }
}

/// An owned copy to change; the kept one stays as it is until it is saved.
pub fn copy<T: Clone>(object: &Arc<T>) -> T {
    T::clone(object)
}
