use axum::{
    Router,
    routing::{get, post},
};

use super::{definitions, executions, machines, orders};
use crate::{State, router::only};

/// The routes of this folder.
pub(crate) fn routes() -> Router<State> {
    let of = |path: &str| format!("/api/v1/namespaces/{{ns}}/{path}");
    let run = |verb: &str| of(&format!("workflows/{{id}}/executions/{{run}}{verb}"));
    let machine = get(machines::get).put(machines::put).delete(machines::delete);
    let runs = get(executions::list).post(executions::start);
    Router::new()
        .route(&of("workflows"), only("GET", get(machines::list)))
        .route(&of("workflows/"), only("GET", get(machines::list)))
        .route(&of("workflows/{id}"), only("GET, PUT, DELETE", machine))
        .route(&of("workflows/{id}/graph"), only("GET", get(machines::graph)))
        .route(&of("workflows/{id}/executions"), only("GET, POST", runs))
        .route(&run(""), only("GET", get(executions::get)))
        .route(&run("/history"), only("GET", get(executions::history)))
        .route(&run("/graph"), only("GET", get(executions::graph)))
        .route(&run("/timeline"), only("GET", get(executions::timeline)))
        .route(&run("/stop"), only("POST", post(orders::stop)))
        .route(&run("/redrive"), only("POST", post(orders::redrive)))
        .route(&run("/fork"), only("POST", post(orders::fork)))
        .route(&run("/signal"), only("POST", post(orders::signal)))
        .route(&of("definitions/lint"), only("POST", post(definitions::lint)))
        .route(&of("definitions/test"), only("POST", post(definitions::test)))
}
