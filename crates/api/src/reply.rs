use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use wisp_core::Error;

use crate::failure::Failure;

/// What a route returns.
pub(crate) type Reply = Result<Response, Failure>;

/// A JSON body.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(text) => raw(status, text),
        Err(error) => Failure::from(Error::internal("a reply cannot be encoded").because(error)).into_response(),
    }
}

/// A successful JSON body.
pub(crate) fn ok(value: &impl Serialize) -> Reply {
    Ok(json(StatusCode::OK, value))
}

/// A body that is JSON text already.
pub(crate) fn raw(status: StatusCode, text: impl Into<Body>) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
