use std::time::Duration;

use axum::{
    extract,
    http::StatusCode,
    routing::{self, MethodRouter},
};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use wisp_control::buckets::{Draft, Put, TriggerDraft};
use wisp_core::{
    Error, Result,
    model::{EntityName, Fqn, Json},
};
use wisp_wire::put::malformed;

use crate::{
    State,
    extract::{Incoming, Page, Part, Place, Query},
    reply::{Reply, json, ok, raw},
    transaction::Transaction,
};

pub(crate) fn entity() -> MethodRouter<State> {
    routing::put(put).get(get).delete(delete)
}

pub(crate) fn trigger() -> MethodRouter<State> {
    routing::put(put_trigger).get(get_trigger).delete(delete_trigger)
}

pub(crate) fn objects() -> MethodRouter<State> {
    routing::get(list_objects).post(post_object)
}

pub(crate) fn object() -> MethodRouter<State> {
    routing::put(put_object).get(get_object).delete(delete_object)
}

pub(crate) async fn list(extract::State(state): extract::State<State>, at: Place, query: Query) -> Reply {
    let page = Page::of(&query, "buckets")?;
    let buckets = state.control.list_buckets(&at.caller, &at.namespace).await?;
    ok(&page.cut(buckets.into_iter()).collect::<Vec<_>>())
}

async fn put(extract::State(state): extract::State<State>, at: Part, body: Incoming) -> Reply {
    let limit = state.control.limits().request_size;
    let draft: Draft = read(&body.object(&state, limit).await?)?;
    ok(&state.control.put_bucket(&at.caller, &at.bucket()?, draft).await?)
}

async fn get(extract::State(state): extract::State<State>, at: Part) -> Reply {
    ok(&state.control.get_bucket(&at.caller, &at.bucket()?).await?)
}

async fn delete(extract::State(state): extract::State<State>, at: Part) -> Reply {
    ok(&state.control.delete_bucket(&at.caller, &at.bucket()?).await?)
}

async fn put_trigger(extract::State(state): extract::State<State>, at: Part, body: Incoming) -> Reply {
    let limit = state.control.limits().request_size;
    let draft: TriggerDraft = read(&body.object(&state, limit).await?)?;
    let (bucket, name) = (at.bucket()?, at.last.clone());
    let trigger = state.control.put_bucket_trigger(&at.caller, &bucket, &name, draft);
    ok(&trigger.await?)
}

async fn get_trigger(extract::State(state): extract::State<State>, at: Part) -> Reply {
    ok(&state
        .control
        .get_bucket_trigger(&at.caller, &at.bucket()?, &at.last)
        .await?)
}

async fn delete_trigger(extract::State(state): extract::State<State>, at: Part) -> Reply {
    let bucket = at.bucket()?;
    ok(&state
        .control
        .delete_bucket_trigger(&at.caller, &bucket, &at.last)
        .await?)
}

async fn list_objects(extract::State(state): extract::State<State>, at: Part, query: Query) -> Reply {
    let (page, bucket) = (Page::of(&query, "objects")?, at.bucket()?);
    let session = query.get("session");
    let objects = state.control.list_objects(&at.caller, &bucket, session).await?;
    if page.count {
        return ok(&serde_json::json!({ "objects": page.remaining(objects.len() as u64) }));
    }
    ok(&page.cut(objects.into_iter()).collect::<Vec<_>>())
}

/// Puts an object under a key that nobody has.
async fn post_object(
    extract::State(state): extract::State<State>,
    at: Part,
    query: Query,
    transaction: Transaction,
    body: Incoming,
) -> Reply {
    store(&state, at, None, &query, &transaction, body).await
}

async fn put_object(
    extract::State(state): extract::State<State>,
    at: Part,
    query: Query,
    transaction: Transaction,
    body: Incoming,
) -> Reply {
    let key = Some(at.last.clone());
    store(&state, at, key, &query, &transaction, body).await
}

async fn store(
    state: &State,
    at: Part,
    key: Option<String>,
    query: &Query,
    transaction: &Transaction,
    body: Incoming,
) -> Reply {
    let put = Put {
        session: query.get("session").map(str::to_owned),
        key,
        value: value(&body.document(state).await?)?,
    };
    let stored = state
        .control
        .put_object(&at.caller, &at.bucket()?, put, transaction.as_str())
        .await?;
    let status = if stored.put {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(json(status, &stored))
}

async fn get_object(extract::State(state): extract::State<State>, at: Part, query: Query) -> Reply {
    let seconds = query.read("wait", |text| {
        let seconds = text.parse::<u32>();
        seconds.map_err(|_| format!("'{text}' is not a number of seconds"))
    })?;
    let wait = Duration::from_secs(seconds.unwrap_or(0).into());
    let (bucket, session) = (at.bucket()?, session(&query)?);
    let object = state.control.get_object(&at.caller, &bucket, session, &at.last, wait);
    Ok(raw(StatusCode::OK, object.await?.get().to_owned()))
}

async fn delete_object(extract::State(state): extract::State<State>, at: Part, query: Query) -> Reply {
    let (bucket, session) = (at.bucket()?, session(&query)?);
    ok(&state
        .control
        .delete_object(&at.caller, &bucket, session, &at.last)
        .await?)
}

fn session(query: &Query) -> Result<&str> {
    query
        .get("session")
        .ok_or_else(|| Error::bad_request("The query parameter 'session' is missing: it says whose object is meant."))
}

fn read<T: DeserializeOwned>(body: &Json) -> Result<T> {
    serde_json::from_str(body.get()).map_err(malformed)
}

/// Any JSON value.
fn value(body: &[u8]) -> Result<Json> {
    let value: Box<RawValue> = serde_json::from_slice(body).map_err(malformed)?;
    Ok(value.into())
}

impl Part {
    fn bucket(&self) -> Result<Fqn> {
        let name: EntityName = self.first.parse()?;
        Ok(Fqn::new(self.namespace.clone(), None, name))
    }
}
