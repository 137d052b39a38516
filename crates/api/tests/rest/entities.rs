//! Entities come, change, are listed and go.

use serde_json::{Value, json};

use crate::platform::{Platform, echo};

const OTHER_COLLECTION: &str = "Resource by this name exists but is not in this collection.";

fn annotation<'a>(document: &'a Value, key: &str) -> Option<&'a Value> {
    document["annotations"]
        .as_array()?
        .iter()
        .find(|annotation| annotation["key"] == key)
        .map(|found| &found["value"])
}

#[tokio::test]
async fn an_action_comes_changes_and_goes() {
    let platform = Platform::start();
    let guest = platform.user("guest").await;
    guest.put("_/actions/a", json!({})).await.refused(400, "exec undefined");
    let created = guest.put("_/actions/a", echo()).await.body;
    assert_eq!(created["exec"]["kind"], "nodejs:20");
    assert_eq!(created["exec"]["binary"], false);
    assert_eq!(created["version"], "0.0.1");
    assert_eq!(annotation(&created, "provide-api-key"), Some(&json!(false)));
    assert_eq!(annotation(&created, "exec"), Some(&json!("nodejs:20")));
    guest
        .put("_/actions/a", echo())
        .await
        .refused(409, "resource already exists");

    let change = json!({
        "exec": {"kind": "nodejs:18", "code": "aGVsbG8="}, "limits": {"memory": 512},
        "annotations": [{"key": "new", "value": 1}], "delAnnotations": ["provide-api-key"],
    });
    let changed = guest.put("_/actions/a?overwrite=True", change).await.body;
    assert_eq!(
        (&changed["version"], &changed["limits"]["memory"]),
        (&json!("0.0.2"), &json!(512))
    );
    assert_eq!(changed["limits"]["timeout"], created["limits"]["timeout"]);
    assert_eq!(annotation(&changed, "provide-api-key"), None);
    assert_eq!(annotation(&changed, "exec"), Some(&json!("nodejs:18")));
    assert_eq!(
        (&changed["exec"]["binary"], &changed["exec"]["code"]),
        (&json!(true), &json!("aGVsbG8="))
    );

    let read = guest.get("_/actions/a?code=false").await.body;
    assert_eq!(read["exec"], json!({"kind": "nodejs:18", "binary": true}));
    assert_eq!(guest.get("_/actions/a?").await.body, changed);
    guest.get("_/packages/a").await.refused(409, OTHER_COLLECTION);
    guest
        .put("_/triggers/a", json!({}))
        .await
        .refused(409, OTHER_COLLECTION);
    assert_eq!(guest.delete("_/actions/a").await.body, changed);
    guest
        .get("_/actions/a")
        .await
        .refused(404, "The requested resource does not exist.");
}

#[tokio::test]
async fn lists_show_the_last_changed_first_and_are_paged() {
    let platform = Platform::start();
    let guest = platform.user("guest").await;
    for name in ["a", "b", "c d"] {
        guest.action(&name.replace(' ', "%20")).await;
    }
    guest.put("_/actions/a?overwrite=true", json!({})).await;
    let names = |list: &Value| {
        list.as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["name"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&guest.get("_/actions").await.body), ["a", "c d", "b"]);
    assert_eq!(names(&guest.get("_/actions/?limit=1&skip=1").await.body), ["c d"]);
    assert_eq!(
        guest.get("_/actions?count=true&skip=1").await.body,
        json!({"actions": 2})
    );
    assert_eq!(guest.get("_/actions").await.body[0]["exec"], json!({"binary": false}));
    assert_eq!(guest.get("_/triggers?limit=0").await.body, json!([]));
}

#[tokio::test]
async fn a_sequence_refers_to_what_exists_and_not_to_itself() {
    let platform = Platform::start();
    let guest = platform.user("guest").await;
    guest.action("a").await;
    let of = |components: Value| json!({"exec": {"kind": "sequence", "components": components, "code": ""}});
    let made = guest.put("_/actions/s", of(json!(["/_/a", "/_/a"]))).await.body;
    assert_eq!(
        made["exec"],
        json!({"kind": "sequence", "components": ["/guest/a", "/guest/a"]})
    );
    assert_eq!(
        made["parameters"],
        json!([{"key": "_actions", "value": ["/guest/a", "/guest/a"]}])
    );
    guest.put("_/actions/t", of(json!(["/_/s"]))).await;
    for (components, refusal) in [
        (json!([]), "No component specified for the sequence."),
        (json!(["/_/none"]), "Sequence component does not exist."),
        (json!(["/_/none/a"]), "Sequence component does not exist."),
        (json!(["/_/s"]), "Sequence may not refer to itself."),
        (json!(["/_/a", "/_/t"]), "Sequence may not refer to itself."),
        (
            Value::Array(vec![json!("/_/a"); 51]),
            "Too many actions in the sequence.",
        ),
    ] {
        guest
            .put("_/actions/s?overwrite=true", of(components))
            .await
            .refused(400, refusal);
    }
    let back = guest.put("_/actions/s?overwrite=true", echo()).await.body;
    assert_eq!(back["parameters"], json!([]));
}

#[tokio::test]
async fn a_trigger_keeps_the_status_of_its_rules() {
    let platform = Platform::start();
    let guest = platform.user("guest").await;
    guest.action("a").await;
    assert_eq!(guest.put("_/triggers/t", json!({})).await.body["limits"], json!({}));
    guest
        .put("_/triggers/f", json!({"annotations": [{"key": "feed", "value": "x"}]}))
        .await
        .refused(400, "Feed name is not valid");
    guest
        .put("_/rules/r", json!({"trigger": "/_/t"}))
        .await
        .refused(400, "rule requires a valid trigger and a valid action");
    guest
        .put("_/rules/r", json!({"trigger": "/_/t", "action": "/_/none"}))
        .await
        .refused(400, "action /guest/none does not exist");
    let rule = json!({"trigger": "/_/t", "action": "/_/a", "status": ""});
    let made = guest.put("_/rules/r", rule).await.body;
    assert_eq!(
        (&made["status"], &made["trigger"]),
        (&json!("active"), &json!({"path": "guest", "name": "t"}))
    );
    assert_eq!(guest.get("_/rules").await.body[0].get("status"), None);

    let posted = guest
        .post(
            "_/rules/r",
            json!({"status": "inactive", "trigger": null, "action": null}),
        )
        .await;
    assert_eq!((posted.status, posted.body), (200, json!("")));
    assert_eq!(
        guest.put("_/rules/r?overwrite=true", json!({})).await.body["status"],
        "inactive"
    );
    let trigger = guest.put("_/triggers/t?overwrite=true", json!({})).await.body;
    assert_eq!(
        trigger["rules"]["guest/r"],
        json!({"action": {"path": "guest", "name": "a"}, "status": "inactive"})
    );

    guest.put("_/triggers/u", json!({})).await;
    guest.put("_/rules/r?overwrite=true", json!({"trigger": "/_/u"})).await;
    assert_eq!(guest.get("_/triggers/t").await.body["rules"], json!({}));
    assert_eq!(
        guest.get("_/triggers/u").await.body["rules"]["guest/r"]["status"],
        "inactive"
    );
    guest.delete("_/triggers/u").await;
    let status = json!({"status": "active"});
    guest
        .post("_/rules/r", status)
        .await
        .refused(404, "Only rules with existing triggers can be activated");
    assert_eq!(guest.delete("_/rules/r").await.body["status"], "inactive");
}

#[tokio::test]
async fn rules_of_one_trigger_can_be_made_at_the_same_time() {
    let platform = Platform::start();
    let guest = platform.user("guest").await;
    guest.action("a").await;
    guest.put("_/triggers/t", json!({})).await;
    let (one, other) = (
        json!({"trigger": "/_/t", "action": "/_/a"}),
        json!({"trigger": "/_/t", "action": "/_/a"}),
    );
    let (one, other) = tokio::join!(guest.put("_/rules/one", one), guest.put("_/rules/other", other));
    assert_eq!((one.status, other.status), (200, 200));
    assert_eq!(
        guest.get("_/triggers/t").await.body["rules"]
            .as_object()
            .map(|rules| rules.len()),
        Some(2)
    );
}
