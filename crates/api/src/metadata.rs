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
    pub fn for_new(&self) -> Result<BTreeMap<String, String>, ApiError> {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::form::Bag;
    use crate::params::read_one;

    type Map = BTreeMap<String, String>;

    fn read(form: &str) -> Result<Metadata, ApiError> {
        let bag = Bag::parse("", form.as_bytes())?;
        read_one("metadata", bag.get("metadata"))
    }

    fn apply(form: &str, metadata: &mut Map) -> Result<(), ApiError> {
        read(form)?.apply(metadata)
    }

    fn keys(numbers: std::ops::Range<usize>) -> String {
        numbers.map(|number| format!("metadata[k{number}]=v")).collect::<Vec<_>>().join("&")
    }

    fn map<const N: usize>(pairs: [(&str, &str); N]) -> Map {
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn platform_63_and_64_changes_are_merged_key_by_key() {
        let mut metadata =
            read("metadata[a]=1&metadata[b]=2&metadata[d]=").unwrap().for_new().unwrap();
        assert_eq!(metadata, map([("a", "1"), ("b", "2")]));
        apply("metadata[a]=&metadata[c]=3&metadata[none]=", &mut metadata).unwrap();
        assert_eq!(metadata, map([("b", "2"), ("c", "3")]));
        apply("", &mut metadata).unwrap();
        assert_eq!(metadata.len(), 2);
        apply("metadata=", &mut metadata).unwrap();
        assert_eq!(metadata, Map::new());
    }

    #[test]
    fn platform_65_limits_have_their_messages() {
        let (key, value) = ("é".repeat(41), "é".repeat(501));
        let table = [
            (
                format!("metadata[{key}]=1"),
                format!(
                    "Metadata keys can have up to 40 characters, but you passed in a key that is \
                     41 characters. Invalid key: {key}"
                ),
            ),
            (
                format!("metadata[k]={value}"),
                format!(
                    "Metadata values can have up to 500 characters, but you passed in a value \
                     that is 501 characters. Invalid value: {value}"
                ),
            ),
            (
                keys(0..51),
                "Metadata can have up to 50 keys, but you've set 51. Email us at \
                 support+metadata@stripe.com for more information."
                    .to_owned(),
            ),
        ];
        for (form, message) in table {
            let mut metadata = map([("k1", "old")]);
            let error = apply(&form, &mut metadata).unwrap_err();
            assert_eq!((error.message, error.status, error.code), (message, 400, None));
            assert_eq!(metadata, map([("k1", "old")]), "a refusal changes nothing");
        }
        let longest = format!("metadata[{}]={}", "é".repeat(40), "é".repeat(500));
        assert!(apply(&longest, &mut Map::new()).is_ok());
    }

    #[test]
    fn keys_are_counted_after_the_merge() {
        let mut metadata = read(&keys(0..50)).unwrap().for_new().unwrap();
        assert!(apply("metadata[more]=1", &mut metadata).is_err());
        apply("metadata[more]=1&metadata[k0]=", &mut metadata).unwrap();
        assert_eq!(metadata.len(), 50);
    }
}
