use std::{fmt, path::PathBuf, str::FromStr};

use hyper::Uri;

use super::Error;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A host and port.
    Tcp {
        /// Host name or address, without the brackets of IPv6.
        host: String,
        /// Port.
        port: u16,
        /// Whether TLS is spoken.
        tls: bool,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

impl Endpoint {
    /// The value of the `Host` header.
    pub(super) fn authority(&self) -> String {
        match self {
            Endpoint::Tcp { host, port, tls } => {
                let host = if host.contains(':') {
                    format!("[{host}]")
                } else {
                    host.clone()
                };
                if *port == default_port(*tls) {
                    host
                } else {
                    format!("{host}:{port}")
                }
            }
            Endpoint::Unix(_) => "localhost".into(),
        }
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    /// Parses an API host as OpenWhisk's clients do: `http://host:port`, `https://host`, or a bare `host:port`, which
    /// means https. A path after it is ignored. `unix:/path` is a Unix socket.
    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Endpoint::Unix(path.into()));
        }
        let invalid = || Error::BadEndpoint(text.to_owned());
        let url = if text.contains("://") {
            text.to_owned()
        } else {
            format!("https://{text}")
        };
        let uri: Uri = url.parse().map_err(|_| invalid())?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(invalid()),
        };
        let authority = uri.authority().ok_or_else(invalid)?;
        let host = authority.host();
        let port = match authority.as_str().strip_prefix(host).ok_or_else(invalid)? {
            "" => default_port(tls),
            port => port
                .strip_prefix(':')
                .and_then(|port| port.parse().ok())
                .ok_or_else(invalid)?,
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            Err(invalid())
        } else {
            Ok(Endpoint::Tcp { host, port, tls })
        }
    }
}

impl fmt::Display for Endpoint {
    /// The base URL, without a trailing slash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Tcp { tls, .. } => write!(f, "{}://{}", if *tls { "https" } else { "http" }, self.authority()),
            Endpoint::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_as_openwhisk_clients_do() {
        for (text, base) in [
            ("http://127.0.0.1:3233", "http://127.0.0.1:3233"),
            ("http://127.0.0.1:3233/", "http://127.0.0.1:3233"),
            ("http://example.org/api/v1", "http://example.org"),
            ("example.org", "https://example.org"),
            ("example.org:3443", "https://example.org:3443"),
            ("https://example.org:443", "https://example.org"),
            ("http://[::1]:3233", "http://[::1]:3233"),
            ("unix:/run/wisp/admin.sock", "unix:/run/wisp/admin.sock"),
        ] {
            assert_eq!(
                text.parse::<Endpoint>()
                    .map(|endpoint| endpoint.to_string())
                    .ok()
                    .as_deref(),
                Some(base),
                "{text}"
            );
        }
        for bad in [
            "",
            "ftp://example.org",
            "http://",
            "http://a b",
            "http://host:99999",
            "http://user@host",
            "http://:80",
        ] {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad}");
        }
    }
}
