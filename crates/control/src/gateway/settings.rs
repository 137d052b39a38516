use serde::{Deserialize, Serialize};

/// Where APIs are and what is kept of their requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Path below which APIs are served, as `{path}/{namespace}{base path}`.
    pub path: String,
    /// The server's address as clients see it, for the addresses of APIs; where it listens when empty.
    pub url: String,
    /// Requests of one API that `wisp api logs` can show.
    pub log: usize,
    /// How often what was used is written down, in seconds; so much may be forgotten when the server is killed.
    pub flush_seconds: u64,
    /// How long the keys of a token's issuer are kept before they are fetched again, in seconds.
    pub jwks_seconds: u64,
    /// Whether the keys of issuers may be fetched without TLS.
    pub jwks_plain: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            path: "/gw".into(),
            url: String::new(),
            log: 1000,
            flush_seconds: 5,
            jwks_seconds: 300,
            jwks_plain: false,
        }
    }
}
