//! What `serve` does about TLS: its flags, its listeners, and what it says of them.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use http_server::server::{self, Listener};
use http_server::tls::{SelfMade, Tls};

use crate::{Ended, Exit};

#[derive(Args)]
pub struct TlsOptions {
    /// An address to listen on with TLS, such as 127.0.0.1:12112; can be given several times
    #[arg(long, env = "EXCHEQUER_TLS_LISTEN", value_delimiter = ',', value_name = "ADDRESS")]
    tls_listen: Vec<SocketAddr>,
    /// The certificate and its chain, in PEM; without it one for localhost is made and kept
    #[arg(long, env = "EXCHEQUER_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM
    #[arg(long, env = "EXCHEQUER_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

/// What is listened on with TLS.
#[derive(Default)]
pub struct Secure {
    urls: Vec<String>,
    /// Kept as long as the server runs: the certificate of a store that keeps nothing goes with it.
    made: Option<SelfMade>,
}

/// Adds the listeners with TLS to the others.
pub async fn listen(
    options: &TlsOptions,
    data: &str,
    listeners: &mut Vec<Listener>,
) -> Result<Secure, Ended> {
    if options.tls_listen.is_empty() {
        return match &options.tls_cert {
            Some(_) => Err(Ended::new(Exit::BadFlag, "--tls-cert needs --tls-listen ADDRESS")),
            None => Ok(Secure::default()),
        };
    }
    let unusable = |why: String| Ended::new(Exit::BadFlag, why);
    let mut secure = Secure::default();
    let tls = match (&options.tls_cert, &options.tls_key) {
        (Some(certificate), Some(key)) => Tls::from_files(certificate, key).map_err(unusable)?,
        _ => secure.made.insert(SelfMade::beside(data).map_err(unusable)?).tls.clone(),
    };
    for address in &options.tls_listen {
        let taken = |error: std::io::Error| {
            Ended::new(Exit::AddressTaken, format!("cannot listen on {address}: {error}"))
        };
        let socket = server::bind(*address).await.map_err(taken)?;
        let bound = socket.local_addr().map_err(taken)?;
        secure.urls.push(format!("https://{bound}"));
        listeners.push(Listener { socket, tls: Some(tls.clone()) });
    }
    Ok(secure)
}

pub fn greet(secure: &Secure) {
    if secure.urls.is_empty() {
        return;
    }
    let urls = secure.urls.join(" and ");
    match &secure.made {
        Some(made) => println!("TLS is on {urls}, with {}", made.certificate.display()),
        None => println!("TLS is on {urls}"),
    }
}
