use axum::http::{HeaderMap, Method, header};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde_json::{Map, Value};
use wisp_core::{Error, Result};
use wisp_wire::put::malformed;

use super::media;

/// What a web action gets from the platform; nobody else may set it.
const RESERVED: [&str; 6] = [
    "__ow_method",
    "__ow_headers",
    "__ow_path",
    "__ow_user",
    "__ow_query",
    "__ow_body",
];

/// A request to a web action, its body read.
pub(super) struct Asked<'a> {
    pub method: &'a Method,
    pub headers: &'a HeaderMap,
    /// What follows the action in the path.
    pub path: &'a str,
    pub query: &'a str,
    pub body: Bytes,
    /// The namespace of the caller, if they have a valid key.
    pub user: Option<&'a str>,
}

impl Asked<'_> {
    /// The arguments of the function: the query's values under the body's under the request's own, or for one that reads
    /// requests by itself, query and body as they are.
    pub fn arguments(&self, raw: bool) -> Result<Map<String, Value>> {
        let mut arguments = if raw { self.unread() } else { self.read()? };
        arguments.insert("__ow_method".into(), self.method.as_str().to_lowercase().into());
        arguments.insert("__ow_headers".into(), self.shown_headers().into());
        arguments.insert("__ow_path".into(), self.path.into());
        if let Some(user) = self.user {
            arguments.insert("__ow_user".into(), user.into());
        }
        Ok(arguments)
    }

    fn unread(&self) -> Map<String, Value> {
        let (content_type, essence) = self.content_type();
        let body = match media::is_json(&essence) || !media::is_text(&content_type, &essence) {
            true => BASE64_STANDARD.encode(&self.body),
            false => String::from_utf8_lossy(&self.body).into_owned(),
        };
        Map::from_iter([
            ("__ow_query".to_owned(), self.query.into()),
            ("__ow_body".to_owned(), body.into()),
        ])
    }

    fn read(&self) -> Result<Map<String, Value>> {
        let mut arguments = fields(self.query.as_bytes());
        refuse_reserved(&arguments)?;
        match self.parsed_body()? {
            Parsed::Nothing => {}
            Parsed::Fields(fields) => {
                refuse_reserved(&fields)?;
                arguments.extend(fields);
            }
            Parsed::Whole(value) => {
                arguments.insert("__ow_body".into(), value);
            }
        }
        Ok(arguments)
    }

    fn parsed_body(&self) -> Result<Parsed> {
        if self.body.is_empty() {
            return Ok(Parsed::Nothing);
        }
        let (content_type, essence) = self.content_type();
        if media::is_json(&essence) {
            return Ok(match serde_json::from_slice(&self.body).map_err(malformed)? {
                Value::Object(fields) => Parsed::Fields(fields),
                other => Parsed::Whole(other),
            });
        }
        if essence == "application/x-www-form-urlencoded" {
            return Ok(Parsed::Fields(fields(&self.body)));
        }
        Ok(Parsed::Whole(match media::is_text(&content_type, &essence) {
            true => String::from_utf8_lossy(&self.body).into(),
            false => BASE64_STANDARD.encode(&self.body).into(),
        }))
    }

    fn content_type(&self) -> (String, String) {
        let sent = self.headers.get(header::CONTENT_TYPE);
        let text = sent
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .unwrap_or_default();
        let essence = media::essence(&text).unwrap_or_default();
        (text, essence)
    }

    /// The headers by their names in lower case. A key of this platform is not shown: it would let the function act as
    /// its caller.
    fn shown_headers(&self) -> Map<String, Value> {
        let mut shown: Map<String, Value> = Map::new();
        for (name, value) in self.headers {
            if name == header::AUTHORIZATION && self.user.is_some() {
                continue;
            }
            let value = String::from_utf8_lossy(value.as_bytes());
            match shown.get_mut(name.as_str()) {
                Some(Value::String(earlier)) => {
                    earlier.push_str(", ");
                    earlier.push_str(&value);
                }
                _ => {
                    shown.insert(name.to_string(), value.into());
                }
            }
        }
        shown
    }
}

enum Parsed {
    Nothing,
    Fields(Map<String, Value>),
    Whole(Value),
}

/// Pairs as strings; of several with one key the last counts.
fn fields(encoded: &[u8]) -> Map<String, Value> {
    form_urlencoded::parse(encoded)
        .map(|(key, value)| (key.into_owned(), Value::String(value.into_owned())))
        .collect()
}

fn refuse_reserved(fields: &Map<String, Value>) -> Result<()> {
    if RESERVED.iter().any(|key| fields.contains_key(*key)) {
        let message = "Request defines parameters that are not allowed (e.g., reserved properties).";
        return Err(Error::bad_request(message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arguments(raw: bool, query: &str, content_type: &str, body: &str) -> Result<Value> {
        let mut headers = HeaderMap::new();
        if !content_type.is_empty() {
            headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        }
        let asked = Asked {
            method: &Method::POST,
            headers: &headers,
            path: "/x",
            query,
            body: body.to_owned().into(),
            user: None,
        };
        let mut arguments = asked.arguments(raw)?;
        for key in ["__ow_method", "__ow_headers", "__ow_path"] {
            arguments.remove(key);
        }
        Ok(arguments.into())
    }

    #[test]
    fn bodies_are_read_by_their_type() {
        let json = "application/json";
        for (content_type, body, expected) in [
            (json, r#"{"a":2,"b":[1]}"#, json!({"a": 2, "b": [1], "c": "3"})),
            (
                "application/merge-patch+json",
                r#"{"a":null}"#,
                json!({"a": null, "c": "3"}),
            ),
            (json, "[1]", json!({"a": "1", "c": "3", "__ow_body": [1]})),
            (json, "null", json!({"a": "1", "c": "3", "__ow_body": null})),
            (
                "application/x-www-form-urlencoded",
                "a=4&d=%20",
                json!({"a": "4", "c": "3", "d": " "}),
            ),
            ("text/plain", "hi", json!({"a": "1", "c": "3", "__ow_body": "hi"})),
            ("image/png", "hi", json!({"a": "1", "c": "3", "__ow_body": "aGk="})),
            ("", "hi", json!({"a": "1", "c": "3", "__ow_body": "aGk="})),
            ("text/plain", "", json!({"a": "1", "c": "3"})),
        ] {
            assert_eq!(
                arguments(false, "a=0&a=1&c=3", content_type, body).unwrap(),
                expected,
                "{content_type}"
            );
        }
        assert!(arguments(false, "", json, "{").is_err());
        assert!(arguments(false, "", json, r#"{"__ow_user":1}"#).is_err());
        assert!(arguments(false, "__ow_body=", "", "").is_err());
    }

    #[test]
    fn raw_requests_are_passed_on() {
        for (content_type, body, expected) in [
            ("application/json", "{}", "e30="),
            ("application/octet-stream", "hi", "aGk="),
            ("text/plain", "hi", "hi"),
            ("application/x-www-form-urlencoded", "a=1", "a=1"),
            ("", "", ""),
        ] {
            let seen = arguments(true, "a=1&__ow_user=x", content_type, body).unwrap();
            assert_eq!(
                seen,
                json!({"__ow_query": "a=1&__ow_user=x", "__ow_body": expected}),
                "{content_type}"
            );
        }
    }
}
