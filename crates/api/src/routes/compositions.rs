use axum::{
    extract,
    routing::{self, MethodRouter},
};
use serde_json::json;

use crate::{
    State,
    extract::{Page, Place, Query, Segment},
    reply::{Reply, ok},
};

pub(crate) fn entity() -> MethodRouter<State> {
    routing::get(get)
}

/// Durable sequences and compositions, those that began last first.
pub(crate) async fn list(extract::State(state): extract::State<State>, at: Place, query: Query) -> Reply {
    let page = Page::of(&query, "compositions")?;
    let (status, most) = (query.get("status"), page.skip.saturating_add(page.limit));
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let listed = state.control.list_composed(&at.caller, &at.namespace, status, most);
    ok(&page.cut(listed.await?.into_iter()).collect::<Vec<_>>())
}

async fn get(extract::State(state): extract::State<State>, at: Segment) -> Reply {
    let Place { caller, namespace } = &at.place;
    let (composed, events) = state.control.get_composed(caller, namespace, at.text.parse()?).await?;
    let mut document = json!(composed);
    document["events"] = json!(events);
    ok(&document)
}
