use std::{
    sync::{Arc, LazyLock},
    time::Instant,
};

use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::Instrument;
use wisp_core::Error;

use crate::{
    State,
    failure::{self, Failure, Refused},
};

/// The transaction id's header.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Ids that begin like this belong to the system.
const RESERVED: &str = "sid_";

/// The path of web actions.
pub(crate) const WEB: &str = "/api/v1/web";

const ALLOW_HEADERS: &str = "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent";
const ALLOW_METHODS: &str = "GET, DELETE, POST, PUT, HEAD";

/// Marks a response whose route has told browsers all there is to tell.
#[derive(Clone)]
pub(crate) struct OwnCors;

/// The id that ties a request to its logs, its reply and its activations.
#[derive(Clone)]
pub(crate) struct Transaction(Arc<str>);

impl Transaction {
    /// The caller's id, or a new one.
    fn of(headers: &HeaderMap) -> Self {
        match headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()) {
            Some(id) if !id.is_empty() && !id.starts_with(RESERVED) => Self(id.into()),
            _ => Self(wisp_control::new_transaction().into()),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For whoever keeps it.
    pub fn shared(&self) -> Arc<str> {
        self.0.clone()
    }
}

impl FromRequestParts<State> for Transaction {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Failure> {
        let id = parts.extensions.get::<Self>().cloned();
        id.ok_or_else(|| Error::internal("a request came without a transaction").into())
    }
}

/// Runs around every request: gives it its id, answers what browsers ask beforehand, writes errors and the headers that
/// every reply has.
pub(crate) async fn frame(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let transaction = Transaction::of(request.headers());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let api = is_api(&path);
    request.extensions_mut().insert(transaction.clone());
    // Below the usual level: a span costs as much as authentication. What is logged at that level names the
    // transaction itself.
    let span = tracing::debug_span!("request", transaction = transaction.as_str());
    let mut response = match method == Method::OPTIONS && api {
        true => StatusCode::OK.into_response(),
        false => next.run(request).instrument(span.clone()).await,
    };
    let _entered = span.enter();
    if let Some(Refused(error)) = response.extensions_mut().remove::<Refused>() {
        if response.status().is_server_error() {
            tracing::error!(?error, transaction = transaction.as_str(), %method, path, "a request failed");
        } else {
            let status = response.status().as_u16();
            tracing::info!(%error, transaction = transaction.as_str(), %method, path, status, "a request was refused");
        }
        // What the route says to browsers, and of an activation, stays.
        let said = std::mem::take(response.headers_mut());
        response = failure::response(&error, transaction.as_str());
        response.headers_mut().extend(said);
    }
    let own = response.extensions_mut().remove::<OwnCors>().is_some();
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(transaction.as_str()) {
        headers.insert(REQUEST_ID, id);
    }
    if !own && !is_web(&path) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(ALLOW_HEADERS),
        );
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static(ALLOW_METHODS),
        );
    }
    observe(&method, response.status(), started);
    tracing::debug!(%method, path, status = response.status().as_u16(), elapsed = ?started.elapsed(), "request");
    response
}

/// Whether a path is of the REST API.
fn is_api(path: &str) -> bool {
    below("/api/v1", path) && !is_web(path)
}

/// Whether a path is of web actions, which speak for themselves.
fn is_web(path: &str) -> bool {
    below(WEB, path)
}

fn below(base: &str, path: &str) -> bool {
    path.strip_prefix(base)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn observe(method: &Method, status: StatusCode, started: Instant) {
    static METERS: LazyLock<Vec<Meter>> = LazyLock::new(|| METHODS.map(Meter::new).into());
    // Methods are the caller's words: an unknown one must not make a new series.
    let index = METHODS.iter().position(|known| *known == method.as_str());
    let Some(meter) = METERS.get(index.unwrap_or(METHODS.len() - 1)) else {
        return;
    };
    let class = usize::from(status.as_u16() / 100).clamp(2, 5) - 2;
    meter.answered[class].increment(1);
    meter.seconds.record(started.elapsed().as_secs_f64());
}

const METHODS: [&str; 8] = ["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH", "other"];
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// The instruments of a method, looked up once.
struct Meter {
    answered: [metrics::Counter; 4],
    seconds: metrics::Histogram,
}

impl Meter {
    fn new(method: &'static str) -> Self {
        Self {
            answered: CLASSES
                .map(|class| metrics::counter!("wisp_http_requests_total", "method" => method, "status" => class)),
            seconds: metrics::histogram!("wisp_http_request_seconds", "method" => method),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_echoed_unless_they_are_the_systems() {
        let with =
            |id: &'static str| Transaction::of(&HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_static(id))]));
        assert_eq!(with("mine").as_str(), "mine");
        for made in [with("sid_controller"), with(""), Transaction::of(&HeaderMap::new())] {
            assert_eq!(made.as_str().len(), 32);
            assert!(made.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
    }

    #[test]
    fn the_api_is_what_is_below_its_path() {
        for (path, expected) in [
            ("/api/v1", true),
            ("/api/v1/anything/at all", true),
            ("/api/v10", false),
            ("/api", false),
            ("/api/v1/web/guest/default/a", false),
            ("/api/v1/website", true),
        ] {
            assert_eq!(is_api(path), expected, "{path}");
        }
    }
}
