use axum::{
    extract,
    http::header,
    response::{IntoResponse, Response},
};
use wisp_wire::document::{ApiDoc, RuntimeDoc, ServerDoc, ServerLimits, Support, SwaggerPaths};

use crate::{
    State,
    reply::{Reply, ok},
};

pub(crate) async fn ping() -> &'static str {
    "pong"
}

pub(crate) async fn metrics(extract::State(state): extract::State<State>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], (state.metrics)()).into_response()
}

pub(crate) async fn describe(extract::State(state): extract::State<State>) -> Reply {
    let families = state.control.kinds().families();
    ok(&ServerDoc {
        description: "OpenWhisk".into(),
        support: Support {
            github: "https://github.com/apache/openwhisk/issues".into(),
            slack: "http://slack.openwhisk.org".into(),
        },
        api_paths: vec!["/api/v1".into()],
        limits: ServerLimits::from(state.control.limits()),
        runtimes: families
            .map(|(family, kinds)| (family.to_owned(), kinds.iter().map(RuntimeDoc::from).collect()))
            .collect(),
    })
}

pub(crate) async fn api() -> Reply {
    ok(&ApiDoc {
        description: "OpenWhisk API".into(),
        api_version: "1.0.0".into(),
        api_version_path: "v1".into(),
        build: format!("wisp {}", env!("CARGO_PKG_VERSION")),
        buildno: env!("CARGO_PKG_VERSION").into(),
        swagger_paths: SwaggerPaths {
            ui: "/docs".into(),
            api_docs: "/api-docs".into(),
        },
    })
}
