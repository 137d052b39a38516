use axum::{
    extract,
    http::{HeaderValue, StatusCode, Uri},
    response::Response,
};
use serde_json::Value;
use wisp_core::model::Identity;

use super::{caller::identify, operations, refusal::Refusal};
use crate::{State, extract::Incoming, reply, transaction::Transaction};

/// The protocol's media type.
pub(super) const MEDIA: &str = "application/x-amz-json-1.0";

/// What the target of a request begins with.
const PREFIX: &str = "AWSStepFunctions.";

/// A request that was understood.
pub(super) struct Asked {
    pub state: State,
    pub caller: Identity,
    pub input: Value,
}

/// What an operation answers.
pub(super) type Answer = Result<Value, Refusal>;

/// Answers a request of the Step Functions API.
pub(crate) async fn serve(
    extract::State(state): extract::State<State>,
    transaction: Transaction,
    uri: Uri,
    incoming: Incoming,
) -> Response {
    let id = transaction.as_str().to_owned();
    let mut response = match answer(state, uri, incoming).await {
        Ok(value) => {
            let mut response = reply::raw(StatusCode::OK, value.to_string());
            response
                .headers_mut()
                .insert("content-type", HeaderValue::from_static(MEDIA));
            response
        }
        Err(refusal) => {
            tracing::info!(
                ?refusal,
                transaction = id,
                "a request of the Step Functions API was refused"
            );
            refusal.into_response()
        }
    };
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

async fn answer(state: State, uri: Uri, incoming: Incoming) -> Answer {
    let headers = incoming.headers.clone();
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation = target
        .and_then(|target| target.strip_prefix(PREFIX))
        .unwrap_or_default()
        .to_owned();
    // Whoever asks is only known when the body, which a signature covers, is here: so it may be no longer than any
    // operation needs.
    let most = state.control.workflows().request_size();
    let body = incoming
        .bytes(&state, most.min(state.control.limits().request_size))
        .await?;
    let caller = identify(&state, &uri, &headers, &body, state.control.now()).await?;
    let body = if body.is_empty() { &b"{}"[..] } else { &body[..] };
    let input = serde_json::from_slice(body);
    let input = input.map_err(|error| Refusal::new(400, "SerializationException", error.to_string()))?;
    let asked = Asked { state, caller, input };
    operations::dispatch(&operation, asked).await
}
