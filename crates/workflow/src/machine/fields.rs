use serde::{Deserialize, Deserializer, de::Error};
use serde_json::{Number, Value};

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

/// A whole number, also as `5.0`: JSON has only one kind of numbers.
pub(super) fn whole<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    let number = Number::deserialize(deserializer)?;
    let exact = |float: &f64| float.fract() == 0.0 && (0.0..9e15).contains(float);
    let whole = number
        .as_u64()
        .or_else(|| number.as_f64().filter(exact).map(|float| float as u64));
    let fitting = whole.and_then(|whole| T::try_from(whole).ok());
    let refuse = || D::Error::custom(format!("{number} is no whole number that fits"));
    fitting.ok_or_else(refuse).map(Some)
}

/// Keeps the difference between a field that is absent and one that is `null`.
pub(super) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
