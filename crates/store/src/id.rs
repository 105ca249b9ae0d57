//! Ids that sort by creation.
//!
//! `obp_` `1` then five characters of time, ten of the account, three of a counter within the
//! second and five at random, all base62 in ASCII order. So the primary key is the list order, the
//! cursor and the `created` range at once.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use ring::rand::{SecureRandom, SystemRandom};

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The second that the five characters of time count from: 2010-01-01. They last until 2039.
pub const EPOCH_SECOND: i64 = 1_262_304_000;
pub const LAST_SECOND: i64 = EPOCH_SECOND + 62i64.pow(5) - 1;
/// How many ids of a workspace one second can hold: three characters.
pub const COUNTER_MAX: i64 = 62i64.pow(3) - 1;

const TIME_WIDTH: usize = 5;
const ACCOUNT_WIDTH: usize = 10;
const COUNTER_WIDTH: usize = 3;
const RANDOM_WIDTH: usize = 5;

/// The ten characters of an account that its own id and the ids of its objects share.
pub fn account_part(account: &str) -> &str {
    account.get(account.len().saturating_sub(ACCOUNT_WIDTH)..).unwrap_or(account)
}

/// The same ten characters as an object's id carries them.
pub fn owner_part(object: &str) -> Option<&str> {
    const FROM: usize = 1 + TIME_WIDTH;
    object.split_once('_')?.1.get(FROM..FROM + ACCOUNT_WIDTH)
}

pub fn object_id(prefix: &str, second: i64, account: &str, counter: i64, random: u64) -> String {
    let mut id = String::with_capacity(prefix.len() + 25);
    id.push_str(prefix);
    id.push('_');
    push_time(&mut id, second);
    id.push_str(account_part(account));
    push_base62(&mut id, counter.unsigned_abs(), COUNTER_WIDTH);
    push_base62(&mut id, random, RANDOM_WIDTH);
    id
}

/// `acct_` + `1` + five of time or chance + ten of its own.
pub fn account_id(five: u64, ten: u64) -> String {
    let mut id = String::from("acct_1");
    push_base62(&mut id, five, TIME_WIDTH);
    push_base62(&mut id, ten, ACCOUNT_WIDTH);
    id
}

/// The least possible id of that prefix and second: the edge of a range of creation times.
pub fn lower_bound(prefix: &str, second: i64) -> String {
    let mut id = format!("{prefix}_");
    push_time(&mut id, second.clamp(EPOCH_SECOND, LAST_SECOND));
    id
}

fn push_time(id: &mut String, second: i64) {
    id.push('1');
    push_base62(id, (second - EPOCH_SECOND).max(0).unsigned_abs(), TIME_WIDTH);
}

/// `value` in exactly `width` characters; what does not fit is dropped from the left.
pub fn push_base62(out: &mut String, value: u64, width: usize) {
    let mut digits = [b'0'; 22];
    let mut rest = value;
    for slot in digits[..width].iter_mut().rev() {
        *slot = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    for digit in &digits[..width] {
        out.push(char::from(*digit));
    }
}

/// Characters of base62 made from random bytes: request ids, secrets, one-off tokens.
pub fn random_text(width: usize) -> String {
    (0..width).map(|_| char::from(DIGITS[(random_u64() % 62) as usize])).collect()
}

/// 64 random bits. A counter seeded by the system's generator and mixed (SplitMix64): ids need to
/// be unique and hard to guess by accident, not secret; secrets are drawn from [`secret_bytes`].
pub fn random_u64() -> u64 {
    static STATE: OnceLock<AtomicU64> = OnceLock::new();
    let state = STATE.get_or_init(|| {
        let mut seed = [0u8; 8];
        secret_bytes(&mut seed);
        AtomicU64::new(u64::from_le_bytes(seed))
    });
    let mut mixed = state.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Bytes nobody can guess. The system's generator does not fail once the machine runs; if it ever
/// did, going on with weak secrets would be worse than stopping.
pub fn secret_bytes(out: &mut [u8]) {
    if SystemRandom::new().fill(out).is_err() {
        std::process::abort();
    }
}

/// A secret in base62 characters, such as the tail of a `whsec_`.
pub fn secret_text(width: usize) -> String {
    let mut bytes = vec![0u8; width * 2];
    secret_bytes(&mut bytes);
    let pairs = bytes.chunks_exact(2);
    pairs.map(|p| char::from(DIGITS[u16::from_le_bytes([p[0], p[1]]) as usize % 62])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_second_then_counter() {
        let id = |second, counter| object_id("obp", second, "acct_1AAAAA0123456789", counter, 7);
        let a = id(1_700_000_000, 5);
        assert_eq!(a.len(), "obp_".len() + 24);
        assert!(a.contains("0123456789"));
        assert_eq!(owner_part(&a), Some(account_part("acct_1AAAAA0123456789")));
        assert_eq!([owner_part("obp_short"), owner_part("nothing")], [None; 2]);
        assert!(a < id(1_700_000_000, 6));
        assert!(id(1_700_000_000, COUNTER_MAX) < id(1_700_000_001, 0));
        assert!(lower_bound("obp", 1_700_000_000) < a);
        assert!(a < lower_bound("obp", 1_700_000_001));
    }

    #[test]
    fn random_numbers_differ() {
        let mut seen: Vec<u64> = (0..10_000).map(|_| random_u64()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 10_000);
    }
}
