use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{json, value::RawValue};
use wisp_control::Invoked;
use wisp_core::{
    Error, Result,
    model::{Activation, Status},
};

use super::{
    media,
    project::{Extension, Projected, project},
};
use crate::{failure::Failure, reply, routes::actions::about};

/// The response to how the run of a web action ended.
pub(super) fn answer(invoked: Invoked, extension: Extension, request: &HeaderMap, transaction: &str) -> Response {
    let activation = match invoked {
        Invoked::Finished(activation) => activation,
        Invoked::Accepted(id) => {
            let body = json!({ "error": "Response not yet ready.", "code": transaction });
            return about(id, reply::json(StatusCode::ACCEPTED, &body));
        }
    };
    let response = match projected(&activation, extension) {
        Ok(projected) => respond(projected, request),
        Err(error) => Failure::from(error).into_response(),
    };
    about(activation.activation_id, response)
}

fn projected(activation: &Activation, extension: Extension) -> Result<Projected> {
    let result = &activation.response.result;
    match activation.response.status {
        Status::Success => project(extension, result),
        Status::ApplicationError => project(extension, error_of(result)?),
        Status::DeveloperError | Status::WhiskError => {
            Err(Error::bad_request("There was an error processing your request."))
        }
    }
}

/// What a function said of its failure.
fn error_of(result: &RawValue) -> Result<&RawValue> {
    #[derive(serde::Deserialize)]
    struct Failed<'a> {
        #[serde(borrow)]
        error: &'a RawValue,
    }
    let failed: Failed = serde_json::from_str(result.get())
        .map_err(|error| Error::internal("an application error without error").because(error))?;
    Ok(failed.error)
}

fn respond(projected: Projected, request: &HeaderMap) -> Response {
    let Projected {
        status,
        headers,
        content_type,
        body,
    } = projected;
    if let Some(refusal) = content_type
        .as_deref()
        .and_then(|produced| unacceptable(request, produced))
    {
        return refusal;
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    fill(response.headers_mut(), headers, content_type);
    response
}

/// The refusal of a type that the caller does not take.
pub(super) fn unacceptable(request: &HeaderMap, produced: &str) -> Option<Response> {
    let essence = media::essence(produced)?;
    if media::accepts(request, &essence) {
        return None;
    }
    let text = format!("Resource representation is only available with these types:\n{produced}");
    Some((StatusCode::NOT_ACCEPTABLE, text).into_response())
}

/// Sets what a function says of its response.
pub(super) fn fill(into: &mut HeaderMap, headers: Vec<(String, String)>, content_type: Option<String>) {
    for (name, value) in headers {
        // Both were checked when the result was read.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            into.append(name, value);
        }
    }
    if let Some(Ok(value)) = content_type.map(HeaderValue::try_from) {
        into.insert(header::CONTENT_TYPE, value);
    }
}
