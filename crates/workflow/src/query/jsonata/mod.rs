//! JSONata: `{% … %}`, alone or within objects and arrays.
//!
//! An expression sees `$states.input`, `$states.context`, `$states.result` and `$states.errorOutput` where there are
//! such, and each variable by its name; there is no document of its own (`$`). Beside JSONata's functions there are
//! `$partition`, `$range`, `$hash`, `$random` with a seed, `$uuid` and `$parse`; there is no `$eval`.

mod evaluate;
mod functions;
pub mod guard;
mod json;
mod references;
mod words;

use serde_json::{Map, Value};

use super::{Fault, Scope, depth::bounded};
use evaluate::Evaluation;

/// The expression within `{% … %}`, or none if this is a text.
pub fn expression(text: &str) -> Option<&str> {
    Some(text.strip_prefix("{%")?.strip_suffix("%}")?.trim())
}

/// Whether this string is an expression rather than a text.
pub fn is_expression(text: &str) -> bool {
    expression(text).is_some()
}

/// Why an expression has no place in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is none of JSONata: the reference's words, without their code.
    Invalid(String),
    /// It refers to what there is not: a name, `$`, `$$`, or `$states.errorOutput` outside of a catcher.
    Refers(String),
}

/// Whether this is an expression that a state can have; `caught` tells whether it stands in a catcher.
///
/// # Errors
/// The first flaw.
pub fn check(expression: &str, caught: bool) -> Result<(), Flaw> {
    let mut tree = evaluate::parse(expression).map_err(|why| {
        let words = why.split_once(": ").map(|(_, words)| words.to_owned());
        Flaw::Invalid(words.unwrap_or(why))
    })?;
    if let Some(name) = references::to_document(&mut tree) {
        return Err(Flaw::Refers(name));
    }
    match !caught && references::to_error_output(&mut tree) {
        true => Err(Flaw::Refers("$states.errorOutput".to_owned())),
        false => Ok(()),
    }
}

/// A copy of `template` in which each string that is an expression is replaced by its value.
///
/// `field` is where the template stands in the state, such as `Output` or `Catch[0]/Assign`; faults name the place
/// below it.
///
/// # Errors
/// `States.QueryEvaluationError` when an expression fails, has no value (undefined), or one that is not JSON.
pub fn render(template: &Value, field: &str, scope: &Scope) -> Result<Value, Fault> {
    let evaluation = Evaluation::new(scope);
    bounded(filled(template, field, &evaluation)?)
}

/// As [`render`], for a field that must have a value of this type.
///
/// # Errors
/// As [`render`], and `States.QueryEvaluationError` when an expression has a value of another type.
pub fn render_as(template: &Value, field: &str, expected: Type, scope: &Scope) -> Result<Value, Fault> {
    let value = render(template, field, scope)?;
    match template.as_str().and_then(expression) {
        Some(expression) if !expected.has(&value) => Err(Fault::evaluation(
            field,
            format!(
                "The JSONata expression '{expression}' specified for the field '{field}' returned an unexpected result \
                 type. Expected '{}', but was '{}' for value: {value}",
                expected.name(),
                type_name(&value)
            ),
        )),
        _ => Ok(value),
    }
}

fn filled(template: &Value, field: &str, evaluation: &Evaluation) -> Result<Value, Fault> {
    match template {
        Value::String(text) => match expression(text) {
            Some(expression) => evaluation.value(expression, field),
            None => Ok(template.clone()),
        },
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items
                .map(|(at, item)| filled(item, &format!("{field}[{at}]"), evaluation))
                .collect()
        }
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| Ok((name.clone(), filled(value, &format!("{field}/{name}"), evaluation)?)));
            Ok(Value::Object(fields.collect::<Result<Map<_, _>, Fault>>()?))
        }
        literal => Ok(literal.clone()),
    }
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

impl Type {
    fn has(self, value: &Value) -> bool {
        type_name(value) == self.name()
    }

    fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Number => "number",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
