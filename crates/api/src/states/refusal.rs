use axum::{
    body::Body,
    http::{HeaderValue, StatusCode},
    response::Response,
};
use serde_json::json;
use wisp_control::workflows::Exception;
use wisp_core::{Code, Error};

use super::serve::MEDIA;
use crate::reply;

/// An error as clients of AWS see it: the name of an exception and a message.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    exception: String,
    message: String,
}

impl Refusal {
    pub fn new(status: u16, exception: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status,
            exception: exception.into(),
            message: message.into(),
        }
    }

    pub fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let body = json!({ "__type": self.exception, "message": self.message });
        let mut response = reply::raw(status, Body::from(body.to_string()));
        response
            .headers_mut()
            .insert("content-type", HeaderValue::from_static(MEDIA));
        if let Ok(exception) = HeaderValue::from_str(&self.exception) {
            response.headers_mut().insert("x-amzn-errortype", exception);
        }
        response
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        if let Some(exception) = Exception::name_of(&error) {
            return Self::new(400, exception, error.message());
        }
        let (status, exception) = match error.code() {
            Code::Unauthenticated => (403, "UnrecognizedClientException"),
            Code::Forbidden => (403, "AccessDeniedException"),
            Code::Throttled => (400, "ThrottlingException"),
            Code::Loop => (400, "ExecutionLimitExceeded"),
            Code::TooLarge => (413, "RequestEntityTooLargeException"),
            Code::Unavailable => (503, "ServiceUnavailableException"),
            code if code.status() >= 500 => (500, "InternalServerException"),
            _ => (400, "ValidationException"),
        };
        if status == 500 {
            tracing::error!(?error, "a workflow request failed");
            return Self::new(status, exception, "There was an internal server error.");
        }
        Self::new(status, exception, error.message())
    }
}
