//! The `Stripe-Signature` header, checked from the rule and not by the server's own code.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// `t=…,v1=…,v0=…`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub timestamp: i64,
    pub v1: Vec<String>,
    pub v0: Vec<String>,
}

impl Signature {
    pub fn parse(header: &str) -> Option<Self> {
        let values = |name: &str| -> Vec<String> {
            let pairs = header.split(',').filter_map(|part| part.split_once('='));
            pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).collect()
        };
        let timestamp = values("t").first()?.parse().ok()?;
        Some(Self { timestamp, v1: values("v1"), v0: values("v0") })
    }

    /// One of the signatures was made of this body with this secret.
    pub fn verifies(&self, body: &[u8], secret: &str) -> bool {
        let mut signed = format!("{}.", self.timestamp).into_bytes();
        signed.extend_from_slice(body);
        self.v1.contains(&hmac_sha256_hex(secret.as_bytes(), &signed))
    }
}

/// The keyed hash in lower-case hex, as the header carries it.
pub fn hmac_sha256_hex(key: &[u8], message: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length of key is fine");
    mac.update(message);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{Signature, hmac_sha256_hex};

    /// The second test case of RFC 4231.
    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(
            hmac_sha256_hex(b"Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_signature_of_another_secret_or_body_is_refused() {
        let good = hmac_sha256_hex(b"whsec_a", b"1700000000.{}");
        let header = format!("t=1700000000,v1={good},v0=00");
        let signature = Signature::parse(&header).expect("a signature");
        assert!(signature.verifies(b"{}", "whsec_a"));
        assert!(!signature.verifies(b"{}", "whsec_b"));
        assert!(!signature.verifies(b"{ }", "whsec_a"));
    }
}
