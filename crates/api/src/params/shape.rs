//! Parameters that may be absent, unset, or many.

use crate::form;

use super::{At, Kind, Param, Params, Value};

impl<T: Param> Param for Option<T> {
    fn kind() -> Kind {
        T::kind()
    }

    fn read(at: &At<'_>) -> Option<Self> {
        if at.is_absent() { Some(None) } else { T::read(at).map(Some) }
    }

    fn is_required() -> bool {
        false
    }
}

/// A parameter that an update can keep (absent), clear (empty) or set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Unset<T> {
    #[default]
    Keep,
    Clear,
    Set(T),
}

impl<T> Unset<T> {
    /// What there is afterwards, given what there was.
    pub fn apply(self, current: &mut Option<T>) {
        match self {
            Unset::Keep => {}
            Unset::Clear => *current = None,
            Unset::Set(value) => *current = Some(value),
        }
    }

    /// The value on creation, when there is nothing to keep.
    pub fn into_option(self) -> Option<T> {
        match self {
            Unset::Keep | Unset::Clear => None,
            Unset::Set(value) => Some(value),
        }
    }
}

impl<T: Param> Param for Unset<T> {
    fn kind() -> Kind {
        T::kind()
    }

    fn read(at: &At<'_>) -> Option<Self> {
        if at.is_absent() {
            return Some(Unset::Keep);
        }
        if at.is_empty_string() || (is_cleared_array(at) && matches!(T::kind(), Kind::Array(_))) {
            return Some(Unset::Clear);
        }
        T::read(at).map(Unset::Set)
    }

    fn is_required() -> bool {
        false
    }
}

/// `a[]=` is how a form says "no elements".
fn is_cleared_array(at: &At<'_>) -> bool {
    match at.value() {
        Value::List([item]) => at.item(0, item).is_empty_string(),
        Value::Hash([(key, item)]) if key == "0" => at.item(0, item).is_empty_string(),
        _ => false,
    }
}

impl<T: Param> Param for Vec<T> {
    fn kind() -> Kind {
        Kind::Array(Box::new(T::kind()))
    }

    fn read(at: &At<'_>) -> Option<Self> {
        if is_cleared_array(at) {
            return at.empty();
        }
        let items = elements(at)?;
        let mut read = Vec::with_capacity(items.len());
        let mut is_whole = true;
        // Every element is looked at, since a later one may have the worse error.
        for (index, node) in items.into_iter().enumerate() {
            match T::read(&at.item(index, node)) {
                Some(value) => read.push(value),
                None => is_whole = false,
            }
        }
        is_whole.then_some(read)
    }
}

fn elements<'a>(at: &At<'a>) -> Option<Vec<&'a form::Node>> {
    match at.value() {
        Value::Absent => at.missing(),
        Value::Text("") => at.empty(),
        Value::Text(_) => at.wrong("Invalid array"),
        Value::List(items) => Some(items.iter().collect()),
        Value::Hash(members) => match form::in_order(members) {
            Ok(items) => Some(items),
            Err(missing) => {
                let keys: Vec<String> = members.iter().map(|(key, _)| format!("`{key}`")).collect();
                at.wrong(format!(
                    "If passing an array with explicit keys (e.g. foo[0]=a&foo[1]=b) instead of \
                     as an array (e.g. foo[]=a&foo[]=b), the keys must be numeric and sequential \
                     starting from 0. You passed the keys {}, we expected to have a key with the \
                     value `{missing}`.",
                    keys.join(", ")
                ))
            }
        },
    }
}

/// What a derived struct's `Param::read` does.
pub fn read_hash<P: Params>(at: &At<'_>) -> Option<P> {
    match at.value() {
        Value::Absent => at.missing(),
        Value::Text("") => at.empty(),
        Value::Text(_) | Value::List(_) => at.wrong("Invalid object"),
        Value::Hash(_) => {
            at.refuse_unknown(P::has_field);
            P::read_fields(at)
        }
    }
}
