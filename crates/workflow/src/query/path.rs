//! JSONPath in Jayway's dialect, and the writes of reference paths.

use serde_json::Value;

use super::{Fault, Scope};

/// What a path of `InputPath`, `OutputPath`, `ItemsPath`, `SecondsPath` … selects: the value of a definite path, an
/// array (perhaps empty) of an indefinite one.
///
/// # Errors
/// `States.Runtime` when the path is malformed or a definite one leads nowhere.
pub fn read(path: &str, _scope: &Scope) -> Result<Value, Fault> {
    Err(Fault::runtime(format!("the path '{path}' cannot be read yet")))
}

/// `document` with `value` at the reference path of a `ResultPath`; missing objects on the way are made.
///
/// # Errors
/// `States.Runtime` when the path is no reference path, or leads through something that is neither object nor array.
pub fn write(reference: &str, _document: Value, _value: Value) -> Result<Value, Fault> {
    Err(Fault::runtime(format!("the path '{reference}' cannot be written yet")))
}
