//! The keep-alive policies, replayed over small traces whose answers can be told by hand.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use wisp_core::model::Gaps;
use wisp_scheduler::{
    keepalive::{Config, Cost, Demand, POLICIES, policy},
    simulation::{Function, Report, Setup, Trace, replay},
};

const SETUP: Setup = Setup {
    start: Duration::from_secs(1),
    memory: None,
    runs: false,
    timers: false,
};

fn function(name: &str, memory: f64, minutes: impl Fn(usize) -> u32) -> Function {
    Function {
        name: name.to_owned(),
        timer: false,
        minutes: (0..480).map(minutes).collect(),
        run: Duration::from_secs(2),
        memory,
    }
}

fn every(minutes: usize) -> Trace {
    Trace {
        functions: vec![function("timer", 100.0, |minute| {
            u32::from(minute.is_multiple_of(minutes))
        })],
    }
}

fn run(name: &str, trace: &Trace, setup: Setup) -> Report {
    let config = Config {
        policy: name.to_owned(),
        ..Config::default()
    };
    replay(trace, &*policy(&config).unwrap(), setup)
}

#[test]
fn a_fixed_time_is_kept_to_the_second() {
    let report = run("fixed", &every(10), SETUP);
    assert_eq!(
        (report.invocations, report.cold),
        (48, 1),
        "an arrival at the very end finds it"
    );
    assert_eq!(report.wasted, 28_800.0 * 100.0);
    let report = run("fixed", &every(11), SETUP);
    assert_eq!((report.invocations, report.cold), (44, 44));
    assert_eq!(
        report.wasted,
        44.0 * 600.0 * 100.0 - 100.0 * (473.0 + 10.0 - 480.0) * 60.0
    );
}

#[test]
fn overlapping_runs_need_an_instance_each() {
    let trace = Trace {
        functions: vec![function("burst", 100.0, |minute| if minute == 5 { 60 } else { 0 })],
    };
    let setup = Setup { runs: true, ..SETUP };
    assert_eq!(run("fixed", &trace, setup).cold, 2, "a run of 2 s every second");
    assert_eq!(run("fixed", &trace, SETUP).cold, 1);
}

#[test]
fn a_crowd_is_kept_for_a_minute() {
    let mut demand = Demand::new(false);
    let fixed = policy(&Config::default()).unwrap();
    let cost = Cost {
        start: Duration::from_secs(1),
        memory: 100.0,
    };
    let at = Duration::from_secs;
    demand.set_busy(100, at(1000), 0.0);
    demand.set_busy(90, at(1001), 0.0);
    let idle = |demand: &mut Demand, now| demand.wanted(&*fixed, &Gaps::default(), cost, at(now)).idle;
    assert_eq!(idle(&mut demand, 1030), 10);
    assert_eq!(
        idle(&mut demand, 1061),
        0,
        "ninety are busy, and there were no more for a minute"
    );
}

#[test]
fn a_pattern_is_learnt_and_the_instance_is_started_just_before() {
    let (trace, fixed) = (every(15), run("fixed", &every(15), SETUP));
    assert_eq!(fixed.cold, 32);
    for name in ["histogram", "adaptive"] {
        let report = run(name, &trace, SETUP);
        assert!(report.cold <= 4, "{name}: {report:?}");
        assert!(report.prewarmed >= 20, "{name}: {report:?}");
    }
    let adaptive = run("adaptive", &trace, SETUP);
    assert!(adaptive.wasted < 0.3 * fixed.wasted, "{adaptive:?}");
}

#[test]
fn two_schedules_at_once_are_told_apart() {
    let both = |minute: usize| u32::from(minute.is_multiple_of(60) || minute % 47 == 3);
    let trace = Trace {
        functions: vec![function("both", 100.0, both)],
    };
    let (adaptive, fixed) = (run("adaptive", &trace, SETUP), run("fixed", &trace, SETUP));
    assert!(
        adaptive.cold < fixed.cold * 2 / 3,
        "{} of {}",
        adaptive.cold,
        fixed.cold
    );
}

#[test]
fn a_start_that_costs_nothing_is_not_worth_any_memory() {
    let cheap = Setup {
        start: Duration::from_millis(1),
        ..SETUP
    };
    let (cheap, dear) = (run("adaptive", &every(1), cheap), run("adaptive", &every(1), SETUP));
    assert!(cheap.wasted < dear.wasted / 5.0, "{cheap:?} {dear:?}");
    assert!(dear.cold <= 2);
}

#[test]
fn greedy_dual_gives_up_what_is_large_and_seldom_used() {
    let trace = Trace {
        functions: vec![
            function("often", 100.0, |_| 1),
            function("large", 900.0, |minute| u32::from(minute.is_multiple_of(7))),
            function("small", 50.0, |minute| u32::from(minute.is_multiple_of(5))),
        ],
    };
    let setup = Setup {
        memory: Some(1000.0),
        ..SETUP
    };
    let report = run("greedy_dual", &trace, setup);
    assert!(report.evicted > 0);
    // Only the large one is ever given up: the small ones go once, to make its first room, at most.
    assert!(
        report.cold >= 69 && report.cold <= 69 + 4 + report.evicted,
        "{report:?}"
    );
    assert_eq!(run("greedy_dual", &trace, SETUP).cold, 3);
}

#[test]
fn the_same_trace_gives_the_same_report() {
    for (name, _) in POLICIES {
        assert_eq!(run(name, &every(7), SETUP), run(name, &every(7), SETUP));
    }
    assert!(
        policy(&Config {
            policy: "nonsense".into(),
            ..Config::default()
        })
        .is_err()
    );
}
