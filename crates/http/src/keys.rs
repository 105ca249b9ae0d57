//! Who calls: API keys, and the workspace each of them opens.
//!
//! Out of the box every well-formed test key works, and each distinct one is a sandbox of its own.
//! With a file of keys only those in it work, live ones included.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use api::ApiError;
use ring::digest::{SHA256, digest};
use ring::hmac;
use serde::Deserialize;
use store::{Database, Registry, Workspace, id};

use crate::limits::CALLERS_CACHED_MAX;

/// The shortest tail of a test key in open mode.
const OPEN_TAIL_CHARS_MIN: usize = 3;
const KINDS: [&str; 3] = ["sk_", "rk_", "pk_"];

/// A caller whose key is good.
pub struct Caller {
    pub workspace: Arc<Workspace>,
    /// The key with its middle hidden, for messages.
    pub masked: String,
}

/// One entry of the file of keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    pub secret: Option<String>,
    /// In place of `secret`, its SHA-256 in hexadecimal; `prefix` then says kind and mode.
    pub sha256: Option<String>,
    pub prefix: Option<String>,
    /// `acct_…`; without one the account follows from the key.
    pub account: Option<String>,
    /// Unix seconds of the machine's clock.
    pub expires_at: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    #[serde(default)]
    key: Vec<KeyEntry>,
}

#[derive(Clone, Debug)]
struct Known {
    account: String,
    livemode: bool,
    publishable: bool,
    expires_at: Option<i64>,
}

/// Which keys are good.
enum Rule {
    Open,
    /// By the SHA-256 of the key: the file's secrets are forgotten once read.
    Listed(HashMap<[u8; 32], Known>),
}

pub struct Keys {
    rule: Rule,
    registry: Arc<Registry>,
    database: Arc<Database>,
    callers: Mutex<HashMap<[u8; 32], Arc<Caller>>>,
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0u8; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

impl Keys {
    pub fn open(registry: Arc<Registry>, database: Arc<Database>) -> Keys {
        Keys { rule: Rule::Open, registry, database, callers: Mutex::default() }
    }

    /// Only the keys of that file, which is TOML with one `[[key]]` for each.
    pub fn listed(
        text: &str,
        registry: Arc<Registry>,
        database: Arc<Database>,
    ) -> Result<Keys, String> {
        let file: KeyFile = toml::from_str(text).map_err(|e| e.to_string())?;
        let mut known = HashMap::new();
        for (at, entry) in file.key.into_iter().enumerate() {
            let (hash, entry) = known_key(entry).map_err(|e| format!("key {}: {e}", at + 1))?;
            known.insert(hash, entry);
        }
        let rule = Rule::Listed(known);
        Ok(Keys { rule, registry, database, callers: Mutex::default() })
    }

    pub fn is_open(&self) -> bool {
        matches!(self.rule, Rule::Open)
    }

    /// The caller with that key, or the refusal.
    pub fn caller(&self, key: &str) -> Result<Arc<Caller>, KeyError> {
        let hash = sha256(key.as_bytes());
        if matches!(self.rule, Rule::Open) {
            let callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(caller) = callers.get(&hash) {
                return Ok(caller.clone());
            }
        }
        let (account, livemode, tail) = self.identify(key, &hash)?;
        let fresh = || Workspace::new(tail, account, livemode);
        let found = self.database.read(|reader| self.registry.get(&tail, reader, fresh));
        let workspace = found.and_then(|inner| inner).map_err(KeyError::Store)?;
        let caller = Arc::new(Caller { workspace, masked: masked(key) });
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= CALLERS_CACHED_MAX {
            callers.clear();
        }
        callers.insert(hash, caller.clone());
        Ok(caller)
    }

    /// Account, mode and workspace of a key.
    fn identify(&self, key: &str, hash: &[u8; 32]) -> Result<(String, bool, [u8; 32]), KeyError> {
        let invalid = || KeyError::Refused(invalid_key(key));
        match &self.rule {
            Rule::Open => {
                let (kind, livemode, tail) = parts(key).ok_or_else(invalid)?;
                if livemode || tail.len() < OPEN_TAIL_CHARS_MIN {
                    return Err(invalid());
                }
                if kind == "pk_" {
                    return Err(KeyError::Refused(publishable()));
                }
                let workspace = sha256(format!("sandbox test {tail}").as_bytes());
                Ok((account_of(tail), false, workspace))
            }
            // The map is looked up by a hash: no comparison with a secret takes longer the more of
            // it is right.
            Rule::Listed(known) => {
                let known = known.get(hash).ok_or_else(invalid)?;
                if known.publishable {
                    return Err(KeyError::Refused(publishable()));
                }
                let now = store::workspace::machine_now() / 1000;
                if known.expires_at.is_some_and(|at| at <= now) {
                    return Err(KeyError::Refused(expired(key)));
                }
                let workspace = workspace_of(&known.account, known.livemode);
                Ok((known.account.clone(), known.livemode, workspace))
            }
        }
    }

    /// The same account in the other mode, if anything was ever kept there.
    pub fn sibling(&self, workspace: &Workspace) -> Option<Arc<Workspace>> {
        if self.is_open() {
            return None;
        }
        let (account, livemode) = (workspace.account.clone(), !workspace.livemode);
        let tail = workspace_of(&account, livemode);
        let fresh = || Workspace::new(tail, account, livemode);
        let found = self.database.read(|reader| self.registry.get(&tail, reader, fresh));
        found.and_then(|inner| inner).ok().filter(|sibling| sibling.number() != 0)
    }
}

fn workspace_of(account: &str, livemode: bool) -> [u8; 32] {
    sha256(format!("account {livemode} {account}").as_bytes())
}

/// Why a key opens nothing.
pub enum KeyError {
    Refused(ApiError),
    Store(store::StoreError),
}

/// Kind, mode and tail of a key that has the right shape.
fn parts(key: &str) -> Option<(&'static str, bool, &str)> {
    let kind = KINDS.into_iter().find(|kind| key.starts_with(kind))?;
    let rest = &key[kind.len()..];
    let (livemode, tail) = match (rest.strip_prefix("test_"), rest.strip_prefix("live_")) {
        (Some(tail), _) => (false, tail),
        (_, Some(tail)) => (true, tail),
        _ => return None,
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!tail.is_empty() && tail.chars().all(plain)).then_some((kind, livemode, tail))
}

/// The account of a sandbox follows from its key's tail, so that every node names it alike.
fn account_of(tail: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"exchequer account");
    let sign = hmac::sign(&key, tail.as_bytes());
    let number = |at: usize| {
        let mut bytes = [0u8; 8];
        bytes.copy_from_slice(&sign.as_ref()[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    id::account_id(number(0), number(8))
}

fn known_key(entry: KeyEntry) -> Result<([u8; 32], Known), String> {
    let (shape, hash) = match (&entry.secret, &entry.sha256) {
        (Some(secret), None) => (secret.clone(), sha256(secret.as_bytes())),
        (None, Some(hex)) => {
            let prefix = entry.prefix.clone().ok_or("a sha256 needs a prefix such as sk_test_")?;
            (format!("{prefix}hashed"), from_hex(hex).ok_or("sha256 is not 64 hex digits")?)
        }
        _ => return Err("give either secret or sha256".into()),
    };
    let (kind, livemode, tail) = parts(&shape).ok_or("a key looks like sk_test_…")?;
    let account = match entry.account {
        Some(account) if account.starts_with("acct_") && account.len() > 15 => account,
        Some(_) => return Err("an account looks like acct_ and at least ten characters".into()),
        None if entry.secret.is_some() => account_of(tail),
        None => return Err("a hashed key needs its account".into()),
    };
    let publishable = kind == "pk_";
    Ok((hash, Known { account, livemode, publishable, expires_at: entry.expires_at }))
}

fn from_hex(hex: &str) -> Option<[u8; 32]> {
    let mut out = [0u8; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    for (at, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(out)
}

/// A key as messages show it: its prefix, stars, and its last characters.
pub fn masked(key: &str) -> String {
    let head = parts(key).map_or(0, |(kind, _, _)| kind.len() + "test_".len());
    let tail: Vec<char> = key.chars().skip(head).collect();
    let shown = match tail.len() {
        0..=4 => 0,
        5..=60 => 4,
        _ => 6,
    };
    let hidden = tail.len() - shown;
    let stars = "*".repeat(hidden);
    let end: String = tail[hidden..].iter().collect();
    format!("{}{stars}{end}", key.chars().take(head).collect::<String>())
}

pub fn no_key() -> ApiError {
    ApiError::invalid(
        "You did not provide an API key. You need to provide your API key in the Authorization \
         header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See \
         https://stripe.com/docs/api#authentication for details, or we can help at \
         https://support.stripe.com/.",
    )
    .status(401)
}

fn invalid_key(key: &str) -> ApiError {
    ApiError::invalid(format!("Invalid API Key provided: {}", masked(key))).status(401)
}

fn expired(key: &str) -> ApiError {
    let message = format!("Expired API Key provided: {}", masked(key));
    ApiError::invalid(message).code("api_key_expired").status(401)
}

fn publishable() -> ApiError {
    ApiError::invalid(
        "This API call cannot be made with a publishable API key. Please use a secret API key. You \
         can find a list of your API keys at https://dashboard.stripe.com/account/apikeys.",
    )
    .code("secret_key_required")
    .status(403)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_masked_to_their_length() {
        assert_eq!(masked("sk_test_bogusbogusbogus1234"), "sk_test_***************1234");
        assert_eq!(masked("sk_test_abc"), "sk_test_***");
        assert_eq!(masked("nonsense"), "****ense");
        assert_eq!(masked(""), "");
    }

    #[test]
    fn the_account_follows_from_the_tail() {
        let account = account_of("exchequer");
        assert_eq!(account, account_of("exchequer"));
        assert_ne!(account, account_of("exchequer2"));
        assert_eq!(account.len(), "acct_".len() + 16);
    }

    #[test]
    fn a_file_of_keys_is_checked() {
        let entry = |text: &str| {
            let file: Result<KeyFile, _> = toml::from_str(text);
            file.map_err(|e| e.to_string()).and_then(|f| known_key(f.key[0].clone()))
        };
        assert!(entry("[[key]]\nsecret = 'sk_live_abc'").unwrap().1.livemode);
        assert!(entry("[[key]]\nsecret = 'pk_test_abc'").unwrap().1.publishable);
        assert!(entry("[[key]]\nsecret = 'abc'").is_err());
        assert!(entry("[[key]]\naccount = 'acct_1234567890123456'").is_err());
        assert!(entry("[[key]]\nsecret = 'rk_test_abc'\npermissions = ['x']").is_err());
    }
}
