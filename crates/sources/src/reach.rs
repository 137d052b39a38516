use std::fmt::Display;

use wisp_core::{Code, Error, Result};

use crate::Config;

/// Refuses an upstream that the operator does not allow: `sources.hosts` names those that are, as `host` or
/// `host:port`.
pub(crate) fn check(config: &Config, upstream: impl Display) -> Result<()> {
    let upstream = upstream.to_string();
    let host = upstream.rsplit_once(':').map_or(upstream.as_str(), |(host, _)| host);
    if config.hosts.is_empty() || config.hosts.iter().any(|known| *known == upstream || known == host) {
        return Ok(());
    }
    let message = format!("events may not be fetched from '{upstream}': the setting sources.hosts does not name it");
    Err(Error::new(Code::Forbidden, message).with("limit", "sources.hosts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_hosts_are_reached_if_there_are_any() {
        let config = |hosts: &[&str]| Config {
            hosts: hosts.iter().map(ToString::to_string).collect(),
            ..Config::default()
        };
        for (hosts, upstream, allowed) in [
            (&[][..], "anywhere:1", true),
            (&["broker"], "broker:6379", true),
            (&["broker:6379"], "broker:6379", true),
            (&["broker:6379"], "broker:22", false),
            (&["broker"], "127.0.0.1:6379", false),
        ] {
            assert_eq!(check(&config(hosts), upstream).is_ok(), allowed, "{hosts:?} {upstream}");
        }
    }
}
