//! JSONata: `{% … %}`, alone or within objects and arrays.

use serde_json::Value;

use super::{Fault, Scope};

/// Whether this string is an expression rather than text.
pub fn is_expression(text: &str) -> bool {
    text.starts_with("{%") && text.ends_with("%}") && text.len() >= 4
}

/// A copy of `template` in which each string that is an expression is replaced by its value.
///
/// `field` is where the template stands in the state, such as `Output` or `Catch[0]/Assign`; faults name the place
/// below it.
///
/// # Errors
/// `States.QueryEvaluationError` when an expression fails, has no value (undefined), or one that is not JSON.
pub fn render(_template: &Value, field: &str, _scope: &Scope) -> Result<Value, Fault> {
    Err(Fault::evaluation(field, "templates cannot be rendered yet"))
}

/// As [`render`], for a field that must have a value of this type.
///
/// # Errors
/// As [`render`], and `States.QueryEvaluationError` when an expression has a value of another type.
pub fn render_as(template: &Value, field: &str, _expected: Type, scope: &Scope) -> Result<Value, Fault> {
    render(template, field, scope)
}

/// Types that fields require of their expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `Condition`.
    Boolean,
    /// `Error`, `Cause`, `Timestamp`.
    String,
    /// `Seconds`, `TimeoutSeconds`, `MaxConcurrency` …
    Number,
    /// `Items`.
    Array,
    /// `Assign`.
    Object,
}
