//! A fluent client that reads like the API reference.

use std::collections::hash_map::RandomState;
use std::fmt::Write;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use serde_json::Value;

use crate::answer::Answer;
use crate::server::Server;
use crate::{bodies, wire};

/// A key and the server it is used on. Cheap to clone: `.on(account)` and `.header(…)` give a
/// changed copy, so that a scenario can keep the platform's view beside an account's.
#[derive(Clone)]
pub struct Sandbox {
    address: Arc<str>,
    key: Arc<str>,
    headers: Vec<(String, String)>,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Sandbox {
    /// A sandbox of its own on the server that all scenarios share.
    pub fn new() -> Self {
        Self::with_key(Server::shared(), &random_key())
    }

    /// A sandbox of its own on a server that a scenario started for itself.
    pub fn on_server(server: &Server) -> Self {
        Self::with_key(server, &random_key())
    }

    pub fn with_key(server: &Server, key: &str) -> Self {
        Self::at(server.address(), key)
    }

    /// The same for a server known by its `host:port` alone, a restarted one for example.
    pub fn at(address: &str, key: &str) -> Self {
        let bearer = ("Authorization".to_owned(), format!("Bearer {key}"));
        Self { address: address.into(), key: key.into(), headers: vec![bearer] }
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// The address as the SDKs want it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same sandbox seen from a connected account.
    pub fn on(&self, account: &str) -> Self {
        self.header("Stripe-Account", account)
    }

    pub fn idempotency_key(&self, key: &str) -> Self {
        self.header("Idempotency-Key", key)
    }

    /// A copy that sends this header with every call, in place of one of the same name.
    pub fn header(&self, name: &str, value: &str) -> Self {
        let mut copy = self.without_header(name);
        copy.headers.push((name.to_owned(), value.to_owned()));
        copy
    }

    pub fn without_header(&self, name: &str) -> Self {
        let mut copy = self.clone();
        copy.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        copy
    }

    #[track_caller]
    pub fn post(&self, path: &str, params: &[(&str, &str)]) -> Answer {
        self.post_form(path, &form(params))
    }

    /// A POST whose form is already written, for tests of the form grammar itself.
    #[track_caller]
    pub fn post_form(&self, path: &str, form: &str) -> Answer {
        let sender = self.header("Content-Type", "application/x-www-form-urlencoded");
        sender.send("POST", path, form.as_bytes())
    }

    /// Like [`post`](Self::post), for parameters that a scenario puts together as it goes.
    #[track_caller]
    pub fn post_all(&self, path: &str, params: &[(String, String)]) -> Answer {
        let borrowed: Vec<(&str, &str)> =
            params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post(path, &borrowed)
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, b"")
    }

    /// A GET whose parameters go into the query string.
    #[track_caller]
    pub fn list(&self, path: &str, params: &[(&str, &str)]) -> Answer {
        self.get(&format!("{path}?{}", form(params)))
    }

    #[track_caller]
    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, b"")
    }

    /// Control calls speak JSON.
    #[track_caller]
    pub fn post_json(&self, path: &str, body: &Value) -> Answer {
        let sender = self.header("Content-Type", "application/json");
        sender.send("POST", path, body.to_string().as_bytes())
    }

    /// Any call at all; every other one ends here.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        match self.try_send(method, path, body) {
            Ok(answer) => answer,
            Err(error) => panic!("{method} {path}: {error}"),
        }
    }

    /// The same where losing the connection is what the scenario is about.
    pub fn try_send(&self, method: &str, path: &str, body: &[u8]) -> std::io::Result<Answer> {
        let reply = wire::exchange(&self.address, method, path, &self.headers, body)?;
        let body = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
        bodies::keep(method, path, reply.status, &body);
        Ok(Answer {
            status: reply.status,
            headers: reply.headers,
            bytes: reply.body,
            body,
            request: format!("{method} {path}"),
        })
    }

    pub fn try_post(&self, path: &str, params: &[(&str, &str)]) -> std::io::Result<Answer> {
        let sender = self.header("Content-Type", "application/x-www-form-urlencoded");
        sender.try_send("POST", path, form(params).as_bytes())
    }
}

/// `name=value&…`, percent-encoded except for the brackets, which every client may leave alone.
pub fn form(params: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{}={}", encode(name), encode(value));
    params.iter().map(pair).collect::<Vec<_>>().join("&")
}

fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'[' | b']' => {
                out.push(byte as char);
            }
            other => write!(out, "%{other:02X}").expect("a string takes any text"),
        }
    }
    out
}

/// A test key nobody else uses: an open server gives each key a sandbox of its own.
pub fn random_key() -> String {
    format!("sk_test_{}", random_text(24))
}

/// Letters and digits, different in every process and at every call.
pub fn random_text(length: usize) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    // Each `RandomState` is seeded by the system, which is random enough to keep tests apart.
    let letter = |_| {
        let seed = RandomState::new().build_hasher().finish();
        ALPHABET[(seed % 62) as usize] as char
    };
    (0..length).map(letter).collect()
}
