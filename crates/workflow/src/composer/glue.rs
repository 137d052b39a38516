use serde_json::{Value, json};

use super::{Object, scope::Scope};

/// A function that Composer writes when it makes `if`, `while`, `repeat`, `retry`, `retain`, `merge` or `literal` of simpler
/// combinators. What it does is known, so that no sandbox is needed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glue {
    /// Gives a variable: `value`, `params`.
    Variable(&'static str),
    /// Keeps the parameters in the variable `params`.
    Keep,
    /// The kept parameters, and these as the result.
    Retain,
    /// These as the result.
    Result,
    /// The result of the result.
    Unwrap,
    /// These as parameters.
    Params,
    /// One field of the parameters.
    Field(&'static str),
    /// Counts down, while there was something left.
    Count,
    /// Counts down after an error.
    CountErrors,
    /// The parameters with the result laid over them.
    Merge,
}

impl Glue {
    /// The function with this text, if it is one of them.
    pub fn of(code: &str) -> Option<Self> {
        Some(match code {
            "() => value" => Self::Variable("value"),
            "() => params" => Self::Variable("params"),
            "args => { params = args }" => Self::Keep,
            "result => ({ params, result })" => Self::Retain,
            "result => ({ result })" => Self::Result,
            "({ params, result }) => ({ params, result: result.result })" => Self::Unwrap,
            "params => ({ params })" => Self::Params,
            "({ params }) => params" => Self::Field("params"),
            "({ result }) => result" => Self::Field("result"),
            "() => count-- > 0" => Self::Count,
            "({ result }) => result.error !== undefined && count-- > 0" => Self::CountErrors,
            "({ params, result }) => Object.assign(params, result)" => Self::Merge,
            _ => return None,
        })
    }

    /// What it returns for these parameters. None if that is for JavaScript to say: a variable is missing, or something has
    /// another type than it has by itself.
    pub fn call(self, params: &Object, mut scope: Scope<'_>) -> Option<Value> {
        let field = |name: &str| params.get(name).and_then(Value::as_object);
        Some(match self {
            Self::Variable(name) => scope.get(name)?.clone(),
            Self::Keep => {
                *scope.get("params")? = params.clone().into();
                params.clone().into()
            }
            Self::Retain => json!({ "params": scope.get("params")?, "result": params }),
            Self::Result => json!({ "result": params }),
            Self::Unwrap => {
                let mut both = Object::new();
                both.extend(params.get_key_value("params").map(owned));
                both.extend(field("result")?.get_key_value("result").map(owned));
                both.into()
            }
            Self::Params => json!({ "params": params }),
            // What is not there leaves the parameters as they are.
            Self::Field(name) => params.get(name).cloned().unwrap_or_else(|| params.clone().into()),
            Self::Count => count(scope)?.into(),
            Self::CountErrors => (field("result")?.contains_key("error") && count(scope)?).into(),
            Self::Merge => {
                let mut merged = field("params")?.clone();
                merged.extend(field("result")?.clone());
                merged.into()
            }
        })
    }
}

/// Whether the variable `count` was above 0; there is one less from now on.
fn count(mut scope: Scope<'_>) -> Option<bool> {
    let count = scope.get("count")?;
    let before = count.as_i64()?;
    *count = before.checked_sub(1)?.into();
    Some(before > 0)
}

fn owned((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}
