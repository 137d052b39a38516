use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, UdpSocket};

use wisp_core::{Code, Error, Result};

use super::{Config, GATEWAY, GUEST, RESOLVER};

/// The port of resolvers.
const DNS: u16 = 53;

/// A cloud's metadata service that is not at the link-local address all others use.
const METADATA: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);

/// Addresses of IPv6 that lead to one of IPv4 or to another end: Teredo and 6to4, with the lengths of their prefixes.
const TUNNELS: [(Ipv6Addr, u32); 2] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
];

/// Decides where connections of sandboxes go.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Addresses and masks; those of IPv4 as they are mapped into IPv6.
    deny: Vec<(u128, u128)>,
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
                    format!("deny: {text:?} is not a network such as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32"),
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

    /// Whether the outside is at this address, and not denied. Sandboxes have no IPv6; where others connect on behalf of
    /// users, global unicast addresses are outside.
    pub fn is_outside(&self, to: SocketAddr) -> bool {
        match to.ip().to_canonical() {
            IpAddr::V4(address) => {
                let to = SocketAddrV4::new(address, to.port());
                self.route(to) == Some(to.into())
            }
            IpAddr::V6(address) => {
                let bits = address.to_bits();
                let global = bits >> 125 == 1;
                let within = |(network, length): (Ipv6Addr, u32)| (network.to_bits() ^ bits) >> (128 - length) == 0;
                global && !TUNNELS.into_iter().any(within) && !self.denies(bits) && !is_host(address)
            }
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
        !special && !self.denies(address.to_ipv6_mapped().to_bits())
    }

    fn denies(&self, bits: u128) -> bool {
        self.deny.iter().any(|(network, mask)| bits & mask == *network)
    }
}

/// Whether an address is one of this machine: only those can be bound.
fn is_host(address: impl Into<IpAddr>) -> bool {
    UdpSocket::bind((address.into(), 0)).is_ok()
}

/// An address to connect to for one that is listened at.
fn reachable(mut listening: SocketAddr) -> SocketAddr {
    if listening.ip().is_unspecified() {
        listening.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    listening
}

fn parse(text: &str) -> Option<(u128, u128)> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
        None => (text, None),
    };
    let (bits, most): (u128, u32) = match address.parse().ok()? {
        IpAddr::V4(address) => (address.to_ipv6_mapped().to_bits(), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let free = most.checked_sub(length.unwrap_or(most))?;
    let mask = u128::MAX.checked_shl(free).unwrap_or(0);
    Some((bits & mask, mask))
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
    fn the_outside_has_addresses_of_both_kinds() {
        let policy = policy(&["198.51.100.0/24", "2001:db8:7::/48"]);
        for (to, outside) in [
            ("192.0.2.1:443", true),
            ("[2001:db8::1]:443", true),
            ("[2606:4700::1111]:443", true),
            ("[::ffff:192.0.2.1]:443", true),
            ("[2001:db8:7::1]:443", false),
            ("[::ffff:198.51.100.7]:443", false),
            ("[::ffff:127.0.0.1]:443", false),
            ("[::ffff:10.0.2.2]:3233", false),
            ("10.0.2.2:3233", false),
            ("[::1]:443", false),
            ("[::]:443", false),
            ("[fe80::1]:443", false),
            ("[fd00:ec2::254]:80", false),
            ("[ff02::1]:443", false),
            ("[64:ff9b::7f00:1]:443", false),
            ("[2002:7f00:1::]:443", false),
            ("[2001:0:4136::1]:443", false),
        ] {
            assert_eq!(policy.is_outside(to.parse().unwrap()), outside, "{to}");
        }
        assert!(!self::policy(&["::/0"]).is_outside("[2001:db8::1]:443".parse().unwrap()));
        assert!(self::policy(&["2000::/3"]).is_outside("192.0.2.1:443".parse().unwrap()));
        assert!(!self::policy(&["0.0.0.0/0"]).is_outside("192.0.2.1:443".parse().unwrap()));
    }

    #[test]
    fn a_network_that_cannot_be_read_is_refused() {
        for wrong in ["10.0.0.0/33", "ten", "::1/129", "1.2.3.4/x"] {
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
