use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use wisp_control::workflows::Paging;
use wisp_core::model::Millis;

use crate::states::{refusal::Refusal, serve::Asked};

/// Names of exceptions that are the protocol's own.
const MALFORMED: &str = "SerializationException";

impl Asked {
    /// A field that must be there.
    pub fn required<T: DeserializeOwned>(&self, field: &str) -> Result<T, Refusal> {
        let missing = || {
            let rule = "failed to satisfy constraint: Member must not be null";
            let message = format!("1 validation error detected: Value at '{field}' {rule}");
            Refusal::new(400, "ValidationException", message)
        };
        self.optional(field)?.ok_or_else(missing)
    }

    /// A field that may be there.
    pub fn optional<T: DeserializeOwned>(&self, field: &str) -> Result<Option<T>, Refusal> {
        match self.input.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let read = serde_json::from_value(value.clone());
                read.map(Some)
                    .map_err(|error| Refusal::new(400, MALFORMED, format!("{field}: {error}")))
            }
        }
    }

    /// A field that is false unless it says otherwise.
    pub fn flag(&self, field: &str) -> Result<bool, Refusal> {
        Ok(self.optional(field)?.unwrap_or_default())
    }

    /// Which page is wanted.
    pub fn paging(&self) -> Result<Paging, Refusal> {
        Ok(Paging {
            limit: self.optional("maxResults")?,
            token: self.optional("nextToken")?,
        })
    }
}

/// A time as the protocol has it: seconds, with milliseconds behind the point.
pub(super) fn seconds(time: Millis) -> Value {
    json!(time as f64 / 1000.0)
}

/// An object without the fields that have no value.
pub(super) fn present(fields: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Value {
    let fields = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(fields.collect::<Map<String, Value>>())
}

/// A page of a list.
pub(super) fn page(name: &'static str, entries: Vec<Value>, next: Option<String>) -> Value {
    present([(name, Some(entries.into())), ("nextToken", next.map(Value::from))])
}
