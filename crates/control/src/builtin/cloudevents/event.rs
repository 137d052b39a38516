use serde_json::{Map, Value, json};
use wisp_core::{Error, Result};

use super::sink::Sink;
use crate::{builtin::utils::iso, invoke::Call};

/// An event: attributes, and what it says as `data` or `data_base64`.
pub(super) type Event = Map<String, Value>;

/// The event that a call sends.
///
/// What is a CloudEvent already stays as it is, whoever made it. Anything else becomes the data of one: its id is that of the
/// fire, so that another attempt has the same.
pub(super) fn event(sink: &Sink, call: &Call) -> Result<Event> {
    one(sink, call, payload(call)?, None)
}

/// The events that a call sends together: those of a batch, as feeds make them, or the only one. Those that are made here
/// have their numbers in their ids.
pub(super) fn events(sink: &Sink, call: &Call) -> Result<Vec<Event>> {
    let mut said = payload(call)?;
    let Some(Value::Array(batch)) = said.get_mut("events") else {
        return Ok(vec![one(sink, call, said, None)?]);
    };
    let numbered = std::mem::take(batch).into_iter().enumerate();
    numbered
        .map(|(number, said)| one(sink, call, said, Some(number)))
        .collect()
}

fn payload(call: &Call) -> Result<Value> {
    serde_json::from_str(call.payload.get())
        .map_err(|error| Error::bad_request("the arguments are not JSON").because(error))
}

fn one(sink: &Sink, call: &Call, said: Value, number: Option<usize>) -> Result<Event> {
    match said {
        Value::Object(mut event) => {
            // Who fired the trigger is not said to strangers.
            event.retain(|name, _| !name.starts_with("__ow_"));
            match is_cloudevent(&event) {
                true => Ok(event),
                false => made(sink, call, Value::Object(event), number),
            }
        }
        data => made(sink, call, data, number),
    }
}

fn made(sink: &Sink, call: &Call, data: Value, number: Option<usize>) -> Result<Event> {
    let namespace = &call.caller.namespace;
    let delivery = call.delivery.as_deref();
    let source = sink.source.clone().unwrap_or_else(|| match delivery {
        Some(delivery) => format!("/namespaces/{namespace}/triggers/{}", delivery.trigger.name()),
        None => format!("/namespaces/{namespace}"),
    });
    let fire = call.caller.chain.links.last().filter(|_| delivery.is_some());
    let id = fire.map_or(call.id, |fire| fire.activation);
    let mut event = Event::new();
    event.insert("specversion".into(), json!("1.0"));
    let id = number.map_or_else(|| id.to_string(), |number| format!("{id}-{number}"));
    event.insert("id".into(), json!(id));
    event.insert("source".into(), json!(source));
    event.insert("type".into(), json!(sink.kind));
    event.insert(
        "time".into(),
        json!(iso(delivery.map_or(call.at, |delivery| delivery.taken))),
    );
    if let Some(subject) = &sink.subject {
        event.insert("subject".into(), json!(subject));
    }
    event.insert("datacontenttype".into(), json!("application/json"));
    for (name, value) in &sink.extensions {
        event.entry(name).or_insert_with(|| value.clone());
    }
    event.insert("data".into(), data);
    match is_cloudevent(&event) {
        true => Ok(event),
        false => Err(Error::bad_request(
            "The sink's type, source, subject and extensions do not make a CloudEvent: texts that are not empty, and names \
             of small letters and digits.",
        )),
    }
}

/// Whether this is a CloudEvent of version 1.0 in the JSON format.
fn is_cloudevent(event: &Event) -> bool {
    let is = |name: &str| {
        event
            .get(name)
            .and_then(Value::as_str)
            .is_some_and(|text| !text.is_empty())
    };
    let small = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let attributes = || {
        event
            .iter()
            .filter(|(name, _)| !["data", "data_base64"].contains(&name.as_str()))
    };
    event.get("specversion").is_some_and(|version| version == "1.0")
        && ["id", "source", "type"].into_iter().all(is)
        && attributes()
            .all(|(name, value)| !name.is_empty() && name.bytes().all(small) && !value.is_object() && !value.is_array())
        && !(event.contains_key("data") && event.contains_key("data_base64"))
}
