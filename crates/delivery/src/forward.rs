//! The one address that every event of every sandbox can be sent to, given at the start.

use exchequer_core::egress::Target;
use exchequer_core::webhook_endpoint::{SECRET_PREFIX, SECRET_WIDTH};
use store::seal::Sealer;

pub struct Forward {
    pub url: String,
    pub secret: String,
}

impl Forward {
    /// From the flags. A secret that is not given is made from the store's key, so that it stays
    /// the same as long as the store does.
    pub fn new(
        url: Option<&str>,
        secret: Option<&str>,
        sealer: &Sealer,
    ) -> Result<Option<Forward>, String> {
        let Some(url) = url else { return Ok(None) };
        if Target::parse(url).is_none() {
            return Err(format!("{url} is no URL that events can be sent to"));
        }
        let secret = match secret {
            Some(secret) if secret.starts_with(SECRET_PREFIX) => secret.to_owned(),
            Some(_) => return Err(format!("a signing secret begins with {SECRET_PREFIX}")),
            None => derived(sealer),
        };
        Ok(Some(Forward { url: url.to_owned(), secret }))
    }
}

fn derived(sealer: &Sealer) -> String {
    let mut secret = SECRET_PREFIX.to_owned();
    for (part, width) in [("first", 10), ("second", 10), ("third", 10), ("rest", 2)] {
        let mac = sealer.mac("forward", part.as_bytes());
        let mut number = [0u8; 8];
        number.copy_from_slice(&mac[..8]);
        store::id::push_base62(&mut secret, u64::from_le_bytes(number), width);
    }
    debug_assert_eq!(secret.len(), SECRET_PREFIX.len() + SECRET_WIDTH);
    secret
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_lasts_as_long_as_its_store() {
        let sealer = Sealer::random().unwrap();
        let secret = derived(&sealer);
        assert_eq!(secret, derived(&sealer));
        assert_ne!(secret, derived(&Sealer::random().unwrap()));
        assert_eq!(secret.len(), SECRET_PREFIX.len() + SECRET_WIDTH);
    }

    #[test]
    fn flags_are_checked() {
        let sealer = Sealer::random().unwrap();
        assert!(Forward::new(None, None, &sealer).unwrap().is_none());
        assert!(Forward::new(Some("localhost:1"), None, &sealer).is_err());
        assert!(Forward::new(Some("http://localhost:1/"), Some("secret"), &sealer).is_err());
        let given = Forward::new(Some("http://localhost:1/"), Some("whsec_x"), &sealer).unwrap();
        assert_eq!(given.unwrap().secret, "whsec_x");
    }
}
