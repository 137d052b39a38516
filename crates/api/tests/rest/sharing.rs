//! Packages, bindings, and what others may see of them.

use serde_json::json;

use crate::platform::{Platform, echo};

#[tokio::test]
async fn a_published_package_can_be_used_and_bound_by_others() {
    let platform = Platform::start();
    let (owner, other) = (platform.user("owner").await, platform.user("other").await);
    let package = json!({"publish": true, "parameters": [{"key": "a", "value": 1}, {"key": "b", "value": 1}]});
    owner.put("_/packages/p", package).await;
    owner
        .put(
            "_/actions/p/f",
            json!({"exec": echo()["exec"], "annotations": [{"key": "feed", "value": true}]}),
        )
        .await;
    owner.action("p/x").await;
    owner.put("_/packages/private", json!({})).await;

    assert_eq!(other.get("owner/packages").await.body.as_array().map(Vec::len), Some(1));
    assert_eq!(other.get("owner/actions/p/x").await.body["namespace"], "owner/p");
    let bound = json!({"binding": {"namespace": "owner", "name": "p"}, "parameters": [{"key": "b", "value": 2}]});
    let bound = other.put("_/packages/q", bound).await.body;
    assert_eq!(bound["binding"], json!({"namespace": "owner", "name": "p"}));
    let read = other.get("_/packages/q").await.body;
    assert_eq!(
        read["parameters"],
        json!([{"key": "a", "value": 1}, {"key": "b", "value": 2}])
    );
    assert_eq!(
        (&read["actions"][0]["name"], &read["feeds"][0]["name"]),
        (&json!("x"), &json!("f"))
    );
    assert_eq!(other.get("_/packages").await.body[0]["binding"]["name"], "p");
    assert_eq!(other.get("_/actions/q/").await.body.as_array().map(Vec::len), Some(2));

    let through = other.get("_/actions/q/x?code=false").await.body;
    assert_eq!(
        (&through["namespace"], &through["binding"]),
        (&json!("owner/p"), &json!("other/q"))
    );
    let run = other.post("_/actions/q/x?blocking=true", json!({})).await.body;
    assert_eq!(
        (&run["namespace"], &run["response"]["result"]),
        (&json!("other"), &json!({"a": 1, "b": 2}))
    );
    other
        .put("_/actions/q/y", echo())
        .await
        .refused(400, "Operation not permitted on package binding.");

    owner
        .put("_/packages/p?overwrite=true", json!({"publish": false}))
        .await;
    for path in ["_/packages/q", "owner/packages/p"] {
        assert_eq!(other.get(path).await.status, 403, "{path}");
    }
    other.get("_/actions/q/x").await.refused(
        403,
        "The supplied authentication is not authorized to access 'other/q/x'.",
    );
    assert_eq!(other.delete("_/packages/q").await.status, 200);
}

#[tokio::test]
async fn what_others_have_is_forbidden_whether_it_exists_or_not() {
    let platform = Platform::start();
    let (owner, other) = (platform.user("owner").await, platform.user("other").await);
    owner.action("a").await;
    for (method, path, name) in [
        ("GET", "owner/actions/a", "owner/a"),
        ("GET", "owner/actions/none", "owner/none"),
        ("POST", "owner/actions/a", "owner/a"),
        ("DELETE", "owner/actions/a", "owner/a"),
        ("GET", "owner/packages/none", "owner/none"),
        ("GET", "owner/actions", "owner"),
        ("GET", "owner/activations", "owner"),
        ("POST", "owner/triggers/t", "owner/t"),
    ] {
        let expected = format!("The supplied authentication is not authorized to access '{name}'.");
        other.send(method, path, None).await.refused(403, &expected);
    }
    assert_eq!(other.get("owner/packages").await.body, json!([]));
    assert_eq!(other.get("nobody/packages").await.body, json!([]));
    owner
        .get("_/packages/none")
        .await
        .refused(404, "The requested resource 'owner/none' does not exist.");
    owner
        .get("_/actions/none/a")
        .await
        .refused(404, "The requested resource 'owner/none' does not exist.");
    owner
        .put("_/actions/none/a", echo())
        .await
        .refused(404, "The requested resource does not exist.");
}

#[tokio::test]
async fn bindings_are_to_packages() {
    let platform = Platform::start();
    let guest = platform.user("guest").await;
    guest.action("a").await;
    guest.put("_/packages/p", json!({})).await;
    let to = |namespace: &str, name: &str| json!({"binding": {"namespace": namespace, "name": name}});
    let bound = guest.put("_/packages/q", to("_", "p")).await.body;
    assert_eq!(
        bound["annotations"],
        json!([{"key": "binding", "value": {"name": "p", "namespace": "guest"}}])
    );
    for (path, body, status, refusal) in [
        (
            "r",
            to("_", "none"),
            400,
            "Binding references a package that does not exist.",
        ),
        (
            "r",
            to("_", "a"),
            409,
            "Cannot bind to a resource that is not a package.",
        ),
        ("r", to("_", "q"), 400, "Cannot bind to another package binding."),
        (
            "p?overwrite=true",
            to("_", "q"),
            409,
            "Resource is a package and cannot be converted into a binding.",
        ),
        (
            "r",
            to("_", "r"),
            422,
            "Package binding 'guest/r' contains a circular reference.",
        ),
        (
            "r",
            to("other", "x"),
            403,
            "The supplied authentication is not authorized to access 'other/x'.",
        ),
        ("default", json!({}), 400, "Package name 'default' is reserved."),
    ] {
        guest
            .put(&format!("_/packages/{path}"), body)
            .await
            .refused(status, refusal);
    }
}

#[tokio::test]
async fn a_package_with_contents_goes_only_by_force() {
    let platform = Platform::start();
    let guest = platform.user("guest").await;
    guest.put("_/packages/p", json!({})).await;
    guest.action("p/a").await;
    guest
        .get("_/actions/p")
        .await
        .refused(409, "Resource by this name exists but is not in this collection.");
    guest.delete("_/packages/p").await.refused(
        409,
        "Package not empty (contains 1 entity). Set force param or delete package contents.",
    );
    assert_eq!(guest.delete("_/packages/p?force=true").await.status, 200);
    assert_eq!(guest.get("_/actions").await.body, json!([]));
}
