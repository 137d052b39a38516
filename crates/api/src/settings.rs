use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Where web actions are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebSettings {
    /// Suffix of hosts that stand for namespaces: with `example.org`, `guest.example.org/pkg/page` is the web action
    /// `page` in package `pkg` of namespace `guest`. No host does when it is empty.
    pub host: String,
}

/// How the HTTP server treats its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Connections at the same time; more wait to be accepted.
    pub connections: usize,
    /// Requests at the same time on one HTTP/2 connection.
    pub streams: u32,
    /// Longest wait for a request's head, and so for the next request of an idle connection, in seconds.
    pub head_seconds: u64,
    /// Longest time that a request's body may take to arrive, in seconds.
    pub body_seconds: u64,
    /// Longest TLS handshake, in seconds.
    pub handshake_seconds: u64,
    /// Bytes of a request's head.
    pub head_size: usize,
    /// Longest time that a shutdown waits for requests to be answered, in seconds.
    pub drain_seconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connections: 16_384,
            streams: 256,
            head_seconds: 75,
            body_seconds: 300,
            handshake_seconds: 10,
            head_size: 128 << 10,
            drain_seconds: 30,
        }
    }
}

impl Settings {
    pub(crate) fn head(&self) -> Duration {
        Duration::from_secs(self.head_seconds)
    }

    pub(crate) fn body(&self) -> Duration {
        Duration::from_secs(self.body_seconds)
    }

    pub(crate) fn handshake(&self) -> Duration {
        Duration::from_secs(self.handshake_seconds)
    }

    pub(crate) fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }
}
