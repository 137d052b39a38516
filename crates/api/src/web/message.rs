use axum::http::{HeaderName, HeaderValue, StatusCode};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, value::RawValue};
use wisp_core::{Error, Result};

use super::{
    media,
    project::{Extension, Projected, invalid, parsed},
};

/// Headers that belong to the connection, not to the function.
const FRAMING: [&str; 6] = [
    "connection",
    "content-length",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
];

/// What an object says of a response before its body.
#[derive(Debug)]
pub(super) struct Head {
    pub status: Option<StatusCode>,
    /// Without the content type.
    pub headers: Vec<(String, String)>,
    pub content_type: Option<String>,
}

impl Head {
    /// Reads `statusCode` and `headers`.
    pub fn read(fields: &Map<String, Value>) -> Result<Self> {
        let mut headers = headers(fields.get("headers"))?;
        let is_type = |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-type");
        let content_type = headers
            .iter()
            .rev()
            .find(|header| is_type(header))
            .map(|(_, value)| value.clone());
        headers.retain(|header| !is_type(header) && !FRAMING.iter().any(|name| header.0.eq_ignore_ascii_case(name)));
        Ok(Self {
            status: fields.get("statusCode").map(status).transpose()?,
            headers,
            content_type,
        })
    }

    /// The media type that is said, if it is one.
    pub fn essence(&self) -> Result<Option<String>> {
        let unknown = || Error::bad_request("Response did not specify a known content-type.");
        let said = self.content_type.as_deref();
        said.map(|said| media::essence(said).ok_or_else(unknown)).transpose()
    }
}

/// Makes a response of an object that describes one.
pub(super) fn project(result: &RawValue) -> Result<Projected> {
    let Value::Object(mut fields) = parsed(result)? else {
        return Err(invalid(Extension::Http));
    };
    let head = Head::read(&fields)?;
    let (content_type, body) = match fields.remove("body") {
        None | Some(Value::Null) => return Ok(empty(head)),
        Some(Value::String(text)) if text.is_empty() => return Ok(empty(head)),
        Some(Value::String(text)) => content(&head, text)?,
        Some(value) => structure(&head, &value)?,
    };
    Ok(Projected {
        status: head.status.unwrap_or(StatusCode::OK),
        headers: head.headers,
        content_type: Some(content_type),
        body,
    })
}

fn empty(head: Head) -> Projected {
    Projected {
        status: head.status.unwrap_or(StatusCode::NO_CONTENT),
        headers: head.headers,
        content_type: None,
        body: Vec::new(),
    }
}

/// A string: as it is, or what it encodes.
fn content(head: &Head, text: String) -> Result<(String, Vec<u8>)> {
    let Some(essence) = head.essence()? else {
        return Ok(("text/html; charset=UTF-8".to_owned(), text.into_bytes()));
    };
    let content_type = head.content_type.clone().unwrap_or_default();
    let body = if media::is_json(&essence) {
        BASE64_STANDARD.decode(&text).unwrap_or_else(|_| text.into_bytes())
    } else if media::is_text(&content_type, &essence) {
        text.into_bytes()
    } else {
        match BASE64_STANDARD.decode(text.trim()) {
            Ok(decoded) => decoded,
            // A picture made of text needs no encoding.
            Err(_) if essence.ends_with("+xml") => text.into_bytes(),
            Err(_) => return Err(invalid(Extension::Http)),
        }
    };
    Ok((content_type, body))
}

/// Anything but a string, which only JSON can hold.
fn structure(head: &Head, value: &Value) -> Result<(String, Vec<u8>)> {
    let content_type = match head.essence()? {
        None => "application/json".to_owned(),
        Some(essence) if media::is_json(&essence) => head.content_type.clone().unwrap_or_default(),
        Some(_) => {
            let message = "Response type in header did not match generated content type.";
            return Err(Error::bad_request(message));
        }
    };
    Ok((content_type, value.to_string().into_bytes()))
}

/// A number, or a string that is one. What comes before a response proper is none.
fn status(value: &Value) -> Result<StatusCode> {
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let status = number
        .and_then(|number| u16::try_from(number).ok())
        .filter(|number| *number >= 200);
    let status = status.and_then(|number| StatusCode::from_u16(number).ok());
    status.ok_or_else(|| invalid(Extension::Http))
}

fn headers(value: Option<&Value>) -> Result<Vec<(String, String)>> {
    let object = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(object)) => object,
        Some(_) => return Err(invalid(Extension::Http)),
    };
    let mut headers = Vec::new();
    for (name, value) in object {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for value in values {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                _ => return Err(invalid(Extension::Http)),
            };
            if HeaderName::try_from(name).is_err() || HeaderValue::try_from(&text).is_err() {
                return Err(invalid(Extension::Http));
            }
            headers.push((name.clone(), text));
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(result: Value) -> String {
        let raw = RawValue::from_string(result.to_string()).unwrap();
        match project(&raw) {
            Ok(projected) => {
                let body = String::from_utf8(projected.body).unwrap();
                format!(
                    "{} {} {body}",
                    projected.status.as_u16(),
                    projected.content_type.unwrap_or_default()
                )
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_object_describes_a_response() {
        let invalid = "Response is not valid 'message/http'.";
        let mismatch = "Response type in header did not match generated content type.";
        let typed = |content_type: &str, body: Value| json!({"headers": {"Content-Type": content_type}, "body": body});
        for (result, expected) in [
            (json!({}), "204  "),
            (json!({"body": ""}), "204  "),
            (json!({"body": null, "statusCode": 444}), "444  "),
            (json!({"body": "hi"}), "200 text/html; charset=UTF-8 hi"),
            (
                json!({"body": "hi", "statusCode": "201"}),
                "201 text/html; charset=UTF-8 hi",
            ),
            (json!({"body": {"a": 1}}), "200 application/json {\"a\":1}"),
            (json!({"body": false}), "200 application/json false"),
            (typed("text/plain", json!("hi")), "200 text/plain hi"),
            (
                typed("application/json", json!("not json")),
                "200 application/json not json",
            ),
            (
                typed("application/json", json!("eyJhIjoxfQ==")),
                "200 application/json {\"a\":1}",
            ),
            (typed("application/ld+json", json!([1])), "200 application/ld+json [1]"),
            (typed("image/png", json!("aGk=")), "200 image/png hi"),
            (typed("image/svg+xml", json!("<svg/>")), "200 image/svg+xml <svg/>"),
            (typed("image/png", json!("not base64")), invalid),
            (typed("text/plain", json!({})), mismatch),
            (
                typed("nonsense", json!("a")),
                "Response did not specify a known content-type.",
            ),
            (json!({"statusCode": "abc"}), invalid),
            (json!({"statusCode": 42}), invalid),
            (json!({"statusCode": 101}), invalid),
            (json!({"headers": []}), invalid),
            (json!({"headers": {"a": {}}}), invalid),
            (json!({"headers": {"a b": "c"}}), invalid),
            (json!({"headers": {"a": "c\nd: e"}}), invalid),
            (json!([1]), invalid),
        ] {
            assert_eq!(shown(result.clone()), expected, "{result}");
        }
    }

    #[test]
    fn headers_may_repeat_and_do_not_frame() {
        let fields = json!({"headers": {"Set-Cookie": ["a=1", "b=2"], "X-N": 1, "Content-Length": 9, "x-b": true}});
        let head = Head::read(fields.as_object().unwrap()).unwrap();
        let expected = [
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
            ("X-N", "1"),
            ("x-b", "true"),
        ];
        assert_eq!(
            head.headers,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
