//! Payload templates of JSONPath states.

use serde_json::{Map, Value};

use super::{Fault, Scope, allowance::Allowance, depth::bounded, intrinsic, path::Path};

/// A copy of `template` (`Parameters`, `ResultSelector`, `ItemSelector`, `Assign`) in which each field `name.$` is
/// replaced by `name` with the value that its path or intrinsic call has.
///
/// # Errors
/// `States.Runtime` when a path leads nowhere; faults of intrinsic calls; `States.DataLimitExceeded`.
pub fn render(template: &Value, scope: &Scope) -> Result<Value, Fault> {
    bounded(filled(template, scope, &Allowance::new(scope))?)
}

fn filled(template: &Value, scope: &Scope, allowance: &Allowance) -> Result<Value, Fault> {
    match template {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| field(name, value, scope, allowance));
            Ok(Value::Object(fields.collect::<Result<Map<_, _>, _>>()?))
        }
        Value::Array(items) => items.iter().map(|item| filled(item, scope, allowance)).collect(),
        literal => Ok(literal.clone()),
    }
}

fn field(name: &str, value: &Value, scope: &Scope, allowance: &Allowance) -> Result<(String, Value), Fault> {
    let Some(plain) = name.strip_suffix(".$") else {
        return Ok((name.to_owned(), filled(value, scope, allowance)?));
    };
    let wrong = || {
        Fault::runtime(format!(
            "The value for the field '{name}' must be a valid JSONPath or a valid intrinsic function call"
        ))
    };
    let text = value.as_str().ok_or_else(wrong)?;
    if is_call(text) {
        return Ok((plain.to_owned(), allowance.take(intrinsic::call(text, scope)?)?));
    }
    let path = Path::parse(text).map_err(|_| wrong())?;
    let value = path.select(scope).map_err(|_| {
        Fault::runtime(format!(
            "The JSONPath '{text}' specified for the field '{name}' could not be found in the input '{}'",
            scope.input
        ))
    })?;
    Ok((plain.to_owned(), allowance.take(value)?))
}

/// The value of a path or an intrinsic call: what `ErrorPath` and `CausePath` take.
///
/// # Errors
/// As [`super::path::read`] and [`intrinsic::call`].
pub fn evaluate(expression: &str, scope: &Scope) -> Result<Value, Fault> {
    if is_call(expression) {
        return intrinsic::call(expression, scope);
    }
    super::path::read(expression, scope)
}

/// Whether a text is meant as an intrinsic call rather than as a path.
fn is_call(text: &str) -> bool {
    text.starts_with("States.")
}
