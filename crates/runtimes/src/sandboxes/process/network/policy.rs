use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};

use wisp_core::{Code, Error, Result};

use super::{Config, GATEWAY, GUEST, RESOLVER};

/// The port of resolvers.
const DNS: u16 = 53;

/// A cloud's metadata service that is not at the link-local address all others use.
const METADATA: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);

/// Decides where connections of sandboxes go.
#[derive(Clone, Debug)]
pub struct Policy {
    deny: Vec<(u32, u32)>,
    resolvers: Vec<SocketAddr>,
    api: Option<SocketAddr>,
}

impl Policy {
    /// The policy of the settings. `api` is where the platform's API listens.
    ///
    /// # Errors
    /// [`Code::Config`] for a network that cannot be read.
    pub fn new(config: &Config, api: Option<SocketAddr>) -> Result<Self> {
        let network = |text: &String| {
            parse(text).ok_or_else(|| {
                Error::new(
                    Code::Config,
                    format!("deny: {text:?} is not a network such as 10.0.0.0/8 or 192.0.2.7"),
                )
            })
        };
        let deny = config.deny.iter().map(network).collect::<Result<_>>()?;
        Ok(Self {
            deny,
            resolvers: config.resolvers(),
            api,
        })
    }

    /// Where a connection or a datagram to this destination goes; none if it may not.
    pub fn route(&self, to: SocketAddrV4) -> Option<SocketAddr> {
        match (*to.ip(), to.port()) {
            (RESOLVER, DNS) => self.resolvers.first().copied(),
            (GATEWAY, port) => self.api.filter(|api| api.port() == port).map(reachable),
            (address, _) => (self.permits(address) && !is_host(address)).then_some(to.into()),
        }
    }

    /// Whether an address that is not the host's may be reached.
    fn permits(&self, address: Ipv4Addr) -> bool {
        let first = address.octets()[0];
        let special = address.is_loopback()
            || address.is_link_local()
            || address.is_multicast()
            || first == 0
            || first >= 240
            || address.octets()[..3] == GUEST.octets()[..3]
            || address == METADATA;
        let bits = address.to_bits();
        !special && !self.deny.iter().any(|(network, mask)| bits & mask == *network)
    }
}

/// Whether an address is one of this machine: only those can be bound.
fn is_host(address: Ipv4Addr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// An address to connect to for one that is listened at.
fn reachable(mut listening: SocketAddr) -> SocketAddr {
    if listening.ip().is_unspecified() {
        listening.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    listening
}

fn parse(text: &str) -> Option<(u32, u32)> {
    let (address, length) = text.split_once('/').unwrap_or((text, "32"));
    let (address, length): (Ipv4Addr, u32) = (address.parse().ok()?, length.parse().ok()?);
    let mask = match length {
        0 => 0,
        1..=32 => u32::MAX << (32 - length),
        _ => return None,
    };
    Some((address.to_bits() & mask, mask))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(deny: &[&str]) -> Policy {
        let deny = deny.iter().map(ToString::to_string).collect();
        let config = Config {
            deny,
            resolvers: vec!["192.0.2.53".parse().unwrap()],
            ..Config::default()
        };
        Policy::new(&config, Some("0.0.0.0:3233".parse().unwrap())).unwrap()
    }

    #[test]
    fn only_the_outside_the_api_and_the_resolver_are_reached() {
        let policy = policy(&["198.51.100.0/24", "203.0.113.9"]);
        let check = |to: &str, expected: Option<&str>| {
            let expected = expected.map(|expected| expected.parse().unwrap());
            assert_eq!(policy.route(to.parse().unwrap()), expected, "{to}");
        };
        check("192.0.2.1:443", Some("192.0.2.1:443"));
        check("203.0.113.8:80", Some("203.0.113.8:80"));
        check("10.0.2.2:3233", Some("127.0.0.1:3233"));
        check("10.0.2.3:53", Some("192.0.2.53:53"));
        for denied in [
            "10.0.2.2:22",
            "10.0.2.3:80",
            "10.0.2.4:80",
            "127.0.0.1:80",
            "127.9.9.9:80",
            "0.0.0.0:80",
            "0.1.2.3:80",
            "169.254.169.254:80",
            "100.100.100.200:80",
            "224.0.0.1:80",
            "255.255.255.255:80",
            "240.0.0.1:80",
            "198.51.100.77:80",
            "203.0.113.9:80",
        ] {
            check(denied, None);
        }
    }

    #[test]
    fn a_network_that_cannot_be_read_is_refused() {
        for wrong in ["10.0.0.0/33", "ten", "::1", "1.2.3.4/x"] {
            assert!(
                Policy::new(
                    &Config {
                        deny: vec![wrong.into()],
                        ..Config::default()
                    },
                    None
                )
                .is_err(),
                "{wrong}"
            );
        }
    }
}
