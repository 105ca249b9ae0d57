//! The sender: HTTP/1.1 to addresses that were looked at first.
//!
//! Names are resolved anew for each attempt and every address is judged by the rule in force; the
//! connection is made to the judged address itself, so that nothing can change in between. No
//! redirect is followed, and nothing of an answer but its status is kept.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use exchequer_core::egress::{Egress, Target};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};
use url::Host;

use crate::limits::*;

type Connection = SendRequest<Full<Bytes>>;

/// A connection is used again only for the same address and, encrypted, for the same name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Peer {
    address: SocketAddr,
    name: Option<String>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

pub struct Client {
    tls: Option<TlsConnector>,
    idle: Mutex<HashMap<Peer, Vec<Idle>>>,
}

impl Default for Client {
    fn default() -> Self {
        Client { tls: connector(), idle: Mutex::default() }
    }
}

/// TLS with the roots that browsers trust. None only if the cipher suites did not fit together.
fn connector() -> Option<TlsConnector> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().ok()?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Some(TlsConnector::from(Arc::new(config)))
}

impl Client {
    /// The status of the answer, or why there was none, in words for the delivery log.
    pub async fn post(
        &self,
        target: &Target,
        egress: Egress,
        signature: &str,
        body: Bytes,
    ) -> Result<u16, String> {
        let work = async {
            let addresses = resolve(target, egress).await?;
            let request = request(target, signature, body)?;
            self.send(target, &addresses, request).await
        };
        let answered = tokio::time::timeout(ATTEMPT_TIMEOUT, work).await;
        let (status, rest) = answered
            .map_err(|_| format!("no answer within {} seconds", ATTEMPT_TIMEOUT.as_secs()))??;
        if let Some((peer, connection, answer)) = rest {
            self.drain(peer, connection, answer).await;
        }
        Ok(status)
    }

    async fn send(
        &self,
        target: &Target,
        addresses: &[SocketAddr],
        request: Request<Full<Bytes>>,
    ) -> Result<(u16, Option<(Peer, Connection, Incoming)>), String> {
        let mut reason = "the host has no address".to_owned();
        for address in addresses {
            let name = target.is_tls.then(|| target.host.to_string());
            let peer = Peer { address: *address, name };
            // A kept connection may have been closed in the meantime: then a fresh one is made.
            while let Some(mut connection) = self.take_idle(&peer) {
                if connection.ready().await.is_err() {
                    continue;
                }
                match connection.send_request(request.clone()).await {
                    Ok(answer) => return Ok(answered(peer, connection, answer)),
                    Err(_) => break,
                }
            }
            match self.connect(target, &peer).await {
                Ok(mut connection) => {
                    let answer = connection.send_request(request).await;
                    let answer = answer.map_err(|error| http_reason(&error))?;
                    return Ok(answered(peer, connection, answer));
                }
                Err(why) => reason = why,
            }
        }
        Err(reason)
    }

    async fn connect(&self, target: &Target, peer: &Peer) -> Result<Connection, String> {
        let stream = TcpStream::connect(peer.address).await;
        let stream = stream.map_err(|error| connect_reason(&error))?;
        // Small requests in one piece: nothing is gained by waiting for more.
        let _ = stream.set_nodelay(true);
        if !target.is_tls {
            return handshake(TokioIo::new(stream)).await;
        }
        let tls = self.tls.as_ref().ok_or("TLS is not available")?;
        let name = match &target.host {
            Host::Domain(name) => ServerName::try_from(name.clone())
                .map_err(|_| "the host's name cannot have a certificate".to_owned())?,
            Host::Ipv4(address) => ServerName::IpAddress(IpAddr::V4(*address).into()),
            Host::Ipv6(address) => ServerName::IpAddress(IpAddr::V6(*address).into()),
        };
        let stream = tls.connect(name, stream).await;
        let stream = stream.map_err(|error| format!("TLS: {}", shortened(&error)))?;
        handshake(TokioIo::new(stream)).await
    }

    /// Reads an answer's body, bounded, and keeps the connection if that was all of it.
    async fn drain(&self, peer: Peer, connection: Connection, mut answer: Incoming) {
        let read = async {
            let mut bytes = 0;
            while let Some(frame) = answer.frame().await {
                let Ok(frame) = frame else { return false };
                bytes += frame.data_ref().map_or(0, Bytes::len);
                if bytes > BODY_BYTES_MAX {
                    return false;
                }
            }
            true
        };
        let is_whole = tokio::time::timeout(BODY_TIMEOUT, read).await.unwrap_or(false);
        if is_whole && !connection.is_closed() {
            self.keep_idle(peer, connection);
        }
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<Peer, Vec<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_idle(&self, peer: &Peer) -> Option<Connection> {
        let mut idle = self.idle();
        let kept = idle.get_mut(peer)?;
        while let Some(last) = kept.pop() {
            if last.since.elapsed() < IDLE_KEPT && !last.connection.is_closed() {
                return Some(last.connection);
            }
        }
        idle.remove(peer);
        None
    }

    fn keep_idle(&self, peer: Peer, connection: Connection) {
        let mut idle = self.idle();
        idle.retain(|_, kept| {
            kept.retain(|one| one.since.elapsed() < IDLE_KEPT && !one.connection.is_closed());
            !kept.is_empty()
        });
        if idle.values().map(Vec::len).sum::<usize>() < IDLE_MAX {
            idle.entry(peer).or_default().push(Idle { connection, since: Instant::now() });
        }
    }
}

type Answered = (u16, Option<(Peer, Connection, Incoming)>);

fn answered(peer: Peer, connection: Connection, answer: Response<Incoming>) -> Answered {
    (answer.status().as_u16(), Some((peer, connection, answer.into_body())))
}

async fn handshake<T>(io: TokioIo<T>) -> Result<Connection, String>
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    let shaken = builder.title_case_headers(true).handshake(io).await;
    let (connection, driver) = shaken.map_err(|error| http_reason(&error))?;
    tokio::spawn(async move {
        // Its end is seen by whoever uses the connection.
        let _ = driver.await;
    });
    Ok(connection)
}

fn request(target: &Target, signature: &str, body: Bytes) -> Result<Request<Full<Bytes>>, String> {
    Request::post(&target.path)
        .header("Host", target.authority())
        .header("Content-Type", "application/json; charset=utf-8")
        .header("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
        .header("Accept", "*/*; q=0.5, application/xml")
        .header("Accept-Encoding", "gzip")
        .header("Cache-Control", "no-cache")
        .header("Stripe-Signature", signature)
        .body(Full::new(body))
        .map_err(|_| "the URL cannot be requested".to_owned())
}

/// The addresses of a host that the rule allows.
async fn resolve(target: &Target, egress: Egress) -> Result<Vec<SocketAddr>, String> {
    let port = target.port;
    let found: Vec<SocketAddr> = match &target.host {
        Host::Ipv4(address) => vec![SocketAddr::from((*address, port))],
        Host::Ipv6(address) => vec![SocketAddr::from((*address, port))],
        Host::Domain(name) => tokio::net::lookup_host((name.as_str(), port))
            .await
            .map_err(|_| "the host's name cannot be resolved".to_owned())?
            .collect(),
    };
    let mut allowed = found;
    allowed.retain(|address| egress.allows(address.ip(), port));
    allowed.truncate(ADDRESSES_MAX);
    if allowed.is_empty() {
        return Err("the host's address is not allowed for webhooks".to_owned());
    }
    Ok(allowed)
}

fn connect_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "the connection was refused".to_owned(),
        io::ErrorKind::TimedOut => "the host does not answer".to_owned(),
        _ => "the host cannot be reached".to_owned(),
    }
}

fn http_reason(error: &hyper::Error) -> String {
    if error.is_parse() {
        "the answer is no HTTP".to_owned()
    } else {
        "the connection was closed without an answer".to_owned()
    }
}

/// What a certificate's check says, without anything that the other side could have written.
fn shortened(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_)) => "the certificate is not valid".to_owned(),
        Some(rustls::Error::AlertReceived(_)) => "the host refused the handshake".to_owned(),
        _ => "the handshake failed".to_owned(),
    }
}
