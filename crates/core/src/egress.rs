//! Where our own requests may go: webhooks must not become a way into a private network.
//!
//! A URL is judged by what it says when it is registered, and by the addresses its host has at
//! each attempt: a name that led elsewhere then can lead inside now.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use api::{ApiError, WebhookTargets};
use url::{Host, Url};

/// The ports of hosts of the public network.
const PUBLIC_PORTS: [u16; 2] = [80, 443];

/// What kind of network an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Public,
    Loopback,
    /// A network of one's own.
    Private,
    /// Nobody's business of ours: this host, a link, a group, a test, a translation.
    Special,
}

/// The rule in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Egress {
    pub targets: WebhookTargets,
    pub livemode: bool,
}

impl Egress {
    /// Whether a connection to that address may be made.
    pub fn allows(&self, address: IpAddr, port: u16) -> bool {
        self.allows_reach(reach(address), port)
    }

    fn allows_reach(&self, reach: Reach, port: u16) -> bool {
        match (self.targets, reach) {
            (_, Reach::Special) => false,
            (WebhookTargets::Any, _) => true,
            (_, Reach::Public) => PUBLIC_PORTS.contains(&port),
            (WebhookTargets::Local, Reach::Loopback) => !self.livemode,
            (WebhookTargets::Local | WebhookTargets::Public, _) => false,
        }
    }

    /// Whether a URL can be one of a webhook endpoint, or the error that says why not.
    pub fn check(&self, url: &str) -> Result<(), ApiError> {
        let refusal = |message: &str| ApiError::param("url_invalid", "url", message);
        if !url.contains("://") {
            return Err(refusal(
                "Invalid URL: An explicit scheme (such as https) must be provided.",
            ));
        }
        let target = Target::parse(url).ok_or_else(|| refusal("Not a valid URL"))?;
        if self.livemode && !target.is_tls {
            return Err(refusal(&format!(
                "Invalid URL: {url}. URLs in livemode must begin with \"https://\""
            )));
        }
        if !self.allows_reach(target.stated_reach(), target.port) {
            return Err(refusal(
                "Invalid URL: URL must be publicly accessible. Consider using a tool like the \
                 Stripe CLI to test webhooks locally.",
            ));
        }
        Ok(())
    }
}

/// Whether it is written as it is meant. A parser for browsers would take a host from a path, and
/// overlook what stands around a URL or within it.
fn is_spelt_out(url: &str) -> bool {
    let is_plain = !url.contains(|c: char| c.is_whitespace() || c.is_control());
    let rest = url.split_once("://").map(|(_, rest)| rest);
    is_plain && rest.is_some_and(|rest| !rest.starts_with(['/', '\\', '?', '#']))
}

/// A URL taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub is_tls: bool,
    pub host: Host<String>,
    pub port: u16,
    /// The path with the query, as a request line has it.
    pub path: String,
}

impl Target {
    /// None where it is no URL of ours: another scheme, no host, or a password in it.
    pub fn parse(url: &str) -> Option<Target> {
        if !is_spelt_out(url) {
            return None;
        }
        let url = Url::parse(url).ok()?;
        let is_tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        if !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        let host = url.host().filter(|host| *host != Host::Domain(""))?.to_owned();
        let port = url.port_or_known_default().filter(|port| *port != 0)?;
        let mut path = url.path().to_owned();
        if let Some(query) = url.query() {
            path.push('?');
            path.push_str(query);
        }
        Some(Target { is_tls, host, port, path })
    }

    /// The value of the `Host` header.
    pub fn authority(&self) -> String {
        let default = if self.is_tls { 443 } else { 80 };
        if self.port == default {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// What can be told without asking a name server: a name counts as public until it is resolved.
    fn stated_reach(&self) -> Reach {
        match &self.host {
            Host::Ipv4(address) => reach((*address).into()),
            Host::Ipv6(address) => reach((*address).into()),
            Host::Domain(name) => {
                let name = name.trim_end_matches('.');
                let is_local = name == "localhost" || name.ends_with(".localhost");
                if is_local { Reach::Loopback } else { Reach::Public }
            }
        }
    }
}

/// The network that an address belongs to, by the registries of special-purpose addresses.
pub fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (127, ..) => Reach::Loopback,
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => Reach::Private,
        // Carriers' own networks.
        (100, 64..=127, _) => Reach::Private,
        // This host, links, protocol assignments, relays, benchmarks and documentation.
        (0, ..) | (169, 254, _) | (192, 0, 0 | 2) | (192, 88, 99) | (198, 18..=19, _) => {
            Reach::Special
        }
        (198, 51, 100) | (203, 0, 113) => Reach::Special,
        // Groups, what is reserved, and everybody at once.
        (224..=255, ..) => Reach::Special,
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    let segments = address.segments();
    match segments[0] {
        _ if address == Ipv6Addr::LOCALHOST => Reach::Loopback,
        0xfc00..=0xfdff => Reach::Private,
        // Addresses that stand for one of the other version: tunnels and translations.
        0x2001 if segments[1] == 0 => Reach::Special,
        0x2002 => Reach::Special,
        0x2001 if segments[1] == 0xdb8 => Reach::Special,
        0x2000..=0x3fff => Reach::Public,
        _ => Reach::Special,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REACHES: [(&str, Reach); 32] = [
        ("8.8.8.8", Reach::Public),
        ("172.15.0.1", Reach::Public),
        ("172.32.0.1", Reach::Public),
        ("100.63.255.255", Reach::Public),
        ("100.128.0.0", Reach::Public),
        ("192.0.1.1", Reach::Public),
        ("223.255.255.255", Reach::Public),
        ("2606:4700::1111", Reach::Public),
        ("127.0.0.1", Reach::Loopback),
        ("127.255.0.9", Reach::Loopback),
        ("::1", Reach::Loopback),
        ("10.0.0.1", Reach::Private),
        ("172.16.0.1", Reach::Private),
        ("172.31.255.255", Reach::Private),
        ("192.168.1.1", Reach::Private),
        ("100.64.0.1", Reach::Private),
        ("fd00::1", Reach::Private),
        ("0.0.0.0", Reach::Special),
        ("0.1.2.3", Reach::Special),
        ("169.254.169.254", Reach::Special),
        ("192.0.2.1", Reach::Special),
        ("198.18.0.1", Reach::Special),
        ("224.0.0.1", Reach::Special),
        ("255.255.255.255", Reach::Special),
        ("::", Reach::Special),
        ("::ffff:127.0.0.1", Reach::Special),
        ("::ffff:8.8.8.8", Reach::Special),
        ("64:ff9b::7f00:1", Reach::Special),
        ("2002:7f00:1::", Reach::Special),
        ("2001:0:1::", Reach::Special),
        ("fe80::1", Reach::Special),
        ("ff02::1", Reach::Special),
    ];

    #[test]
    fn addresses_belong_to_their_networks() {
        for (address, expected) in REACHES {
            assert_eq!(reach(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn the_rule_decides_by_network_port_and_mode() {
        use WebhookTargets::{Any, Local, Public};
        let table = [
            // targets, livemode, address, port, allowed
            (Local, false, "8.8.8.8", 443, true),
            (Local, false, "8.8.8.8", 80, true),
            (Local, false, "8.8.8.8", 22, false),
            (Local, false, "127.0.0.1", 4242, true),
            (Local, false, "::1", 4242, true),
            (Local, true, "127.0.0.1", 443, false),
            (Local, false, "10.0.0.1", 443, false),
            (Local, false, "::ffff:127.0.0.1", 443, false),
            (Public, false, "127.0.0.1", 443, false),
            (Public, false, "8.8.8.8", 443, true),
            (Public, false, "8.8.8.8", 8443, false),
            (Any, false, "10.0.0.1", 8080, true),
            (Any, true, "127.0.0.1", 8080, true),
            (Any, false, "8.8.8.8", 8443, true),
            (Any, false, "169.254.169.254", 80, false),
            (Any, false, "0.0.0.0", 80, false),
        ];
        for (targets, livemode, address, port, allowed) in table {
            let egress = Egress { targets, livemode };
            let is = egress.allows(address.parse().unwrap(), port);
            assert_eq!(is, allowed, "{targets:?} live: {livemode} {address} {port}");
        }
    }

    #[test]
    fn urls_are_judged_by_what_they_say() {
        let local = Egress { targets: WebhookTargets::Local, livemode: false };
        let public = Egress { targets: WebhookTargets::Public, livemode: false };
        let live = Egress { targets: WebhookTargets::Local, livemode: true };
        let said = |egress: Egress, url: &str| egress.check(url).err().map(|e| e.message);
        let starts = |egress: Egress, url: &str, start: &str| {
            let message = said(egress, url).unwrap_or_default();
            assert!(message.starts_with(start) && !start.is_empty(), "{url}: {message}");
        };
        for url in ["http://localhost:8080/x", "http://127.1:9/x", "https://example.com/x"] {
            assert_eq!(said(local, url), None, "{url}");
        }
        for url in ["http://LOCALHOST./x", "http://0x7f000001/x", "http://[::ffff:127.0.0.1]/"] {
            starts(public, url, "Invalid URL: URL must be publicly accessible.");
        }
        starts(local, "example.com/x", "Invalid URL: An explicit scheme");
        let bad = ["http://", "ftp://example.com/", "https://a:b@example.com/", "http://a b/"];
        let odd = [
            "http:///x",
            "http:////localhost/x",
            "http://\\localhost/x",
            " http://localhost/x",
            "http://localhost/x ",
            "http://localhost/x\n",
            "http://local\thost/x",
            "mailto:a?b://localhost/x",
        ];
        for url in bad.into_iter().chain(odd) {
            starts(local, url, "Not a valid URL");
            assert_eq!(local.check(url).err().and_then(|e| e.code), Some("url_invalid"), "{url}");
        }
        starts(live, "http://example.com/", "Invalid URL: http://example.com/. URLs in livemode");
        starts(live, "https://localhost/", "Invalid URL: URL must be publicly accessible.");
    }

    #[test]
    fn a_target_is_what_the_request_needs() {
        let target = Target::parse("https://Example.com:8443/a%20b?c=d#e").unwrap();
        assert_eq!((target.is_tls, target.port), (true, 8443));
        assert_eq!(
            (target.authority(), target.path.as_str()),
            ("example.com:8443".into(), "/a%20b?c=d")
        );
        assert_eq!(Target::parse("http://[::1]/").unwrap().authority(), "[::1]");
    }
}
