//! The file of keys: TOML, with one `[[key]]` for each. It is read at the start; its secrets are
//! forgotten at once and only their hashes stay.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

use super::permissions::{Catalogue, Granted};
use super::shape::{account_of, parts, sha256};

/// One entry of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    secret: Option<String>,
    /// In place of `secret`, its SHA-256 in hexadecimal; `prefix` then says kind and mode.
    sha256: Option<String>,
    prefix: Option<String>,
    /// `acct_…`; without one the account follows from the key.
    account: Option<String>,
    /// Unix seconds of the machine's clock.
    expires_at: Option<i64>,
    /// What a restricted key may do.
    permissions: Option<Vec<String>>,
    /// The addresses and networks that requests may come from; anywhere when not given.
    ips: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    #[serde(default)]
    key: Vec<KeyEntry>,
}

/// A key of the file as it is remembered.
#[derive(Clone, Debug)]
pub struct Known {
    pub account: String,
    pub livemode: bool,
    pub publishable: bool,
    pub expires_at: Option<i64>,
    pub granted: Option<Granted>,
    ips: Option<Vec<IpNet>>,
}

impl Known {
    pub fn may_come_from(&self, from: IpAddr) -> bool {
        // A socket of both families shows IPv4 clients inside IPv6 addresses.
        let from = from.to_canonical();
        self.ips.as_ref().is_none_or(|ips| ips.iter().any(|net| net.contains(&from)))
    }
}

/// The keys of a file by their hash, or why it is none.
pub fn read(text: &str, catalogue: &Catalogue) -> Result<HashMap<[u8; 32], Known>, String> {
    let file: KeyFile = toml::from_str(text).map_err(|error| malformed(text, &error))?;
    if file.key.is_empty() {
        return Err("there is no [[key]] in it".into());
    }
    let mut known = HashMap::new();
    for (at, entry) in file.key.into_iter().enumerate() {
        let key = known_key(entry, catalogue).and_then(|(hash, key)| {
            let fresh = known.insert(hash, key).is_none();
            fresh.then_some(()).ok_or_else(|| "the same key stands in the file twice".into())
        });
        key.map_err(|why| format!("key {}: {why}", at + 1))?;
    }
    Ok(known)
}

/// What is wrong, without the line it is in: a key may stand there.
fn malformed(text: &str, error: &toml::de::Error) -> String {
    let start = error.span().map_or(0, |span| span.start);
    let line = text.get(..start).map_or(1, |before| before.matches('\n').count() + 1);
    let message = error.message();
    let shows_a_key = ["_test_", "_live_"].iter().any(|part| message.contains(part));
    let what = if shows_a_key { "that is no valid entry" } else { message };
    format!("line {line}: {what}")
}

/// `acct_` and letters and digits, as the ids of its objects need them.
fn is_account(account: &str) -> bool {
    const TAIL_CHARS: std::ops::RangeInclusive<usize> = 10..=40;
    let tail = account.strip_prefix("acct_").unwrap_or("");
    TAIL_CHARS.contains(&tail.len()) && tail.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn known_key(entry: KeyEntry, catalogue: &Catalogue) -> Result<([u8; 32], Known), String> {
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
        Some(account) if is_account(&account) => account,
        Some(_) => return Err("an account is acct_ and 10 to 40 letters and digits".into()),
        None if entry.secret.is_some() => account_of(tail),
        None => return Err("a hashed key needs its account".into()),
    };
    // A restricted key that may do everything by oversight would be worse than an error.
    let granted = match (kind, entry.permissions) {
        ("rk_", Some(names)) => Some(catalogue.grant(&names)?),
        ("rk_", None) => {
            return Err("a restricted key needs permissions; [] allows nothing".into());
        }
        (_, Some(_)) => return Err("only restricted keys (rk_) have permissions".into()),
        (_, None) => None,
    };
    let ips = entry.ips.map(|ips| ips.iter().map(|text| network(text)).collect()).transpose()?;
    let (publishable, expires_at) = (kind == "pk_", entry.expires_at);
    Ok((hash, Known { account, livemode, publishable, expires_at, granted, ips }))
}

/// An address, or a network such as 10.0.0.0/8.
fn network(text: &str) -> Result<IpNet, String> {
    let one = text.parse::<IpAddr>().map(IpNet::from).ok();
    let found = one.or_else(|| text.parse::<IpNet>().ok());
    found.ok_or_else(|| format!("'{text}' is no IP address and no network such as 10.0.0.0/8"))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Result<Known, String> {
        let known = read(text, &Catalogue::from_iter(["customer_read".into()]))?;
        known.into_values().next().ok_or_else(|| "no key".into())
    }

    #[test]
    fn the_prefix_tells_kind_and_mode() {
        assert!(key("[[key]]\nsecret = 'sk_live_abc'").unwrap().livemode);
        assert!(key("[[key]]\nsecret = 'pk_test_abc'").unwrap().publishable);
        assert!(key("[[key]]\nsecret = 'abc'").is_err());
        assert!(key("[[key]]\naccount = 'acct_1234567890123456'").is_err());
    }

    #[test]
    fn no_refusal_shows_a_key() {
        for text in [
            "[[key]]\nsecret = sk_live_SECRETSECRET",
            "[[key]]\nsecret = ['sk_test_SECRETSECRET']",
            "[[key]]\nexpires_at = 'sk_test_SECRETSECRET'",
            "[[key]]\nsk_test_SECRETSECRET = 1",
        ] {
            let why = key(text).unwrap_err();
            assert!(why.starts_with("line ") && !why.contains("SECRETSECRET"), "{why}");
        }
        assert_eq!(key("").unwrap_err(), "there is no [[key]] in it");
    }

    #[test]
    fn an_account_is_letters_and_digits() {
        let with =
            |account: &str| key(&format!("[[key]]\nsecret = 'sk_test_abc'\naccount = '{account}'"));
        assert!(with("acct_1234567890123456").is_ok());
        for account in ["acct_../../../../etc", "acct_123", "1234567890", "acct_éééééééééé"]
        {
            assert!(with(account).is_err(), "{account}");
        }
    }

    #[test]
    fn restricted_keys_have_permissions_and_others_have_none() {
        let refusal = |text: &str| key(text).unwrap_err();
        let why = refusal("[[key]]\nsecret = 'rk_test_abc'");
        assert_eq!(why, "key 1: a restricted key needs permissions; [] allows nothing");
        let why = refusal("[[key]]\nsecret = 'sk_test_abc'\npermissions = []");
        assert_eq!(why, "key 1: only restricted keys (rk_) have permissions");
        assert!(key("[[key]]\nsecret = 'rk_test_abc'\npermissions = []").is_ok());
        let why = refusal("[[key]]\nsecret = 'rk_test_abc'\npermissions = ['x']");
        assert!(why.starts_with("key 1: 'x' is no permission; the permissions are "), "{why}");
    }

    #[test]
    fn a_key_stands_in_the_file_once() {
        let twice = "[[key]]\nsecret = 'sk_test_abc'\n[[key]]\nsecret = 'sk_test_abc'";
        assert_eq!(key(twice).unwrap_err(), "key 2: the same key stands in the file twice");
    }

    #[test]
    fn requests_come_from_the_listed_networks() {
        let text = "[[key]]\nsecret = 'sk_test_abc'\nips = ['127.0.0.1', '10.0.0.0/8', '::1']";
        let known = key(text).unwrap();
        for (from, may) in [
            ("127.0.0.1", true),
            ("::ffff:127.0.0.1", true),
            ("127.0.0.2", false),
            ("10.255.0.1", true),
            ("11.0.0.1", false),
            ("::1", true),
            ("::2", false),
        ] {
            assert_eq!(known.may_come_from(from.parse().unwrap()), may, "{from}");
        }
        let anywhere = key("[[key]]\nsecret = 'sk_test_abc'").unwrap();
        assert!(anywhere.may_come_from("192.0.2.1".parse().unwrap()));
        let nowhere = key("[[key]]\nsecret = 'sk_test_abc'\nips = []").unwrap();
        assert!(!nowhere.may_come_from("127.0.0.1".parse().unwrap()));
        let why = key("[[key]]\nsecret = 'sk_test_abc'\nips = ['10.0.0.0/33']").unwrap_err();
        assert!(why.contains("'10.0.0.0/33' is no IP address"), "{why}");
    }
}
