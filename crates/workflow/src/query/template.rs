//! Payload templates of JSONPath states.

use serde_json::Value;

use super::{Fault, Scope};

/// A copy of `template` (`Parameters`, `ResultSelector`, `ItemSelector`, `Assign`) in which each field `name.$` is
/// replaced by `name` with the value that its path or intrinsic call has.
///
/// # Errors
/// `States.Runtime` when a path leads nowhere or a call fails.
pub fn render(_template: &Value, _scope: &Scope) -> Result<Value, Fault> {
    Err(Fault::runtime("templates cannot be rendered yet"))
}

/// The value of a path or an intrinsic call: what `ErrorPath` and `CausePath` take.
///
/// # Errors
/// As [`render`].
pub fn evaluate(_expression: &str, _scope: &Scope) -> Result<Value, Fault> {
    Err(Fault::runtime("expressions cannot be evaluated yet"))
}
