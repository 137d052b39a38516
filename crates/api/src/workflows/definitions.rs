use axum::extract;
use serde::Deserialize;
use serde_json::{Value, json};
use wisp_control::workflows::{MachineKind, Trial};
use wisp_core::model::Right;

use super::{
    machines::text,
    orders::some,
    place::{Named, read},
};
use crate::{
    State,
    extract::Incoming,
    reply::{Reply, ok},
};

/// A definition to examine.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lint {
    definition: Value,
    #[serde(rename = "type", default)]
    kind: MachineKind,
}

/// A state to try.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Test {
    definition: Value,
    state: Option<String>,
    #[serde(default, deserialize_with = "some")]
    input: Option<Value>,
    context: Option<Value>,
    variables: Option<Value>,
    mock: Option<Mock>,
    #[serde(default)]
    retries: u32,
}

/// What the state's work comes to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mock {
    #[serde(default, deserialize_with = "some")]
    result: Option<Value>,
    error: Option<String>,
    cause: Option<String>,
}

/// What is wrong in a definition, and what would be right.
pub(super) async fn lint(extract::State(state): extract::State<State>, at: Named, body: Incoming) -> Reply {
    at.caller(&state, Right::Read)?;
    let Lint { definition, kind } = read(&state, body).await?;
    let report = state.control.lint_definition(text(definition), kind).await?;
    let found = report.diagnostics.iter().map(|found| {
        let mut shown = json!(found);
        shown["remedy"] = json!(found.remedy);
        shown
    });
    ok(&json!({ "valid": report.is_valid(), "diagnostics": found.collect::<Value>() }))
}

/// Tries one state, and calls nothing.
pub(super) async fn test(extract::State(state): extract::State<State>, at: Named, body: Incoming) -> Reply {
    let caller = at.caller(&state, Right::Activate)?;
    let test: Test = read(&state, body).await?;
    let written = |value: Option<Value>| value.map(|value| value.to_string());
    let (result, failure) = match test.mock {
        None => (None, None),
        Some(Mock {
            result,
            error: None,
            cause: None,
        }) => (written(result), None),
        Some(Mock { result, error, cause }) => (written(result), Some((error, cause))),
    };
    let trial = Trial {
        definition: text(test.definition),
        state: test.state,
        input: written(test.input),
        context: written(test.context),
        variables: written(test.variables),
        result,
        failure,
        loose: false,
        role: None,
        retries: test.retries,
    };
    ok(&state.control.test_state(caller, trial).await?)
}
