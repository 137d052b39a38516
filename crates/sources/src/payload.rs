use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};
use wisp_core::{
    Result,
    ports::{FeedParameter, FeedSettings},
};

use crate::setting::{optional, word};

/// How the bytes of a message become a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// The value that they are the JSON of; what is no JSON is a text.
    Json,
    /// A text; what is not UTF-8 is replaced.
    Text,
    /// A text in Base64, which keeps any byte.
    Base64,
}

impl Format {
    /// How a feed is told.
    pub const PARAMETER: FeedParameter = optional(
        "format",
        "What a payload is: json (what is no JSON stays a text), text or base64; json",
    );

    /// As the settings say.
    pub fn of(settings: &FeedSettings) -> Result<Self> {
        let words = [("json", Self::Json), ("text", Self::Text), ("base64", Self::Base64)];
        word(settings, Self::PARAMETER.name, &words)
    }

    /// The value of these bytes.
    pub fn value(self, bytes: &[u8]) -> Value {
        let text = || Value::String(String::from_utf8_lossy(bytes).into_owned());
        match self {
            Self::Json => serde_json::from_slice(bytes).unwrap_or_else(|_| text()),
            Self::Text => text(),
            Self::Base64 => Value::String(BASE64_STANDARD.encode(bytes)),
        }
    }
}

/// Headers as an object: a name that stands there more than once has a list.
pub(crate) fn headers(pairs: impl Iterator<Item = (String, String)>) -> Map<String, Value> {
    let mut headers = Map::new();
    for (name, value) in pairs {
        let value = Value::String(value);
        match headers.get_mut(&name) {
            None => drop(headers.insert(name, value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bytes_become_what_the_format_says() {
        for (format, bytes, value) in [
            (json!({}), &br#"{"n": 1}"#[..], json!({"n": 1})),
            (json!({"format": "json"}), b"hello", json!("hello")),
            (json!({"format": "text"}), b"1", json!("1")),
            (json!({"format": "base64"}), b"\xff\x00", json!("/wA=")),
            (json!({}), b"\xff", json!("\u{fffd}")),
        ] {
            let settings = format.as_object().unwrap();
            assert_eq!(Format::of(settings).unwrap().value(bytes), value, "{format}");
        }
        let wrong = json!({"format": "xml"});
        let error = Format::of(wrong.as_object().unwrap()).unwrap_err();
        assert!(error.message().contains("json, text, base64"), "{error}");
    }

    #[test]
    fn a_repeated_header_has_a_list() {
        let pairs = [("a", "1"), ("b", "2"), ("a", "3"), ("a", "4")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            json!(headers(pairs.into_iter())),
            json!({"a": ["1", "3", "4"], "b": "2"})
        );
    }
}
