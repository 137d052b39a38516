use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use wisp_core::{
    Error, Result,
    ports::{Delivery, Event},
};

use super::event::checked;

/// The event of a request in binary mode: attributes are headers, the body is the data.
pub(super) fn event(request: &Delivery<'_>, kind: &str) -> Result<Event> {
    let mut event = Map::new();
    for (name, value) in request.headers {
        if let Some(name) = name.strip_prefix("ce-") {
            let value = percent_decode_str(value).decode_utf8();
            let value = value
                .map_err(|error| Error::bad_request(format!("The header ce-{name} is not UTF-8.")).because(error))?;
            event.insert(name.to_owned(), json!(value));
        }
    }
    if let Some(kind) = request.header("content-type") {
        event.insert("datacontenttype".into(), json!(kind));
    }
    if !request.body.is_empty() {
        let (field, value) = value(request.body, kind)?;
        event.insert(field.into(), value);
    }
    checked(event)
}

/// Data as the JSON format has it: JSON as itself, text as a text, anything else in base64.
fn value(body: &[u8], kind: &str) -> Result<(&'static str, Value)> {
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if essence.is_empty() || essence == "application/json" || essence.ends_with("+json") {
        let value = serde_json::from_slice(body);
        return value
            .map(|value| ("data", value))
            .map_err(|error| Error::bad_request(format!("The request content was malformed:\n{error}")));
    }
    match std::str::from_utf8(body) {
        Ok(text) if essence.starts_with("text/") => Ok(("data", json!(text))),
        _ => Ok(("data_base64", json!(STANDARD.encode(body)))),
    }
}
