use std::collections::BTreeMap;

use axum::{
    extract,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
    routing::{self, MethodRouter},
};
use serde_json::json;
use wisp_control::{Collection, Entity};
use wisp_core::model::Right;
use wisp_wire::{
    document::{TriggerDoc, TriggerSummary},
    put,
};

use super::actions::accepted;
use crate::{
    State,
    extract::{Incoming, Named, Page, Place, Query},
    reply::{Reply, ok},
    transaction::Transaction,
};

pub(crate) fn entity() -> MethodRouter<State> {
    routing::get(get).put(put_one).delete(delete).post(fire)
}

pub(crate) async fn list(extract::State(state): extract::State<State>, at: Place, query: Query) -> Reply {
    let page = Page::of(&query, "triggers")?;
    let entities = state
        .control
        .list(&at.caller, &at.namespace, Collection::Triggers)
        .await?;
    if page.count {
        return ok(&json!({ "triggers": page.remaining(entities.len() as u64) }));
    }
    let summaries = page.cut(entities.iter()).filter_map(|entity| match entity {
        Entity::Trigger(trigger) => Some(TriggerSummary::from(&**trigger)),
        _ => None,
    });
    ok(&summaries.collect::<Vec<_>>())
}

async fn get(extract::State(state): extract::State<State>, at: Named) -> Reply {
    ok(&TriggerDoc::from(
        &*state.control.get_trigger(&at.caller, &at.name).await?,
    ))
}

async fn put_one(extract::State(state): extract::State<State>, at: Named, query: Query, body: Incoming) -> Reply {
    let overwrite = query.flag("overwrite")?;
    state.control.entitle(&at.caller, Right::Put, &at.name)?;
    let put = put::trigger(&body.document(&state).await?)?;
    ok(&TriggerDoc::from(
        &*state.control.put_trigger(&at.caller, &at.name, put, overwrite).await?,
    ))
}

async fn delete(extract::State(state): extract::State<State>, at: Named) -> Reply {
    ok(&TriggerDoc::from(
        &*state.control.delete_trigger(&at.caller, &at.name).await?,
    ))
}

async fn fire(
    extract::State(state): extract::State<State>,
    at: Named,
    transaction: Transaction,
    body: Incoming,
) -> Reply {
    state.control.entitle(&at.caller, Right::Activate, &at.name)?;
    let limit = at
        .caller
        .limits
        .max_payload_size
        .unwrap_or(state.control.limits().payload_size);
    let headers = forwarded(&body.headers);
    let payload = body.object(&state, limit).await?;
    match state
        .control
        .fire(&at.caller, &at.name, payload, &headers, transaction.as_str())
        .await?
    {
        Some(id) => Ok(accepted(id)),
        None => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

/// The headers that actions see: all but the credentials, which are for the platform alone.
fn forwarded(headers: &HeaderMap) -> BTreeMap<String, String> {
    let shown = headers.iter().filter(|(name, _)| **name != header::AUTHORIZATION);
    shown
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}
