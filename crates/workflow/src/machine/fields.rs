use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// `InputPath`, `ResultPath`, `OutputPath`: absent, null, or a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selector {
    /// Absent: all of it.
    #[default]
    Whole,
    /// `null`: an empty object, or, as `ResultPath`, the result is dropped.
    Nothing,
    /// A path.
    Path(String),
}

impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Option::<String>::deserialize(deserializer)? {
            None => Selector::Nothing,
            Some(path) if path == "$" => Selector::Whole,
            Some(path) => Selector::Path(path),
        })
    }
}

/// A number that a definition gives as such, as a JSONata expression, or as a path to it.
#[derive(Clone, Debug, PartialEq)]
pub enum Amount {
    /// A number, or `{% … %}`.
    Literal(Value),
    /// The value of the field whose name ends in `Path`.
    Path(String),
}

impl Amount {
    /// Of a field and its sibling that ends in `Path`.
    pub(super) fn of(literal: Option<Value>, path: Option<String>) -> Option<Self> {
        path.map(Amount::Path).or(literal.map(Amount::Literal))
    }
}

/// Keeps the difference between a field that is absent and one that is `null`.
pub(super) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
