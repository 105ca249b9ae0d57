//! `expand`: ids that become objects, and members that are absent unless asked for. Paths are
//! checked against the declarations before anything is looked up or written.

use crate::error::{ApiError, Result};
use crate::json::Json;
use crate::params::Expand;
use crate::resource::{Expandable, ExpandableKind, ObjectDef};
use crate::view::View;

/// The most dotted segments of a path.
pub const LEVELS_MAX: usize = 4;

/// Checked paths, relative to one object, each as its segments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expansion {
    paths: Vec<Vec<String>>,
}

/// The part of an expansion that concerns the members of one object.
#[derive(Clone, Copy)]
pub struct Include<'a> {
    paths: &'a [Vec<String>],
}

impl Include<'_> {
    pub const NONE: Include<'static> = Include { paths: &[] };

    /// Whether a member that is absent by default was asked for.
    pub fn has(&self, path: &str) -> bool {
        self.paths.iter().any(|segments| starts_with(segments, path))
    }
}

fn starts_with(segments: &[String], path: &str) -> bool {
    let mut segments = segments.iter();
    path.split('.').all(|part| segments.next().is_some_and(|segment| segment == part))
}

impl Expansion {
    /// Checks what was asked for against an object, or against a list of them.
    pub fn check(
        expand: &Expand,
        object: Option<&ObjectDef>,
        is_list: bool,
    ) -> Result<Expansion, ApiError> {
        let mut paths = Vec::new();
        for path in &expand.0 {
            let mut segments: Vec<String> = path.split('.').map(str::to_owned).collect();
            if segments.len() > LEVELS_MAX {
                return Err(ApiError::invalid(format!(
                    "You cannot expand more than {LEVELS_MAX} levels of a property."
                )));
            }
            let refusal =
                || ApiError::invalid(format!("This property cannot be expanded ({path})."));
            if is_list {
                let first = segments.remove(0);
                if first != "data" {
                    return Err(list_refusal(&first, object, refusal()));
                }
                if segments.is_empty() {
                    continue;
                }
            }
            let object = object.ok_or_else(refusal)?;
            if !is_expandable(object, &segments, is_list) {
                return Err(refusal());
            }
            paths.push(segments);
        }
        Ok(Expansion { paths })
    }

    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    pub fn include(&self) -> Include<'_> {
        Include { paths: &self.paths }
    }

    /// The kinds of objects that stand in the answer in the place of ids.
    pub fn references(&self, object: &ObjectDef) -> Vec<&'static str> {
        let mut found = Vec::new();
        for path in &self.paths {
            collect(object, path, &mut found);
        }
        found
    }

    /// Puts objects in the place of the ids that were asked for.
    pub fn apply(&self, view: &View<'_>, object: &ObjectDef, json: &mut Json) -> Result<()> {
        apply(view, object.expands, &self.paths, json)
    }
}

fn list_refusal(first: &str, object: Option<&ObjectDef>, otherwise: ApiError) -> ApiError {
    let of_item = |e: &Expandable| e.path.split('.').next() == Some(first);
    if object.is_some_and(|object| object.expands.iter().any(of_item)) {
        return ApiError::invalid(format!(
            "This property cannot be expanded ({first}). You may want to try expanding \
             'data.{first}' instead."
        ));
    }
    otherwise
}

fn is_expandable(object: &ObjectDef, segments: &[String], in_list: bool) -> bool {
    object.expands.iter().any(|expandable| {
        if !starts_with(segments, expandable.path) {
            return false;
        }
        let rest = &segments[expandable.path.split('.').count()..];
        match expandable.kind {
            ExpandableKind::Included { in_lists } => rest.is_empty() && (in_lists || !in_list),
            ExpandableKind::Reference(target) => {
                rest.is_empty() || is_expandable(&target(), rest, false)
            }
        }
    })
}

fn collect(object: &ObjectDef, segments: &[String], found: &mut Vec<&'static str>) {
    for expandable in object.expands {
        let ExpandableKind::Reference(target) = expandable.kind else { continue };
        if starts_with(segments, expandable.path) {
            let target = target();
            found.push(target.object);
            collect(&target, &segments[expandable.path.split('.').count()..], found);
        }
    }
}

fn apply(
    view: &View<'_>,
    expands: &[Expandable],
    paths: &[Vec<String>],
    json: &mut Json,
) -> Result<()> {
    for expandable in expands {
        let ExpandableKind::Reference(target) = expandable.kind else { continue };
        let wanted = paths.iter().filter(|segments| starts_with(segments, expandable.path));
        let depth = expandable.path.split('.').count();
        let rests: Vec<Vec<String>> = wanted.map(|segments| segments[depth..].to_vec()).collect();
        if rests.is_empty() {
            continue;
        }
        let route: Vec<&str> = expandable.path.split('.').collect();
        follow(json, &route, &mut |node| replace(view, &target(), &rests, node))?;
    }
    Ok(())
}

/// Visits what a path leads to, through arrays.
fn follow(
    json: &mut Json,
    route: &[&str],
    visit: &mut dyn FnMut(&mut Json) -> Result<()>,
) -> Result<()> {
    if let Json::Array(items) = json {
        for item in items {
            follow(item, route, visit)?;
        }
        return Ok(());
    }
    let Some((first, rest)) = route.split_first() else { return visit(json) };
    match json.get_mut(first) {
        Some(inner) => follow(inner, rest, visit),
        None => Ok(()),
    }
}

/// A null reference stays null, as does the id of something that is gone.
fn replace(
    view: &View<'_>,
    target: &ObjectDef,
    rests: &[Vec<String>],
    node: &mut Json,
) -> Result<()> {
    let Some(id) = node.as_str() else { return Ok(()) };
    let deeper: Vec<Vec<String>> = rests.iter().filter(|rest| !rest.is_empty()).cloned().collect();
    let include = Include { paths: &deeper };
    let Some(mut object) = (target.load)(view, id, &include)? else { return Ok(()) };
    apply(view, target.expands, &deeper, &mut object)?;
    *node = object;
    Ok(())
}
