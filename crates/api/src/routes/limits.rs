use axum::extract;
use wisp_core::Error;
use wisp_wire::document::LimitsDoc;

use crate::{
    State,
    extract::Place,
    reply::{Reply, ok},
};

pub(crate) async fn get(extract::State(state): extract::State<State>, at: Place) -> Reply {
    state.control.entitle_namespace(&at.caller, &at.namespace)?;
    ok(&LimitsDoc::new(state.control.limits(), &at.caller.limits))
}

/// Limits are one document.
pub(crate) async fn part(_: Place) -> Reply {
    Err(Error::bad_request("Limits have no parts: ask for all of them.").into())
}
