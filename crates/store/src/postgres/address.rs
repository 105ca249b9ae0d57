//! Where the database is and how it is spoken to: the address as libpq reads it, of one host or
//! several, over TLS or not.

use std::future::Future;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, Error, NoTls};

use super::link::{Failure, Refused};
use super::tls;
use crate::{Result, StoreError};

/// How long one host may take to take a connection, all of it; a shorter `connect_timeout` counts
/// for the first packet. Of several hosts one may be gone without a trace.
const ONE_WITHIN: Duration = Duration::from_secs(5);
const OF_SEVERAL_WITHIN: Duration = Duration::from_secs(2);
/// How long nothing may come back from a host before its connections are given up: unless the
/// address says otherwise.
const SILENCE_MAX: Duration = Duration::from_secs(10);
const PROBED_AFTER: Duration = Duration::from_secs(5);
const PROBED_EVERY: Duration = Duration::from_secs(2);
const PROBES_MAX: u32 = 3;
/// What the client library takes where the address says nothing.
const PROBED_AFTER_UNLESS_SET: Duration = Duration::from_secs(2 * 60 * 60);

pub(super) struct Address {
    /// The same for each host.
    hosts: Vec<Config>,
    tls: tls::Connector,
    /// The host that took writes last.
    latest: AtomicUsize,
}

impl Address {
    pub fn parse(url: &str) -> Result<Address> {
        let (url, wanted) = tls::Wanted::taken_from(url)?;
        let config = Config::from_str(&url).map_err(|error| {
            StoreError::Unusable(format!("this is no address of a database: {error}"))
        })?;
        let count = config.get_hosts().len().max(config.get_hostaddrs().len());
        let hosts = (0..count).map(|at| one_host(&config, at, wanted.mode())).collect();
        Ok(Address { hosts, tls: wanted.connector()?, latest: AtomicUsize::new(0) })
    }

    /// A connection to the host that takes writes, the one that did last first.
    pub async fn connect(&self) -> Result<Client, Refused> {
        let (count, first) = (self.hosts.len(), self.latest.load(Ordering::Relaxed));
        let within = if count > 1 { OF_SEVERAL_WITHIN } else { ONE_WITHIN };
        let mut refused = Refused::new(Failure::Lasting, "the address names no host".into());
        for at in (0..count).map(|step| (first + step) % count) {
            let Some(host) = self.hosts.get(at) else { continue };
            refused = match tokio::time::timeout(within, self.connect_to(host)).await {
                Ok(Ok(client)) => {
                    self.latest.store(at, Ordering::Relaxed);
                    return Ok(client);
                }
                Ok(Err(error)) => Refused::from(error).or(refused),
                Err(_) => Refused::new(Failure::Passing, "it does not answer".into()),
            };
        }
        Err(refused)
    }

    async fn connect_to(&self, host: &Config) -> Result<Client, Error> {
        if host.get_ssl_mode() == SslMode::Disable {
            let (client, connection) = host.connect(NoTls).await?;
            drive(connection);
            return Ok(client);
        }
        let (client, connection) = host.connect(self.tls.clone()).await?;
        drive(connection);
        Ok(client)
    }
}

/// Lets a connection work while somebody waits for it.
fn drive(connection: impl Future<Output = Result<(), Error>> + Send + 'static) {
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the database ended");
        }
    });
}

/// The address with only one of its hosts.
fn one_host(all: &Config, at: usize, mode: SslMode) -> Config {
    let mut one = Config::new();
    let mut is_socket = false;
    match all.get_hosts().get(at) {
        Some(Host::Tcp(name)) => {
            one.host(name);
        }
        Some(Host::Unix(path)) => {
            is_socket = true;
            one.host_path(path);
        }
        None => {}
    }
    all.get_hostaddrs().get(at).map(|address| one.hostaddr(*address));
    let ports = all.get_ports();
    ports.get(at).or(ports.first()).map(|port| one.port(*port));
    all.get_user().map(|user| one.user(user));
    all.get_password().map(|password| one.password(password));
    all.get_dbname().map(|name| one.dbname(name));
    all.get_options().map(|options| one.options(options));
    all.get_connect_timeout().map(|within| one.connect_timeout(*within));
    one.tcp_user_timeout(all.get_tcp_user_timeout().copied().unwrap_or(SILENCE_MAX));
    one.keepalives(all.get_keepalives());
    let idle = all.get_keepalives_idle();
    one.keepalives_idle(if idle == PROBED_AFTER_UNLESS_SET { PROBED_AFTER } else { idle });
    one.keepalives_interval(all.get_keepalives_interval().unwrap_or(PROBED_EVERY));
    one.keepalives_retries(all.get_keepalives_retries().unwrap_or(PROBES_MAX));
    one.channel_binding(all.get_channel_binding());
    one.ssl_negotiation(all.get_ssl_negotiation());
    // A socket of this machine has no TLS, whatever the address asks for.
    one.ssl_mode(if is_socket { SslMode::Disable } else { mode });
    // Of several hosts only the primary takes writes.
    one.target_session_attrs(TargetSessionAttrs::ReadWrite);
    one.application_name(all.get_application_name().unwrap_or("exchequer"));
    one
}

impl Refused {
    /// Of two hosts that refuse, one that may come back says more than one that never will.
    fn or(self, former: Refused) -> Refused {
        match (self.failure, former.failure) {
            (Failure::Lasting, Failure::Passing) => former,
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(url: &str) -> Vec<Config> {
        Address::parse(url).unwrap().hosts
    }

    #[test]
    fn each_host_has_its_own_port_and_all_else() {
        let hosts = hosts("postgres://ann:secret@one:5433,two:5434/books?sslmode=require");
        assert_eq!(hosts.len(), 2);
        for (host, name, port) in [(&hosts[0], "one", 5433), (&hosts[1], "two", 5434)] {
            assert_eq!(host.get_hosts(), [Host::Tcp(name.to_owned())]);
            assert_eq!(host.get_ports(), [port]);
            assert_eq!(host.get_user(), Some("ann"));
            assert_eq!(host.get_password(), Some(&b"secret"[..]));
            assert_eq!(host.get_dbname(), Some("books"));
            assert_eq!(host.get_ssl_mode(), SslMode::Require);
            assert_eq!(host.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
            assert_eq!(host.get_keepalives_idle(), PROBED_AFTER);
        }
    }

    #[test]
    fn a_socket_has_no_tls() {
        let hosts = hosts("postgres://ann@%2Frun%2Fpg,two/books?sslmode=verify-full");
        assert_eq!(hosts[0].get_hosts(), [Host::Unix("/run/pg".into())]);
        assert_eq!(hosts[0].get_ssl_mode(), SslMode::Disable);
        assert_eq!(hosts[1].get_ssl_mode(), SslMode::Require);
        assert_eq!(hosts[1].get_ports(), [5432]);
    }

    #[test]
    fn what_libpq_would_not_take_is_refused() {
        for url in [
            "postgres://one/books?sslmode=strict",
            "postgres://one/books?sslmode=verify-full&sslrootcert=/nowhere.pem",
            "postgres://one/books?speed=high",
        ] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }
}
