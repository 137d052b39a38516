use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// What sandboxes with a network may reach, and how much of it at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Networks that no function reaches, such as `10.0.0.0/8`; beside loopback, link-local, multicast and reserved
    /// addresses and the host's own, which are always denied. None.
    pub deny: Vec<String>,
    /// Resolvers that answer for functions; those of the host's `/etc/resolv.conf` if none is named. None.
    pub resolvers: Vec<IpAddr>,
    /// TCP connections of a sandbox at a time; more are refused. 256.
    pub connections: usize,
    /// UDP conversations of a sandbox at a time; more are dropped. 64.
    pub conversations: usize,
    /// Buffer of a TCP connection in each direction, in KB; it takes memory as it is used. 256.
    pub buffer: usize,
    /// Longest wait for a TCP connection to the outside, in milliseconds. 10000.
    pub connect_timeout_ms: u64,
    /// Silence after which a UDP conversation ends, in milliseconds. 60000.
    pub idle_timeout_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            deny: Vec::new(),
            resolvers: Vec::new(),
            connections: 256,
            conversations: 64,
            buffer: 256,
            connect_timeout_ms: 10_000,
            idle_timeout_ms: 60_000,
        }
    }
}

impl Config {
    /// The resolvers to ask, best first.
    pub(super) fn resolvers(&self) -> Vec<SocketAddr> {
        let named: Vec<IpAddr> = if self.resolvers.is_empty() {
            nameservers(&std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default())
        } else {
            self.resolvers.clone()
        };
        named.into_iter().map(|address| SocketAddr::new(address, 53)).collect()
    }
}

fn nameservers(text: &str) -> Vec<IpAddr> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver")?.trim().parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn resolvers_are_read_as_the_system_does() {
        let text =
            "# nameserver 9.9.9.9\nsearch x\nnameserver 192.0.2.1\n nameserver\t2001:db8::1\nnameserver fe80::1%eth0\n";
        assert_eq!(
            super::nameservers(text),
            [
                "192.0.2.1".parse::<std::net::IpAddr>().unwrap(),
                "2001:db8::1".parse().unwrap()
            ]
        );
    }
}
