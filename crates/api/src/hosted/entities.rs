use std::collections::HashMap;

use axum::{
    extract::{self, Extension, Path},
    http::StatusCode,
    response::IntoResponse,
};
use wisp_core::{Code, Error};

use super::{
    instances::segment,
    payload::{Encoding, TAKEN},
};
use crate::{
    State,
    extract::{Incoming, Place, Query},
    reply::{Reply, raw},
};

type Segments = Path<HashMap<String, String>>;

pub(super) async fn show(extract::State(state): extract::State<State>, at: Place, path: Segments) -> Reply {
    let (name, key) = (segment(&path, "name"), segment(&path, "key"));
    let found = state
        .control
        .hosted_entity(&at.caller, &at.namespace, name, key)
        .await?;
    let missing = || {
        Error::new(
            Code::NotFound,
            format!("The entity '{name}' has no value under the key '{key}'."),
        )
    };
    Ok(raw(StatusCode::OK, found.ok_or_else(missing)?))
}

pub(super) async fn signal(
    extract::State(state): extract::State<State>,
    at: Place,
    path: Segments,
    query: Query,
    Extension(encoding): Extension<Encoding>,
    body: Incoming,
) -> Reply {
    let operation = query.get("op").unwrap_or_default().to_owned();
    let input = encoding.read(&state, body).await?;
    let entity = (segment(&path, "name"), segment(&path, "key"));
    state
        .control
        .signal_hosted(&at.caller, &at.namespace, entity, operation, input)
        .await?;
    Ok(TAKEN.into_response())
}
