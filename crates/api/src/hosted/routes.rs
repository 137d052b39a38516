use axum::{
    Extension, Router,
    routing::{get, post},
};

use super::{entities, instances, links, payload::Encoding};
use crate::{State, router::only};

/// The routes for both ways in which clients write payloads.
pub(crate) fn routes() -> Router<State> {
    below("", Encoding::Json).merge(below("/text", Encoding::Text))
}

fn below(encoding_path: &str, encoding: Encoding) -> Router<State> {
    let path = |rest: &str| format!("/api/v1/namespaces/{{ns}}/durable{encoding_path}{rest}");
    let start = || only("POST", post(instances::start));
    let list = || only("GET, DELETE", get(instances::list).delete(instances::purge_all));
    let one = get(instances::show).delete(instances::purge);
    let entity = get(entities::show).post(entities::signal);
    Router::new()
        .route(&path(""), only("GET", get(links::binding)))
        .route(&path("/orchestrators/{name}"), start())
        .route(&path("/orchestrators/{name}/{id}"), start())
        .route(&path("/instances"), list())
        .route(&path("/instances/"), list())
        .route(&path("/instances/{id}"), only("GET, DELETE", one))
        .route(&path("/instances/{id}/{verb}"), only("POST", post(instances::tell)))
        .route(
            &path("/instances/{id}/raiseEvent/{event}"),
            only("POST", post(instances::raise)),
        )
        .route(&path("/entities/{name}/{key}"), only("GET, POST", entity))
        .layer(Extension(encoding))
}
