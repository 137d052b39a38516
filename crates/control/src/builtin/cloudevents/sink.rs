use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use wisp_core::{Error, Result};

/// Where events go, and how: the parameters of a binding of the package.
#[derive(Debug, Deserialize)]
pub(super) struct Sink {
    pub url: String,
    #[serde(default)]
    pub mode: Mode,
    /// What happened, for events that are not yet CloudEvents.
    #[serde(rename = "type", default = "usual_type")]
    pub kind: String,
    /// Where it happened; the trigger if it is not said.
    pub source: Option<String>,
    pub subject: Option<String>,
    /// Further attributes.
    #[serde(default)]
    pub extensions: Map<String, Value>,
    /// Further headers of the request.
    #[serde(default)]
    pub headers: BTreeMap<String, Header>,
}

/// How an event is laid out in a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    /// Attributes as headers, data as the body.
    #[default]
    Binary,
    /// All in one JSON object.
    Structured,
    /// All events of a batch in one JSON array.
    Batched,
}

/// The value of a header.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Header {
    /// As it is.
    Plain(String),
    /// That of a secret.
    Secret { secret: String },
}

/// Headers that say how a request is read.
const OURS: [&str; 7] = [
    "host",
    "connection",
    "content-length",
    "content-type",
    "transfer-encoding",
    "te",
    "upgrade",
];

impl Sink {
    /// The sink that these parameters describe.
    pub fn of(parameters: Map<String, Value>) -> Result<Self> {
        if !parameters.contains_key("url") {
            let message = "No sink is named. Bind the package with one, and let the rule's action be of the binding: wisp \
                           package bind /whisk.system/cloudevents sink -p url https://example.com/";
            return Err(Error::bad_request(message));
        }
        let sink: Self = serde_json::from_value(Value::Object(parameters)).map_err(|error| {
            Error::bad_request(format!("The parameters of the sink are not valid: {error}.")).because(error)
        })?;
        match sink.headers.keys().find(|name| is_ours(name)) {
            Some(name) => Err(Error::bad_request(format!(
                "The header {name} of the sink cannot be set."
            ))),
            None => Ok(sink),
        }
    }
}

fn is_ours(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("ce-") || OURS.contains(&name.as_str())
}

fn usual_type() -> String {
    "wisp.event".into()
}

/// The parameters, for people.
pub(super) fn described() -> Value {
    let optional = |name: &str, description: &str| json!({"name": name, "required": false, "description": description});
    json!([
        {"name": "url", "required": true, "description": "Where events go: http or https"},
        optional("mode", "binary (attributes as headers), structured (all in one JSON object) or batched (all events of a feed's batch in one JSON \
             array); binary"),
        optional("type", "The type of events that are not yet CloudEvents; wisp.event"),
        optional("source", "The source of those; the trigger"),
        optional("subject", "The subject of those"),
        optional("extensions", "An object of further attributes of those"),
        optional("headers", "An object of further headers; {\"secret\": \"name\"} is the value of a secret"),
    ])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(parameters: Value) -> Result<Sink, String> {
        let Value::Object(parameters) = parameters else {
            panic!("{parameters}")
        };
        Sink::of(parameters).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_said_is_usual() {
        let sink = read(json!({"url": "https://example.com/", "more": 1})).unwrap();
        assert_eq!((sink.mode, sink.kind.as_str()), (Mode::Binary, "wisp.event"));
    }

    #[test]
    fn what_has_no_meaning_is_refused_with_a_reason() {
        for (parameters, part) in [
            (json!({}), "package bind"),
            (json!({"url": 7}), "invalid type"),
            (json!({"url": "https://a", "mode": "whole"}), "unknown variant `whole`"),
            (json!({"url": "https://a", "headers": {"Host": "b"}}), "Host"),
            (json!({"url": "https://a", "headers": {"ce-id": "b"}}), "ce-id"),
            (json!({"url": "https://a", "headers": {"x": 1}}), "did not match"),
        ] {
            let refusal = read(parameters.clone()).unwrap_err();
            assert!(refusal.contains(part), "{parameters}: {refusal}");
        }
    }
}
