//! The certificate that the server makes for itself when it is given none: for this machine's own
//! names, signed by nobody else, kept beside the store so that clients can go on trusting it.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd};
use store::id::random_text;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{CertificateError, Error, RootCertStore, crypto};

use super::{Tls, chain_of};

/// Whom it is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
const DAY: Duration = Duration::from_secs(86_400);
/// Some clients trust no certificate that is good for longer than 825 days.
const GOOD_FOR: Duration = Duration::from_secs(800 * 86_400);
/// One that ends sooner than this is made anew at the start.
const RENEWED_BEFORE: Duration = Duration::from_secs(60 * 86_400);

/// A certificate of the server's own, and where clients find it.
pub struct SelfMade {
    pub tls: Tls,
    pub certificate: PathBuf,
    /// Nothing is kept of a store that keeps nothing: its certificate is locked while the program
    /// runs, and removed when it ends, or at the next start if it was killed.
    temporary: Option<File>,
}

/// What the certificates of such stores begin with, and how they are called before they are locked.
const TEMPORARY: &str = "exchequer-certificate-";
const UNLOCKED: &str = "exchequer-new-certificate-";

impl Drop for SelfMade {
    fn drop(&mut self) {
        if self.temporary.is_some() {
            let _ = std::fs::remove_file(&self.certificate);
        }
    }
}

struct Made {
    certificate: String,
    key: String,
}

impl SelfMade {
    /// The certificate of the store at `data`: `DATA.crt`, with its key in `DATA.crt.key`.
    pub fn beside(data: &str) -> Result<SelfMade, String> {
        if data == ":memory:" {
            return SelfMade::temporary();
        }
        // A store on another machine has no place beside it.
        let name = if data.contains("://") { "exchequer" } else { data };
        let certificate = PathBuf::from(format!("{name}.crt"));
        let key = PathBuf::from(format!("{name}.crt.key"));
        if !certificate.exists() || !key.exists() || ends_soon(&certificate)? {
            write(&certificate, &key, &make()?)?;
        }
        let tls = Tls::from_files(&certificate, &key)?;
        Ok(SelfMade { tls, certificate, temporary: None })
    }

    fn temporary() -> Result<SelfMade, String> {
        let made = make()?;
        let folder = std::env::temp_dir();
        remove_abandoned(&folder);
        let name = format!("{}.crt", random_text(12));
        let certificate = folder.join(format!("{TEMPORARY}{name}"));
        let write = || {
            let unlocked = folder.join(format!("{UNLOCKED}{name}"));
            let mut file = File::create_new(&unlocked)?;
            file.write_all(made.certificate.as_bytes())?;
            file.lock()?;
            std::fs::rename(&unlocked, &certificate)?;
            Ok(file)
        };
        let file = write().map_err(|error| cannot(&certificate, &error))?;
        let key = PrivateKeyDer::from_pem_slice(made.key.as_bytes());
        let key = key.map_err(|error| error.to_string())?;
        let chain = chain_of(made.certificate.as_bytes(), &certificate)?;
        let tls = Tls::new(chain, key).map_err(|error| error.to_string())?;
        Ok(SelfMade { tls, certificate, temporary: Some(file) })
    }
}

/// Removes what killed programs left: nobody holds its lock.
fn remove_abandoned(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            continue;
        }
        let Ok(file) = File::open(entry.path()) else { continue };
        if file.try_lock().is_ok() {
            // Another program may be quicker; either way it is gone.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn make() -> Result<Made, String> {
    let made = || -> Result<Made, rcgen::Error> {
        let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
        params.distinguished_name.push(DnType::CommonName, "Exchequer on localhost");
        params.is_ca = IsCa::ExplicitNoCa;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let now = date_time_ymd(1970, 1, 1) + since_1970();
        // The client's clock may be a little behind.
        params.not_before = now - DAY;
        params.not_after = now + GOOD_FOR;
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.pem();
        Ok(Made { certificate, key: key.serialize_pem() })
    };
    made().map_err(|error| format!("a certificate cannot be made: {error}"))
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Whether a client that trusts the certificate today would soon not do so any more. A file that
/// is no such certificate at all may be somebody's, and is not written over.
fn ends_soon(path: &Path) -> Result<bool, String> {
    let pem = std::fs::read(path).map_err(|error| cannot(path, &error))?;
    let certificate = chain_of(&pem, path)?.swap_remove(0);
    match verify(&certificate, since_1970() + RENEWED_BEFORE) {
        Ok(()) => Ok(false),
        Err(Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => Ok(true),
        Err(error) => Err(format!(
            "{}: {error}; move it away to have a certificate made, or give --tls-cert and \
             --tls-key",
            path.display()
        )),
    }
}

fn verify(certificate: &CertificateDer<'_>, at: Duration) -> Result<(), Error> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone().into_owned())?;
    let provider = Arc::new(crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| Error::General(error.to_string()))?;
    let name = ServerName::try_from("localhost").map_err(|e| Error::General(e.to_string()))?;
    let at = UnixTime::since_unix_epoch(at);
    verifier.verify_server_cert(certificate, &[], &name, &[], at).map(|_| ())
}

/// The key first: a certificate never stands without it. Each appears whole or not at all.
fn write(certificate: &Path, key: &Path, made: &Made) -> Result<(), String> {
    replace(key, made.key.as_bytes(), 0o600)?;
    replace(certificate, made.certificate.as_bytes(), 0o644)
}

fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), String> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    let fresh = PathBuf::from(fresh);
    let written = || {
        // What a start that was broken off left may have other permissions.
        let _ = std::fs::remove_file(&fresh);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
        #[cfg(not(unix))]
        let _ = mode;
        let mut file = options.open(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)
    };
    written().map_err(|error| cannot(path, &error))
}

fn cannot(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_good_for_now_and_not_for_ever() {
        let made = make().unwrap();
        let certificate = CertificateDer::from_pem_slice(made.certificate.as_bytes()).unwrap();
        let at = |after: Duration| verify(&certificate, since_1970() + after);
        assert!(at(Duration::ZERO).is_ok());
        assert!(at(RENEWED_BEFORE).is_ok());
        assert!(at(GOOD_FOR + DAY).is_err());
    }

    #[test]
    fn what_nobody_holds_is_removed() {
        let held = SelfMade::beside(":memory:").unwrap();
        let left = std::env::temp_dir().join(format!("{TEMPORARY}{}.crt", random_text(12)));
        std::fs::write(&left, "left").unwrap();
        let another = SelfMade::beside(":memory:").unwrap();
        assert!(held.certificate.exists() && another.certificate.exists());
        assert!(!left.exists());
        let path = held.certificate.clone();
        drop(held);
        assert!(!path.exists());
    }

    #[test]
    fn only_one_that_ends_is_made_anew() {
        let folder = std::env::temp_dir().join(format!("exchequer-tls-{}", random_text(8)));
        std::fs::create_dir(&folder).unwrap();
        let data = folder.join("store.db").to_str().unwrap().to_owned();
        let first = SelfMade::beside(&data).unwrap();
        let kept = std::fs::read(&first.certificate).unwrap();
        SelfMade::beside(&data).unwrap();
        assert_eq!(std::fs::read(&first.certificate).unwrap(), kept);
        // Somebody's own file stays, and the error says what to do.
        std::fs::write(&first.certificate, "not a certificate").unwrap();
        let why = SelfMade::beside(&data).err().unwrap();
        assert!(why.contains("there is no certificate in it"), "{why}");
        std::fs::remove_file(&first.certificate).unwrap();
        SelfMade::beside(&data).unwrap();
        assert_ne!(std::fs::read(&first.certificate).unwrap(), kept);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
