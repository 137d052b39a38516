//! Intrinsic functions of JSONPath states.

use serde_json::Value;

use super::{Fault, Scope};

/// The value of a call such as `States.Format('{}', $.name)`.
///
/// # Errors
/// `States.Runtime` when the call is malformed, a path in it leads nowhere, or an argument does not fit.
pub fn call(text: &str, _scope: &Scope) -> Result<Value, Fault> {
    Err(Fault::runtime(format!("'{text}' cannot be called yet")))
}
