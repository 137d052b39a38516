use axum::extract;

use crate::{
    State,
    extract::Caller,
    reply::{Reply, ok},
};

/// The namespace of the caller's key, and no other: OpenWhisk's clients take the first.
pub(crate) async fn list(extract::State(_): extract::State<State>, Caller(caller): Caller) -> Reply {
    ok(&[caller.namespace])
}
