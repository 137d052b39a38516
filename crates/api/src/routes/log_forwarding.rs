use axum::extract;
use serde_json::json;

use crate::{
    State,
    extract::Place,
    failure,
    reply::{Reply, ok},
};

/// Where the logs of a namespace go: Adobe's `aio` asks before it shows any, and takes this answer for "nowhere else".
/// It means a namespace by its name; any other than the caller's, `undefined` too, is none here.
pub(crate) async fn get(extract::State(_): extract::State<State>, at: Place) -> Reply {
    match at.namespace == at.caller.namespace {
        true => ok(&json!({ "adobe_io_runtime": {} })),
        false => Err(failure::nothing().into()),
    }
}
