use redis::{Value as Reply, from_redis_value_ref, streams::StreamId};
use serde_json::{Map, Value, json};
use wisp_core::{Result, ports::Event};

use crate::json::data;

/// The event of an entry: the JSON value of one field, or all fields as texts.
pub(super) fn event(entry: &StreamId, field: Option<&str>) -> Result<Event> {
    let text = |value: &Reply| {
        from_redis_value_ref::<Vec<u8>>(value).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    let value = field
        .and_then(|field| entry.map.get(field))
        .and_then(|value| text(value).ok());
    let values = match value.map(|value| serde_json::from_str(&value).unwrap_or(Value::String(value))) {
        Some(Value::Object(values)) => values,
        Some(other) => Map::from_iter([("value".to_owned(), other)]),
        None => {
            let fields = entry.map.iter();
            let fields = fields.map(|(name, value)| (name.clone(), json!(text(value).unwrap_or_default())));
            fields.collect()
        }
    };
    Ok(Event {
        id: entry.id.clone(),
        data: data(&values)?,
    })
}
