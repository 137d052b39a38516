//! Events through rules: retries, dead letters, order, loops.

use std::time::Duration;

use serde_json::{Value, json};
use wisp_control::delivery::Settings;

use crate::platform::{Platform, Reply, User, echo};

/// Retries without pauses, so that nothing here waits by the clock.
fn at_once() -> Settings {
    Settings {
        backoff: 0,
        failing_after: 3,
        ..Settings::default()
    }
}

/// Asks until the answer is as it should be.
async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..1_000 {
        if let Some(found) = ask().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// A trigger, an action and a rule between them with this policy.
async fn rule(user: &User<'_>, policy: Value) {
    user.put("_/triggers/t?overwrite=true", json!({})).await;
    user.put("_/actions/a?overwrite=true", echo()).await;
    let body = json!({"trigger": "/_/t", "action": "/_/a", "annotations": [{"key": "delivery", "value": policy}]});
    let made = user.put("_/rules/r?overwrite=true", body).await;
    assert_eq!(made.status, 200, "{made:?}");
}

/// Lets a function receive a key.
async fn with_key(user: &User<'_>, name: &str) {
    let body = json!({"delAnnotations": ["provide-api-key"]});
    let put = user.put(&format!("_/actions/{name}?overwrite=true"), body).await;
    assert_eq!(put.status, 200, "{put:?}");
}

async fn fire(user: &User<'_>, event: Value) -> Reply {
    let fired = user.post("_/triggers/t", event).await;
    assert_eq!(fired.status, 202, "{fired:?}");
    fired
}

async fn runs(user: &User<'_>, name: &str) -> Vec<Value> {
    let listed = user
        .get(&format!("_/activations?name={name}&docs=true&limit=200"))
        .await;
    listed.body.as_array().unwrap().clone()
}

/// Waits until there are so many dead letters.
async fn letters(user: &User<'_>, count: usize) -> Vec<Value> {
    eventually("dead letters", async || {
        let listed = user.get("_/dlq").await.body;
        listed.as_array().filter(|all| all.len() == count).cloned()
    })
    .await
}

#[tokio::test]
async fn a_failed_event_is_tried_again_until_it_succeeds() {
    let platform = Platform::delivering(at_once());
    let guest = platform.user("guest").await;
    rule(&guest, json!({"attempts": 5})).await;
    fire(&guest, json!({"fails": 3, "x": 1})).await;
    let all = eventually("four runs", async || {
        let all = runs(&guest, "a").await;
        (all.len() == 4).then_some(all)
    })
    .await;
    let succeeded = all.iter().filter(|run| run["response"]["success"] == true).count();
    assert_eq!(succeeded, 1);
    assert_eq!(guest.get("_/dlq").await.body, json!([]));
    assert!(platform.idle().await, "nothing is promised any more");
}

#[tokio::test]
async fn an_event_that_fails_for_good_becomes_a_dead_letter() {
    let platform = Platform::delivering(at_once());
    let guest = platform.user("guest").await;
    rule(&guest, json!({"attempts": 3})).await;
    fire(&guest, json!({"fails": 99, "x": 1})).await;
    let listed = letters(&guest, 1).await;
    let head = &listed[0];
    assert_eq!((&head["rule"], &head["action"]), (&json!("guest/r"), &json!("guest/a")));
    assert_eq!((&head["reason"], &head["attempt"]), (&json!("attempts"), &json!(3)));
    assert_eq!(head["attempts"].as_array().unwrap().len(), 3);
    assert_eq!(head["error"], "no 3");
    assert_eq!(head["attempts"][0]["error"], "no 1");
    assert_eq!(head["chain"]["links"][0]["name"], "guest/t");
    let id = head["id"].as_str().unwrap();
    let shown = guest.get(&format!("_/dlq/{id}")).await.body;
    assert_eq!(
        (&shown["event"]["x"], &shown["event"]["fails"]),
        (&json!(1), &json!(99))
    );
    assert_eq!(guest.get(&format!("_/activations/{id}")).await.status, 200);
    assert_eq!(guest.get("_/dlq?count=true").await.body, json!({"dlq": 1}));
    assert_eq!(guest.get("_/dlq?rule=other").await.body, json!([]));
    assert!(platform.idle().await);

    let other = platform.user("other").await;
    assert_eq!(other.get("guest/dlq").await.status, 403);
    assert_eq!(other.get(&format!("_/dlq/{id}")).await.status, 404);
    let purged = guest.delete(&format!("_/dlq/{id}")).await;
    assert_eq!(purged.body["id"], id);
    assert_eq!(guest.get(&format!("_/dlq/{id}")).await.status, 404);
    assert_eq!(guest.get("_/dlq/xyz").await.status, 400);
}

#[tokio::test]
async fn nothing_is_tried_again_unless_somebody_said_so() {
    let platform = Platform::delivering(at_once());
    let guest = platform.user("guest").await;
    rule(&guest, Value::Null).await;
    fire(&guest, json!({"fails": 1})).await;
    letters(&guest, 1).await;
    assert_eq!(runs(&guest, "a").await.len(), 1);
}

#[tokio::test]
async fn faults_of_the_platform_are_no_attempts() {
    let platform = Platform::delivering(at_once());
    let guest = platform.user("guest").await;
    rule(&guest, json!({"jitter": 1})).await;
    fire(&guest, json!({"absent": 1, "faults": 1, "x": 1})).await;
    let last = eventually("a run that succeeds", async || {
        let all = runs(&guest, "a").await;
        all.into_iter().find(|run| run["response"]["success"] == true)
    })
    .await;
    assert_eq!(last["response"]["result"]["x"], 1);
    assert_eq!(guest.get("_/dlq").await.body, json!([]), "with a single attempt");
    assert!(platform.idle().await);
}

#[tokio::test]
async fn an_event_that_would_be_too_old_is_given_up() {
    let platform = Platform::delivering(at_once());
    let guest = platform.user("guest").await;
    rule(
        &guest,
        json!({"attempts": 9, "backoff": 60_000, "maxBackoff": 60_000, "jitter": 0, "maxAge": 1_000}),
    )
    .await;
    fire(&guest, json!({"fails": 9})).await;
    assert_eq!(letters(&guest, 1).await[0]["reason"], "age");
    assert_eq!(runs(&guest, "a").await.len(), 1);
}

#[tokio::test]
async fn dead_letters_go_where_the_rule_says() {
    let platform = Platform::delivering(at_once());
    let guest = platform.user("guest").await;
    guest.put("_/triggers/lost", json!({})).await;
    guest.action("undertaker").await;
    guest
        .put("_/rules/bury", json!({"trigger": "/_/lost", "action": "/_/undertaker"}))
        .await;
    for (count, to) in [(1, json!({"trigger": "lost"})), (2, json!({"action": "undertaker"}))] {
        rule(&guest, json!({"attempts": 2, "deadLetter": to})).await;
        fire(&guest, json!({"fails": 99, "x": count})).await;
        let buried = eventually("a funeral", async || {
            let all = runs(&guest, "undertaker").await;
            (all.len() == count).then(|| all[0].clone())
        })
        .await;
        let letter = &buried["response"]["result"];
        let (event, why) = (&letter["event"], &letter["deadLetter"]);
        assert_eq!((&event["x"], &why["attempt"]), (&json!(count), &json!(2)), "{to}");
        assert_eq!(why["attempts"].as_array().unwrap().len(), 2);
        assert_eq!(why["error"], "no 2");
    }
    assert_eq!(guest.get("_/dlq").await.body, json!([]));
    assert!(platform.idle().await);
}

#[tokio::test]
async fn a_dead_letter_that_nobody_takes_stays_in_the_queue() {
    let platform = Platform::delivering(at_once());
    let guest = platform.user("guest").await;
    guest.put("_/triggers/lost", json!({})).await;
    for (count, to) in [
        (1, json!({"trigger": "lost"})),
        (2, json!({"trigger": "none"})),
        (3, json!({"action": "none"})),
    ] {
        rule(&guest, json!({"deadLetter": to})).await;
        fire(&guest, json!({"fails": 99, "x": count})).await;
        letters(&guest, count).await;
    }
    assert!(platform.idle().await);
}

#[tokio::test]
async fn what_was_given_up_is_delivered_again() {
    let platform = Platform::delivering(at_once());
    let guest = platform.user("guest").await;
    rule(&guest, json!({})).await;
    for x in [1, 2, 3] {
        fire(&guest, json!({"fails": 1, "x": x, "run": x})).await;
    }
    let listed = letters(&guest, 3).await;
    let id = listed[0]["id"].as_str().unwrap();
    let redriven = guest.send("POST", &format!("_/dlq/{id}"), None).await;
    assert_eq!(redriven.status, 202, "{redriven:?}");
    let activation = redriven.body["activationId"].as_str().unwrap().to_owned();
    eventually("its record", async || {
        let got = guest.get(&format!("_/activations/{activation}")).await;
        (got.status == 200 && got.body["response"]["success"] == true).then_some(())
    })
    .await;
    assert_eq!(
        guest.send("POST", &format!("_/dlq/{id}"), None).await.status,
        404,
        "it is gone"
    );
    let all = guest.send("POST", "_/dlq?rule=r", None).await;
    assert_eq!(all.body, json!({"done": 2, "left": 0}));
    letters(&guest, 0).await;
    fire(&guest, json!({"fails": 99})).await;
    letters(&guest, 1).await;
    assert_eq!(guest.delete("_/dlq").await.body, json!({"done": 1, "left": 0}));
}

#[tokio::test]
async fn a_rule_that_fails_without_end_is_shown_as_such() {
    let platform = Platform::delivering(at_once());
    let guest = platform.user("guest").await;
    rule(&guest, json!({})).await;
    for count in 1..=3 {
        assert_eq!(guest.get("_/rules/r").await.body.get("failing"), None, "{count}");
        fire(&guest, json!({"fails": 99})).await;
        letters(&guest, count).await;
    }
    let failing = guest.get("_/rules/r").await.body["failing"].clone();
    assert_eq!((&failing["failures"], &failing["error"]), (&json!(3), &json!("no 1")));
    fire(&guest, json!({})).await;
    eventually("health", async || {
        guest.get("_/rules/r").await.body.get("failing").is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn events_of_one_key_run_one_after_another() {
    let platform = Platform::delivering(at_once());
    let guest = platform.user("guest").await;
    rule(&guest, json!({"attempts": 4, "orderBy": "/key"})).await;
    for n in 0..12 {
        // Every third fails at first: the retry comes before what follows it.
        let fails = u32::from(n % 3 == 0) * 2;
        fire(&guest, json!({"key": n % 2, "n": n, "fails": fails, "run": n})).await;
    }
    eventually("all", async || {
        let all = runs(&guest, "a").await;
        let succeeded = all.iter().filter(|run| run["response"]["success"] == true).count();
        (succeeded == 12).then_some(())
    })
    .await;
    let order = platform.order();
    for key in [0, 1] {
        let ran: Vec<u64> = order
            .iter()
            .filter(|payload| payload["key"] == key)
            .map(|payload| payload["n"].as_u64().unwrap())
            .collect();
        assert!(ran.is_sorted(), "key {key}: {ran:?}");
        assert_eq!(ran.len(), 10, "six events, two of which ran three times");
    }
    assert!(platform.idle().await);
}

#[tokio::test]
async fn an_event_waits_when_its_namespace_may_run_no_more_for_now() {
    let platform = Platform::delivering(at_once());
    let guest = platform.user("guest").await;
    rule(&guest, json!({})).await;
    platform.limit("guest", 0).await;
    fire(&guest, json!({"x": 1})).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(runs(&guest, "a").await.len(), 0);
    platform.limit("guest", 100).await;
    eventually("its run", async || (runs(&guest, "a").await.len() == 1).then_some(())).await;
    assert_eq!(guest.get("_/dlq").await.body, json!([]));
}

#[tokio::test]
async fn policies_without_meaning_are_refused() {
    let platform = Platform::start();
    let guest = platform.user("guest").await;
    guest.put("_/triggers/t", json!({})).await;
    guest.action("a").await;
    let body = json!({"trigger": "/_/t", "action": "/_/a",
        "annotations": [{"key": "delivery", "value": {"attempts": 0}}]});
    guest.put("_/rules/r", body).await.refused(
        400,
        "The annotation 'delivery' of the rule is not valid: attempts is 0, which is not between 1 and 100.",
    );
}

#[tokio::test]
async fn functions_that_lead_to_themselves_are_stopped() {
    let platform = Platform::delivering(at_once());
    let guest = platform.user("guest").await;
    rule(&guest, json!({})).await;
    with_key(&guest, "a").await;
    fire(&guest, json!({"lap": 0})).await;
    let mut key = eventually("a key", async || {
        Some(platform.key_of_last_run()).filter(|key| !key.is_empty())
    })
    .await;
    assert_ne!(key, guest.key(), "what an event led to has a key of its own");
    for lap in 1..=16 {
        let function = platform.holder(&key);
        fire(&function, json!({"lap": lap})).await;
        key = eventually("the next run's key", async || {
            let next = platform.key_of_last_run();
            (next != key).then_some(next)
        })
        .await;
    }
    let function = platform.holder(&key);
    let stopped = function.post("_/triggers/t", json!({"lap": 17})).await;
    let said = "Action 'guest/a' was not activated: 17 functions in a row led to it, and 16 may.";
    stopped.refused(422, said);
    let record = stopped.body["activation"].as_str().unwrap();
    let record = guest.get(&format!("_/activations/{record}")).await.body;
    let chain = &record["annotations"][0];
    assert_eq!((&chain["key"], &chain["value"]["depth"]), (&json!("chain"), &json!(17)));
    let names: Vec<&str> = chain["value"]["links"]
        .as_array()
        .unwrap()
        .iter()
        .map(|link| link["name"].as_str().unwrap())
        .collect();
    assert_eq!(names[..3], ["guest/t", "guest/a", "guest/t"]);
    assert_eq!(record["response"]["result"]["lap"], 17);
    function.post("_/actions/a", json!({})).await.refused(422, said);
    assert_eq!(
        runs(&guest, "a")
            .await
            .iter()
            .filter(|run| run["response"]["success"] == true)
            .count(),
        17
    );

    let allowed = json!({"annotations": [{"key": "allow-loop", "value": true}]});
    guest.put("_/actions/a?overwrite=true", allowed).await;
    fire(&function, json!({"lap": 18})).await;
}

#[tokio::test]
async fn a_function_that_multiplies_is_stopped_by_its_rate() {
    let platform = Platform::delivering(Settings {
        self_triggers_per_minute: 5,
        ..at_once()
    });
    let guest = platform.user("guest").await;
    rule(&guest, json!({})).await;
    with_key(&guest, "a").await;
    fire(&guest, json!({"lap": 0})).await;
    let key = eventually("a key", async || {
        Some(platform.key_of_last_run()).filter(|key| !key.is_empty())
    })
    .await;
    let function = platform.holder(&key);
    let mut refused = 0;
    for lap in 0..20 {
        let fired = function.post("_/triggers/t", json!({"lap": lap})).await;
        refused += u32::from(fired.status == 422);
    }
    // A minute may end in between: then five more are allowed.
    assert!((10..=15).contains(&refused), "{refused}");
    guest.action("b").await;
    let other = function.post("_/actions/b", json!({})).await;
    assert_eq!(other.status, 202, "another function is another matter: {other:?}");
}

#[tokio::test]
async fn a_transaction_that_was_given_to_a_function_tells_of_it() {
    let platform = Platform::delivering(at_once());
    let guest = platform.user("guest").await;
    guest.action("a").await;
    with_key(&guest, "a").await;
    let first = guest.post("_/actions/a?blocking=true", json!({})).await;
    let transaction = first.headers["x-request-id"].to_str().unwrap().to_owned();
    let mut statuses = Vec::new();
    for _ in 0..17 {
        let again = guest
            .within(&transaction)
            .post("_/actions/a?blocking=true", json!({}))
            .await;
        statuses.push(again.status);
    }
    assert_eq!(statuses[..16], [200; 16]);
    assert_eq!(statuses[16], 422);
    for _ in 0..20 {
        let named = guest.within("mine").post("_/actions/a?blocking=true", json!({})).await;
        assert_eq!(named.status, 200, "a caller's own word means nothing");
    }
}
