use std::sync::Arc;

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use wisp_core::{Code, Error};
use wisp_wire::document::ErrorBody;

use crate::reply;

/// An error on its way out. Its body is written when the transaction ends, which knows the id that stands in it.
pub(crate) struct Failure(Error);

/// The error that a response stands for.
#[derive(Clone)]
pub(crate) struct Refused(pub Arc<Error>);

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = status(self.0.code()).into_response();
        response.extensions_mut().insert(Refused(Arc::new(self.0)));
        response
    }
}

fn status(code: Code) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The refusal of a path that is no route.
pub(crate) fn nothing() -> Error {
    Error::new(Code::NotFound, "The requested resource could not be found.")
}

/// What an error looks like to a client: OpenWhisk's two fields, the error's id and facts, and the headers that belong
/// to its status.
pub(crate) fn response(error: &Error, transaction: &str) -> Response {
    let body = ErrorBody {
        error: text(error).to_owned(),
        code: transaction.to_owned(),
        wisp: Some(error.code().id().to_owned()),
        facts: error
            .context()
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.as_str().into()))
            .collect(),
    };
    let mut response = reply::json(status(error.code()), &body);
    if let Some((name, value)) = header_of(error) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// A fault of the platform is for its log; whoever called learns that it is not theirs.
fn text(error: &Error) -> &str {
    match error.code() {
        Code::Internal => "There was an internal server error.",
        _ => error.message(),
    }
}

fn header_of(error: &Error) -> Option<(HeaderName, HeaderValue)> {
    let fact = |name: &str| {
        error
            .context()
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.as_str())
    };
    match error.code() {
        Code::Unauthenticated => {
            let challenge = HeaderValue::from_static("Basic realm=\"OpenWhisk secure realm\"");
            Some((header::WWW_AUTHENTICATE, challenge))
        }
        Code::Throttled | Code::Unavailable => {
            let seconds = fact("retryAfter").unwrap_or("1");
            Some((header::RETRY_AFTER, HeaderValue::from_str(seconds).ok()?))
        }
        Code::MethodNotAllowed => Some((header::ALLOW, HeaderValue::from_str(fact("allowed")?).ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_the_platform_keep_their_details_to_themselves() {
        assert_eq!(
            text(&Error::internal("the key is 42")),
            "There was an internal server error."
        );
        assert_eq!(text(&Error::bad_request("no name")), "no name");
    }

    #[test]
    fn refusals_for_now_say_when_to_come_back() {
        let error = Error::new(Code::Throttled, "slow down").with("retryAfter", 17);
        let response = response(&error, "t");
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()[header::RETRY_AFTER], "17");
    }
}
