//! The JSON we answer with.
//!
//! A tree of our own rather than `serde_json::Value`: its keys are static strings, so that
//! rendering a resource allocates little, and it prints itself the way the API does (two spaces,
//! a newline at the end). The same tree serves answers, events, expansion and the comparison
//! behind `previous_attributes`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

pub type Key = Cow<'static, str>;

#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    Int(i64),
    /// A number that is no integer; only latitude-like values need it, never money.
    Float(f64),
    Str(Cow<'static, str>),
    Array(Vec<Json>),
    Object(Vec<(Key, Json)>),
    /// JSON text already printed compactly, passed through (a stored event's object).
    Raw(String),
    /// JSON text already printed as it stands at a level of indentation.
    Printed(Arc<str>, usize),
}

/// An object from its members, in the order given.
pub fn object<const N: usize>(members: [(&'static str, Json); N]) -> Json {
    Json::Object(members.into_iter().map(|(key, value)| (Cow::Borrowed(key), value)).collect())
}

/// An array from anything that turns into JSON.
pub fn array<T: Into<Json>>(items: impl IntoIterator<Item = T>) -> Json {
    Json::Array(items.into_iter().map(Into::into).collect())
}

impl Json {
    pub fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => members.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Json> {
        match self {
            Json::Object(members) => members.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::Str(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_int(&self) -> Option<i64> {
        match self {
            Json::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// Puts a member in its alphabetical place behind `id` and `object`, or replaces it.
    pub fn set(&mut self, key: &'static str, value: Json) {
        let Json::Object(members) = self else { return };
        if let Some(member) = members.iter_mut().find(|(k, _)| k == key) {
            member.1 = value;
            return;
        }
        let at = members
            .iter()
            .position(|(k, _)| k != "id" && k != "object" && k.as_ref() > key)
            .unwrap_or(members.len());
        members.insert(at, (Cow::Borrowed(key), value));
    }

    /// As the API prints it: two spaces of indent and a newline at the end.
    pub fn pretty(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.size_expected());
        self.write(&mut out, Some(0));
        out.push(b'\n');
        out
    }

    /// As it stands, printed, at a level of indentation.
    pub fn printed_at(&self, level: usize) -> String {
        let mut out = Vec::with_capacity(self.size_expected());
        self.write(&mut out, Some(level));
        String::from_utf8(out).unwrap_or_default()
    }

    /// About how many bytes it prints as: a list is as long as its items are many.
    fn size_expected(&self) -> usize {
        const OBJECT: usize = 2048;
        match self.get("data") {
            Some(Json::Array(items)) => 256 + items.len() * OBJECT,
            _ => OBJECT,
        }
    }

    /// Without any white space: what the store keeps.
    pub fn compact(&self) -> String {
        let mut out = Vec::with_capacity(512);
        self.write(&mut out, None);
        // Only valid UTF-8 is ever written: keys, values and punctuation.
        String::from_utf8(out).unwrap_or_default()
    }

    fn write(&self, out: &mut Vec<u8>, indent: Option<usize>) {
        match self {
            Json::Null => out.extend_from_slice(b"null"),
            Json::Bool(true) => out.extend_from_slice(b"true"),
            Json::Bool(false) => out.extend_from_slice(b"false"),
            Json::Int(value) => write_int(out, *value),
            Json::Float(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Json::Str(text) => write_str(out, text),
            Json::Raw(text) => write_raw(out, text, indent),
            Json::Printed(text, level) if indent == Some(*level) => {
                out.extend_from_slice(text.as_bytes());
            }
            Json::Printed(text, _) => write_raw(out, text, indent),
            Json::Array(items) if items.is_empty() => out.extend_from_slice(b"[]"),
            Json::Object(members) if members.is_empty() => out.extend_from_slice(b"{}"),
            Json::Array(items) => {
                out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    separate(out, at, indent);
                    item.write(out, indent.map(|level| level + 1));
                }
                new_line(out, indent);
                out.push(b']');
            }
            Json::Object(members) => {
                out.push(b'{');
                for (at, (key, value)) in members.iter().enumerate() {
                    separate(out, at, indent);
                    write_key(out, key);
                    out.extend_from_slice(if indent.is_some() { b": " } else { b":" });
                    value.write(out, indent.map(|level| level + 1));
                }
                new_line(out, indent);
                out.push(b'}');
            }
        }
    }
}

fn separate(out: &mut Vec<u8>, at: usize, indent: Option<usize>) {
    if at > 0 {
        out.push(b',');
    }
    new_line(out, indent.map(|level| level + 1));
}

fn new_line(out: &mut Vec<u8>, indent: Option<usize>) {
    const SPACES: &[u8] = &[b' '; 64];
    let Some(level) = indent else { return };
    out.push(b'\n');
    let mut left = level * 2;
    while left > 0 {
        let some = left.min(SPACES.len());
        out.extend_from_slice(&SPACES[..some]);
        left -= some;
    }
}

fn write_int(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// Our own keys are plain words; only those that clients chose (metadata) can need escapes.
fn write_key(out: &mut Vec<u8>, key: &Key) {
    match key {
        Cow::Borrowed(key) => {
            out.push(b'"');
            out.extend_from_slice(key.as_bytes());
            out.push(b'"');
        }
        Cow::Owned(key) => write_str(out, key),
    }
}

/// Looked at many bytes at a time: nearly all text is without any.
fn needs_escapes(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |any, byte| any | (*byte < 0x20) | (*byte == b'"') | (*byte == b'\\'))
}

fn write_str(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    if !needs_escapes(bytes) {
        out.extend_from_slice(bytes);
        out.push(b'"');
        return;
    }
    let mut from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0x00..=0x1f => b"",
            _ => continue,
        };
        out.extend_from_slice(&bytes[from..at]);
        if escape.is_empty() {
            out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
        } else {
            out.extend_from_slice(escape);
        }
        from = at + 1;
    }
    out.extend_from_slice(&bytes[from..]);
    out.push(b'"');
}

/// Compact text is copied as it is; where the API would indent it, it is laid out anew from its
/// punctuation alone, which needs no parsing into values.
fn write_raw(out: &mut Vec<u8>, text: &str, indent: Option<usize>) {
    let bytes = text.as_bytes();
    let Some(mut level) = indent else {
        write_compact(out, bytes);
        return;
    };
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        match byte {
            b'"' => {
                let end = string_end(bytes, at);
                out.extend_from_slice(&bytes[at..end]);
                at = end;
                continue;
            }
            b'{' | b'[' => {
                out.push(byte);
                if matches!(bytes.get(at + 1), Some(b'}' | b']')) {
                    out.push(bytes[at + 1]);
                    at += 2;
                    continue;
                }
                level += 1;
                new_line(out, Some(level));
            }
            b'}' | b']' => {
                level = level.saturating_sub(1);
                new_line(out, Some(level));
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                new_line(out, Some(level));
            }
            b':' => out.extend_from_slice(b": "),
            b' ' | b'\n' => {}
            _ => out.push(byte),
        }
        at += 1;
    }
}

/// The text without the white space that printing put between its parts.
fn write_compact(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                let end = string_end(bytes, at);
                out.extend_from_slice(&bytes[at..end]);
                at = end;
                continue;
            }
            b' ' | b'\n' => {}
            byte => out.push(byte),
        }
        at += 1;
    }
}

/// Where the string that starts at `at` ends, past its closing quote.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while end < bytes.len() {
        match bytes[end] {
            b'\\' => end += 2,
            b'"' => return end + 1,
            _ => end += 1,
        }
    }
    bytes.len()
}

/// What a change did to an object, as an event's `previous_attributes` tells it: the former values
/// of the members that differ, hashes member by member, arrays whole, new members as null.
pub fn previous_attributes(before: &Json, after: &Json) -> Option<Json> {
    let (Json::Object(old), Json::Object(new)) = (before, after) else { return None };
    let mut changed: Vec<(Key, Json)> = Vec::new();
    for (key, value) in old {
        match after.get(key) {
            Some(now) if now == value => {}
            Some(now) => match previous_attributes(value, now) {
                Some(inner) => changed.push((key.clone(), inner)),
                None => changed.push((key.clone(), value.clone())),
            },
            None => changed.push((key.clone(), value.clone())),
        }
    }
    for (key, _) in new {
        if before.get(key).is_none() {
            changed.push((key.clone(), Json::Null));
        }
    }
    if changed.is_empty() { None } else { Some(Json::Object(changed)) }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Json::Bool(value)
    }
}

impl From<i64> for Json {
    fn from(value: i64) -> Self {
        Json::Int(value)
    }
}

impl From<&'static str> for Json {
    fn from(value: &'static str) -> Self {
        Json::Str(Cow::Borrowed(value))
    }
}

impl From<String> for Json {
    fn from(value: String) -> Self {
        Json::Str(Cow::Owned(value))
    }
}

impl From<&String> for Json {
    fn from(value: &String) -> Self {
        Json::Str(Cow::Owned(value.clone()))
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Json::Null, Into::into)
    }
}

impl<'a> From<&'a Option<String>> for Json {
    fn from(value: &'a Option<String>) -> Self {
        value.as_ref().map_or(Json::Null, Into::into)
    }
}

impl<T: Into<Json>> From<Vec<T>> for Json {
    fn from(items: Vec<T>) -> Self {
        array(items)
    }
}

impl From<&BTreeMap<String, String>> for Json {
    fn from(map: &BTreeMap<String, String>) -> Self {
        Json::Object(
            map.iter().map(|(key, value)| (Cow::Owned(key.clone()), value.into())).collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_the_api_does() {
        let json = object([
            ("id", "cus_1".into()),
            ("empty", Json::Object(vec![])),
            ("list", array(["a", "b"])),
            ("none", Json::Null),
            ("text", Json::from("a\"\\\n\u{1}é".to_owned())),
            ("number", Json::Int(i64::MIN)),
        ]);
        let pretty = String::from_utf8(json.pretty()).unwrap();
        assert_eq!(
            pretty,
            "{\n  \"id\": \"cus_1\",\n  \"empty\": {},\n  \"list\": [\n    \"a\",\n    \"b\"\n  ],\n  \
             \"none\": null,\n  \"text\": \"a\\\"\\\\\\n\\u0001é\",\n  \
             \"number\": -9223372036854775808\n}\n"
        );
        // Stored text laid out anew is the same as the tree laid out.
        let raw = object([("x", Json::Raw(json.compact()))]);
        let outer = object([("x", json.clone())]);
        assert_eq!(raw.pretty(), outer.pretty());
        // So is text printed before, at its own level, at another, and compactly.
        for level in [0, 1, 2] {
            let printed = Json::Printed(json.printed_at(level).into(), level);
            let again = object([("x", printed)]);
            assert_eq!(again.pretty(), outer.pretty());
            assert_eq!(again.compact(), outer.compact());
        }
    }

    #[test]
    fn previous_attributes_hold_only_what_changed() {
        let before = object([
            ("a", Json::Int(1)),
            ("metadata", object([("x", "1".into())])),
            ("list", array(["p"])),
        ]);
        let after = object([
            ("a", Json::Int(1)),
            ("metadata", object([("x", "2".into()), ("y", "3".into())])),
            ("list", array(["p", "q"])),
        ]);
        let expected = object([
            ("metadata", object([("x", "1".into()), ("y", Json::Null)])),
            ("list", array(["p"])),
        ]);
        assert_eq!(previous_attributes(&before, &after), Some(expected));
        assert_eq!(previous_attributes(&before, &before), None);
    }
}
