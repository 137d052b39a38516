//! The worker over simulated time: how many instances it starts, whom it serves first, what it keeps.
#![allow(clippy::unwrap_used, missing_docs)]

mod fake;

use std::{
    sync::{Arc, atomic::AtomicUsize, atomic::Ordering::SeqCst},
    time::Duration,
};

use fake::{Ledger, Tally, TokioTasks, Waiting, action, clock, invocation};
use futures_util::future::join_all;
use wisp_core::{
    Code,
    model::{Invocation, Isolation, Limits, Status},
    ports::{Bus, Kind},
};
use wisp_scheduler::keepalive;
use wisp_worker::{Config, Parts, Worker};

struct Bench {
    worker: Worker,
    tally: Arc<Tally>,
    ledger: Arc<Ledger>,
}

/// A worker with room for eight instances of 256 MB, whose starts take 20 ms.
fn bench(change: impl FnOnce(&mut Config, &mut Waiting)) -> Bench {
    keeping(&keepalive::Config::default(), change)
}

/// The same, keeping idle instances so.
fn keeping(keep: &keepalive::Config, change: impl FnOnce(&mut Config, &mut Waiting)) -> Bench {
    let kind = Kind {
        name: "waiting:1".into(),
        default: true,
        aliases: Vec::new(),
        requires_main: false,
        provider: String::new(),
        levels: vec![Isolation::Process],
    };
    let tally = Arc::new(Tally::default());
    let mut waiting = Waiting {
        tally: tally.clone(),
        kinds: vec![kind],
        start: Duration::from_millis(20),
        stop: Duration::ZERO,
        fail_starts: AtomicUsize::new(0),
        restless: false,
    };
    let mut config = Config {
        memory: 2048,
        stem_cells: 0,
        stem_cells_most: 0,
        ..Config::default()
    };
    change(&mut config, &mut waiting);
    let ledger = Arc::new(Ledger::default());
    let worker = Worker::new(Parts {
        languages: vec![Arc::new(waiting)],
        activations: ledger.clone(),
        clock: clock(),
        tasks: Arc::new(TokioTasks),
        limits: Limits::default(),
        keepalive: keepalive::policy(keep).unwrap(),
        config,
    });
    Bench { worker, tally, ledger }
}

#[tokio::test(start_paused = true)]
async fn short_runs_share_an_instance_and_long_ones_get_their_own() {
    let short = bench(|_, _| ());
    let echo = action("guest/echo", |_| ());
    short.worker.run(invocation(&echo, 0, ""), false).await.unwrap();
    join_all((0..64).map(|_| short.worker.run(invocation(&echo, 0, ""), false))).await;
    assert_eq!(short.tally.started.load(SeqCst), 1);

    let long = bench(|_, _| ());
    let before = tokio::time::Instant::now();
    join_all((0..8).map(|_| long.worker.run(invocation(&echo, 1000, ""), false))).await;
    assert_eq!(long.tally.started.load(SeqCst), 8);
    assert!(before.elapsed() < Duration::from_millis(1300), "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_kept_after_an_application_error_only() {
    let bench = bench(|_, _| ());
    let echo = action("guest/echo", |_| ());
    for (end, status, stopped) in [
        ("", Status::Success, 0),
        ("error", Status::ApplicationError, 0),
        ("crash", Status::DeveloperError, 1),
        ("fault", Status::WhiskError, 2),
    ] {
        let activation = bench.worker.run(invocation(&echo, 1, end), false).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(activation.response.status, status, "{end}");
        assert_eq!(bench.tally.stopped.load(SeqCst), stopped, "{end}");
    }
    assert_eq!(bench.ledger.0.lock().unwrap().len(), 4);
    assert_eq!(bench.worker.census().memory, 0);
}

#[tokio::test(start_paused = true)]
async fn a_cold_start_says_so_and_a_warm_one_does_not() {
    let bench = bench(|_, _| ());
    let echo = action("guest/echo", |_| ());
    let cold = bench.worker.run(invocation(&echo, 7, ""), false).await.unwrap();
    let warm = bench.worker.run(invocation(&echo, 7, ""), false).await.unwrap();
    assert!(cold.annotations.get("initTime").is_some());
    assert_eq!(cold.annotations.get("waitTime"), Some(&20.into()));
    assert!(warm.annotations.get("initTime").is_none());
    assert_eq!(warm.duration, Some(7));
}

#[tokio::test(start_paused = true)]
async fn a_failed_initialisation_ends_the_instance() {
    let bench = bench(|_, _| ());
    let broken = action("guest/broken", |action| {
        if let wisp_core::model::Exec::Code { main, .. } = &mut action.exec {
            *main = Some("broken".into());
        }
    });
    for round in 1..=2 {
        let activation = bench.worker.run(invocation(&broken, 0, ""), false).await.unwrap();
        assert_eq!(activation.response.status, Status::DeveloperError);
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(bench.tally.stopped.load(SeqCst), round);
    }
}

#[tokio::test(start_paused = true)]
async fn one_instance_serves_as_many_as_its_concurrency_and_is_initialised_once() {
    let bench = bench(|_, _| ());
    let wide = action("guest/wide", |action| action.limits.concurrency = 10);
    join_all((0..10).map(|_| bench.worker.run(invocation(&wide, 100, ""), false))).await;
    assert_eq!(bench.tally.started.load(SeqCst), 1);
    assert_eq!(bench.tally.initialised.load(SeqCst), 1);
    assert!(bench.tally.most_running.load(SeqCst) >= 9);
}

#[tokio::test(start_paused = true)]
async fn a_busy_namespace_cannot_keep_another_one_out() {
    let bench = bench(|_, _| ());
    let (busy, quiet) = (action("busy1/a", |_| ()), action("quiet/a", |_| ()));
    let worker = bench.worker.clone();
    let flood = tokio::spawn(async move {
        join_all((0..200).map(|_| worker.run(invocation(&busy, 100, ""), true))).await;
    });
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(bench.worker.census().memory, 2048, "the busy one has it all");
    let before = tokio::time::Instant::now();
    bench.worker.run(invocation(&quiet, 10, ""), false).await.unwrap();
    // One run of the busy namespace, a start, and its own run.
    assert!(before.elapsed() < Duration::from_millis(250), "{:?}", before.elapsed());
    flood.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn idle_instances_make_room_and_expire() {
    let keep = keepalive::Config {
        policy: "fixed".into(),
        fixed_seconds: 5,
        ..keepalive::Config::default()
    };
    let bench = keeping(&keep, |_, _| ());
    for index in 0..12 {
        let action = action(&format!("guest/a{index}"), |_| ());
        bench.worker.run(invocation(&action, 1, ""), false).await.unwrap();
    }
    assert!(bench.worker.census().memory <= 2048);
    bench.worker.prewarm();
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(bench.worker.census().memory, 0);
    assert_eq!(bench.tally.stopped.load(SeqCst), 12);
}

#[tokio::test(start_paused = true)]
async fn what_has_just_run_runs_again_although_others_need_room() {
    let bench = bench(|_, waiting| waiting.stop = Duration::from_millis(50));
    let client = async |client: usize| {
        for index in 0..12 {
            let echo = action(&format!("guest/a{client}-{index}"), |_| ());
            for _ in 0..2 {
                bench.worker.run(invocation(&echo, 1, ""), false).await.unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    join_all((0..3).map(client)).await;
    let (started, stopped) = (bench.tally.started.load(SeqCst), bench.tally.stopped.load(SeqCst));
    assert_eq!(
        (started, stopped),
        (36, 36 - 8),
        "each is started once, and no more end than must"
    );
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_what_was_not_promised() {
    let bench = bench(|config, _| (config.queue, config.memory) = (2, 256));
    let slow = action("guest/slow", |_| ());
    let ends = join_all((0..10).map(|index| bench.worker.run(invocation(&slow, 50, ""), index >= 5))).await;
    let refused: Vec<_> = ends.iter().filter_map(|end| end.as_ref().err()).collect();
    assert_eq!(refused.len(), 3);
    assert!(
        refused
            .iter()
            .all(|error| error.code() == Code::Unavailable && error.context().len() == 3)
    );
    assert_eq!(bench.ledger.0.lock().unwrap().len(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_is_recorded_and_tried_again() {
    let bench = bench(|_, waiting| waiting.fail_starts = AtomicUsize::new(1));
    let echo = action("guest/echo", |_| ());
    let first = bench.worker.run(invocation(&echo, 0, ""), false).await.unwrap();
    assert_eq!(first.response.status, Status::WhiskError);
    let second = bench.worker.run(invocation(&echo, 0, ""), false).await.unwrap();
    assert_eq!(second.response.status, Status::Success);
}

#[tokio::test(start_paused = true)]
async fn draining_refuses_who_waits_and_lets_finish_what_runs() {
    let bench = bench(|config, _| config.memory = 256);
    let slow = action("guest/slow", |_| ());
    let worker = bench.worker.clone();
    let runs =
        tokio::spawn(async move { join_all((0..3).map(|_| worker.run(invocation(&slow, 500, ""), true))).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    bench.worker.drain();
    let ends = runs.await.unwrap();
    assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1);
    bench.worker.stop().await;
    assert_eq!(bench.tally.stopped.load(SeqCst), bench.tally.started.load(SeqCst));
}

#[tokio::test(start_paused = true)]
async fn stem_cells_serve_first_and_failed_ones_are_started_again() {
    let bench = bench(|config, waiting| {
        config.stem_cells = 2;
        waiting.fail_starts = AtomicUsize::new(3);
    });
    bench.worker.prewarm();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(bench.worker.census().stems, 0, "both failed");
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(bench.worker.census().stems, 2);
    let echo = action("guest/echo", |_| ());
    let activation = bench.worker.run(invocation(&echo, 0, ""), false).await.unwrap();
    let wait = activation
        .annotations
        .get("waitTime")
        .and_then(serde_json::Value::as_u64)
        .unwrap();
    assert!((20_100..20_120).contains(&wait), "it did not wait for a start: {wait}");
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_ended_while_it_was_idle_serves_nobody() {
    let bench = bench(|_, _| ());
    let echo = action("guest/echo", |_| ());
    bench
        .worker
        .run(invocation(&echo, 0, "die later"), false)
        .await
        .unwrap();
    let next = bench.worker.run(invocation(&echo, 0, ""), false).await.unwrap();
    assert_eq!(next.response.status, Status::Success);
    assert_eq!(bench.tally.started.load(SeqCst), 2);
    assert_eq!(bench.tally.stopped.load(SeqCst), 1);
    assert_eq!(bench.worker.census().memory, 256);
}

#[tokio::test(start_paused = true)]
async fn what_is_idle_is_frozen_and_thawed_before_it_runs() {
    let bench = bench(|config, _| config.freeze_after_ms = 100);
    bench.worker.prewarm();
    let echo = action("guest/echo", |_| ());
    // The invocations come at every moment of freezing and thawing: the fake fails if it runs while it is frozen.
    for pause in 0..200 {
        let activation = bench.worker.run(invocation(&echo, 1, ""), false).await.unwrap();
        assert_eq!(activation.response.status, Status::Success);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    assert_eq!(bench.tally.started.load(SeqCst), 1);
    let frozen = bench.tally.frozen.load(SeqCst);
    assert!(frozen > 50, "{frozen}");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let census = bench.worker.census();
    assert_eq!((census.idle, census.frozen), (1, 1));
    assert_eq!(bench.tally.frozen.load(SeqCst), frozen, "once, not again and again");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_frozen_if_the_setting_says_so() {
    let bench = bench(|config, _| config.freeze_after_ms = 0);
    bench.worker.prewarm();
    bench
        .worker
        .run(invocation(&action("guest/echo", |_| ()), 1, ""), false)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(bench.tally.frozen.load(SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn what_evades_being_frozen_is_ended() {
    let bench = bench(|config, waiting| {
        config.freeze_after_ms = 100;
        waiting.restless = true;
    });
    bench.worker.prewarm();
    let echo = action("guest/echo", |_| ());
    bench.worker.run(invocation(&echo, 1, ""), false).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.tally.stopped.load(SeqCst), 1);
    assert_eq!(bench.worker.census().memory, 0);
    let again = bench.worker.run(invocation(&echo, 1, ""), false).await.unwrap();
    assert_eq!(again.response.status, Status::Success);
}

#[tokio::test(start_paused = true)]
async fn stem_cells_follow_demand_and_go_when_it_is_forgotten() {
    let bench = bench(|config, _| {
        config.stem_cells = 1;
        config.stem_cells_most = 6;
        config.stem_half_life_seconds = 60;
    });
    bench.worker.prewarm();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.worker.census().stems, 1, "nobody has come yet");
    let burst = |name: &'static str| {
        let worker = bench.worker.clone();
        async move {
            let actions = (0..4).map(|index| action(&format!("guest/{name}{index}"), |_| ()));
            let runs = actions.map(|action| {
                let worker = worker.clone();
                async move { worker.run(invocation(&action, 1, ""), false).await.unwrap() }
            });
            let ran = join_all(runs).await;
            let stems = ran.iter().filter(|activation| {
                let start = activation.annotations.get("start").unwrap();
                start["type"] == "stem"
            });
            stems.count()
        }
    };
    assert_eq!(
        burst("first").await,
        1,
        "the others of the first burst find no stem cell"
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.worker.census().stems, 4);
    assert_eq!(burst("second").await, 4, "the second burst is served from stem cells");
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(bench.worker.census().stems, 1);
}

#[tokio::test(start_paused = true)]
async fn stem_cells_are_kept_for_other_limits_too_within_their_memory() {
    let bench = bench(|config, _| {
        config.stem_cells_most = 6;
        // Nobody counts what the fake uses, so that what it was promised counts.
        config.stem_memory = 1100;
        config.memory = 8192;
    });
    bench.worker.prewarm();
    for round in 0..5 {
        let large = action(&format!("guest/large{round}"), |action| action.limits.memory = 512);
        bench.worker.run(invocation(&large, 1, ""), false).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.worker.census().stems, 2);
    let large = action("guest/another", |action| action.limits.memory = 512);
    let activation = bench.worker.run(invocation(&large, 1, ""), false).await.unwrap();
    assert_eq!(activation.annotations.get("start").unwrap()["type"], "stem");
}

#[tokio::test(start_paused = true)]
async fn what_comes_back_on_time_is_started_ahead_and_rests_meanwhile() {
    let bench = bench(|config, waiting| {
        config.memory = 256;
        waiting.start = Duration::from_millis(500);
    });
    bench.worker.prewarm();
    let hourly = action("guest/hourly", |_| ());
    for _ in 0..6 {
        bench.worker.run(invocation(&hourly, 10, ""), false).await.unwrap();
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    let initialised = bench.tally.initialised.load(SeqCst);
    bench.worker.run(invocation(&hourly, 10, ""), false).await.unwrap();
    assert_eq!(
        bench.tally.initialised.load(SeqCst),
        initialised,
        "its instance was there"
    );
    tokio::time::sleep(Duration::from_secs(1800)).await;
    assert_eq!(
        bench.worker.census().idle,
        0,
        "nothing is kept while nothing is expected"
    );
    tokio::time::sleep(Duration::from_secs(1799)).await;
    assert_eq!(bench.worker.census().idle, 1, "it is there again just before");
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_cannot_be_started_ahead_is_not_tried_again_and_again() {
    let bench = bench(|config, waiting| {
        config.memory = 256;
        waiting.start = Duration::from_millis(500);
    });
    bench.worker.prewarm();
    let hourly = action("guest/hourly", |_| ());
    for _ in 0..6 {
        bench.worker.run(invocation(&hourly, 10, ""), false).await.unwrap();
        tokio::time::sleep(Duration::from_secs(3540)).await;
        bench.tally.failing.store(true, SeqCst);
        tokio::time::sleep(Duration::from_secs(60)).await;
        bench.tally.failing.store(false, SeqCst);
    }
    assert_eq!(bench.worker.census().memory, 0, "what failed has given its memory back");
    assert!(
        bench.tally.started.load(SeqCst) <= 20,
        "{}",
        bench.tally.started.load(SeqCst)
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_runs_where_the_one_before_ran_if_that_is_free() {
    let bench = bench(|_, _| ());
    let step = action("guest/step", |_| ());
    let first = join_all((0..3).map(|_| bench.worker.run(invocation(&step, 1000, ""), false))).await;
    let first: Vec<_> = first.into_iter().map(Result::unwrap).collect();
    let instances: Vec<&str> = first.iter().map(|ran| ran.response.result.get()).collect();
    assert_eq!(bench.tally.started.load(SeqCst), 3);
    for (ran, instance) in first.iter().zip(&instances) {
        let next = Invocation {
            after: Some(ran.activation_id),
            ..invocation(&step, 0, "")
        };
        let next = bench.worker.run(next, false).await.unwrap();
        assert_eq!(next.response.result.get(), *instance);
    }
    // One that is busy is not waited for.
    let busy = bench.worker.run(invocation(&step, 1000, ""), false);
    let last = async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let next = Invocation {
            after: Some(first[2].activation_id),
            ..invocation(&step, 0, "")
        };
        let before = tokio::time::Instant::now();
        bench.worker.run(next, false).await.unwrap();
        assert!(before.elapsed() < Duration::from_millis(100));
    };
    tokio::join!(async { busy.await.unwrap() }, last);
}
