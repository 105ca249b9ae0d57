//! `GET /v1/events`: by type, by a family of types, by what became of the deliveries.
//!
//! One type is a range of an index; several are such ranges merged. What became of the deliveries
//! has no index: events are looked through for it, at most [`LOOKED_AT_MAX`] in one request. A page
//! can then have fewer events than there are beyond it, and says that there is more.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use api::app::EVENT_KEPT_MS;
use api::list::{beyond, cursors, cut, turn, within};
use api::params::{At, ListParams, Params, Range};
use api::{ApiError, Page, Path, Resource, Result, View, seconds};
use store::{IdRange, id};

use super::{Event, find};
use crate::event_types;

/// How many values `types` can have.
const TYPES_MAX: usize = 20;
/// How many events one request looks at.
const LOOKED_AT_MAX: usize = 10_000;
/// How many events are read of one range at a time: of a single one, and of one among several.
const READ_ALONE: usize = 101;
const READ_AMONG: usize = 16;

#[derive(Params)]
#[params(check = check)]
pub struct ListEvents {
    /// Only events of this time, or of a range of times.
    created: Option<Range>,
    /// Only events that every endpoint has heard of (`true`), or that some endpoint has not.
    delivery_success: Option<bool>,
    #[param(flatten)]
    page: ListParams,
    /// Only events of this type, or of a family of types such as `treasury.*`.
    #[param(name = "type")]
    kind: Option<String>,
    /// Only events of these types, at most 20 of them; not together with `type`.
    types: Option<Vec<String>>,
}

fn check(params: &ListEvents, at: &At<'_>) {
    at.at_most_one(&["type", "types"]);
    if params.types.as_ref().is_some_and(|types| types.len() > TYPES_MAX) {
        let message = format!("You may only specify up to {TYPES_MAX} types.");
        at.child("types").wrong::<()>(message);
    }
}

pub(super) fn list(view: &View<'_>, _: &Path, p: &ListEvents) -> Result<Page<Event>> {
    for (param, cursor) in cursors(&p.page) {
        let missing = || ApiError::missing_reference(Event::LABEL, cursor, param);
        find(view, view.owner.number, cursor)?.ok_or_else(missing)?;
    }
    p.page.check_cursors()?;
    let Some(range) = range(view, p) else { return Ok(Page::empty()) };
    let mut events = Merged::new(view, kinds(view, p), &range);
    let wanted = p.page.limit + 1;
    let mut items = Vec::new();
    let mut was_cut_short = false;
    while items.len() < wanted {
        if events.taken == LOOKED_AT_MAX {
            was_cut_short = true;
            break;
        }
        let Some(event) = events.next()? else { break };
        if is_wanted(view, p, &event)? {
            items.push(Arc::new(event));
        }
    }
    let mut page = cut(items, &range, p.page.limit);
    // Without an event there is no cursor to go on from.
    page.has_more |= was_cut_short && !page.items.is_empty();
    Ok(page)
}

/// The ids that can be on the page.
fn range(view: &View<'_>, p: &ListEvents) -> Option<IdRange> {
    let mut range = IdRange::prefix(Event::PREFIX, true);
    if let Some(created) = &p.created {
        range = within(view, Event::PREFIX, range, created)?;
    }
    let oldest = seconds(view.now_ms() - EVENT_KEPT_MS);
    range = range.at_least(id::lower_bound(Event::PREFIX, oldest));
    Some(turn(range, &p.page, str::to_owned))
}

fn is_wanted(view: &View<'_>, p: &ListEvents, event: &Event) -> Result<bool> {
    if !event.is_kept(view.now_ms())
        || p.created.is_some_and(|created| !created.contains(seconds(event.created)))
    {
        return Ok(false);
    }
    match p.delivery_success {
        Some(wanted) => Ok(event.is_delivered(view)? == wanted),
        None => Ok(true),
    }
}

/// The types to look for, each once; none for all of them.
fn kinds(view: &View<'_>, p: &ListEvents) -> Option<Vec<String>> {
    let wanted: Vec<&String> = match (&p.kind, &p.types) {
        (Some(kind), _) => vec![kind],
        (None, Some(types)) => types.iter().collect(),
        (None, None) => return None,
    };
    let mut kinds = BTreeSet::new();
    for pattern in wanted {
        if pattern.chars().all(|c| c == '*') {
            return None;
        }
        if !pattern.contains('*') {
            kinds.insert(pattern.clone());
            continue;
        }
        let declared = view.app.api.resources.iter().flat_map(|resource| resource.events);
        let known = event_types::all().iter().chain(declared);
        let matching = known.filter(|kind| matches(pattern, kind));
        kinds.extend(matching.map(|kind| (*kind).to_owned()));
    }
    Some(kinds.into_iter().collect())
}

/// Whether a text is a pattern's, in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(first) = parts.next() else { return false };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The events of several types in the order of one list.
struct Merged<'v> {
    view: &'v View<'v>,
    sources: Vec<Source>,
    descending: bool,
    read: usize,
    taken: usize,
}

/// One range of the events, read a few at a time.
struct Source {
    kind: Option<String>,
    rest: IdRange,
    ahead: VecDeque<Event>,
    is_read: bool,
}

impl<'v> Merged<'v> {
    fn new(view: &'v View<'v>, kinds: Option<Vec<String>>, range: &IdRange) -> Merged<'v> {
        let source =
            |kind| Source { kind, rest: range.clone(), ahead: VecDeque::new(), is_read: false };
        let sources: Vec<Source> = match kinds {
            None => vec![source(None)],
            Some(kinds) => kinds.into_iter().map(|kind| source(Some(kind))).collect(),
        };
        let read = if sources.len() == 1 { READ_ALONE } else { READ_AMONG };
        Merged { view, sources, descending: range.descending, read, taken: 0 }
    }

    fn next(&mut self) -> Result<Option<Event>> {
        let mut first: Option<(usize, String)> = None;
        for (at, source) in self.sources.iter_mut().enumerate() {
            source.fill(self.view, self.read)?;
            let Some(event) = source.ahead.front() else { continue };
            let is_first = first.as_ref().is_none_or(|(_, id)| {
                if self.descending { event.id > *id } else { event.id < *id }
            });
            if is_first {
                first = Some((at, event.id.clone()));
            }
        }
        self.taken += 1;
        Ok(first.and_then(|(at, _)| self.sources[at].ahead.pop_front()))
    }
}

impl Source {
    fn fill(&mut self, view: &View<'_>, count: usize) -> Result<()> {
        if self.is_read || !self.ahead.is_empty() {
            return Ok(());
        }
        let scope = view.session.scope(view.owner.number);
        let kind = self.kind.as_deref();
        let rows = view.session.reader.events(scope, kind, &self.rest, count)?;
        self.is_read = rows.len() < count;
        if let Some((last, _)) = rows.last() {
            self.rest = beyond(self.rest.clone(), last);
        }
        self.ahead.extend(rows.into_iter().map(|(id, row)| Event::new(id, row)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, expected) in [
            ("treasury.*", "treasury.outbound_payment.posted", true),
            ("treasury.*", "treasury", false),
            ("*.created", "customer.created", true),
            ("*.created", "customer.created.late", false),
            ("treasury.*.posted", "treasury.outbound_payment.posted", true),
            ("treasury.*.posted", "treasury.posted", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "acb", false),
            ("*", "anything", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
