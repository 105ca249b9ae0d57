//! Metadata: what clients keep with our objects.

use std::collections::BTreeMap;

use crate::error::ApiError;
use crate::params::{At, Kind, Param, Rank, Value};

pub const KEYS_MAX: usize = 50;
pub const KEY_CHARS_MAX: usize = 40;
pub const VALUE_CHARS_MAX: usize = 500;

/// What a request does to an object's metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Metadata {
    #[default]
    Keep,
    /// `metadata=` removes every key.
    Clear,
    /// Key by key; `None` (`metadata[k]=`) removes one.
    Change(BTreeMap<String, Option<String>>),
}

impl Metadata {
    /// Merges the change. The number of keys is that of the result.
    pub fn apply(&self, metadata: &mut BTreeMap<String, String>) -> Result<(), ApiError> {
        let changes = match self {
            Metadata::Keep => return Ok(()),
            Metadata::Clear => {
                metadata.clear();
                return Ok(());
            }
            Metadata::Change(changes) => changes,
        };
        let mut merged = metadata.clone();
        for (key, value) in changes {
            match value {
                Some(value) => {
                    check(key, value)?;
                    merged.insert(key.clone(), value.clone());
                }
                None => {
                    merged.remove(key);
                }
            }
        }
        if merged.len() > KEYS_MAX {
            return Err(ApiError::invalid(format!(
                "Metadata can have up to {KEYS_MAX} keys, but you've set {}. Email us at \
                 support+metadata@stripe.com for more information.",
                merged.len()
            )));
        }
        *metadata = merged;
        Ok(())
    }

    /// The metadata of a new object.
    pub fn into_new(&self) -> Result<BTreeMap<String, String>, ApiError> {
        let mut metadata = BTreeMap::new();
        self.apply(&mut metadata)?;
        Ok(metadata)
    }
}

/// The error names no parameter: the text shows the key or value that is too long.
fn check(key: &str, value: &str) -> Result<(), ApiError> {
    let count = key.chars().count();
    if count > KEY_CHARS_MAX {
        return Err(ApiError::invalid(format!(
            "Metadata keys can have up to {KEY_CHARS_MAX} characters, but you passed in a key \
             that is {count} characters. Invalid key: {key}"
        )));
    }
    let count = value.chars().count();
    if count > VALUE_CHARS_MAX {
        return Err(ApiError::invalid(format!(
            "Metadata values can have up to {VALUE_CHARS_MAX} characters, but you passed in a \
             value that is {count} characters. Invalid value: {value}"
        )));
    }
    Ok(())
}

impl Param for Metadata {
    fn kind() -> Kind {
        Kind::Map
    }

    fn read(at: &At<'_>) -> Option<Self> {
        let members = match at.value() {
            Value::Absent => return Some(Metadata::Keep),
            Value::Text("") => return Some(Metadata::Clear),
            Value::Text(_) | Value::List(_) => return at.wrong("Invalid object"),
            Value::Hash(members) => members,
        };
        let mut changes = BTreeMap::new();
        let mut is_whole = true;
        for (key, node) in members {
            let entry = at.entry(key, Some(node));
            let Value::Text(text) = entry.value() else {
                is_whole = entry.not_a_string("string").unwrap_or(false);
                continue;
            };
            if let Err(error) = check(key, text) {
                entry.fail(Rank::Type, error);
                is_whole = false;
            }
            changes.insert(key.clone(), Some(text.to_owned()).filter(|text| !text.is_empty()));
        }
        is_whole.then_some(Metadata::Change(changes))
    }

    fn is_required() -> bool {
        false
    }
}
