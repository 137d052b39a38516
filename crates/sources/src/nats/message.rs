use async_nats::Message;
use serde_json::{Map, Value, json};

use crate::payload::{Format, headers};

/// What every event of NATS says: subject, value, and headers if there are any.
pub(super) fn values(message: &Message, format: Format) -> Map<String, Value> {
    let mut values = Map::new();
    values.insert("subject".into(), json!(message.subject.as_str()));
    values.insert("value".into(), format.value(&message.payload));
    if let Some(given) = &message.headers {
        let pairs = given
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| (name.to_string(), value.to_string())));
        values.insert("headers".into(), Value::Object(headers(pairs)));
    }
    values
}
