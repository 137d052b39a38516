use axum::{
    extract,
    http::{StatusCode, header},
};
use serde_json::json;
use wisp_core::{
    Code, Error,
    model::{EntityName, Fqn},
    ports::Delivery,
};

use crate::{
    State,
    extract::Incoming,
    reply::{Reply, json as reply},
};

/// Takes a request that brings events for the feed of a trigger. What proves that it may is the feed's matter: a
/// signature, a token, or a key of the namespace.
pub(crate) async fn receive(
    extract::State(state): extract::State<State>,
    extract::Path((namespace, name)): extract::Path<(String, String)>,
    body: Incoming,
) -> Reply {
    let trigger = Fqn::new(EntityName::namespace(&namespace)?, None, name.parse()?);
    let headers = body.headers.clone();
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let authorization = headers.iter().find(|(name, _)| *name == header::AUTHORIZATION.as_str());
    let authorization = authorization.map(|(_, value)| value.as_str());
    let bytes = body.bytes(&state, state.control.limits().payload_size).await?;
    let delivery = Delivery {
        headers: &headers,
        body: &bytes,
    };
    let received = state.control.receive(&trigger, &delivery, authorization);
    // A sender that is told to wait comes again; one that is kept waiting gives up.
    let received = tokio::time::timeout(state.settings.body(), received)
        .await
        .map_err(|_| {
            Error::new(
                Code::Unavailable,
                "The platform has no room for these events now; send them again later.",
            )
        })??;
    Ok(reply(StatusCode::ACCEPTED, &json!({ "events": received.events })))
}
