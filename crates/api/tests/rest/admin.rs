//! What an operator does.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use crate::platform::{Platform, Reply, send};

async fn ask(platform: &Platform, method: &str, path: &str, body: Value) -> Reply {
    let body = if body.is_null() {
        Body::empty()
    } else {
        Body::from(body.to_string())
    };
    send(
        &platform.admin,
        Request::builder()
            .method(method)
            .uri(format!("/admin/{path}"))
            .body(body)
            .unwrap(),
    )
    .await
}

#[tokio::test]
async fn a_subject_comes_is_blocked_and_goes() {
    let platform = Platform::start();
    let made = ask(
        &platform,
        "POST",
        "users",
        json!({"subject": "alice", "namespace": "team"}),
    )
    .await
    .body;
    let key = made["namespaces"][0]["key"].as_str().unwrap();
    assert_eq!(
        (made["namespaces"][0]["name"].as_str(), key.len()),
        (Some("team"), 36 + 1 + 64)
    );
    assert_eq!(
        ask(&platform, "GET", "users", Value::Null).await.body[0]["namespaces"][0].get("key"),
        None
    );
    let again = json!({"subject": "mallory", "namespace": "team"});
    ask(&platform, "POST", "users", again)
        .await
        .refused(409, "The namespace 'team' exists already.");
    assert_eq!(
        ask(&platform, "POST", "users", json!({"subject": "bob"})).await.status,
        400
    );

    assert_eq!(
        ask(&platform, "POST", "users/alice/block", Value::Null).await.body["blocked"],
        true
    );
    assert_eq!(
        ask(&platform, "POST", "users/alice/unblock", Value::Null).await.body["blocked"],
        false
    );
    let limits = json!({"invocationsPerMinute": 5});
    assert_eq!(
        ask(&platform, "PUT", "namespaces/team/limits", limits.clone())
            .await
            .body,
        limits
    );
    assert_eq!(
        ask(&platform, "GET", "namespaces/team/limits", Value::Null).await.body,
        limits
    );
    let unknown = json!({"invocationsPerHour": 5});
    assert_eq!(
        ask(&platform, "PUT", "namespaces/team/limits", unknown).await.status,
        400
    );
    assert_eq!(ask(&platform, "DELETE", "users/alice", Value::Null).await.status, 200);
    ask(&platform, "GET", "users/alice", Value::Null)
        .await
        .refused(404, "There is no subject 'alice'.");
}

#[tokio::test]
async fn a_blocked_or_deleted_subject_is_refused_at_once() {
    let platform = Platform::start();
    let guest = platform.user("guest").await;
    assert_eq!(guest.get("").await.body, json!(["guest"]));
    ask(&platform, "POST", "users/guest/block", Value::Null).await;
    guest
        .get("")
        .await
        .refused(401, "The supplied authentication is invalid");
    ask(&platform, "POST", "users/guest/unblock", Value::Null).await;
    assert_eq!(guest.get("").await.status, 200);
    ask(&platform, "DELETE", "users/guest", Value::Null).await;
    guest
        .get("")
        .await
        .refused(401, "The supplied authentication is invalid");
}
