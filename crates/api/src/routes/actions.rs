use std::time::Duration;

use axum::{
    extract,
    http::{HeaderName, HeaderValue, StatusCode},
    response::Response,
    routing::{self, MethodRouter},
};
use serde_json::json;
use wisp_control::{Collection, Deployed, Entity, Invoked, Wait};
use wisp_core::{
    Result,
    model::{Activation, ActivationId, Fqn, Right, Status},
};
use wisp_wire::{
    document::{ActionDoc, ActionSummary, WithoutLogs},
    put,
};

use crate::{
    State,
    extract::{Incoming, Named, Page, Place, Query},
    reply::{Reply, json, ok, raw},
    transaction::Transaction,
};

/// The activation that a reply is about.
const ACTIVATION_ID: HeaderName = HeaderName::from_static("x-openwhisk-activation-id");

pub(crate) fn entity() -> MethodRouter<State> {
    routing::get(get).put(put_one).delete(delete).post(invoke)
}

pub(crate) async fn list(extract::State(state): extract::State<State>, at: Place, query: Query) -> Reply {
    let page = Page::of(&query, "actions")?;
    summaries(
        page,
        state
            .control
            .list(&at.caller, &at.namespace, Collection::Actions)
            .await?,
    )
}

pub(crate) async fn list_package(extract::State(state): extract::State<State>, at: Named, query: Query) -> Reply {
    let page = Page::of(&query, "actions")?;
    summaries(page, state.control.list_package(&at.caller, &at.name).await?)
}

fn summaries(page: Page, entities: Vec<Entity>) -> Reply {
    if page.count {
        return ok(&json!({ "actions": page.remaining(entities.len() as u64) }));
    }
    let summaries = page.cut(entities.iter()).filter_map(|entity| match entity {
        Entity::Action(action) => Some(ActionSummary::from(&**action)),
        _ => None,
    });
    ok(&summaries.collect::<Vec<_>>())
}

async fn get(extract::State(state): extract::State<State>, at: Named, query: Query) -> Reply {
    let code = query.flag_or("code", true)?;
    let Deployed {
        action,
        code: text,
        binding,
    } = state.control.get_action(&at.caller, &at.name, code).await?;
    let binding = binding.filter(|_| !code).as_ref().map(Fqn::to_string);
    ok(&ActionDoc {
        binding,
        ..ActionDoc::new(&action, text)
    })
}

async fn put_one(extract::State(state): extract::State<State>, at: Named, query: Query, body: Incoming) -> Reply {
    let overwrite = query.flag("overwrite")?;
    state.control.entitle(&at.caller, Right::Put, &at.name)?;
    let body = body.document(&state).await?;
    let requires_main = |kind: &str| match kind {
        "blackbox" => Ok(false),
        kind => Ok(state.control.kinds().resolve(kind)?.requires_main),
    };
    let put = put::action(&body, &at.caller.namespace, requires_main)?;
    drop(body);
    let Deployed { action, code, .. } = state.control.put_action(&at.caller, &at.name, put, overwrite).await?;
    ok(&ActionDoc::new(&action, code))
}

async fn delete(extract::State(state): extract::State<State>, at: Named) -> Reply {
    let Deployed { action, code, .. } = state.control.delete_action(&at.caller, &at.name).await?;
    ok(&ActionDoc::new(&action, code))
}

async fn invoke(
    extract::State(state): extract::State<State>,
    at: Named,
    transaction: Transaction,
    query: Query,
    body: Incoming,
) -> Reply {
    let limits = state.control.limits();
    let wait = wait(&query, limits.blocking_wait)?;
    let result_only = query.flag("result")?;
    let limit = at.caller.limits.max_payload_size.unwrap_or(limits.payload_size);
    let payload = match body.object(&state, limit).await {
        Ok(payload) => payload,
        Err(refusal) => {
            // Who may not invoke it learns that, whatever was sent.
            state.control.entitle_invocation(&at.caller, &at.name).await?;
            return Err(refusal.into());
        }
    };
    match state
        .control
        .invoke(&at.caller, &at.name, payload, wait, transaction.as_str())
        .await?
    {
        Invoked::Accepted(id) => Ok(accepted(id)),
        Invoked::Finished(activation) => Ok(finished(&activation, result_only)),
    }
}

fn wait(query: &Query, longest: u64) -> Result<Wait> {
    Ok(patience(query, longest)?.map_or(Wait::None, Wait::For))
}

/// For how long a caller waits for the end of what it starts, if it does.
pub(crate) fn patience(query: &Query, longest: u64) -> Result<Option<Duration>> {
    let timeout = query.read("timeout", |text| match text.parse() {
        Ok(timeout) if (1..=longest).contains(&timeout) => Ok(timeout),
        _ => Err(format!("Timeout must be number of milliseconds up to {longest}.")),
    })?;
    let blocking = query.flag("blocking")?;
    Ok(blocking.then(|| Duration::from_millis(timeout.unwrap_or(longest))))
}

/// The reply when something was started whose end is not waited for.
pub(super) fn accepted(id: ActivationId) -> Response {
    about(id, json(StatusCode::ACCEPTED, &json!({ "activationId": id })))
}

fn finished(activation: &Activation, result_only: bool) -> Response {
    let response = &activation.response;
    let status = match response.status {
        Status::Success => StatusCode::OK,
        Status::ApplicationError | Status::DeveloperError => StatusCode::BAD_GATEWAY,
        Status::WhiskError => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let reply = match result_only {
        true => raw(status, response.result.get().to_owned()),
        false => json(status, &WithoutLogs::from(activation)),
    };
    about(activation.activation_id, reply)
}

pub(crate) fn about(id: ActivationId, mut response: Response) -> Response {
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(ACTIVATION_ID, id);
    }
    response
}
