use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;
use wisp_core::{Error, Result};

use super::event::Event;

/// What a header's value has in percent-encoding: what is not printable, and what would be read otherwise.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// Headers and body of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

/// An event in one JSON object.
pub(super) fn structured(event: &Event) -> Result<Message> {
    whole("application/cloudevents+json; charset=utf-8", event)
}

/// Events in one JSON array.
pub(super) fn batched(events: &[Event]) -> Result<Message> {
    whole("application/cloudevents-batch+json; charset=utf-8", &events)
}

fn whole(kind: &str, body: &impl serde::Serialize) -> Result<Message> {
    Ok(Message {
        headers: vec![("content-type".into(), kind.into())],
        body: encoded(body)?,
    })
}

/// An event with its attributes as headers, and its data as the body.
pub(super) fn binary(mut event: Event) -> Result<Message> {
    let kind = event
        .remove("datacontenttype")
        .and_then(|kind| kind.as_str().map(str::to_owned));
    let (data, base64) = (event.remove("data"), event.remove("data_base64"));
    let mut headers: Vec<(String, String)> = event
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (format!("ce-{name}"), header(&value)))
        .collect();
    let body = match (data, base64) {
        (_, Some(base64)) => decoded(&base64)?,
        (Some(Value::String(text)), None) if !kind.as_deref().is_none_or(is_json) => text.into(),
        (Some(data), None) => encoded(&data)?,
        (None, None) => {
            return Ok(Message {
                headers,
                body: Bytes::new(),
            });
        }
    };
    headers.push(("content-type".into(), kind.unwrap_or_else(|| "application/json".into())));
    Ok(Message { headers, body })
}

/// An attribute as the value of a header.
fn header(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    utf8_percent_encode(&text, ENCODED).to_string()
}

fn is_json(kind: &str) -> bool {
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.ends_with("/json") || essence.ends_with("+json")
}

fn decoded(base64: &Value) -> Result<Bytes> {
    let bytes = base64.as_str().and_then(|text| BASE64_STANDARD.decode(text).ok());
    bytes
        .map(Bytes::from)
        .ok_or_else(|| Error::bad_request("The CloudEvent's data_base64 is not Base64."))
}

fn encoded(value: &impl serde::Serialize) -> Result<Bytes> {
    let bytes = serde_json::to_vec(value);
    bytes
        .map(Bytes::from)
        .map_err(|error| Error::internal("an event cannot be encoded").because(error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn binary_of(event: Value) -> (Value, String) {
        let Value::Object(event) = event else { panic!("{event}") };
        let Message { headers, body } = binary(event).unwrap();
        let headers: Event = headers.into_iter().map(|(name, value)| (name, json!(value))).collect();
        (headers.into(), String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn attributes_are_headers_in_binary_mode() {
        let (headers, body) = binary_of(json!({
            "specversion": "1.0", "id": "1", "subject": "a \"b\" 50% \u{20ac}", "sequence": 7, "gone": null,
            "datacontenttype": "application/vnd.x+json; charset=utf-8", "data": "text"
        }));
        let expected = json!({
            "ce-specversion": "1.0", "ce-id": "1", "ce-subject": "a%20%22b%22%2050%25%20%E2%82%AC", "ce-sequence": "7",
            "content-type": "application/vnd.x+json; charset=utf-8",
        });
        assert_eq!((headers, body.as_str()), (expected, "\"text\""));
    }

    #[test]
    fn the_body_is_the_data_in_binary_mode() {
        for (event, kind, body) in [
            (json!({"data": {"n": 1}}), Some("application/json"), "{\"n\":1}"),
            (
                json!({"data": "a b", "datacontenttype": "text/plain"}),
                Some("text/plain"),
                "a b",
            ),
            (
                json!({"data_base64": "YSBi", "datacontenttype": "image/x"}),
                Some("image/x"),
                "a b",
            ),
            (json!({"id": "1", "datacontenttype": "text/plain"}), None, ""),
        ] {
            let (headers, sent) = binary_of(event.clone());
            let content = headers.get("content-type").and_then(Value::as_str);
            assert_eq!((content, sent.as_str()), (kind, body), "{event}");
        }
    }

    #[test]
    fn all_is_in_the_body_in_structured_and_batched_mode() {
        let event = json!({"specversion": "1.0", "data": {"n": 1}});
        let one = event.as_object().unwrap();
        for (message, kind, expected) in [
            (
                structured(one),
                "application/cloudevents+json; charset=utf-8",
                event.clone(),
            ),
            (
                batched(&[one.clone(), one.clone()]),
                "application/cloudevents-batch+json; charset=utf-8",
                json!([event, event]),
            ),
        ] {
            let Message { headers, body } = message.unwrap();
            assert_eq!(headers.first().unwrap().1, kind);
            assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected);
        }
    }
}
