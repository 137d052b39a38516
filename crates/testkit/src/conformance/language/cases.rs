use std::time::Duration;

use serde_json::{Value, json};
use wisp_core::{
    model::Outcome,
    ports::{Ran, Stream},
};

use super::{Subject, ask, echo, run, success};

pub(super) async fn check(subject: &Subject<'_>) {
    values_pass_unchanged(subject).await;
    failures_are_outcomes(subject).await;
    output_belongs_to_its_run(subject).await;
    output_is_bounded(subject).await;
    environment_is_the_functions_own(subject).await;
    results_are_bounded(subject).await;
}

async fn values_pass_unchanged(subject: &Subject<'_>) {
    let instance = subject.instance().await;
    let arguments = echo();
    for _ in 0..3 {
        assert_eq!(
            success(&ask(&*instance, arguments.clone()).await),
            arguments,
            "{}",
            subject.kind.name
        );
    }
    let megabyte = json!({ "do": "echo", "text": "é".repeat(500_000), "list": vec![7; 10_000] });
    assert_eq!(success(&ask(&*instance, megabyte.clone()).await), megabyte);
    let mut spaced = run(json!({}));
    spaced.value = serde_json::from_str("{\r\n \"do\": \"echo\",\n\n \"a\": 1\t}\n").expect("JSON");
    let ran = instance.run(&spaced).await.expect("the platform does not fail");
    assert_eq!(success(&ran), json!({ "do": "echo", "a": 1 }));
    instance.stop().await;
    instance.stop().await;
}

async fn failures_are_outcomes(subject: &Subject<'_>) {
    let instance = subject.instance().await;
    for _ in 0..2 {
        let ran = ask(&*instance, json!({ "do": "fail" })).await;
        let Some(Outcome::ApplicationError(error)) = ran.outcome else {
            panic!("{:?}", ran.outcome)
        };
        assert_eq!(
            serde_json::from_str::<Value>(error.get()).expect("JSON"),
            json!({ "error": { "code": 7 } })
        );
    }
    let ran = ask(&*instance, json!({ "do": "bad" })).await;
    assert!(
        matches!(
            ran.outcome,
            Some(Outcome::DeveloperError(_) | Outcome::InvalidResult(_))
        ),
        "{:?}",
        ran.outcome
    );
    instance.stop().await;

    let instance = subject.instance().await;
    let ran = ask(&*instance, json!({ "do": "exit" })).await;
    assert!(matches!(ran.outcome, Some(Outcome::Exited)), "{:?}", ran.outcome);
    assert_eq!(texts(&ran), ["stdout last words"]);
    instance.stop().await;
}

async fn output_belongs_to_its_run(subject: &Subject<'_>) {
    let instance = subject.instance().await;
    for word in ["one", "two", "three"] {
        let ran = ask(&*instance, json!({ "do": "log", "word": word })).await;
        let mut seen = texts(&ran);
        seen.sort();
        let expected = [
            format!("stderr {word} problem"),
            format!("stdout {word}"),
            format!("stdout {word} again, unfinished"),
        ];
        assert_eq!(seen, expected);
        assert!(!ran.truncated);
    }
    let ran = ask(&*instance, echo()).await;
    assert_eq!(texts(&ran), Vec::<String>::new());
    instance.stop().await;
}

async fn output_is_bounded(subject: &Subject<'_>) {
    let instance = subject.instance().await;
    let ran = ask(&*instance, json!({ "do": "flood", "lines": 60_000 })).await;
    success(&ran);
    assert!(!ran.truncated);
    assert_eq!(ran.logs.len(), 60_000);
    let out: Vec<_> = ran.logs.iter().filter(|line| line.stream == Stream::Stdout).collect();
    assert!(
        out.iter()
            .enumerate()
            .all(|(n, line)| line.text == format!("line {} {}", 2 * n, "x".repeat(40)))
    );
    let mut little = run(json!({ "do": "flood", "lines": 60_000 }));
    little.log_limit = 1000;
    let ran = instance.run(&little).await.expect("the platform does not fail");
    success(&ran);
    assert!(ran.truncated);
    let bytes: usize = ran.logs.iter().map(|line| line.text.len()).sum();
    assert!((900..=1000).contains(&bytes), "{bytes}");
    instance.stop().await;
}

async fn environment_is_the_functions_own(subject: &Subject<'_>) {
    let instance = subject.instance().await;
    for id in ["aaaa", "bbbb"] {
        let mut run = run(json!({ "do": "environment" }));
        run.context = vec![("activation_id", id.into()), ("action_name", "/guest/test".into())];
        let seen = success(&instance.run(&run).await.expect("the platform does not fail"));
        assert_eq!(seen["__OW_ACTIVATION_ID"], id);
        assert_eq!(seen["__OW_ACTION_NAME"], "/guest/test");
        assert_eq!(seen["GREETING"], "it's \"hello\"\nthere");
        assert_eq!(seen["__OW_ALLOW_CONCURRENT"], "false");
        assert!(seen["__OW_API_HOST"].is_string());
        let usual = [
            "PATH", "HOME", "LANG", "LC_CTYPE", "GREETING", "PWD", "OLDPWD", "SHLVL", "_",
        ];
        for key in seen.as_object().expect("an object").keys() {
            assert!(
                key.starts_with("__OW_") || usual.contains(&key.as_str()),
                "{key} leaked into the function"
            );
        }
    }
    instance.stop().await;
}

async fn results_are_bounded(subject: &Subject<'_>) {
    let instance = subject.instance().await;
    let mut large = run(json!({ "do": "huge", "bytes": 3_000_000 }));
    large.result_limit = 100_000;
    large.timeout = Duration::from_secs(20);
    let ran = instance.run(&large).await.expect("the platform does not fail");
    let Some(Outcome::ResultTooLarge { size, limit, start }) = ran.outcome else {
        panic!("{:?}", ran.outcome)
    };
    assert!(size >= 3_000_000 && limit == 100_000 && start.len() == 100_000 && start.contains("yyyy"));
    assert_eq!(success(&ask(&*instance, echo()).await), echo());
    instance.stop().await;
}

/// `stdout text` of each line.
pub(super) fn texts(ran: &Ran) -> Vec<String> {
    ran.logs
        .iter()
        .map(|line| format!("{} {}", line.stream.as_str(), line.text))
        .collect()
}
