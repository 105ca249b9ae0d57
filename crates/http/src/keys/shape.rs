//! What a key looks like, and what is told of it: never the key itself.

use ring::digest::{SHA256, digest};
use ring::hmac;
use store::id;

const KINDS: [&str; 3] = ["sk_", "rk_", "pk_"];

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0u8; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

/// Kind, mode and tail of a key that has the right shape.
pub fn parts(key: &str) -> Option<(&'static str, bool, &str)> {
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
pub fn account_of(tail: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"exchequer account");
    let sign = hmac::sign(&key, tail.as_bytes());
    id::account_id(number(sign.as_ref(), 0), number(sign.as_ref(), 8))
}

/// The id by which a key can be named without telling it: `mk_…`.
pub fn key_id(hash: &[u8; 32], account: &str) -> String {
    let mut out = String::from("mk_1");
    id::push_base62(&mut out, number(hash, 0), 5);
    out.push_str(id::account_part(account));
    id::push_base62(&mut out, number(hash, 8), 8);
    out
}

fn number(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0u8; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
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
    fn a_key_has_an_id_that_does_not_tell_it() {
        let id = key_id(&sha256(b"rk_test_secret"), "acct_1234567890123456");
        assert_eq!(id.len(), "mk_".len() + 24);
        assert_ne!(id, key_id(&sha256(b"rk_test_other"), "acct_1234567890123456"));
    }
}
