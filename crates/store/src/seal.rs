//! Secrets at rest: account numbers, signing secrets and kept answers are sealed with a key that
//! lies beside the store, so that a copy of the store alone gives none of them away.

use std::path::Path;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;

use crate::id::secret_bytes;
use crate::{Result, StoreError};

const KEY_BYTES: usize = 32;

pub struct Sealer {
    aead: LessSafeKey,
    mac: hmac::Key,
}

impl Sealer {
    /// For a store that lives only as long as the program.
    pub fn random() -> Result<Sealer> {
        let mut key = [0u8; KEY_BYTES];
        secret_bytes(&mut key);
        Sealer::new(&key)
    }

    fn new(key: &[u8; KEY_BYTES]) -> Result<Sealer> {
        let wrong = |_| StoreError::Unusable("the seal key cannot be used".into());
        let root = hmac::Key::new(hmac::HMAC_SHA256, key);
        let sealing = hmac::sign(&root, b"exchequer seal");
        let mac = hmac::sign(&root, b"exchequer mac");
        let aead = UnboundKey::new(&CHACHA20_POLY1305, sealing.as_ref()).map_err(wrong)?;
        let mac = hmac::Key::new(hmac::HMAC_SHA256, mac.as_ref());
        Ok(Sealer { aead: LessSafeKey::new(aead), mac })
    }

    /// Reads the key file of an existing store, or makes one (mode 0600) for a new store.
    pub fn open(path: &Path, store_is_new: bool) -> Result<Sealer> {
        if let Ok(bytes) = std::fs::read(path) {
            let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).map_err(|_| {
                StoreError::Unusable(format!("{} is no seal key of 32 bytes", path.display()))
            })?;
            return Sealer::new(&key);
        }
        if !store_is_new {
            let path = path.display();
            return Err(StoreError::Unusable(format!("the store's seal key {path} is missing")));
        }
        let mut key = [0u8; KEY_BYTES];
        secret_bytes(&mut key);
        write_private(path, &key)
            .map_err(|e| StoreError::Unusable(format!("cannot write {}: {e}", path.display())))?;
        Sealer::new(&key)
    }

    /// Puts a copy of a key file (mode 0600) where there is none yet.
    pub fn copy_key(from: &Path, to: &Path) -> Result<()> {
        let copied = std::fs::read(from).and_then(|bytes| write_private(to, &bytes));
        copied.map_err(|e| StoreError::Unusable(format!("cannot write {}: {e}", to.display())))
    }

    /// Sealed bytes: a random nonce, then the ciphertext with its tag.
    pub fn seal(&self, plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0u8; NONCE_LEN];
        secret_bytes(&mut nonce);
        self.seal_with(nonce, plain)
    }

    /// The same plain text gives the same sealed bytes: for tokens that are rendered again and
    /// again. The nonce is a keyed hash of the plain text.
    pub fn seal_stable(&self, plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0u8; NONCE_LEN];
        nonce.copy_from_slice(&self.mac("nonce", plain)[..NONCE_LEN]);
        self.seal_with(nonce, plain)
    }

    fn seal_with(&self, nonce: [u8; NONCE_LEN], plain: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + 16);
        sealed.extend_from_slice(plain);
        let unique = Nonce::assume_unique_for_key(nonce);
        if self.aead.seal_in_place_append_tag(unique, Aad::empty(), &mut sealed).is_err() {
            // Only a plain text of 256 GiB could get here.
            return Vec::new();
        }
        sealed.splice(0..0, nonce);
        sealed
    }

    pub fn unseal(&self, sealed: &[u8]) -> Result<Vec<u8>> {
        let broken = || StoreError::Corrupt("sealed bytes do not open with this key".into());
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN).ok_or_else(broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken())?;
        let mut rest = rest.to_vec();
        let plain =
            self.aead.open_in_place(nonce, Aad::empty(), &mut rest).map_err(|_| broken())?;
        Ok(plain.to_vec())
    }

    /// What a store keeps to tell this key from any other.
    pub fn mark(&self) -> [u8; 32] {
        self.mac("mark", b"exchequer")
    }

    /// A keyed hash: fingerprints of bank accounts and of requests, which nobody can guess back
    /// without the key. `purpose` keeps the uses apart.
    pub fn mac(&self, purpose: &str, bytes: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.mac);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(bytes);
        let mut out = [0u8; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
}

#[cfg(unix)]
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(not(unix))]
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::write(path, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_with_its_key() {
        let sealer = Sealer::random().unwrap();
        let sealed = sealer.seal(b"000123456789");
        assert_eq!(sealer.unseal(&sealed).unwrap(), b"000123456789");
        assert_ne!(sealer.seal(b"000123456789"), sealed);
        assert_eq!(sealer.seal_stable(b"a"), sealer.seal_stable(b"a"));
        assert!(Sealer::random().unwrap().unseal(&sealed).is_err());
        assert!(sealer.unseal(&sealed[..10]).is_err());
    }
}
