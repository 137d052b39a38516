use axum::{
    Router,
    handler::Handler,
    middleware,
    routing::{MethodRouter, any, delete, get, post, put},
};
use wisp_core::{Code, Error};

use crate::{
    State, durable,
    failure::{self, Failure},
    gateway, hosted,
    routes::{
        actions, activations, admin, buckets, compositions, credentials, events, images, letters, limits,
        log_forwarding, namespaces, packages, rules, secrets, server, triggers,
    },
    states,
    transaction::frame,
    web, workflows,
};

/// The REST API, and what the server says of itself.
pub fn router(state: State) -> Router {
    let entity = "GET, PUT, DELETE, POST";
    let router = Router::new()
        .route("/", only("GET, POST", get(server::describe).post(states::serve)))
        .route("/ping", only("GET", get(server::ping)))
        .route("/metrics", only("GET", get(server::metrics)))
        .route("/api/v1", only("GET", get(server::api)))
        .route("/api/v1/", only("GET", get(server::api)))
        .route("/api/v1/namespaces", only("GET", get(namespaces::list)))
        .route("/api/v1/namespaces/", only("GET", get(namespaces::list)))
        .merge(collection("actions", actions::list))
        .route(
            "/api/v1/namespaces/{ns}/actions/{name}/",
            unnamed(get(actions::list_package)),
        )
        .route(
            "/api/v1/namespaces/{ns}/actions/{name}",
            only(entity, actions::entity()),
        )
        .route(
            "/api/v1/namespaces/{ns}/actions/{package}/{name}",
            only(entity, actions::entity()),
        )
        .merge(collection("packages", packages::list))
        .route(
            "/api/v1/namespaces/{ns}/packages/{name}",
            only("GET, PUT, DELETE", packages::entity()),
        )
        .merge(collection("triggers", triggers::list))
        .route(
            "/api/v1/namespaces/{ns}/triggers/{name}",
            only(entity, triggers::entity()),
        )
        .route("/api/v1/events/{ns}/{name}", only("POST", post(events::receive)))
        .merge(collection("rules", rules::list))
        .route("/api/v1/namespaces/{ns}/rules/{name}", only(entity, rules::entity()))
        .route(
            "/api/v1/namespaces/{ns}/activations",
            only("GET", get(activations::list)),
        )
        .route(
            "/api/v1/namespaces/{ns}/activations/",
            only("GET", get(activations::list)),
        )
        .route(
            "/api/v1/namespaces/{ns}/activations/{id}",
            only("GET", get(activations::get)),
        )
        .route(
            "/api/v1/namespaces/{ns}/activations/{id}/logs",
            only("GET", get(activations::logs)),
        )
        .route(
            "/api/v1/namespaces/{ns}/activations/{id}/result",
            only("GET", get(activations::result)),
        )
        .route(
            "/api/v1/namespaces/{ns}/dlq",
            only("GET, POST, DELETE", letters::collection()),
        )
        .route(
            "/api/v1/namespaces/{ns}/dlq/{id}",
            only("GET, POST, DELETE", letters::entity()),
        )
        .route(
            "/api/v1/namespaces/{ns}/compositions",
            only("GET", get(compositions::list)),
        )
        .route(
            "/api/v1/namespaces/{ns}/compositions/{id}",
            only("GET", compositions::entity()),
        )
        .route("/api/v1/namespaces/{ns}/secrets", only("GET", get(secrets::list)))
        .route(
            "/api/v1/namespaces/{ns}/secrets/{name}",
            only("PUT, DELETE", secrets::entity()),
        )
        .route(
            "/api/v1/namespaces/{ns}/credentials",
            only("GET", get(credentials::get)),
        )
        .route("/api/v1/namespaces/{ns}/limits", only("GET", get(limits::get)))
        .route("/api/v1/namespaces/{ns}/limits/", only("GET", get(limits::get)))
        .route("/api/v1/namespaces/{ns}/limits/{id}", get(limits::part))
        .route(
            "/runtime/namespaces/{ns}/logForwarding",
            only("GET", get(log_forwarding::get)),
        )
        .route("/api/v1/web/{*path}", any(web::serve));
    let router = router
        .merge(hosted::routes())
        .merge(workflows::routes())
        .merge(bucket_routes())
        .merge(gateway(&state))
        .merge(durable::service(&state));
    let suffix = state.web.host.clone();
    let router = framed(router, state);
    match suffix.is_empty() {
        true => router,
        false => web::by_host(router, &suffix),
    }
}

/// Buckets, their triggers and their objects: an extension of Wisp.
fn bucket_routes() -> Router<State> {
    let bucket = "/api/v1/namespaces/{ns}/buckets/{name}";
    Router::new()
        .route("/api/v1/namespaces/{ns}/buckets", only("GET", get(buckets::list)))
        .route(bucket, only("GET, PUT, DELETE", buckets::entity()))
        .route(
            &format!("{bucket}/triggers/{{part}}"),
            only("GET, PUT, DELETE", buckets::trigger()),
        )
        .route(&format!("{bucket}/objects"), only("GET, POST", buckets::objects()))
        .route(
            &format!("{bucket}/objects/{{part}}"),
            only("GET, PUT, DELETE", buckets::object()),
        )
}

/// The APIs that are made of web actions.
fn gateway(state: &State) -> Router<State> {
    let settings = state.control.gateway();
    let path = &settings.path;
    // Not as a layer: that would cost every request another service.
    let issuers = gateway::Issuers::new(settings);
    let serve = any(move |state, transaction, request| gateway::serve(state, issuers.clone(), transaction, request));
    Router::new()
        .route(&format!("{path}/{{ns}}"), serve.clone())
        .route(&format!("{path}/{{ns}}/"), serve.clone())
        .route(&format!("{path}/{{ns}}/{{*path}}"), serve)
}

/// What an operator may do. It knows no credentials: who may open the socket that it is served on may do it all.
pub fn admin_router(state: State) -> Router {
    let router = Router::new()
        .route("/ping", only("GET", get(server::ping)))
        .route("/admin/images", only("GET", get(images::list)))
        .route("/admin/images/pull", only("POST", post(images::pull)))
        .route("/admin/images/import", only("POST", post(images::import)))
        .route(
            "/admin/images/{name}",
            only("GET, DELETE", get(images::get).delete(images::delete)),
        )
        .route("/admin/users", only("GET, POST", get(admin::list).post(admin::create)))
        .route(
            "/admin/users/{subject}",
            only("GET, DELETE", get(admin::get).delete(admin::delete)),
        )
        .route("/admin/users/{subject}/block", only("POST", post(admin::block)))
        .route("/admin/users/{subject}/unblock", only("POST", post(admin::unblock)))
        .route(
            "/admin/namespaces/{namespace}/limits",
            only("GET, PUT", get(admin::limits).put(admin::set_limits)),
        );
    framed(router, state)
}

fn framed(router: Router<State>, state: State) -> Router {
    router
        .fallback(nothing)
        .layer(middleware::from_fn(frame))
        .with_state(state)
}

/// A collection's list. What lacks a name to be created or deleted is no resource.
fn collection<T: 'static>(name: &str, list: impl Handler<T, State>) -> Router<State> {
    let list = || unnamed(get(list.clone()));
    Router::new()
        .route(&format!("/api/v1/namespaces/{{ns}}/{name}"), list())
        .route(&format!("/api/v1/namespaces/{{ns}}/{name}/"), list())
}

fn unnamed(list: MethodRouter<State>) -> MethodRouter<State> {
    only("GET", list.merge(put(nothing)).merge(delete(nothing)))
}

/// A resource with these methods; all others are refused.
pub(crate) fn only(methods: &'static str, resource: MethodRouter<State>) -> MethodRouter<State> {
    let refuse = move || async move {
        let message = format!("HTTP method not allowed, supported methods: {methods}");
        Failure::from(Error::new(Code::MethodNotAllowed, message).with("allowed", methods))
    };
    resource.head(refuse).fallback(refuse)
}

async fn nothing() -> Failure {
    failure::nothing().into()
}
