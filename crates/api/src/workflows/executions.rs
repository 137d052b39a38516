use axum::{
    extract,
    http::{HeaderMap, StatusCode},
};
use serde_json::{Value, json};
use wisp_control::workflows::{Begun, Listed, Paging, Run, Start, Started, Wanted, drawing};
use wisp_core::{Error, model::Right};

use super::{documents, gather::gather, picture, place::Named};
use crate::{
    State,
    extract::{Incoming, Page, Query},
    reply::{Reply, json as reply, ok},
    routes::actions::patience,
};

/// Stays that a time line shows unless another number is asked for, and at most.
const ROWS: usize = 500;
const MOST_ROWS: usize = 10_000;

/// Statuses of executions.
const STATUSES: [&str; 5] = ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"];

/// The executions of a machine, or of a version or an alias of it, the newest first.
pub(super) async fn list(extract::State(state): extract::State<State>, at: Named, query: Query) -> Reply {
    let page = Page::of(&query, "executions")?;
    let (caller, arn) = at.machine(&state, Right::Read)?;
    let status = query.read("status", |status| match STATUSES.contains(&status) {
        true => Ok(status.to_owned()),
        false => Err(format!("'{status}' is none of {}", STATUSES.join(", "))),
    })?;
    let wanted = Wanted {
        machine: Some(arn),
        status,
        ..Wanted::default()
    };
    let (control, wanted) = (&state.control, &wanted);
    let ask = |paging: Paging| async move { control.list_executions(caller, wanted, &paging).await };
    let name = at.machine.split(':').next().unwrap_or_default();
    gather(&page, "executions", ask, |one: Listed| documents::listed(name, &one)).await
}

/// Starts an execution: the body is its input. With `blocking` it is waited for.
pub(super) async fn start(
    extract::State(state): extract::State<State>,
    at: Named,
    query: Query,
    body: Incoming,
) -> Reply {
    let patience = patience(&query, state.control.limits().blocking_wait)?;
    let result_only = query.flag("result")?;
    let (caller, machine) = at.machine(&state, Right::Activate)?;
    let most = u64::try_from(state.control.workflows().payload_size).unwrap_or(u64::MAX);
    let body = body.bytes(&state, most).await?;
    let input = String::from_utf8(body.into()).map_err(|_| Error::bad_request("The input is no UTF-8 text."))?;
    let start = Start {
        machine,
        name: query.get("name").map(str::to_owned),
        input: (!input.is_empty()).then_some(input),
        trace: None,
    };
    let workflow = at.machine.split(':').next().unwrap_or_default();
    match patience {
        None => Ok(started(workflow, &state.control.start_execution(caller, start).await?)),
        Some(patience) => match state.control.start_and_wait(caller, start, patience).await? {
            Begun::Started(begun) => Ok(started(workflow, &begun)),
            Begun::Over(run) => Ok(ended(shown(&state, &run), result_only)),
            Begun::Express(end) => Ok(ended(documents::express(workflow, &end), result_only)),
        },
    }
}

pub(super) fn started(workflow: &str, started: &Started) -> axum::response::Response {
    let name = started.arn.split(':').nth(7).unwrap_or_default();
    let document = json!({
        "workflow": workflow,
        "name": name,
        "arn": started.arn,
        "start": started.started,
    });
    reply(StatusCode::ACCEPTED, &document)
}

/// The reply when the end was waited for: as of an activation, with its status.
fn ended(document: Value, result_only: bool) -> axum::response::Response {
    let succeeded = document["status"] == "SUCCEEDED";
    let status = if succeeded {
        StatusCode::OK
    } else {
        StatusCode::BAD_GATEWAY
    };
    match result_only {
        false => reply(status, &document),
        true if succeeded => reply(status, &document["output"]),
        true => reply(
            status,
            &json!({ "error": document["error"], "cause": document["cause"] }),
        ),
    }
}

fn shown(state: &State, run: &Run) -> Value {
    documents::execution(run, state.control.not_redrivable(run))
}

pub(super) async fn get(extract::State(state): extract::State<State>, at: Named) -> Reply {
    let (caller, arn) = at.run(&state, Right::Read)?;
    ok(&shown(&state, &state.control.describe_execution(caller, &arn).await?))
}

/// The events of an execution, the first first unless it is otherwise wanted.
pub(super) async fn history(extract::State(state): extract::State<State>, at: Named, query: Query) -> Reply {
    let page = Page::of(&query, "history")?;
    let (backwards, data) = (query.flag("descending")?, query.flag_or("data", true)?);
    let (caller, arn) = at.run(&state, Right::Read)?;
    let (control, arn) = (&state.control, &arn);
    let ask = |paging: Paging| async move { control.execution_history(caller, arn, &paging, backwards, data).await };
    gather(&page, "history", ask, |event| event).await
}

pub(super) async fn graph(extract::State(state): extract::State<State>, at: Named, headers: HeaderMap) -> Reply {
    let (caller, arn) = at.run(&state, Right::Read)?;
    picture::graph(&headers, &state.control.picture_execution(caller, &arn).await?)
}

pub(super) async fn timeline(
    extract::State(state): extract::State<State>,
    at: Named,
    query: Query,
    headers: HeaderMap,
) -> Reply {
    let rows = query.read("rows", |text| match text.parse() {
        Ok(rows) if rows <= MOST_ROWS => Ok(rows),
        _ => Err(format!("The value '{text}' is not in the range of 0 to {MOST_ROWS}.")),
    })?;
    let (caller, arn) = at.run(&state, Right::Read)?;
    let (visits, took) = state.control.visits_of_execution(caller, &arn).await?;
    picture::shown(
        &headers,
        || drawing::timeline(&visits, took, rows.unwrap_or(ROWS)),
        || json!({ "took": took, "visits": visits }),
    )
}
