use serde_json::Value;

use super::Work;
use crate::failure::{Failure, MAX_CAUSE, MAX_ERROR, cut};
use crate::fields::View;
use crate::machine::{Amount, Fail, Language, State};
use crate::query::{Fault, jsonata, template};

pub(super) fn work(work: &Work, fields: &Fail) -> Failure {
    match words(work.state, &work.view, fields) {
        Ok((error, cause)) => Failure::new(error, cause),
        Err(fault) => work.fault(fault),
    }
}

/// The error and the cause that it fails with, cut where they are longer than the API tells them.
pub(crate) fn words(state: &State, view: &View, fields: &Fail) -> Result<(Option<String>, Option<String>), Fault> {
    let words = |field: Option<&Amount>, name: &str, most: usize| {
        let text = text(state.language, view, field, name)?;
        Ok(text.map(|text| cut(text, most)))
    };
    Ok((
        words(fields.error.as_ref(), "Error", MAX_ERROR)?,
        words(fields.cause.as_ref(), "Cause", MAX_CAUSE)?,
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
    match (value, field) {
        (Value::String(text), _) => Ok(Some(text)),
        (other, Some(Amount::Path(path))) => Err(Fault::runtime(format!(
            "The {name}Path field refers to value {other} which is not a string: {path}"
        ))),
        (other, _) => Ok(Some(other.to_string())),
    }
}
