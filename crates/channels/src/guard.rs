//! Which addresses an outbound call may reach.
//!
//! Whoever may enter a webhook's URL must not reach through us what only this machine can reach. So a name is resolved
//! once, by [`Guard`], its addresses are checked, and the connection goes to exactly one of those that passed: there
//! is no second resolution that could answer differently. A literal address never reaches a resolver and is checked in
//! [`check_url`]; both stand before every call. It never asks the environment for a proxy.

use std::{
    error::Error,
    fmt,
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
};

use ipnet::{Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Longest URL that is called, in bytes.
pub const URL_BYTES_MAX: usize = 2048;

/// What is not a public address (IANA IPv4 Special-Purpose Address Registry, RFC 6890, and multicast), and its name.
const CLOSED_V4: [(Ipv4Net, &str); 15] = [
    (v4([0, 0, 0, 0], 8), "an unspecified address"),
    (v4([10, 0, 0, 0], 8), "a private address"),
    (v4([100, 64, 0, 0], 10), "an address of a carrier's own network"),
    (v4([127, 0, 0, 0], 8), "a loopback address"),
    (v4([169, 254, 0, 0], 16), "a link-local address"),
    (v4([172, 16, 0, 0], 12), "a private address"),
    (v4([192, 0, 0, 0], 24), "a reserved address"),
    (v4([192, 0, 2, 0], 24), "an address of documentation"),
    (v4([192, 88, 99, 0], 24), "a reserved address"),
    (v4([192, 168, 0, 0], 16), "a private address"),
    (v4([198, 18, 0, 0], 15), "an address of benchmarks"),
    (v4([198, 51, 100, 0], 24), "an address of documentation"),
    (v4([203, 0, 113, 0], 24), "an address of documentation"),
    (v4([224, 0, 0, 0], 4), "a multicast address"),
    (v4([240, 0, 0, 0], 4), "a reserved address"),
];

/// The only IPv6 addresses that are public (IANA IPv6 Address Space): whatever lies outside is loopback, unspecified,
/// unique local, link-local, site-local, multicast, IPv4-mapped, IPv4-compatible, NAT64 (`64:ff9b::/96`,
/// `64:ff9b:1::/48`) or not assigned.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// What within them is not public (IANA IPv6 Special-Purpose Address Registry), or hides an IPv4 address.
const CLOSED_V6: [(Ipv6Net, &str); 4] = [
    (
        v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
        "a Teredo or otherwise reserved address",
    ),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "an address of documentation"),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), "a 6to4 address"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "an address of documentation"),
];

const fn v4(octets: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]), prefix)
}

const fn v6(s: [u16; 8], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]), prefix)
}

/// What kind of address this is, where it is not a public one.
#[must_use]
pub fn closed(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => CLOSED_V4
            .iter()
            .find(|(net, _)| net.contains(&v4))
            .map(|(_, kind)| *kind),
        IpAddr::V6(v6) if v6.is_loopback() => Some("a loopback address"),
        IpAddr::V6(v6) if !GLOBAL_V6.contains(&v6) => Some("not a public address"),
        IpAddr::V6(v6) => CLOSED_V6
            .iter()
            .find(|(net, _)| net.contains(&v6))
            .map(|(_, kind)| *kind),
    }
}

/// Reads a URL that somebody wants us to call: `http` or `https`, a host, no user name, and, unless private targets
/// are allowed, no literal address that is not public. The `url` crate has by then turned every spelling of an IPv4
/// address (decimal, octal, hexadecimal, short) into the usual one. Names are not resolved here but when they are called.
///
/// # Errors
///
/// What is wrong, in words for the person who entered it; never the URL's path.
pub fn check_url(text: &str, allow_private: bool) -> Result<Url, String> {
    if text.len() > URL_BYTES_MAX {
        return Err(format!("must not be longer than {URL_BYTES_MAX} bytes"));
    }
    let url = Url::parse(text).map_err(|error| format!("is not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with https:// or http://".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or password".into());
    }
    let address = match url.host() {
        None => return Err("must name a host".into()),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let local = name == "localhost" || name.ends_with(".localhost");
            // RFC 6761, section 6.3: these names always mean this machine.
            local.then_some(IpAddr::V4(Ipv4Addr::LOCALHOST))
        }
        Some(Host::Ipv4(v4)) => Some(v4.into()),
        Some(Host::Ipv6(v6)) => Some(v6.into()),
    };
    match address.and_then(|address| Some((address, closed(address)?))) {
        Some((address, kind)) if !allow_private => Err(Blocked { address, kind }.to_string()),
        _ => Ok(url),
    }
}

/// A name leads to nothing that may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blocked {
    address: IpAddr,
    kind: &'static str,
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, kind } = self;
        write!(
            f,
            "leads to {address}, {kind}; only OPSKNIGHT_ALLOW_PRIVATE_TARGETS=true lets it be called"
        )
    }
}

impl Error for Blocked {}

/// Asks for the addresses of a name.
type Lookup = fn(String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Resolves names for an HTTP client and keeps back the addresses that may not be called.
#[derive(Debug, Clone, Copy)]
pub struct Guard {
    allow_private: bool,
    lookup: Lookup,
}

fn system_lookup(name: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
    Box::pin(async move {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|found| found.ip()).collect())
    })
}

impl Guard {
    /// Keeps back every address that is not public, or, with `allow_private`, none.
    #[must_use]
    pub const fn new(allow_private: bool) -> Self {
        Self {
            allow_private,
            lookup: system_lookup,
        }
    }

    /// The same with names of a test's own.
    #[cfg(test)]
    pub(crate) const fn asking(self, lookup: Lookup) -> Self {
        Self { lookup, ..self }
    }

    /// Whether addresses that are not public may be called.
    pub(crate) const fn allows_private(self) -> bool {
        self.allow_private
    }

    /// Those of a name's addresses that may be called.
    fn pick(self, found: impl IntoIterator<Item = IpAddr>) -> Result<Vec<IpAddr>, Box<dyn Error + Send + Sync>> {
        let (mut open, mut blocked) = (Vec::new(), None);
        for address in found {
            match closed(address) {
                Some(kind) if !self.allow_private => blocked = Some(Blocked { address, kind }),
                _ => open.push(address),
            }
        }
        match (open.is_empty(), blocked) {
            (false, _) => Ok(open),
            (true, Some(blocked)) => Err(blocked.into()),
            (true, None) => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into()),
        }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = *self;
        Box::pin(async move {
            let open = guard.pick((guard.lookup)(name.as_str().to_owned()).await?)?;
            let open: Addrs = Box::new(open.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(open)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_that_is_not_public_is_closed() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::127.0.0.1",
            "::8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:53aa:64c:1::1",
            "2001:2::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(closed(text.parse().unwrap()).is_some(), "{text}");
        }
    }

    #[test]
    fn public_addresses_are_open() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "2606:4700::1111",
            "2a00:1450::1",
        ] {
            assert_eq!(closed(text.parse().unwrap()), None, "{text}");
        }
    }

    #[test]
    fn every_spelling_of_a_closed_address_is_refused() {
        for url in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://0x7f.1/",
            "http://127.0.0.1./",
            "http://%31%32%37.0.0.1/",
            "http://１２７.0.0.1/",
            "http://0/",
            "http://[::1]/",
            "http://[::ffff:7f00:1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[fe80::1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
            "http://[fd00:ec2::254]/latest/meta-data/",
            "http://[::127.0.0.1]:6379/",
            "http://[0:0:0:0:0:ffff:10.0.0.1]/",
            "http://0.0.0.0:22/",
            "http://255.255.255.255/",
            "http://100.64.0.1/",
            "http://198.18.0.1/",
            "http://0xA9FEA9FE/",
            "http://2852039166/",
            "http://0251.0376.0251.0376/",
            "http://169.0xFE.43518/",
            "http://169。254。169。254/",
            "http://⑯⑨.254.169.254/",
            "http:169.254.169.254/",
            "http:\\\\169.254.169.254\\",
            "http://127.0.0.1\t:80/",
            "http://localhost:9/",
            "http://LOCALHOST./",
            "http://a.localhost/",
            "https://169.254.169.254/latest",
        ] {
            let why = check_url(url, false).unwrap_err();
            assert!(why.contains("OPSKNIGHT_ALLOW_PRIVATE_TARGETS"), "{url}: {why}");
            assert!(check_url(url, true).is_ok(), "{url}");
        }
    }

    #[test]
    fn only_plain_web_addresses_are_taken() {
        for url in [
            "",
            "example.com",
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://example.com",
            "http://",
            "https://user@example.com/",
            "https://user:password@example.com/",
            "https://:pw@example.com/",
            "https://example.com@169.254.169.254/",
            "http://127.0.0.1:80@example.com/",
            "http://[fe80::1%25eth0]/",
            "http://[fe80::1%eth0]/",
            "http://[::1/",
            "http://127.0.0.1:99999/",
            "http://256.256.256.256/",
            "http://1.2.3.4.5/",
            "http://example.com:port/",
            "http://exa mple.com/",
            "http://ex%00ample.com/",
            "dict://127.0.0.1:11211/stat",
            "ldap://127.0.0.1/",
            "ws://127.0.0.1/",
            "data:text/plain,x",
            "unix:/run/x.sock",
            "javascript:alert(1)",
        ] {
            assert!(check_url(url, true).is_err(), "{url}");
        }
        assert!(check_url(&format!("https://example.com/{}", "a".repeat(URL_BYTES_MAX)), true).is_err());
        assert!(check_url("https://example.com:8443/a?b=c", false).is_ok());
    }

    #[test]
    fn of_a_names_addresses_the_public_ones_are_used() {
        let mixed: [IpAddr; 2] = ["10.0.0.1".parse().unwrap(), "8.8.8.8".parse().unwrap()];
        assert_eq!(Guard::new(false).pick(mixed).unwrap(), [mixed[1]]);
        assert_eq!(Guard::new(true).pick(mixed).unwrap(), mixed);
        assert!(
            Guard::new(false)
                .pick([mixed[0]])
                .unwrap_err()
                .downcast_ref::<Blocked>()
                .is_some()
        );
        assert!(
            Guard::new(false)
                .pick([])
                .unwrap_err()
                .downcast_ref::<Blocked>()
                .is_none()
        );
    }
}
