//! Parameters that are one value.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::json::Json;

use super::{At, Kind, Param, Rank};

/// Characters of a string whose field says nothing else.
pub const STRING_CHARS_MAX: usize = 5_000;

impl Param for String {
    fn kind() -> Kind {
        Kind::String { max: STRING_CHARS_MAX }
    }

    fn read(at: &At<'_>) -> Option<Self> {
        let text = at.text("string")?;
        let max = at.limits().chars_max(STRING_CHARS_MAX);
        if text.chars().count() > max {
            let shown = abbreviated(text);
            return at.wrong(format!("Invalid string: {shown}; must be at most {max} characters"));
        }
        if text.chars().all(char::is_whitespace) {
            let path = at.path();
            let message = format!("You passed a blank string for '{path}'.");
            let error = ApiError::param("parameter_invalid_string_blank", path, message);
            at.fail(Rank::Empty, error);
            return None;
        }
        Some(text.to_owned())
    }
}

/// Both ends of a long text.
fn abbreviated(text: &str) -> String {
    const END: usize = 10;
    let count = text.chars().count();
    if count <= 2 * END + 3 {
        return text.to_owned();
    }
    let first: String = text.chars().take(END).collect();
    let last: String = text.chars().skip(count - END).collect();
    format!("{first}...{last}")
}

impl Param for i64 {
    fn kind() -> Kind {
        Kind::Integer { min: None, max: None }
    }

    fn read(at: &At<'_>) -> Option<Self> {
        let text = at.text("integer")?;
        let limits = at.limits();
        // Too long for 64 bits is "too large" where there is a largest value, else no integer.
        let value = match parse_integer(text) {
            Some(Parsed::Exactly(value)) => value,
            Some(Parsed::Above) if limits.max.is_some() => i64::MAX,
            Some(Parsed::Below) if limits.min.is_some() => i64::MIN,
            _ => return invalid_integer(at, text),
        };
        if let Some(min) = limits.min.filter(|min| value < *min) {
            let message = format!("This value must be greater than or equal to {min}.");
            return at.wrong_with("parameter_invalid_integer", message);
        }
        if let Some(max) = limits.max.filter(|max| value > *max) {
            let code = limits.over_max.unwrap_or("parameter_invalid_integer");
            let message = match code {
                "amount_too_large" => format!("Amount must be no more than {}", dollars(max)),
                _ => format!("This value must be less than or equal to {max}."),
            };
            return at.wrong_with(code, message);
        }
        Some(value)
    }
}

pub(super) enum Parsed {
    Exactly(i64),
    Below,
    Above,
}

/// An optional sign and digits; nothing else is an integer.
pub(super) fn parse_integer(text: &str) -> Option<Parsed> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(match text.parse() {
        Ok(value) => Parsed::Exactly(value),
        Err(_) if text.starts_with('-') => Parsed::Below,
        Err(_) => Parsed::Above,
    })
}

pub(super) fn invalid_integer<T>(at: &At<'_>, text: &str) -> Option<T> {
    at.wrong_with("parameter_invalid_integer", format!("Invalid integer: {text}"))
}

/// `99999999` cents as `$999,999.99`.
fn dollars(cents: i64) -> String {
    let whole = (cents / 100).to_string();
    let mut grouped = String::with_capacity(whole.len() + 8);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("${grouped}.{:02}", cents % 100)
}

impl Param for bool {
    fn kind() -> Kind {
        Kind::Boolean
    }

    fn read(at: &At<'_>) -> Option<Self> {
        match at.text("boolean")? {
            "true" => Some(true),
            "false" => Some(false),
            other => at.wrong(format!("Invalid boolean: {other}")),
        }
    }
}

/// Seconds since 1970.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Param for Timestamp {
    fn kind() -> Kind {
        Kind::Timestamp
    }

    fn read(at: &At<'_>) -> Option<Self> {
        match parse_integer(at.text("timestamp")?) {
            Some(Parsed::Exactly(seconds)) => Some(Timestamp(seconds)),
            _ => at.wrong("Invalid timestamp: must be an integer Unix timestamp"),
        }
    }
}

impl From<Timestamp> for Json {
    fn from(timestamp: Timestamp) -> Self {
        Json::Int(timestamp.0)
    }
}

impl Param for IpAddr {
    fn kind() -> Kind {
        Kind::IpAddress
    }

    fn read(at: &At<'_>) -> Option<Self> {
        let text = at.text("IP address")?;
        match text.parse() {
            Ok(address) => Some(address),
            Err(_) => at.wrong(format!("Invalid IP address: {text}")),
        }
    }
}

/// An address that mail could be sent to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(pub String);

impl Email {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Param for Email {
    fn kind() -> Kind {
        Kind::Email
    }

    fn read(at: &At<'_>) -> Option<Self> {
        let text = at.text("string")?;
        if is_email(text) {
            return Some(Email(text.to_owned()));
        }
        at.wrong_with("email_invalid", format!("Invalid email address: {text}"))
    }
}

/// What every mail system agrees on: one `@`, something before it, a dotted name behind it.
fn is_email(text: &str) -> bool {
    const CHARS_MAX: usize = 512;
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    text.chars().count() <= CHARS_MAX
        && !local.is_empty()
        && !local.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@')
        && domain.contains('.')
        && domain.split('.').all(is_label)
}

impl From<Email> for Json {
    fn from(email: Email) -> Self {
        email.0.into()
    }
}
