use std::time::{Duration, Instant};

use serde_json::json;
use wisp_core::model::Outcome;

use super::{Subject, ask, cases::texts, run};

/// More than any outcome needs beyond its time limit, on a busy machine.
const SLACK: Duration = Duration::from_secs(5);

pub(super) async fn check(subject: &Subject<'_>) {
    deadlines_hold(subject).await;
    the_channel_is_not_trusted(subject).await;
    memory_is_limited(subject).await;
}

async fn deadlines_hold(subject: &Subject<'_>) {
    for what in ["loop", "sleep"] {
        let instance = subject.instance().await;
        let mut endless = run(json!({ "do": what }));
        endless.timeout = Duration::from_millis(700);
        let began = Instant::now();
        let ran = instance.run(&endless).await.expect("the platform does not fail");
        assert!(
            began.elapsed() < endless.timeout + SLACK,
            "{what} took {:?}",
            began.elapsed()
        );
        assert!(matches!(ran.outcome, Some(Outcome::TimedOut(700))), "{:?}", ran.outcome);
        assert_eq!(texts(&ran), [format!("stdout before {what}")]);
        instance.stop().await;
    }
}

async fn the_channel_is_not_trusted(subject: &Subject<'_>) {
    for what in ["garbage", "hugeframe", "forge", "close"] {
        let instance = subject.instance().await;
        let mut hostile = run(json!({ "do": what }));
        hostile.timeout = Duration::from_secs(3);
        let ran = instance.run(&hostile).await.expect("the platform does not fail");
        let outcome = ran.outcome.expect("a run has an outcome");
        assert!(!outcome.keeps_instance(), "{what}: {outcome:?}");
        instance.stop().await;
    }
}

async fn memory_is_limited(subject: &Subject<'_>) {
    let instance = subject.instance().await;
    let ran = ask(&*instance, json!({ "do": "memory" })).await;
    assert!(
        matches!(ran.outcome, Some(Outcome::OutOfMemory)),
        "{:?} {:?}",
        ran.outcome,
        ran.logs
    );
    instance.stop().await;
}
