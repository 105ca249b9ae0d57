//! TLS to the database, asked for as libpq does: `sslmode` says how much the other side has to
//! prove, `sslrootcert` names the file of the certificates that are trusted.

use std::sync::Arc;

use tokio_postgres::config::SslMode;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{self, CryptoProvider};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

pub(super) use self::stream::Connector;
use crate::{Result, StoreError};

mod stream;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Disable,
    /// Where the server has it, against nobody in particular.
    Prefer,
    /// Always, against whoever only listens.
    Require,
    /// With a certificate that the roots vouch for.
    VerifyCa,
    /// And that names the host.
    VerifyFull,
}

/// What an address asks for.
pub(super) struct Wanted {
    mode: Mode,
    roots: Option<String>,
}

impl Wanted {
    /// Takes what is about TLS out of an address. The rest is for the client library, which knows
    /// fewer modes.
    pub fn taken_from(url: &str) -> Result<(String, Wanted)> {
        let mut wanted = Wanted { mode: Mode::Prefer, roots: None };
        let Some((start, query)) = url.split_once('?') else {
            return Ok((url.to_owned(), wanted));
        };
        let mut rest = Vec::new();
        for pair in query.split('&') {
            match pair.split_once('=') {
                Some(("sslmode", mode)) => wanted.mode = mode_of(mode)?,
                Some(("sslrootcert", path)) => wanted.roots = Some(decoded(path)?),
                _ => rest.push(pair),
            }
        }
        // With roots at hand the certificate is looked at, as libpq does it.
        if wanted.mode == Mode::Require && wanted.roots.is_some() {
            wanted.mode = Mode::VerifyCa;
        }
        let rest = rest.join("&");
        let url = if rest.is_empty() { start.to_owned() } else { format!("{start}?{rest}") };
        Ok((url, wanted))
    }

    pub fn mode(&self) -> SslMode {
        match self.mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        }
    }

    pub fn connector(&self) -> Result<Connector> {
        let provider = Arc::new(crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone());
        let builder = builder.with_safe_default_protocol_versions().map_err(unusable)?;
        let chain = match self.mode {
            Mode::Disable | Mode::Prefer | Mode::Require => None,
            Mode::VerifyCa | Mode::VerifyFull => {
                let roots = Arc::new(self.roots()?);
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build();
                Some(verifier.map_err(unusable)?)
            }
        };
        let judge = Judge { provider, chain, by_name: self.mode == Mode::VerifyFull };
        let config = builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(judge))
            .with_no_client_auth();
        Ok(Connector(Arc::new(config)))
    }

    /// The file's certificates; without one, or with `system`, those that browsers trust.
    fn roots(&self) -> Result<RootCertStore> {
        let Some(path) = self.roots.as_deref().filter(|path| *path != "system") else {
            return Ok(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() });
        };
        let wrong = |why: &dyn std::fmt::Display| {
            StoreError::Unusable(format!("sslrootcert {path} cannot be used: {why}"))
        };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(path).map_err(|e| wrong(&e))? {
            roots.add(certificate.map_err(|e| wrong(&e))?).map_err(|e| wrong(&e))?;
        }
        if roots.is_empty() { Err(wrong(&"it holds no certificate")) } else { Ok(roots) }
    }
}

fn mode_of(name: &str) -> Result<Mode> {
    Ok(match name {
        "disable" => Mode::Disable,
        "allow" | "prefer" => Mode::Prefer,
        "require" => Mode::Require,
        "verify-ca" => Mode::VerifyCa,
        "verify-full" => Mode::VerifyFull,
        other => {
            let why = "disable, allow, prefer, require, verify-ca or verify-full";
            return Err(StoreError::Unusable(format!("sslmode is {why}, not {other}")));
        }
    })
}

fn unusable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unusable(format!("TLS cannot be set up: {error}"))
}

/// A path may hold what an address may not.
fn decoded(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digits = if byte == b'%' { rest.next().zip(rest.next()) } else { None };
        let value = |digit: u8| char::from(digit).to_digit(16);
        let escaped = digits.and_then(|(high, low)| Some(value(high)? * 16 + value(low)?));
        bytes.push(escaped.and_then(|value| u8::try_from(value).ok()).unwrap_or(byte));
    }
    let wrong = |_| StoreError::Unusable("sslrootcert is no text".into());
    String::from_utf8(bytes).map_err(wrong)
}

/// Says whether the certificate will do. Whoever shows it must always prove to hold its key.
#[derive(Debug)]
struct Judge {
    provider: Arc<CryptoProvider>,
    chain: Option<Arc<WebPkiServerVerifier>>,
    by_name: bool,
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        revocation: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(certificate, between, name, revocation, now) {
            // The name is looked at last: all else is as it should be.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.by_name => Ok(ServerCertVerified::assertion()),
            judged => judged,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
