use axum::extract;
use serde::Deserialize;
use serde_json::{Value, json};
use wisp_control::workflows::{Fork, Said, Step};
use wisp_core::{Error, model::Right};

use super::{
    executions::started,
    place::{Named, read},
};
use crate::{
    State,
    extract::Incoming,
    reply::{Reply, ok},
};

/// The end that an execution is given.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stop {
    error: Option<String>,
    cause: Option<String>,
}

/// What of an execution is repeated.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Repeat {
    state: Option<String>,
    event: Option<u64>,
    #[serde(default, deserialize_with = "some")]
    input: Option<Value>,
    name: Option<String>,
}

/// What is said of a task.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signal {
    token: String,
    #[serde(default, deserialize_with = "some")]
    output: Option<Value>,
    error: Option<String>,
    cause: Option<String>,
    #[serde(default)]
    heartbeat: bool,
}

/// A value that is there, though it be `null`.
pub(super) fn some<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

pub(super) async fn stop(extract::State(state): extract::State<State>, at: Named, body: Incoming) -> Reply {
    let (caller, arn) = at.run(&state, Right::Activate)?;
    let Stop { error, cause } = read(&state, body).await?;
    let end = state.control.stop_execution(caller, &arn, error, cause).await?;
    ok(&json!({ "workflow": at.machine, "name": at.run, "end": end }))
}

pub(super) async fn redrive(extract::State(state): extract::State<State>, at: Named) -> Reply {
    let (caller, arn) = at.run(&state, Right::Activate)?;
    let redriven = state.control.redrive_execution(caller, &arn).await?;
    ok(&json!({ "workflow": at.machine, "name": at.run, "redriven": redriven }))
}

pub(super) async fn fork(extract::State(state): extract::State<State>, at: Named, body: Incoming) -> Reply {
    let (caller, execution) = at.run(&state, Right::Activate)?;
    let repeat: Repeat = read(&state, body).await?;
    let step = match (repeat.state, repeat.event) {
        (Some(name), None) => Step::State(name),
        (None, Some(id)) => Step::Event(id),
        _ => return Err(Error::bad_request("Say the step by either 'state' or 'event'.").into()),
    };
    let fork = Fork {
        execution,
        step,
        input: repeat.input.map(|input| input.to_string()),
        name: repeat.name,
    };
    Ok(started(&at.machine, &state.control.fork_execution(caller, fork).await?))
}

pub(super) async fn signal(extract::State(state): extract::State<State>, at: Named, body: Incoming) -> Reply {
    let (caller, arn) = at.run(&state, Right::Activate)?;
    let Signal {
        token,
        output,
        error,
        cause,
        heartbeat,
    } = read(&state, body).await?;
    let said = match (output, error, heartbeat) {
        (Some(output), None, false) if cause.is_none() => Said::Succeeded(output.to_string()),
        (None, error @ Some(_), false) => Said::Failed { error, cause },
        (None, None, true) if cause.is_none() => Said::Lives,
        _ => {
            let message = "Say one of 'output', 'error' (with 'cause' if you like) and 'heartbeat'.";
            return Err(Error::bad_request(message).into());
        }
    };
    state.control.signal_execution(caller, &arn, &token, said).await?;
    ok(&json!({}))
}
