//! Lists: newest first, by cursors, through as many filters as are given, never scanning.

use std::sync::Arc;

use store::{IdRange, id};

use crate::error::{ApiError, Result};
use crate::params::{ListParams, Range};
use crate::resource::{Resource, SORT_PREFIX_WIDTH, decode};
use crate::view::{View, seconds};

/// One page, and whether there is more in the direction of travel.
pub struct Page<T> {
    pub items: Vec<Arc<T>>,
    pub has_more: bool,
}

impl<T> Page<T> {
    pub fn empty() -> Self {
        Page { items: Vec::new(), has_more: false }
    }
}

/// What to list.
pub struct Query<'q> {
    pub page: &'q ListParams,
    /// Indexed fields and their values; an object must have all of them.
    pub filters: Vec<(&'static str, String)>,
    /// An indexed field and the values of which an object must have one.
    pub any: Option<(&'static str, Vec<String>)>,
    pub created: Option<&'q Range>,
}

impl<'q> Query<'q> {
    pub fn new(page: &'q ListParams) -> Self {
        Query { page, filters: Vec::new(), any: None, created: None }
    }

    pub fn filter(mut self, field: &'static str, value: impl Into<String>) -> Self {
        self.filters.push((field, value.into()));
        self
    }

    pub fn filter_some(self, field: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.filter(field, value),
            None => self,
        }
    }

    /// One of several values of a field that has only one at a time: a list over all statuses needs
    /// no index of its own beside the one by status.
    pub fn any(mut self, field: &'static str, values: Vec<String>) -> Self {
        self.any = Some((field, values));
        self
    }

    pub fn created(mut self, range: Option<&'q Range>) -> Self {
        self.created = range;
        self
    }
}

/// The page of a list that a query asks for.
pub fn list<T: Resource>(view: &View<'_>, query: &Query<'_>) -> Result<Page<T>> {
    list_where(view, query, |_| true)
}

/// The same, of what a product wants besides. It goes past what is not wanted one by one, so that
/// the query has to be narrow.
pub fn list_where<T: Resource>(
    view: &View<'_>,
    query: &Query<'_>,
    is_wanted: impl Fn(&T) -> bool,
) -> Result<Page<T>> {
    for (param, cursor) in cursors(query.page) {
        view.require::<T>(cursor, param)?;
    }
    query.page.check_cursors()?;
    let mut range = IdRange::prefix(T::PREFIX, true);
    if let Some(created) = query.created {
        let Some(bounded) = within(view, T::PREFIX, range, created) else {
            return Ok(Page::empty());
        };
        range = bounded;
    }
    let range = turn(range, query.page, |cursor| cursor.to_owned());
    let mut items: Vec<Arc<T>> = Vec::new();
    let mut rest = range.clone();
    let wanted = query.page.limit + 1;
    loop {
        let ask = wanted - items.len();
        let found = fetch::<T>(view, query, &rest, ask)?;
        let complete = found.len() < ask;
        if let Some(last) = found.last() {
            rest = beyond(rest, last.id());
        }
        let keep = |object: &Arc<T>| {
            let in_time = |created: &Range| created.contains(seconds(object.created()));
            query.created.is_none_or(in_time) && is_wanted(object)
        };
        items.extend(found.into_iter().filter(keep));
        if complete || items.len() >= wanted {
            break;
        }
    }
    Ok(cut(items, &range, query.page.limit))
}

/// Cuts the one item too many that tells of more, and turns a backward page around.
pub fn cut<T>(mut items: Vec<Arc<T>>, range: &IdRange, limit: usize) -> Page<T> {
    let has_more = items.len() > limit;
    items.truncate(limit);
    if !range.descending {
        items.reverse();
    }
    Page { items, has_more }
}

/// The cursors given, with the names of their parameters.
pub fn cursors(page: &ListParams) -> impl Iterator<Item = (&'static str, &String)> {
    let after = page.starting_after.as_ref().map(|cursor| ("starting_after", cursor));
    let before = page.ending_before.as_ref().map(|cursor| ("ending_before", cursor));
    after.into_iter().chain(before)
}

/// Narrows a range, newest first, to one side of a cursor; a backward page is walked from it.
pub fn turn(range: IdRange, page: &ListParams, key: impl Fn(&str) -> String) -> IdRange {
    if let Some(cursor) = &page.starting_after {
        return range.below(key(cursor));
    }
    match &page.ending_before {
        Some(cursor) => IdRange { descending: false, ..range.above(&key(cursor)) },
        None => range,
    }
}

/// What lies beyond a key in the range's direction.
pub fn beyond(range: IdRange, key: &str) -> IdRange {
    if range.descending { range.below(key.to_owned()) } else { range.above(key) }
}

/// The ids that can have been created within a range; none where nothing can be. An id can be
/// ahead of its object's `created` by the workspace's drift.
pub fn within(view: &View<'_>, prefix: &str, range: IdRange, created: &Range) -> Option<IdRange> {
    let (min, max) = created.bounds();
    let mut range = range;
    if min.zip(max).is_some_and(|(min, max)| min > max) {
        return None;
    }
    if let Some(min) = min {
        if min > id::LAST_SECOND {
            return None;
        }
        range = range.at_least(id::lower_bound(prefix, min));
    }
    if let Some(max) = max {
        let last = max.saturating_add(view.session.state.id_drift);
        if last < id::EPOCH_SECOND {
            return None;
        }
        if last < id::LAST_SECOND {
            range = range.below(id::lower_bound(prefix, last + 1));
        }
    }
    Some(range)
}

fn fetch<T: Resource>(
    view: &View<'_>,
    query: &Query<'_>,
    range: &IdRange,
    limit: usize,
) -> Result<Vec<Arc<T>>> {
    let account = view.owner.number;
    let session = &view.session;
    if let Some((field, values)) = &query.any {
        let ids = union(view, &query.filters, field, values, range, limit)?;
        return Ok(session.by_ids(account, ids, decode::<T>)?);
    }
    match query.filters.as_slice() {
        [] => Ok(session.objects(account, range, limit, decode::<T>)?),
        [(field, value)] => {
            Ok(session.indexed_objects(account, field, value, range, limit, decode::<T>)?)
        }
        filters => {
            let ids = intersect(view, filters, range, limit)?;
            Ok(session.by_ids(account, ids, decode::<T>)?)
        }
    }
}

/// The first keys, over several values of a field, that all other filters have too.
fn union(
    view: &View<'_>,
    filters: &[(&'static str, String)],
    field: &'static str,
    values: &[String],
    range: &IdRange,
    limit: usize,
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for value in values {
        let mut all = filters.to_vec();
        all.push((field, value.clone()));
        found.extend(match all.as_slice() {
            [(field, value)] => {
                view.session.index(view.owner.number, field, value, range, limit)?
            }
            all => intersect(view, all, range, limit)?,
        });
    }
    found.sort_unstable();
    if range.descending {
        found.reverse();
    }
    found.truncate(limit);
    Ok(found)
}

/// The keys that all of several indexes have: each index in turn is asked for its first key at or
/// beyond the furthest one seen, until all agree. The work is bounded by the smallest of them.
pub fn intersect(
    view: &View<'_>,
    filters: &[(&'static str, String)],
    range: &IdRange,
    limit: usize,
) -> Result<Vec<String>> {
    let account = view.owner.number;
    let mut found = Vec::new();
    let mut rest = range.clone();
    while found.len() < limit {
        let mut agreed: Option<String> = None;
        let mut agreeing = 0;
        for (field, value) in filters.iter().cycle() {
            let next = view.session.index(account, field, value, &rest, 1)?;
            let Some(key) = next.into_iter().next() else { return Ok(found) };
            if agreed.as_ref() == Some(&key) {
                agreeing += 1;
            } else {
                agreeing = 1;
                rest = up_to(rest, &key);
                agreed = Some(key);
            }
            if agreeing == filters.len() {
                break;
            }
        }
        let Some(key) = agreed else { return Ok(found) };
        rest = beyond(rest, &key);
        found.push(key);
    }
    Ok(found)
}

/// What lies at or beyond a key in the range's direction.
fn up_to(range: IdRange, key: &str) -> IdRange {
    if range.descending { range.below(format!("{key}\0")) } else { range.at_least(key.to_owned()) }
}

/// The id at the end of a sort key.
pub fn id_of_sort_key(key: &str) -> &str {
    key.get(SORT_PREFIX_WIDTH..).unwrap_or(key)
}

/// A list filter names a parent that is not there.
pub fn missing_parent(label: &str, id: &str, param: &str) -> ApiError {
    ApiError::missing_reference(label, id, param)
}
