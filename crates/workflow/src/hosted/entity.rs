use serde::Deserialize;
use serde_json::{Value, json};

use crate::orchestration::{Batch, Failure, Kind, Operation, Payload, Report, Wish};

/// A batch of operations on an entity (`@name@key`) as the packages read it.
pub fn entity_request(entity: &str, state: Option<&str>, batch: &Batch) -> Value {
    let operations = batch.operations.iter().filter_map(|event| match &event.kind {
        Kind::EntityCalled(operation) => Some(one(operation, false)),
        Kind::EntitySignaled(operation) => Some(one(operation, true)),
        _ => None,
    });
    let mut parts = entity.splitn(3, '@').skip(1);
    json!({
        "self": { "name": parts.next(), "key": parts.next() },
        "exists": state.is_some(),
        "state": state,
        "batch": operations.collect::<Vec<_>>(),
    })
}

fn one(operation: &Operation, signal: bool) -> Value {
    // Whoever called gave text; what is none is a text for the entity.
    let value = |text: &String| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()));
    json!({
        "name": operation.operation,
        "input": operation.input.as_ref().map(value),
        "isSignal": signal,
        "id": operation.request,
    })
}

/// What the packages answer to a batch.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EntityAnswer {
    entity_exists: bool,
    entity_state: Payload,
    results: Vec<Ended>,
    signals: Vec<Signal>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Ended {
    is_error: bool,
    result: Payload,
}

#[derive(Clone, Debug, Deserialize)]
struct Signal {
    target: Target,
    name: String,
    #[serde(default)]
    input: Payload,
}

#[derive(Clone, Debug, Deserialize)]
struct Target {
    name: String,
    key: String,
}

impl From<EntityAnswer> for Report {
    fn from(answer: EntityAnswer) -> Self {
        Self {
            results: answer.results.into_iter().map(Ended::result).collect(),
            state: answer.entity_state.filter(|_| answer.entity_exists),
            wishes: answer.signals.into_iter().map(Signal::wish).collect(),
            failure: None,
        }
    }
}

impl Ended {
    fn result(self) -> Result<Payload, Option<Box<Failure>>> {
        if !self.is_error {
            return Ok(self.result);
        }
        let text = self.result.unwrap_or_default();
        Err(Some(Box::new(Failure {
            kind: "Error".to_owned(),
            message: serde_json::from_str(&text).unwrap_or(text),
            ..Failure::default()
        })))
    }
}

impl Signal {
    fn wish(self) -> Wish {
        Wish::Signal(Operation {
            operation: self.name,
            input: self.input.filter(|text| !text.is_empty()),
            target: Some(format!("@{}@{}", self.target.name.to_lowercase(), self.target.key)),
            ..Operation::default()
        })
    }
}
