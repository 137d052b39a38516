use serde_json::{Map, Value, json};
use wisp_control::workflows::Trial;

use super::input::present;
use crate::states::serve::{Answer, Asked};

pub(super) async fn test(asked: Asked) -> Answer {
    let mock = asked.input.get("mock").cloned().unwrap_or_default();
    let word = |value: &Value, field: &str| value[field].as_str().map(str::to_owned);
    let failure = mock
        .get("errorOutput")
        .map(|failure| (word(failure, "error"), word(failure, "cause")));
    let configuration: Value = asked.optional("stateConfiguration")?.unwrap_or_default();
    let trial = Trial {
        definition: asked.required("definition")?,
        state: asked.optional("stateName")?,
        input: asked.optional("input")?,
        context: asked.optional("context")?,
        variables: asked.optional("variables")?,
        result: word(&mock, "result"),
        failure,
        loose: mock["fieldValidationMode"] == "NONE",
        role: asked.optional("roleArn")?,
        retries: configuration["retrierRetryCount"]
            .as_u64()
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(0),
    };
    let level: Option<String> = asked.optional("inspectionLevel")?;
    let found = asked.state.control.test_state(&asked.caller, trial).await?;
    let data = level
        .is_some_and(|level| level != "INFO")
        .then(|| texts(found.inspection_data));
    Ok(present([
        ("status", Some(json!(found.status))),
        ("output", found.output.map(|output| output.to_string().into())),
        ("error", found.error.map(Value::from)),
        ("cause", found.cause.map(Value::from)),
        ("nextState", found.next_state.map(Value::from)),
        ("inspectionData", data),
    ]))
}

/// Payloads are JSON text in this protocol; counts and descriptions of errors are not.
fn texts(data: Map<String, Value>) -> Value {
    let text = |(name, value): (String, Value)| match name.as_str() {
        "errorDetails" | "request" | "response" => (name, value),
        _ if value.is_number() && (name.starts_with("tolerated") || name == "maxConcurrency") => (name, value),
        _ => (name, value.to_string().into()),
    };
    Value::Object(data.into_iter().map(text).collect())
}
