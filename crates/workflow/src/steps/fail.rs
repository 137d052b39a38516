use serde_json::Value;

use super::Work;
use crate::failure::Failure;
use crate::fields::View;
use crate::machine::{Amount, Fail, Language, State};
use crate::query::{Fault, jsonata, template};

pub(super) fn work(work: &Work, fields: &Fail) -> Failure {
    match words(work.state, &work.view, fields) {
        Ok((error, cause)) => Failure::new(error, cause),
        Err(fault) => work.fault(fault),
    }
}

/// The error and the cause that it fails with.
pub(crate) fn words(state: &State, view: &View, fields: &Fail) -> Result<(Option<String>, Option<String>), Fault> {
    Ok((
        text(state.language, view, fields.error.as_ref(), "Error")?,
        text(state.language, view, fields.cause.as_ref(), "Cause")?,
    ))
}

fn text(language: Language, view: &View, field: Option<&Amount>, name: &str) -> Result<Option<String>, Fault> {
    let scope = view.scope();
    let value = match (field, language) {
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
