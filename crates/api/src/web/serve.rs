use std::pin::pin;

use axum::{
    body::Body,
    extract::{self, Request},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use tokio::sync::mpsc;
use wisp_control::WebAction;
use wisp_core::{
    Code, Error,
    ports::{Piece, Pieces},
};

use super::{address::Address, answer::answer, arguments::Asked, cors, guard, stream, upload};
use crate::{
    State,
    extract::Incoming,
    failure::Failure,
    routes::actions::about,
    transaction::{Transaction, WEB},
};

/// Pieces of a body that wait for their reader.
pub(super) const PIECES: usize = 4;

/// Answers a request to a web action.
pub(crate) async fn serve(
    extract::State(state): extract::State<State>,
    transaction: Transaction,
    request: Request,
) -> Response {
    let path = request.uri().path();
    let path = path
        .strip_prefix(WEB)
        .unwrap_or(path)
        .trim_start_matches('/')
        .to_owned();
    call(&state, &transaction, &path, request).await
}

/// Answers a request to the web action that a path below `/api/v1/web/` names.
pub(crate) async fn call(state: &State, transaction: &Transaction, path: &str, request: Request) -> Response {
    let asked_headers = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let method = request.method().clone();
    let found = async {
        check_method(&method)?;
        let address = Address::parse(path)?;
        let action = state.control.web_action(&address.name).await?;
        Ok::<_, Failure>((address, action))
    };
    let (address, action) = match found.await {
        Ok(found) => found,
        Err(failure) => return open(failure.into_response(), asked_headers),
    };
    let own_options = action.own_options();
    let response = if method == Method::OPTIONS && !own_options {
        StatusCode::OK.into_response()
    } else {
        let ran = run(state, transaction, address, action, request).await;
        ran.unwrap_or_else(IntoResponse::into_response)
    };
    if own_options {
        response
    } else {
        open(response, asked_headers)
    }
}

async fn run(
    state: &State,
    transaction: &Transaction,
    address: Address,
    action: WebAction,
    request: Request<Body>,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let caller = guard::caller(state, &parts.headers).await?;
    if parts.method != Method::OPTIONS {
        guard::check(&action, caller.as_ref(), &parts.headers)?;
    }
    let (request, body) = match action.reads_stream() {
        true => (Some(upload::passed_on(body)), Bytes::new()),
        false => {
            let limit = action.payload_limit().unwrap_or(state.control.limits().payload_size);
            (
                None,
                Incoming::new(parts.headers.clone(), body).bytes(state, limit).await?,
            )
        }
    };
    let asked = Asked {
        method: &parts.method,
        headers: &parts.headers,
        path: &address.rest,
        query: parts.uri.query().unwrap_or_default(),
        body,
        user: caller.as_ref().map(|caller| caller.namespace.as_str()),
    };
    let arguments = asked.arguments(action.raw())?;
    let id = action.activation_id();
    let (result, mut passed) = mpsc::channel(PIECES);
    let pieces = Pieces { result, request };
    let mut run = pin!(
        state
            .control
            .invoke_web(action, arguments, transaction.as_str(), Some(pieces))
    );
    let invoked = tokio::select! {
        biased;
        invoked = &mut run => invoked?,
        // From here on the run goes on by itself, for as long as somebody reads.
        Some(Piece::Head(head)) = passed.recv() => {
            return Ok(about(id, stream::response(&head, passed, &parts.headers)));
        }
    };
    Ok(answer(invoked, address.extension, &parts.headers, transaction.as_str()))
}

fn check_method(method: &Method) -> Result<(), Failure> {
    if cors::METHODS.split(", ").any(|known| known == method.as_str()) {
        return Ok(());
    }
    let message = format!("HTTP method not allowed, supported methods: {}", cors::METHODS);
    Err(Error::new(Code::MethodNotAllowed, message)
        .with("allowed", cors::METHODS)
        .into())
}

/// Lets every browser read a response.
fn open(mut response: Response, asked: Option<HeaderValue>) -> Response {
    let headers: &mut HeaderMap = response.headers_mut();
    cors::allow_all(headers, asked);
    response
}
