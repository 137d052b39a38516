use std::{net::SocketAddr, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use wisp_core::{
    Code, Error, Result,
    ports::{Answer, Outbound, Post},
};
use wisp_runtimes::sandboxes::process::network::Policy;
use wisp_wire::client::{Call, Client, Endpoint, Error as Fault, Options};

/// Requests to servers that users name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Hosts that requests may go to, as `host` or `host:port`, wherever their addresses are; any that functions may reach
    /// if none is named.
    pub hosts: Vec<String>,
    /// Longest wait for an answer, in milliseconds.
    pub timeout_ms: u64,
    /// Largest body that is sent, in bytes.
    pub request_size: usize,
    /// Largest answer that is read, in bytes.
    pub reply_size: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            timeout_ms: 30_000,
            request_size: 8 << 20,
            reply_size: 64 << 10,
        }
    }
}

/// The network of this machine, as far as users may make the platform use it.
pub(super) struct Outside {
    config: Config,
    policy: Policy,
}

#[async_trait]
impl Outbound for Outside {
    async fn post(&self, request: Post) -> Result<Answer> {
        let (most, size) = (self.config.request_size, request.body.len());
        if size > most {
            let message = format!("The request is larger than allowed: {size} > {most} bytes.");
            return Err(Error::new(Code::TooLarge, message)
                .with("limit", "outbound.request_size")
                .with("value", most));
        }
        let (endpoint, path) = target(&request.url)?;
        let patience = Duration::from_millis(self.config.timeout_ms);
        let posted = tokio::time::timeout(patience, self.send(endpoint, path, request)).await;
        let outcome = match &posted {
            Ok(Ok(_)) => "answered",
            Ok(Err(error)) if error.code() == Code::Forbidden => "forbidden",
            _ => "failed",
        };
        metrics::counter!("wisp_outbound_requests_total", "outcome" => outcome).increment(1);
        posted.unwrap_or_else(|_| {
            let message = format!("There was no answer within {patience:?} (outbound.timeout_ms).");
            Err(Error::new(Code::Unavailable, message))
        })
    }
}

impl Outside {
    /// With these settings; `policy` is that of functions.
    pub fn new(config: Config, policy: Policy) -> Self {
        Self { config, policy }
    }

    async fn send(&self, endpoint: Endpoint, path: String, request: Post) -> Result<Answer> {
        let options = Options {
            addresses: self.addresses(&endpoint).await?,
            reply_size: self.config.reply_size,
            ..Options::default()
        };
        let mut call = Call::post(path, request.body);
        for (name, value) in request.headers {
            call = call.with_header(name, value);
        }
        let reply = Client::new(endpoint, options)
            .send(call)
            .await
            .map_err(|fault| failed(&fault))?;
        Ok(Answer {
            status: reply.status,
            body: reply.body,
        })
    }

    /// Where a host is, as far as it may be reached. What is looked up here is what is connected to: a name cannot mean
    /// another address in between.
    async fn addresses(&self, endpoint: &Endpoint) -> Result<Vec<SocketAddr>> {
        let Endpoint::Tcp { host, port, .. } = endpoint else {
            return Err(Error::bad_request("a request goes to http or https"));
        };
        let (host, port) = (host.as_str(), *port);
        let named = self
            .config
            .hosts
            .iter()
            .any(|known| *known == host || *known == format!("{host}:{port}"));
        if !named && !self.config.hosts.is_empty() {
            let message =
                format!("Requests may not go to '{host}:{port}': the setting outbound.hosts does not name it.");
            return Err(Error::new(Code::Forbidden, message).with("limit", "outbound.hosts"));
        }
        let found = tokio::net::lookup_host((host, port)).await;
        let found = found.map_err(|error| unavailable(format!("'{host}' is not found: {error}.")))?;
        let reached: Vec<SocketAddr> = found
            .filter(|address| named || self.policy.is_outside(*address))
            .collect();
        match reached.is_empty() {
            false => Ok(reached),
            true => {
                let message = format!(
                    "'{host}' is where no function may connect (inside this machine, or in sandbox.network.deny); the \
                     setting outbound.hosts can name it."
                );
                Err(Error::new(Code::Forbidden, message).with("limit", "outbound.hosts"))
            }
        }
    }
}

/// The server of a URL, and the rest of it.
fn target(url: &str) -> Result<(Endpoint, String)> {
    let wrong = || Error::bad_request("The URL of the request is not like https://host[:port]/path.");
    let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
    if !["http", "https"].contains(&scheme) {
        return Err(wrong());
    }
    let endpoint = url.parse().map_err(|error: Fault| wrong().because(error))?;
    let path = rest.find(['/', '?', '#']).map_or("", |at| rest.split_at(at).1);
    let path = path.split('#').next().unwrap_or_default();
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok((endpoint, format!("{slash}{path}")))
}

fn failed(fault: &Fault) -> Error {
    unavailable(format!("There was no answer: {fault}."))
}

fn unavailable(message: String) -> Error {
    Error::new(Code::Unavailable, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outside(hosts: &[&str]) -> Outside {
        let config = Config {
            hosts: hosts.iter().map(ToString::to_string).collect(),
            ..Config::default()
        };
        let network = wisp_runtimes::sandboxes::process::network::Config {
            deny: vec!["198.51.100.0/24".into()],
            ..Default::default()
        };
        Outside::new(config, Policy::new(&network, None).unwrap())
    }

    async fn reached(hosts: &[&str], url: &str) -> Result<Vec<SocketAddr>> {
        let (endpoint, _) = target(url)?;
        outside(hosts).addresses(&endpoint).await
    }

    #[tokio::test]
    async fn only_the_outside_is_reached() {
        for url in [
            "http://192.0.2.7/",
            "https://203.0.113.1:8443/x",
            "http://[::ffff:192.0.2.7]/",
            "http://[2001:db8::7]:8080/",
        ] {
            assert!(reached(&[], url).await.is_ok(), "{url}");
        }
        for url in [
            "http://127.0.0.1:9/",
            "http://localhost:9/",
            "http://0.0.0.0:9/",
            "http://[::1]:9/",
            "http://[::ffff:127.0.0.1]:9/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/latest/meta-data",
            "http://169.254.169.254/latest/meta-data",
            "http://198.51.100.9/",
            "http://10.0.2.2:3233/",
        ] {
            let error = reached(&[], url).await.unwrap_err();
            assert_eq!(error.code(), Code::Forbidden, "{url}: {error}");
        }
    }

    #[tokio::test]
    async fn named_hosts_are_reached_wherever_they_are_and_no_others() {
        for (hosts, url, allowed) in [
            (&["127.0.0.1"][..], "http://127.0.0.1:9/", true),
            (&["127.0.0.1:9"], "http://127.0.0.1:9/", true),
            (&["127.0.0.1:9"], "http://127.0.0.1:8/", false),
            (&["127.0.0.1"], "http://192.0.2.7/", false),
        ] {
            assert_eq!(reached(hosts, url).await.is_ok(), allowed, "{hosts:?} {url}");
        }
    }

    #[test]
    fn a_url_is_a_server_and_a_path() {
        for (url, expected) in [
            ("https://a", Some("/")),
            ("https://a?b=c", Some("/?b=c")),
            ("http://a:1/b/c?d=e#f", Some("/b/c?d=e")),
            ("unix:/run/a", None),
            ("a/b", None),
            ("file:///etc/passwd", None),
            ("http://me@a/", None),
        ] {
            assert_eq!(target(url).ok().map(|(_, path)| path).as_deref(), expected, "{url}");
        }
    }
}
