//! Invocations and their records.

use serde_json::json;
use wisp_core::model::Limits;

use crate::platform::{Platform, echo};

#[tokio::test]
async fn a_blocking_invocation_returns_its_record_without_logs() {
    let platform = Platform::start();
    let guest = platform.user("guest").await;
    let action = json!({"exec": echo()["exec"], "parameters": [{"key": "bound", "value": 1}]});
    guest.put("_/actions/a", action).await;
    let reply = guest.post("_/actions/a?blocking=true", json!({"x": 2})).await;
    let id = reply.headers["x-openwhisk-activation-id"].to_str().unwrap().to_owned();
    assert_eq!((reply.status, &reply.body["activationId"]), (200, &json!(id)));
    assert_eq!(
        (&reply.body["logs"], &reply.body["response"]["result"]),
        (&json!([]), &json!({"bound": 1, "x": 2}))
    );

    let record = guest.get(&format!("_/activations/{id}")).await.body;
    assert_eq!(record["logs"], json!(["ran"]));
    assert_eq!(
        guest.get(&format!("_/activations/{id}/logs")).await.body,
        json!({"logs": ["ran"]})
    );
    assert_eq!(
        guest.get(&format!("_/activations/{id}/result")).await.body,
        record["response"]
    );
    let listed = guest.get("_/activations?name=a").await.body;
    assert_eq!(
        (&listed[0]["activationId"], &listed[0]["statusCode"]),
        (&json!(id), &json!(0))
    );
    assert_eq!(guest.get("_/activations?docs=true").await.body, json!([record]));
    assert_eq!(
        guest.get("_/activations?count=true").await.body,
        json!({"activations": 1})
    );
}

#[tokio::test]
async fn failures_are_bad_gateways_and_results_stand_alone() {
    let platform = Platform::start();
    let guest = platform.user("guest").await;
    guest.action("a").await;
    let reply = guest
        .post("_/actions/a?blocking=true&result=true", json!({"error": "no"}))
        .await;
    assert_eq!((reply.status, reply.body), (502, json!({"error": "no"})));
    let reply = guest.send("POST", "_/actions/a?blocking=yes&result=1", None).await;
    assert_eq!((reply.status, reply.body), (200, json!({})));
    let reply = guest.send("POST", "_/actions/a", None).await;
    assert_eq!(
        (reply.status, reply.body["activationId"].as_str().map(str::len)),
        (202, Some(32))
    );
    guest.post("_/actions/a?timeout=60001", json!({})).await.refused(
        400,
        "The query parameter 'timeout' was malformed:\nTimeout must be number of milliseconds up to 60000.",
    );
}

#[tokio::test]
async fn a_trigger_without_active_rules_fires_nothing() {
    let platform = Platform::start();
    let guest = platform.user("guest").await;
    guest.action("a").await;
    guest.put("_/triggers/t", json!({})).await;
    let reply = guest.send("POST", "_/triggers/t", None).await;
    assert_eq!((reply.status, reply.body), (204, json!("")));
    guest
        .put("_/rules/r", json!({"trigger": "/_/t", "action": "/_/a"}))
        .await;
    let reply = guest.post("_/triggers/t", json!({"x": 1})).await;
    assert_eq!(reply.status, 202);
    let id = reply.body["activationId"].as_str().unwrap().to_owned();
    let record = guest.get(&format!("_/activations/{id}")).await.body;
    assert_eq!(
        (&record["response"]["result"], record.get("end")),
        (&json!({"x": 1}), None)
    );
}

#[tokio::test]
async fn limits_are_told_and_kept() {
    let platform = Platform::with(Limits {
        invocations_per_minute: 0,
        ..Limits::openwhisk()
    });
    let guest = platform.user("guest").await;
    guest.action("a").await;
    let reply = guest.post("_/actions/a", json!({})).await;
    reply.refused(429, "Too many requests in the last minute (count: 1, allowed: 0).");
    assert_eq!(reply.body["limit"], "invocationsPerMinute");
    assert!(reply.body["remedy"].is_string() && reply.headers.contains_key("retry-after"));
    assert_eq!(guest.get("_/limits").await.body["maxActionMemory"], 512);
    let large = json!({"exec": echo()["exec"], "limits": {"memory": 513}});
    guest
        .put("_/actions/b", large)
        .await
        .refused(400, "memory size 513 MB exceeds allowed threshold of 512 MB");
}

#[tokio::test]
async fn ids_and_times_are_checked() {
    let platform = Platform::start();
    let guest = platform.user("guest").await;
    guest
        .get("_/activations/abc")
        .await
        .refused(400, "Activation id length is 3 but must be 32.");
    guest
        .get(&format!("_/activations/{}", "G".repeat(32)))
        .await
        .refused(400, "The activation id is not valid.");
    let unknown = guest.get(&format!("_/activations/{}", "0".repeat(32))).await;
    unknown.refused(404, "The requested resource does not exist.");
    guest
        .get("_/activations?docs=true&count=true")
        .await
        .refused(400, "The parameter 'docs' is not permitted with 'count'.");
    guest.get("_/activations?since=x").await.refused(
        400,
        "The query parameter 'since' was malformed:\nParameter is not a valid value for epoch seconds: x",
    );
}
