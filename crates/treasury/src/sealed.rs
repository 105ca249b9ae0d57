//! A secret as it lies in the store.

use api::{Fault, Result};
use serde::{Deserialize, Serialize};
use store::seal::Sealer;

/// Sealed bytes in hexadecimal digits. Its `Debug` shows nothing that could be opened.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(String);

impl Sealed {
    pub fn new(sealer: &Sealer, plain: &str) -> Sealed {
        let sealed = sealer.seal(plain.as_bytes());
        let mut text = String::with_capacity(sealed.len() * 2);
        for byte in sealed {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
        Sealed(text)
    }

    pub fn open(&self, sealer: &Sealer) -> Result<String> {
        let broken = || Fault::new("a sealed value is broken");
        let pairs = self.0.as_bytes().chunks(2);
        let byte = |pair: &[u8]| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        };
        let bytes: Option<Vec<u8>> = pairs.map(byte).collect();
        let plain = sealer.unseal(&bytes.ok_or_else(broken)?)?;
        Ok(String::from_utf8(plain).map_err(|_| broken())?)
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_can_be_opened() {
        let sealer = Sealer::random().unwrap();
        let sealed = Sealed::new(&sealer, "000123456789");
        assert_eq!(sealed.open(&sealer).unwrap(), "000123456789");
        assert_eq!(format!("{sealed:?}"), "Sealed");
        assert!(sealed.open(&Sealer::random().unwrap()).is_err());
        assert!(Sealed("zz".into()).open(&sealer).is_err());
    }
}
