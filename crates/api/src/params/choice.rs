//! Parameters with a fixed set of values. `#[derive(Choice)]` is written in terms of these.

use std::fmt;

use super::At;

// So that a derived choice needs no dependency of its own.
pub use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Reads one of `names`.
pub fn read<T>(at: &At<'_>, names: &[&str], parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    let text = at.text("string")?;
    match parse(text) {
        Some(value) => Some(value),
        None => refuse(at, names),
    }
}

/// `Invalid status: must be one of open or closed`.
pub fn refuse<T>(at: &At<'_>, names: &[&str]) -> Option<T> {
    at.wrong(format!("Invalid {}: must be {}", at.path(), one_of(names)))
}

/// `a`, `one of a or b`, `one of a, b, or c`.
pub fn one_of(names: &[&str]) -> String {
    match names {
        [] => "absent".to_owned(),
        [only] => (*only).to_owned(),
        [first, second] => format!("one of {first} or {second}"),
        [most @ .., last] => format!("one of {}, or {last}", most.join(", ")),
    }
}

/// Reads a stored choice back.
pub fn deserialize<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    names: &'static [&'static str],
    parse: fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    struct Name<T> {
        names: &'static [&'static str],
        parse: fn(&str) -> Option<T>,
    }

    impl<T> serde::de::Visitor<'_> for Name<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&one_of(self.names))
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            (self.parse)(text).ok_or_else(|| E::unknown_variant(text, self.names))
        }
    }

    deserializer.deserialize_str(Name { names, parse })
}
