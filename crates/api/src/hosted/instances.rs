use std::collections::HashMap;

use axum::{
    extract::{self, Extension, Path},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::IntoResponse,
};
use serde_json::json;
use wisp_control::{
    hosted::{Show, Standing, Wanted, Word},
    orchestrations::Start,
};
use wisp_core::{Code, Error, Result};

use super::{
    links::{base, links},
    payload::{Encoding, TAKEN, text},
};
use crate::{
    State,
    extract::{Incoming, Place, Query},
    reply::{Reply, json as reply, ok},
};

/// Where the next page of a list begins.
const CONTINUATION: HeaderName = HeaderName::from_static("x-ms-continuation-token");

type Segments = Path<HashMap<String, String>>;

/// A segment of the path.
pub(super) fn segment<'a>(path: &'a Segments, name: &str) -> &'a str {
    path.get(name).map(String::as_str).unwrap_or_default()
}

pub(super) async fn start(
    extract::State(state): extract::State<State>,
    at: Place,
    path: Segments,
    query: Query,
    headers: HeaderMap,
    Extension(encoding): Extension<Encoding>,
    body: Incoming,
) -> Reply {
    let start = Start {
        instance: segment(&path, "id").to_owned(),
        version: query.get("version").map(str::to_owned),
        input: encoding.read(&state, body).await?,
        ..Start::default()
    };
    let name = segment(&path, "name");
    let id = state
        .control
        .start_hosted(&at.caller, &at.namespace, name, start)
        .await?;
    let links = links(&base(&headers, &at), &id);
    let place = links["statusQueryGetUri"].as_str().unwrap_or_default();
    let place =
        HeaderValue::from_str(place).map_err(|error| Error::internal("an address cannot be sent").because(error))?;
    Ok(([(header::LOCATION, place)], reply(TAKEN, &links)).into_response())
}

pub(super) async fn show(
    extract::State(state): extract::State<State>,
    at: Place,
    path: Segments,
    query: Query,
) -> Reply {
    let show = Show {
        input: query.flag_or("showInput", true)?,
        history: query.flag("showHistory")?,
        results: query.flag("showHistoryOutput")?,
    };
    let fault = query.flag("returnInternalServerErrorOnFailure")?;
    let id = segment(&path, "id");
    let found = state.control.show_hosted(&at.caller, &at.namespace, id, show).await?;
    let (document, standing) = found.ok_or_else(|| missing(id))?;
    let status = match standing {
        Standing::Open => StatusCode::ACCEPTED,
        Standing::Failed if fault => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::OK,
    };
    Ok(reply(status, &document))
}

pub(super) async fn list(
    extract::State(state): extract::State<State>,
    at: Place,
    query: Query,
    headers: HeaderMap,
) -> Reply {
    let token = headers.get(CONTINUATION).and_then(|value| value.to_str().ok());
    let wanted = Wanted {
        after: token.map(str::to_owned),
        ..wanted(&query)?
    };
    let (found, next) = state.control.list_hosted(&at.caller, &at.namespace, &wanted).await?;
    let next = next.and_then(|next| HeaderValue::from_str(&next).ok());
    let mut response = ok(&found)?;
    response.headers_mut().extend(next.map(|next| (CONTINUATION, next)));
    Ok(response)
}

pub(super) async fn raise(
    extract::State(state): extract::State<State>,
    at: Place,
    path: Segments,
    body: Incoming,
) -> Reply {
    let input = text(&state, body).await?;
    let word = Word::Raise(segment(&path, "event").to_owned(), input);
    state
        .control
        .tell_hosted(&at.caller, &at.namespace, segment(&path, "id"), word)
        .await?;
    Ok(TAKEN.into_response())
}

pub(super) async fn tell(
    extract::State(state): extract::State<State>,
    at: Place,
    path: Segments,
    query: Query,
) -> Reply {
    let id = segment(&path, "id");
    let reason = query.get("reason").unwrap_or_default().to_owned();
    let word = match segment(&path, "verb") {
        "terminate" => Word::Terminate(reason),
        "suspend" => Word::Suspend(reason),
        "resume" => Word::Resume(reason),
        "restart" => {
            let renamed = query.flag_or("restartWithNewInstanceId", true)?;
            let id = state
                .control
                .restart_hosted(&at.caller, &at.namespace, id, renamed)
                .await?;
            return Ok(reply(TAKEN, &id));
        }
        "rewind" => Word::Rewind(reason),
        _ => return Err(crate::failure::nothing().into()),
    };
    state.control.tell_hosted(&at.caller, &at.namespace, id, word).await?;
    Ok(TAKEN.into_response())
}

pub(super) async fn purge(extract::State(state): extract::State<State>, at: Place, path: Segments) -> Reply {
    let id = segment(&path, "id");
    match state.control.purge_hosted(&at.caller, &at.namespace, id).await? {
        0 => Err(missing(id).into()),
        purged => ok(&json!({ "instancesDeleted": purged })),
    }
}

pub(super) async fn purge_all(extract::State(state): extract::State<State>, at: Place, query: Query) -> Reply {
    let purged = state
        .control
        .purge_all_hosted(&at.caller, &at.namespace, &wanted(&query)?)
        .await?;
    ok(&json!({ "instancesDeleted": purged }))
}

fn wanted(query: &Query) -> Result<Wanted> {
    let statuses = query.get("runtimeStatus").unwrap_or_default().split(',');
    Ok(Wanted {
        statuses: statuses.filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        from: query.get("createdTimeFrom").map(str::to_owned),
        to: query.get("createdTimeTo").map(str::to_owned),
        prefix: query.get("instanceIdPrefix").unwrap_or_default().to_owned(),
        limit: query.read("top", |text| text.parse().map_err(|_| format!("'{text}' is no number")))?,
        after: None,
    })
}

fn missing(id: &str) -> Error {
    Error::new(Code::NotFound, format!("There is no orchestration '{id}'."))
}
