//! What every reply has, whatever it is about.

use axum::{body::Body, http::Request};

use crate::platform::{Platform, echo, send};

const NO_ROUTE: &str = "The requested resource could not be found.";

#[tokio::test]
async fn the_server_says_what_it_is() {
    let platform = Platform::start();
    let get = |path: &str| send(&platform.api, Request::get(path).body(Body::empty()).unwrap());
    assert_eq!(get("/ping").await.body, "pong");
    let about = get("/").await.body;
    assert_eq!(about["description"], "OpenWhisk");
    assert_eq!(about["runtimes"]["nodejs"][1]["kind"], "nodejs:20");
    assert_eq!(about["limits"]["max_action_memory"], 4096u64 << 20);
    for path in ["/api/v1", "/api/v1/"] {
        assert_eq!(get(path).await.body["api_version_path"], "v1");
    }
    assert_eq!(get("/metrics").await.status, 200);
    get("/nothing").await.refused(404, NO_ROUTE);
    let absolute = get("http://example.test/api/v1").await;
    assert_eq!(absolute.status, 200);
}

#[tokio::test]
async fn transactions_are_named_and_browsers_are_let_in() {
    let platform = Platform::start();
    let asking = Request::options("/api/v1/any/thing").body(Body::empty()).unwrap();
    let reply = send(&platform.api, asking).await;
    assert_eq!(
        (reply.status, &reply.headers["access-control-allow-origin"]),
        (200, &"*".parse().unwrap())
    );
    let outside = Request::options("/api").body(Body::empty()).unwrap();
    assert_eq!(send(&platform.api, outside).await.status, 404);

    let named = Request::get("/api/v1/namespaces")
        .header("x-request-id", "mine")
        .body(Body::empty())
        .unwrap();
    let reply = send(&platform.api, named).await;
    reply.refused(
        401,
        "The resource requires authentication, which was not supplied with the request",
    );
    assert_eq!(reply.body["code"], "mine");
    assert_eq!(
        reply.headers["www-authenticate"],
        "Basic realm=\"OpenWhisk secure realm\""
    );
    assert_eq!(reply.headers["access-control-allow-origin"], "*");

    let reserved = Request::get("/ping")
        .header("x-request-id", "sid_x")
        .body(Body::empty())
        .unwrap();
    assert_eq!(send(&platform.api, reserved).await.headers["x-request-id"].len(), 32);
}

#[tokio::test]
async fn routes_and_methods_are_refused_in_openwhisks_words() {
    let platform = Platform::start();
    let guest = platform.user("guest").await;
    for (method, path, allowed) in [
        ("POST", "_/packages/p", "GET, PUT, DELETE"),
        ("PATCH", "_/actions/a", "GET, PUT, DELETE, POST"),
        ("HEAD", "_/actions/a", "GET, PUT, DELETE, POST"),
        ("DELETE", "_/activations/x", "GET"),
        ("PUT", "_/limits", "GET"),
        ("POST", "_/actions", "GET"),
    ] {
        let reply = guest.send(method, path, None).await;
        assert_eq!(
            (reply.status, &reply.headers["allow"]),
            (405, &allowed.parse().unwrap()),
            "{method} {path}"
        );
        if method != "HEAD" {
            reply.refused(405, &format!("HTTP method not allowed, supported methods: {allowed}"));
        }
    }
    for (method, path) in [
        ("PUT", "_/actions/"),
        ("DELETE", "_/actions/p/"),
        ("GET", "_/things"),
        ("PUT", "_/actions//a"),
        ("GET", "/actions"),
        ("GET", "_"),
    ] {
        guest.send(method, path, None).await.refused(404, NO_ROUTE);
    }
    guest
        .put("_/actions/a$", echo())
        .await
        .refused(400, "The name of the entity contains illegal characters.");
    guest
        .get("a$/actions")
        .await
        .refused(400, "The namespace contains illegal characters.");
}

#[tokio::test]
async fn bodies_are_checked_before_they_are_read() {
    let platform = Platform::start();
    let guest = platform.user("guest").await;
    guest
        .send("PUT", "_/actions/a", None)
        .await
        .refused(400, "Request entity expected but not supplied");
    guest.put("other/actions/a", serde_json::json!(7)).await.refused(
        403,
        "The supplied authentication is not authorized to access 'other/a'.",
    );
    guest.post("other/actions/a", serde_json::json!(7)).await.refused(
        403,
        "The supplied authentication is not authorized to access 'other/a'.",
    );
    guest.action("a").await;
    let large = serde_json::json!({"x": "y".repeat(1 << 20)});
    let size = large.to_string().len();
    let reply = guest.post("_/actions/a", large).await;
    reply.refused(413, &format!("Request larger than allowed: {size} > 1048576 bytes."));
    guest
        .post("_/actions/a", serde_json::json!([]))
        .await
        .refused(400, "The request content was malformed:\nJSON object expected");
}
