//! What WebAssembly can do, what it cannot, and what it can do to others.
#![cfg(feature = "wasm")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::{Action, Platform, outcome, run, text};
use wisp_core::{model::Parameter, ports::Instance};
use wisp_testkit::wasm;

const PROBE: &str = include_str!("support/probe.rs");

/// The probe as a component that runs like a program.
fn probe<'a>() -> Action<'a> {
    binary(wasm::compile(PROBE, "wasm32-wasip2"))
}

fn binary<'a>(code: Vec<u8>) -> Action<'a> {
    Action {
        code,
        binary: true,
        init_timeout: Duration::from_secs(60),
        ..text("")
    }
}

async fn started(platform: &Platform, action: &Action<'_>) -> Box<dyn Instance> {
    let (instance, ran) = platform.init("wasm", action).await;
    assert!(ran.outcome.is_none(), "{ran:?}");
    instance
}

async fn ask(instance: &dyn Instance, what: &str) -> (String, Vec<String>) {
    let ran = instance.run(&run(Value::String(what.into()))).await.unwrap();
    let logs = ran.logs.iter().map(|line| line.text.clone()).collect();
    (outcome(&ran), logs)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_sees_what_it_is_given_and_nothing_else() {
    let platform = Platform::new();
    let instance = started(&platform, &probe()).await;
    for (what, expected) in [
        ("files", "denied"),
        ("write", "denied"),
        ("connect", "denied"),
        ("resolve", "denied"),
        ("listen", "denied"),
        ("clock", "true"),
        ("random", "true"),
        ("arguments", "test"),
    ] {
        let (ended, logs) = ask(&*instance, what).await;
        assert_eq!(
            ended,
            format!("Success {}", json!({ "seen": expected })),
            "{what} {logs:?}"
        );
    }
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_activation_has_an_instance_of_its_own() {
    let platform = Platform::new();
    let instance = started(&platform, &probe()).await;
    for _ in 0..3 {
        assert_eq!(ask(&*instance, "count").await.0, r#"Success {"seen":"1"}"#);
    }
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_harm_no_neighbour_in_the_same_process() {
    let platform = Platform::new();
    let neighbour = started(&platform, &probe()).await;
    for (what, expected, said) in [
        ("trap", "Exited", "unreachable"),
        ("deep", "Exited", "wasm trap"),
        ("memory", "OutOfMemory", ""),
        ("spin", "TimedOut(600)", ""),
        ("sleep", "TimedOut(600)", ""),
        ("shout", "TimedOut(600)", ""),
    ] {
        let instance = started(&platform, &probe()).await;
        let mut short = run(Value::String(what.into()));
        if expected.starts_with("TimedOut") {
            short.timeout = Duration::from_millis(600);
        }
        let (ran, other) = tokio::join!(instance.run(&short), ask(&*neighbour, "count"));
        let ran = ran.unwrap();
        assert_eq!(outcome(&ran), expected, "{what} {:?}", ran.logs.first());
        assert!(
            ran.logs.iter().any(|line| line.text.contains(said)) || said.is_empty(),
            "{what} {:?}",
            ran.logs
        );
        assert_eq!(other.0, r#"Success {"seen":"1"}"#, "beside {what}");
        assert_eq!(
            ask(&*neighbour, "count").await.0,
            r#"Success {"seen":"1"}"#,
            "after {what}"
        );
        assert!(neighbour.is_alive(), "after {what}");
        instance.stop().await;
    }
    neighbour.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn activations_run_at_the_same_time() {
    let platform = Platform::new();
    let action = Action {
        concurrency: 4,
        ..probe()
    };
    let instance = started(&platform, &action).await;
    let spin = || async {
        let mut short = run(Value::String("spin".into()));
        short.timeout = Duration::from_millis(1500);
        outcome(&instance.run(&short).await.unwrap())
    };
    // More that spin than there are processors: who wants little still gets it.
    let (a, b, c, little) = tokio::join!(spin(), spin(), spin(), ask(&*instance, "count"));
    assert_eq!([a, b, c], ["TimedOut(1500)"; 3].map(String::from));
    assert_eq!(little.0, r#"Success {"seen":"1"}"#);
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_run_is_refused() {
    let platform = Platform::new();
    let cases: [(&[u8], &str); 4] = [
        (b"hello", "nor WebAssembly"),
        (b"\0asm\x01\0\0\0\xff\xff", "InitFailed"),
        (b"\0asm\x01\0\0\0", "exports no function '_start'"),
        (
            b"\0asm\x0d\0\x01\0",
            "exports neither wasi:http/incoming-handler nor wasi:cli/run",
        ),
    ];
    for (code, expected) in cases {
        let (instance, ran) = platform.init("wasm", &binary(code.to_vec())).await;
        let ended = outcome(&ran);
        assert!(ended.starts_with("InitFailed") && ended.contains(expected), "{ended}");
        instance.stop().await;
    }
    let annotations = [Parameter {
        key: "wasm-http".into(),
        value: json!(7),
        init: false,
    }];
    let action = Action {
        annotations: &annotations,
        ..probe()
    };
    let (_, ran) = platform.init("wasm", &action).await;
    assert!(outcome(&ran).contains("must be a list of hosts"), "{}", outcome(&ran));
}
