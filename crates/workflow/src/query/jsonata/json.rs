use std::cell::Cell;

use jsonata_core::value::{JArray, JValue};
use serde_json::{Map, Number, Value};

use crate::query::depth::MAX_DEPTH;

/// A value as JSONata has it. Its numbers are doubles.
pub(super) fn to_jsonata(value: &Value) -> JValue {
    match value {
        Value::Null => JValue::Null,
        Value::Bool(value) => JValue::Bool(*value),
        Value::Number(number) => JValue::Number(number.as_f64().unwrap_or_default()),
        Value::String(text) => JValue::string(text.as_str()),
        Value::Array(items) => {
            // Paths need not look for nested arrays where there are none.
            let is_flat = !items.iter().any(Value::is_array);
            JValue::Array(JArray::new_flat(items.iter().map(to_jsonata).collect(), is_flat))
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), to_jsonata(value)));
            JValue::object(fields.collect())
        }
    }
}

/// Why a value is no result.
pub(super) enum NotJson {
    /// A function, a regular expression, or a number that is infinite or none.
    Unsupported,
    /// It nests deeper than any payload may.
    TooDeep,
    /// It is longer than any payload may be.
    TooLong,
}

/// A value as JSON of at most this many bytes; whole numbers are written without a fraction.
pub(super) fn to_json(value: &JValue, bytes: usize) -> Result<Value, NotJson> {
    let writer = Writer { left: Cell::new(bytes) };
    writer.write(value, MAX_DEPTH)
}

/// Counts what it writes: a value that holds another twice, which holds a third twice …, is small in memory, but not
/// as JSON.
struct Writer {
    left: Cell<usize>,
}

impl Writer {
    fn write(&self, value: &JValue, levels: usize) -> Result<Value, NotJson> {
        let below = || levels.checked_sub(1).ok_or(NotJson::TooDeep);
        self.take(1)?;
        match value {
            JValue::Null => Ok(Value::Null),
            JValue::Bool(value) => Ok(Value::Bool(*value)),
            JValue::Number(number) => self::number(*number).ok_or(NotJson::Unsupported),
            JValue::String(text) => {
                self.take(text.len())?;
                Ok(Value::String(text.to_string()))
            }
            JValue::Array(items) => {
                let levels = below()?;
                let items = items.iter().filter(|item| !item.is_undefined());
                items.map(|item| self.write(item, levels)).collect()
            }
            JValue::Object(_) => {
                let levels = below()?;
                let fields = value.as_object().into_iter().flatten();
                let fields = fields.filter(|(_, value)| !value.is_undefined()).map(|(name, value)| {
                    self.take(name.len())?;
                    Ok((name.clone(), self.write(value, levels)?))
                });
                Ok(Value::Object(fields.collect::<Result<Map<_, _>, _>>()?))
            }
            _ => Err(NotJson::Unsupported),
        }
    }

    fn take(&self, bytes: usize) -> Result<(), NotJson> {
        let left = self.left.get().checked_sub(bytes).ok_or(NotJson::TooLong)?;
        self.left.set(left);
        Ok(())
    }
}

/// A double as a JSON number.
fn number(number: f64) -> Option<Value> {
    // Up to here every whole double is the integer that it spells.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        return Some((number as i64).into());
    }
    Number::from_f64(number).map(Value::Number)
}
