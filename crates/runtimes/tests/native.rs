//! Programs by the ActionLoop protocol.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::json;
use support::{Action, Platform, outcome, run, text, zipped};

const LOOP: &str = "#!/bin/sh
while read -r line; do
    echo \"got $line\"
    echo '{\"ok\":1}' >&3
done
";

#[tokio::test]
async fn each_request_is_a_line_and_each_reply_too() {
    let platform = Platform::new();
    for action in [
        text(LOOP),
        zipped(&[("exec", LOOP)]),
        Action {
            binary: true,
            ..text(LOOP)
        },
    ] {
        let (instance, ran) = platform.init("native", &action).await;
        assert!(ran.outcome.is_none(), "{ran:?}");
        for n in 0..3 {
            let ran = instance.run(&run(json!({ "n": n }))).await.unwrap();
            assert_eq!(outcome(&ran), r#"Success {"ok":1}"#);
            let body = format!(r#"{{"activation_id":"0123","deadline":"1700000000000","value":{{"n":{n}}}}}"#);
            assert_eq!(
                ran.logs.iter().map(|line| &line.text).collect::<Vec<_>>(),
                [&format!("got {body}")]
            );
        }
        instance.stop().await;
    }
}

#[tokio::test]
async fn programs_can_acknowledge() {
    let platform = Platform::new();
    let environment = [("OW_WAIT_FOR_ACK", "true")];
    let ready = LOOP.replacen(
        "while",
        "[ -n \"$__OW_WAIT_FOR_ACK\" ] && sleep 0.1 && echo '{\"ok\":true}' >&3\nwhile",
        1,
    );
    let (seen, _) = platform
        .run(
            "native",
            Action {
                environment: &environment,
                ..text(&ready)
            },
            json!({}),
        )
        .await;
    assert_eq!(seen, r#"Success {"ok":1}"#);
    let refuses = "#!/bin/sh\necho '{\"error\":\"no licence\"}' >&3\nsleep 5\n";
    let (seen, _) = platform
        .run(
            "native",
            Action {
                environment: &environment,
                ..text(refuses)
            },
            json!({}),
        )
        .await;
    assert_eq!(seen, r#"InitFailed("no licence")"#);
}

#[tokio::test]
async fn what_cannot_run_is_an_initialisation_that_failed() {
    let platform = Platform::new();
    for (action, reason) in [
        (text("echo without a first line"), "neither a zip or tar.gz archive"),
        (text("#!/no/such/interpreter\n"), "could not be run"),
        (zipped(&[("other", LOOP)]), "no program named 'exec'"),
        (text(""), "Missing main/no code to execute."),
        (
            Action {
                code: b"\x7fELFnonsense".to_vec(),
                binary: true,
                ..text("")
            },
            "could not be run",
        ),
    ] {
        let (seen, logs) = platform.run("native", action, json!({})).await;
        assert!(
            seen.starts_with("InitFailed") && seen.contains(reason),
            "{seen} {logs:?}"
        );
    }
    let (seen, _) = platform.run("native", text("#!/bin/sh\nexit 3\n"), json!({})).await;
    assert_eq!(seen, "Exited");
    let (seen, _) = platform
        .run(
            "native",
            text("#!/bin/sh\nread -r line; echo not json >&3; sleep 5\n"),
            json!({}),
        )
        .await;
    assert_eq!(seen, r#"InvalidResult("not json")"#);
}

#[tokio::test]
async fn a_second_reply_does_not_pass_for_the_next_requests() {
    let platform = Platform::new();
    let twice = "#!/bin/sh\nwhile read -r line; do printf '{\"n\":1}\\n{\"n\":2}\\n' >&3; done\n";
    let (instance, _) = platform.init("native", &text(twice)).await;
    assert_eq!(
        outcome(&instance.run(&run(json!({}))).await.unwrap()),
        r#"Success {"n":1}"#
    );
    let ran = instance.run(&run(json!({}))).await.unwrap();
    assert!(
        outcome(&ran).starts_with("DeveloperError") && outcome(&ran).contains("a reply to no request"),
        "{ran:?}"
    );
    instance.stop().await;
}
