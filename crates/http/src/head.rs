//! What the head of a request says, and what the head of its answer repeats of it.

use api::ApiError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::header::HeaderMap;

use crate::answer::Answer;
use crate::gateway::Executed;
use crate::idempotency::{Key, misuse};

/// What the answer's headers repeat of the request.
#[derive(Default)]
pub struct Echo {
    pub version: Option<&'static str>,
    pub account: Option<String>,
    pub key: Option<String>,
    /// There is no such operation here.
    pub notice: bool,
    /// Refused for coming too fast.
    pub limited: bool,
}

impl Echo {
    pub fn on_executed(&self, executed: Executed, request_id: &str) -> Answer {
        let mut answer = executed.answer;
        if self.key.is_some() && executed.began {
            let original = executed.original.as_deref().unwrap_or(request_id);
            answer.set("original-request", original);
            answer.set("stripe-should-retry", "false");
        }
        if executed.replayed {
            answer.set("idempotent-replayed", "true");
            // The official CLI prints only this spelling.
            answer.set("idempotency-replayed", "true");
        }
        answer
    }

    pub fn write(&self, answer: &mut Answer) {
        if let Some(version) = self.version {
            answer.set("stripe-version", version);
        }
        if let Some(account) = &self.account {
            answer.set("stripe-account", account);
        }
        if let Some(key) = &self.key {
            answer.set("idempotency-key", key);
        }
        if self.limited {
            answer.set("stripe-rate-limited-reason", "global-rate");
        }
        if self.notice {
            let version = env!("CARGO_PKG_VERSION");
            let text = format!("not served by Exchequer {version}, see /_exchequer/coverage");
            answer.set("stripe-notice", &text);
        }
    }
}

/// The key in an Authorization header.
pub fn key_of(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let (scheme, rest) = text.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64.decode(rest).ok()?).ok()?;
    let user = decoded.split(':').next().unwrap_or("");
    Some(user.to_owned())
}

pub fn version(headers: &HeaderMap) -> Result<&'static str, ApiError> {
    let mut values = headers.get_all("stripe-version").iter();
    let Some(first) = values.next() else { return Ok(api::versions::LATEST) };
    let mut given = String::from_utf8_lossy(first.as_bytes()).into_owned();
    for more in values {
        given.push_str(", ");
        given.push_str(&String::from_utf8_lossy(more.as_bytes()));
    }
    let known = api::versions::VERSIONS.iter().copied().find(|version| *version == given);
    known.ok_or_else(|| ApiError::invalid(format!("Invalid Stripe API version: {given}")))
}

pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(misuse("The request has more than one Idempotency-Key header."));
    }
    // Two keys that are not text must not become the same text.
    let text = std::str::from_utf8(value.as_bytes())
        .map_err(|_| misuse("The Idempotency-Key header is not valid UTF-8."))?;
    Key::check(text)?;
    Ok(Some(text.to_owned()))
}

/// The account that `Stripe-Account` or `Stripe-Context` names. A context is a path of accounts:
/// the platform's own, a connected one, or both.
pub fn acting_account(headers: &HeaderMap, platform: &str) -> Result<Option<String>, ApiError> {
    let text = |name: &str| {
        headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let (account, context) = (text("stripe-account"), text("stripe-context"));
    let Some(context) = context else { return Ok(account) };
    if account.is_some() {
        return Err(ApiError::invalid(
            "Only one of the headers Stripe-Account and Stripe-Context may be given.",
        ));
    }
    let inner = context.strip_prefix(platform).and_then(|rest| rest.strip_prefix('/'));
    Ok(Some(inner.unwrap_or(&context).to_owned()))
}

/// Some clients put a slash too many before the path.
pub fn leading_slashes_collapsed(path: &str) -> String {
    format!("/{}", path.trim_start_matches('/'))
}
