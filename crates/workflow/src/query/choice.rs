//! The comparison rules of a JSONPath Choice state.

use serde_json::Value;

use super::{Fault, Scope};

/// Whether this rule of `Choices` (a comparison, `And`, `Or` or `Not`) holds.
///
/// # Errors
/// `States.Runtime` when a path of the rule leads nowhere, unless the operator is `IsPresent`.
pub fn holds(_rule: &Value, _scope: &Scope) -> Result<bool, Fault> {
    Err(Fault::runtime("rules cannot be judged yet"))
}
