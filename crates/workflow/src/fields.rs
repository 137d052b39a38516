//! How data flows through a state's fields, in either query language.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::machine::{Amount, Data, Language, Selector, State};
use crate::query::{Bounds, Chance, Fault, Scope, jsonata, path, template};

/// What a state's expressions see, owned for as long as the state is worked on.
pub(crate) struct View {
    /// The state's raw input.
    pub input: Arc<Value>,
    pub context: Value,
    pub variables: Arc<Map<String, Value>>,
    pub now_ms: i64,
    pub chance: Chance,
    pub bounds: Bounds,
}

/// Names and values that an `Assign` sets.
pub(crate) type Assigned = Map<String, Value>;

impl View {
    /// The scope of expressions over this input.
    pub fn over<'a>(&'a self, input: &'a Value) -> Scope<'a> {
        Scope {
            input,
            context: &self.context,
            variables: &self.variables,
            result: None,
            error_output: None,
            now_ms: self.now_ms,
            chance: &self.chance,
            bounds: self.bounds,
        }
    }

    /// The scope of expressions over the raw input.
    pub fn scope(&self) -> Scope<'_> {
        self.over(&self.input)
    }
}

/// The input after `InputPath`; a JSONata state's raw input.
pub(crate) fn effective(state: &State, view: &View) -> Result<Arc<Value>, Fault> {
    match state.language {
        Language::JSONata => Ok(view.input.clone()),
        Language::JSONPath => select(&state.data.input_path, &view.input, view),
    }
}

/// What the work is given: `Parameters` or `Arguments`, or else the effective input.
pub(crate) fn arguments(state: &State, view: &View, effective: &Arc<Value>) -> Result<Arc<Value>, Fault> {
    let scope = view.over(effective);
    match (state.language, &state.data.parameters, &state.data.arguments) {
        (Language::JSONPath, Some(parameters), _) => template::render(parameters, &scope).map(Arc::new),
        (Language::JSONata, _, Some(arguments)) => jsonata::render(arguments, "Arguments", &scope).map(Arc::new),
        _ => Ok(effective.clone()),
    }
}

/// The state's output and variables, from its work's result.
pub(crate) fn close(state: &State, view: &View, result: Arc<Value>) -> Result<(Arc<Value>, Assigned), Fault> {
    match state.language {
        Language::JSONPath => close_paths(&state.data, view, result),
        Language::JSONata => {
            let scope = Scope {
                result: Some(&result),
                ..view.scope()
            };
            let assigned = assign(state.language, state.data.assign.as_ref(), "Assign", &scope)?;
            let output = output(state.data.output.as_ref(), "Output", &scope)?;
            Ok((output.unwrap_or(result), assigned))
        }
    }
}

fn close_paths(data: &Data, view: &View, result: Arc<Value>) -> Result<(Arc<Value>, Assigned), Fault> {
    let result = match &data.result_selector {
        Some(selector) => Arc::new(template::render(selector, &view.over(&result))?),
        None => result,
    };
    let assigned = assign(Language::JSONPath, data.assign.as_ref(), "Assign", &view.over(&result))?;
    let merged = insert(&data.result_path, view, result)?;
    Ok((select(&data.output_path, &merged, view)?, assigned))
}

/// The output and variables of a state that only passes its input on: Wait, Choice, Succeed.
pub(crate) fn pass(state: &State, view: &View) -> Result<(Arc<Value>, Assigned), Fault> {
    pass_with(state, view, state.data.output.as_ref(), state.data.assign.as_ref(), "")
}

/// As [`pass`], with an `Output` and an `Assign` that stand below `place` in the state, such as `Choices[0]/`.
pub(crate) fn pass_with(
    state: &State,
    view: &View,
    output_template: Option<&Value>,
    assign_template: Option<&Value>,
    place: &str,
) -> Result<(Arc<Value>, Assigned), Fault> {
    let effective = effective(state, view)?;
    let scope = view.over(&effective);
    let assigned = assign(state.language, assign_template, &format!("{place}Assign"), &scope)?;
    let output = match state.language {
        Language::JSONPath => Some(select(&state.data.output_path, &effective, view)?),
        Language::JSONata => output(output_template, &format!("{place}Output"), &scope)?,
    };
    Ok((output.unwrap_or(effective), assigned))
}

/// The input with the result at `ResultPath`.
pub(crate) fn insert(selector: &Selector, view: &View, result: Arc<Value>) -> Result<Arc<Value>, Fault> {
    match selector {
        Selector::Whole => Ok(result),
        Selector::Nothing => Ok(view.input.clone()),
        Selector::Path(reference) => path::write(reference, (*view.input).clone(), unwrap(result)).map(Arc::new),
    }
}

fn unwrap(value: Arc<Value>) -> Value {
    Arc::try_unwrap(value).unwrap_or_else(|shared| (*shared).clone())
}

/// What a selector takes of a document.
pub(crate) fn select(selector: &Selector, document: &Arc<Value>, view: &View) -> Result<Arc<Value>, Fault> {
    match selector {
        Selector::Whole => Ok(document.clone()),
        Selector::Nothing => Ok(Arc::new(Value::Object(Map::new()))),
        Selector::Path(text) => path::read(text, &view.over(document)).map(Arc::new),
    }
}

/// A JSONata `Output`, rendered, if there is one.
pub(crate) fn output(template: Option<&Value>, field: &str, scope: &Scope) -> Result<Option<Arc<Value>>, Fault> {
    template
        .map(|template| jsonata::render(template, field, scope).map(Arc::new))
        .transpose()
}

/// An `Assign`, rendered.
pub(crate) fn assign(
    language: Language,
    assign: Option<&Value>,
    field: &str,
    scope: &Scope,
) -> Result<Assigned, Fault> {
    let rendered = match (assign, language) {
        (None, _) => return Ok(Assigned::new()),
        (Some(assign), Language::JSONPath) => template::render(assign, scope)?,
        (Some(assign), Language::JSONata) => jsonata::render(assign, field, scope)?,
    };
    match rendered {
        Value::Object(assigned) => Ok(assigned),
        _ => Err(Fault::runtime(format!(
            "The {field} field does not hold names and values."
        ))),
    }
}

/// A whole number of a field such as `MaxConcurrency`.
pub(crate) fn integer(amount: &Amount, field: &str, scope: &Scope) -> Result<i64, Fault> {
    let value = number(amount, field, scope)?;
    whole(&value).ok_or_else(|| match amount {
        Amount::Path(path) => Fault::runtime(format!(
            "The {field}Path field refers to value {value} which is not a valid integer: {path}"
        )),
        Amount::Literal(_) => refuse(
            amount,
            field,
            format!("The {field} field must be an integer, but was: {value}"),
        ),
    })
}

/// The fault of a number that is none of those which its field takes: of a path's, or of an expression's.
pub(crate) fn refuse(amount: &Amount, field: &str, cause: impl Into<String>) -> Fault {
    match amount {
        Amount::Path(_) => Fault::runtime(cause),
        Amount::Literal(_) => Fault::evaluation(field, cause),
    }
}

/// The value of a field such as `ToleratedFailurePercentage`, whatever its type.
pub(crate) fn number(amount: &Amount, field: &str, scope: &Scope) -> Result<Value, Fault> {
    match amount {
        Amount::Literal(Value::String(text)) if jsonata::is_expression(text) => {
            jsonata::render_as(&Value::String(text.clone()), field, jsonata::Type::Number, scope)
        }
        Amount::Literal(literal) => Ok(literal.clone()),
        Amount::Path(text) => path::read(text, scope),
    }
}

/// Whole numbers, also as text, which variables that hold text lead to.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number.as_f64()?;
            (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64)
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_are_told_from_others() {
        for (value, expected) in [
            (json!(3), Some(3)),
            (json!(-3), Some(-3)),
            (json!(3.0), Some(3)),
            (json!("3"), Some(3)),
            (json!(3.5), None),
            (json!("three"), None),
            (json!(null), None),
        ] {
            assert_eq!(whole(&value), expected, "{value}");
        }
    }
}
