use axum::{extract, http::HeaderMap};
use serde::Deserialize;
use serde_json::{Value, json};
use wisp_control::workflows::{Draft, MachineKind, Paging};
use wisp_core::model::Right;

use super::{
    documents,
    gather::gather,
    picture,
    place::{Named, read},
};
use crate::{
    State,
    extract::{Incoming, Page, Query},
    reply::{Reply, ok},
};

/// What a machine is said to run as; Wisp runs it as its namespace.
const ROLE: &str = "arn:aws:iam::000000000000:role/wisp";

/// A machine to deploy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Put {
    definition: Value,
    #[serde(rename = "type")]
    kind: Option<MachineKind>,
    #[serde(default)]
    publish: bool,
    description: Option<String>,
}

/// A definition as text, whether it came as one or not.
pub(super) fn text(definition: Value) -> String {
    match definition {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// The machines of a namespace, by name.
pub(super) async fn list(extract::State(state): extract::State<State>, at: Named, query: Query) -> Reply {
    let page = Page::of(&query, "workflows")?;
    let caller = at.caller(&state, Right::Read)?;
    let control = &state.control;
    let ask = |paging: Paging| async move { control.list_machines(caller, &paging).await };
    gather(&page, "workflows", ask, |(arn, machine)| {
        documents::summary(&caller.namespace, &format!("{arn}"), &machine)
    })
    .await
}

pub(super) async fn get(extract::State(state): extract::State<State>, at: Named) -> Reply {
    let (caller, arn) = at.machine(&state, Right::Read)?;
    let found = state.control.describe_machine(caller, &arn).await?;
    ok(&documents::machine(&caller.namespace, &found)?)
}

pub(super) async fn put(
    extract::State(state): extract::State<State>,
    at: Named,
    query: Query,
    body: Incoming,
) -> Reply {
    let overwrite = query.flag("overwrite")?;
    let caller = at.caller(&state, Right::Put)?;
    let put: Put = read(&state, body).await?;
    let draft = Draft {
        name: at.machine.clone(),
        definition: text(put.definition),
        role_arn: ROLE.to_owned(),
        publish: put.publish,
        version_description: put.description,
        ..Draft::default()
    };
    let deployed = state.control.deploy_machine(caller, draft, put.kind, overwrite).await?;
    ok(&documents::machine(&caller.namespace, &deployed)?)
}

/// Deletes a machine; executions that run go on.
pub(super) async fn delete(extract::State(state): extract::State<State>, at: Named) -> Reply {
    let (caller, arn) = at.machine(&state, Right::Delete)?;
    state.control.remove_machine(caller, &arn).await?;
    ok(&json!({ "namespace": caller.namespace, "name": at.machine }))
}

pub(super) async fn graph(extract::State(state): extract::State<State>, at: Named, headers: HeaderMap) -> Reply {
    let (caller, arn) = at.machine(&state, Right::Read)?;
    picture::graph(&headers, &state.control.picture_machine(caller, &arn).await?)
}
