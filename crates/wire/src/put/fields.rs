use serde_json::{Map, Value};
use wisp_core::{
    Error, Result,
    model::{EntityName, Fqn, Parameter, Parameters, Version},
};

/// The refusal of a body that is not what it should be.
pub fn malformed(detail: impl std::fmt::Display) -> Error {
    Error::bad_request(format!("The request content was malformed:\n{detail}"))
}

/// The fields of a JSON object, taken out one by one.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub fn parse(body: &[u8]) -> Result<Self> {
        serde_json::from_slice(body)
            .map_err(malformed)
            .and_then(|value| Self::of(value, "JSON object expected"))
    }

    /// The fields of a value, which must be an object.
    pub fn of(value: Value, otherwise: &str) -> Result<Self> {
        match value {
            Value::Object(fields) => Ok(Self(fields)),
            _ => Err(malformed(otherwise)),
        }
    }

    /// A field; none if it is absent or null.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.0.remove(key).filter(|value| !value.is_null())
    }

    pub fn boolean(&mut self, key: &str) -> Result<Option<bool>> {
        let value = self.take(key);
        value
            .map(|value| {
                value
                    .as_bool()
                    .ok_or_else(|| malformed(format!("'{key}' must be a boolean")))
            })
            .transpose()
    }

    /// A string; of another type is the error `otherwise`.
    pub fn string(&mut self, key: &str, otherwise: &str) -> Result<Option<String>> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(malformed(otherwise)),
        }
    }

    /// A whole number, not negative.
    pub fn number(&mut self, key: &str, otherwise: &str) -> Result<Option<u64>> {
        self.take(key)
            .map(|value| value.as_u64().ok_or_else(|| malformed(otherwise)))
            .transpose()
    }

    pub fn version(&mut self) -> Result<Option<Version>> {
        let text = self.string("version", "'version' must be a string")?;
        text.map(|text| text.parse().map_err(|error: Error| malformed(error.message())))
            .transpose()
    }

    pub fn strings(&mut self, key: &str) -> Result<Vec<String>> {
        let value = self.take(key).unwrap_or_else(|| Value::Array(Vec::new()));
        serde_json::from_value(value).map_err(|_| malformed(format!("'{key}' must be an array of strings")))
    }

    /// Parameters, or annotations, which have the same shape and the same refusal.
    pub fn parameters(&mut self, key: &str) -> Result<Option<Parameters>> {
        let refusal = || malformed("parameters malformed!");
        match self.take(key) {
            None => Ok(None),
            Some(Value::Array(items)) => items
                .into_iter()
                .map(|item| parameter(item).ok_or_else(refusal))
                .collect::<Result<_>>()
                .map(Some),
            Some(_) => Err(refusal()),
        }
    }
}

fn parameter(item: Value) -> Option<Parameter> {
    let Value::Object(mut fields) = item else { return None };
    let Some(Value::String(key)) = fields.remove("key") else {
        return None;
    };
    let init = match fields.remove("init") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(init)) => init,
        Some(_) => return None,
    };
    fields.remove("value").map(|value| Parameter { key, value, init })
}

/// A full name in a body, where `_` is the caller's namespace and none may be left out.
pub(super) fn full_name(text: &str, caller: &EntityName) -> Result<Fqn> {
    let segments = text.trim().trim_start_matches('/').split('/').count();
    if segments < 2 {
        return Err(malformed(
            "requirement failed: The fully qualified name of the entity must contain at least the namespace and the \
             name of the entity.",
        ));
    }
    let name: Fqn = text.parse().map_err(|error: Error| malformed(error.message()))?;
    Ok(name.or_of(caller))
}
