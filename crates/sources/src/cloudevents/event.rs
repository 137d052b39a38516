use serde_json::{Map, Value};
use wisp_core::{Error, Result, ports::Event};

use crate::json::data;

/// The event of a body in structured mode.
pub(super) fn structured(body: &[u8]) -> Result<Event> {
    checked(serde_json::from_slice(body).map_err(malformed)?)
}

/// The events of a body in batched mode.
pub(super) fn batch(body: &[u8]) -> Result<Vec<Event>> {
    let events: Vec<Map<String, Value>> = serde_json::from_slice(body).map_err(malformed)?;
    events.into_iter().map(checked).collect()
}

/// An event whose attributes are those that CloudEvents 1.0 requires.
pub(super) fn checked(event: Map<String, Value>) -> Result<Event> {
    let attribute = |name: &str| {
        let value = event
            .get(name)
            .and_then(Value::as_str)
            .filter(|value| !value.is_empty());
        value.ok_or_else(|| Error::bad_request(format!("The CloudEvent has no attribute {name}.")))
    };
    let version = attribute("specversion")?;
    if version != "1.0" {
        let message = format!("The CloudEvent has specversion '{version}'; this platform reads 1.0.");
        return Err(Error::bad_request(message));
    }
    attribute("type")?;
    if event.contains_key("data") && event.contains_key("data_base64") {
        return Err(Error::bad_request("The CloudEvent has both data and data_base64."));
    }
    for (name, value) in event.iter().filter(|(name, _)| *name != "data") {
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if name != "data_base64" && (name.is_empty() || !name.bytes().all(letters)) {
            return Err(Error::bad_request(format!(
                "'{name}' is not the name of a CloudEvent's attribute."
            )));
        }
        if value.is_object() || value.is_array() {
            return Err(Error::bad_request(format!(
                "The CloudEvent's attribute {name} is not a plain value."
            )));
        }
    }
    Ok(Event {
        id: format!("{}\n{}", attribute("source")?, attribute("id")?),
        data: data(&event)?,
    })
}

fn malformed(error: serde_json::Error) -> Error {
    Error::bad_request(format!("The request content was malformed:\n{error}"))
}
