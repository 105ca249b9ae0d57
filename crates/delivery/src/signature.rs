//! The `Stripe-Signature` header.

use ring::hmac;

/// The key of the decoy: a scheme that no verifier may accept, so that a client which takes any
/// scheme is found out in test mode.
const DECOY_KEY: &[u8] = b"decoy";

/// `t=…,v1=…[,v1=…][,v0=…]`: one `v1` for each secret, and the decoy in test mode.
pub fn header(timestamp: i64, body: &[u8], secrets: &[String], livemode: bool) -> String {
    let mut header = format!("t={timestamp}");
    for secret in secrets {
        header.push_str(",v1=");
        // The key is the whole secret, with its prefix.
        header.push_str(&sign(secret.as_bytes(), timestamp, body));
    }
    if !livemode {
        header.push_str(",v0=");
        header.push_str(&sign(DECOY_KEY, timestamp, body));
    }
    header
}

/// HMAC-SHA256 of the time, a dot and the body, in lower-case hexadecimal digits.
fn sign(key: &[u8], timestamp: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut context = hmac::Context::with_key(&key);
    context.update(timestamp.to_string().as_bytes());
    context.update(b".");
    context.update(body);
    let digits = context.sign();
    digits.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The time that an attempt is signed with: the machine's, but later than the attempt before, so
/// that each attempt has a time of its own.
pub fn timestamp(machine_seconds: i64, last: Option<i64>) -> i64 {
    last.map_or(machine_seconds, |last| machine_seconds.max(last + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Computed with another program's HMAC.
    const FIRST: &str = "50312a96fd633ed9af3417ca3840e74b347ca5227cb687acf5e88677e26ea9df";
    const SECOND: &str = "81436fde8778e9400cb2664abe3da4a28f71ae23fe5ac7c9b03f25c57ac062fa";

    #[test]
    fn the_header_is_what_verifiers_expect() {
        let body = b"{\n  \"id\": \"evt_1\"\n}\n";
        let secrets = ["whsec_first".to_owned(), "whsec_second".to_owned()];
        let live = header(1_700_000_000, body, &secrets[..1], true);
        assert_eq!(live, format!("t=1700000000,v1={FIRST}"));
        let test = header(1_700_000_000, body, &secrets, false);
        let (signed, decoy) = test.split_once(",v0=").unwrap();
        assert_eq!(signed, format!("t=1700000000,v1={FIRST},v1={SECOND}"));
        assert!(decoy.len() == 64 && decoy != FIRST && decoy != SECOND);
    }

    #[test]
    fn every_attempt_has_a_time_of_its_own() {
        assert_eq!(timestamp(100, None), 100);
        assert_eq!(timestamp(100, Some(90)), 100);
        assert_eq!(timestamp(100, Some(100)), 101);
        assert_eq!(timestamp(100, Some(105)), 106);
    }
}
