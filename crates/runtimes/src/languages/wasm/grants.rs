use serde::{Deserialize, Serialize};
use serde_json::Value;
use wisp_core::model::Annotations;

/// The annotation that lists hosts which an action may send HTTP requests to.
const HOSTS: &str = "wasm-http";
/// The annotation that lets a component serve more than one activation.
const REUSE: &str = "wasm-reuse";

/// What an action's annotations grant its code. By default nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// Hosts that it may send HTTP requests to: `example.com`, `example.com:8080`, `*.example.com`, `*`.
    pub hosts: Vec<String>,
    /// Whether an instance of a component serves one activation after the other.
    pub reuse: bool,
}

impl Grants {
    /// Reads an action's annotations; fails with what is wrong in them.
    pub fn of(annotations: &Annotations) -> Result<Self, String> {
        let hosts = match annotations.get(HOSTS) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(host)) => vec![host.clone()],
            Some(Value::Array(hosts)) => {
                let text = |host: &Value| host.as_str().map(str::to_owned);
                let texts = hosts.iter().map(text).collect::<Option<Vec<_>>>();
                texts.ok_or_else(|| format!("The annotation '{HOSTS}' must list host names as strings."))?
            }
            Some(_) => {
                return Err(format!(
                    "The annotation '{HOSTS}' must be a list of hosts, such as [\"example.com\", \"*.example.org:8080\"]."
                ));
            }
        };
        Ok(Self {
            hosts: hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            reuse: annotations.is_truthy(REUSE),
        })
    }

    /// Whether a request may go to this host and port.
    #[cfg(any(feature = "wasm", test))]
    pub fn allow(&self, host: &str, port: u16) -> bool {
        let host = host.to_ascii_lowercase();
        self.hosts.iter().any(|pattern| {
            let (name, only) = split_port(pattern);
            only.is_none_or(|only| only == port) && matches(name, &host)
        })
    }
}

/// A pattern's name and port. Colons within brackets are an address's own.
#[cfg(any(feature = "wasm", test))]
fn split_port(pattern: &str) -> (&str, Option<u16>) {
    match pattern.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (pattern, None),
        },
        _ => (pattern, None),
    }
}

#[cfg(any(feature = "wasm", test))]
fn matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(domain) => host
            .strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.') && rest.len() > 1),
        None => pattern == "*" || pattern == host,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;
    use wisp_core::model::Parameter;

    use super::*;

    fn annotated(value: Value) -> Annotations {
        [Parameter {
            key: HOSTS.into(),
            value,
            init: false,
        }]
        .into_iter()
        .collect()
    }

    #[test]
    fn only_what_is_listed_may_be_reached() {
        let grants = Grants::of(&annotated(json!(["api.example.com", "*.example.org:8080", "[::1]:80"]))).unwrap();
        for (host, port, allowed) in [
            ("api.example.com", 443, true),
            ("API.example.com", 80, true),
            ("xapi.example.com", 443, false),
            ("a.example.org", 8080, true),
            ("a.b.example.org", 8080, true),
            ("a.example.org", 443, false),
            ("example.org", 8080, false),
            ("evilexample.org", 8080, false),
            (".example.org", 8080, false),
            ("[::1]", 80, true),
            ("[::1]", 81, false),
            ("127.0.0.1", 80, false),
        ] {
            assert_eq!(grants.allow(host, port), allowed, "{host}:{port}");
        }
        assert!(!Grants::default().allow("example.com", 80));
        assert!(Grants::of(&annotated(json!("*"))).unwrap().allow("anything", 1));
    }

    #[test]
    fn what_is_no_list_of_hosts_is_refused() {
        for wrong in [json!(7), json!([1]), json!({})] {
            assert!(Grants::of(&annotated(wrong.clone())).is_err(), "{wrong}");
        }
    }
}
