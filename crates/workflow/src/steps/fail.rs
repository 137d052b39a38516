use serde_json::Value;

use super::Work;
use crate::failure::Failure;
use crate::machine::{Amount, Fail, Language};
use crate::query::{Fault, jsonata, template};

pub(super) fn work(work: &Work, fields: &Fail) -> Failure {
    let error = text(work, fields.error.as_ref(), "Error");
    let cause = text(work, fields.cause.as_ref(), "Cause");
    match (error, cause) {
        (Ok(error), Ok(cause)) => Failure::new(error, cause),
        (Err(fault), _) | (_, Err(fault)) => work.fault(fault),
    }
}

fn text(work: &Work, field: Option<&Amount>, name: &str) -> Result<Option<String>, Fault> {
    let scope = work.view.scope();
    let value = match (field, work.state.language) {
        (None, _) => return Ok(None),
        (Some(Amount::Path(expression)), _) => template::evaluate(expression, &scope)?,
        (Some(Amount::Literal(literal)), Language::JSONata) => {
            jsonata::render_as(literal, name, jsonata::Type::String, &scope)?
        }
        (Some(Amount::Literal(literal)), Language::JSONPath) => literal.clone(),
    };
    Ok(Some(match value {
        Value::String(text) => text,
        other => other.to_string(),
    }))
}
