use lapin::{
    BasicProperties,
    message::Delivery,
    types::{AMQPValue, ShortString},
};
use serde_json::{Map, Value, json};
use wisp_core::{Result, ports::Event};

use crate::{
    json::data,
    names::{Nameless, mark},
    payload::Format,
};

/// The name that its publisher gave a message.
pub(super) fn name(message: &Delivery) -> Option<&str> {
    let name = message.properties.message_id().as_ref()?.as_str();
    (!name.is_empty()).then_some(name)
}

/// What is known of a message without a name: where it came in, and what it says.
pub(super) fn nameless(message: &Delivery) -> Nameless {
    let time = message.properties.timestamp().unwrap_or_default().to_be_bytes();
    let parts = [
        message.exchange.as_str().as_bytes(),
        message.routing_key.as_str().as_bytes(),
        &time,
        &message.data,
    ];
    Nameless {
        mark: Some(mark(&parts)),
        again: message.redelivered,
    }
}

/// The event of a message.
pub(super) fn event(id: String, message: &Delivery, format: Format) -> Result<Event> {
    let properties = &message.properties;
    let mut values = Map::new();
    values.insert("exchange".into(), json!(message.exchange.as_str()));
    values.insert("routingKey".into(), json!(message.routing_key.as_str()));
    values.insert("value".into(), format.value(&message.data));
    values.extend(named(properties).into_iter().filter_map(|(name, text)| {
        let text = text.as_ref()?.as_str();
        Some((name.to_owned(), json!(text)))
    }));
    if let Some(seconds) = properties.timestamp() {
        values.insert("time".into(), json!(seconds.saturating_mul(1_000)));
    }
    if let Some(headers) = properties.headers() {
        let headers = headers
            .into_iter()
            .map(|(name, value)| (name.to_string(), plain(value)));
        values.insert("headers".into(), Value::Object(headers.collect()));
    }
    let data = data(&values)?;
    Ok(Event { id, data })
}

/// The properties that are texts.
fn named(properties: &BasicProperties) -> [(&'static str, &Option<ShortString>); 6] {
    [
        ("messageId", properties.message_id()),
        ("type", properties.kind()),
        ("contentType", properties.content_type()),
        ("correlationId", properties.correlation_id()),
        ("replyTo", properties.reply_to()),
        ("appId", properties.app_id()),
    ]
}

/// The value of a header.
fn plain(value: &AMQPValue) -> Value {
    let text = |bytes: &[u8]| Value::String(String::from_utf8_lossy(bytes).into_owned());
    match value {
        AMQPValue::Boolean(value) => json!(value),
        AMQPValue::ShortShortInt(value) => json!(value),
        AMQPValue::ShortShortUInt(value) => json!(value),
        AMQPValue::ShortInt(value) => json!(value),
        AMQPValue::ShortUInt(value) => json!(value),
        AMQPValue::LongInt(value) => json!(value),
        AMQPValue::LongUInt(value) => json!(value),
        AMQPValue::LongLongInt(value) => json!(value),
        AMQPValue::Timestamp(value) => json!(value),
        AMQPValue::Float(value) => json!(value),
        AMQPValue::Double(value) => json!(value),
        AMQPValue::DecimalValue(value) => json!(f64::from(value.value) / 10_f64.powi(value.scale.into())),
        AMQPValue::ShortString(value) => json!(value.as_str()),
        AMQPValue::LongString(value) => text(value.as_bytes()),
        AMQPValue::ByteArray(value) => text(value.as_slice()),
        AMQPValue::FieldArray(values) => values.as_slice().iter().map(plain).collect(),
        AMQPValue::FieldTable(values) => {
            let values = values.into_iter().map(|(name, value)| (name.to_string(), plain(value)));
            Value::Object(values.collect())
        }
        AMQPValue::Void => Value::Null,
    }
}
