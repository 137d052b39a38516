use std::time::Duration;

use serde_json::{Value, json};
use wisp_core::ports::Stages;

/// How an activation came by its instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It had served this action before.
    Warm,
    /// It had been started ahead, for nobody in particular.
    Stem,
    /// It was started for this action.
    Cold,
}

impl Origin {
    /// All of them.
    pub const ALL: [Origin; 3] = [Origin::Warm, Origin::Stem, Origin::Cold];

    /// The word in records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Origin::Warm => "warm",
            Origin::Stem => "stem",
            Origin::Cold => "cold",
        }
    }
}

/// What an activation waited for before its function ran, part by part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub origin: Origin,
    /// From asking for an instance to having one that runs the action's code.
    pub total: Duration,
    /// What of that was neither start nor initialisation.
    wait: Duration,
    stages: Stages,
    /// Loading of the code, without placing it.
    init: Duration,
}

impl Start {
    /// An instance was there after this wait, which includes its start if it was started for this.
    pub fn new(origin: Origin, waited: Duration) -> Self {
        Self {
            origin,
            total: waited,
            wait: waited,
            stages: Stages::default(),
            init: Duration::ZERO,
        }
    }

    /// It had to be initialised, which took this time.
    pub fn initialised(&mut self, took: Duration, stages: Stages) {
        self.total += took;
        if self.origin == Origin::Cold {
            self.wait = self.wait.saturating_sub(stages.sandbox + stages.runtime);
        }
        self.stages = stages;
        self.init = took.saturating_sub(stages.code);
    }

    /// The parts that this activation waited for, in order.
    pub fn phases(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        let Stages { sandbox, runtime, code } = self.stages;
        let (waits, starts) = (true, self.origin == Origin::Cold);
        let initialises = self.origin != Origin::Warm;
        [
            ("wait", self.wait, waits),
            ("sandbox", sandbox, starts),
            ("runtime", runtime, starts),
            ("code", code, initialises),
            ("init", self.init, initialises),
        ]
        .into_iter()
        .filter_map(|(name, took, counts)| counts.then_some((name, took)))
    }

    /// What the record says of a start, in milliseconds; nothing about an instance that was warm.
    pub fn annotation(&self, run: Option<Duration>) -> Option<Value> {
        if self.origin == Origin::Warm {
            return None;
        }
        let mut parts: serde_json::Map<String, Value> = self
            .phases()
            .chain(run.map(|run| ("run", run)))
            .map(|(name, took)| (name.to_owned(), millis(took)))
            .collect();
        if self.origin == Origin::Stem {
            let Stages { sandbox, runtime, .. } = self.stages;
            let ahead = json!({ "sandbox": millis(sandbox), "runtime": millis(runtime) });
            parts.insert("ahead".into(), ahead);
        }
        parts.insert("type".into(), self.origin.as_str().into());
        Some(Value::Object(parts))
    }
}

/// Milliseconds with three decimals.
fn millis(duration: Duration) -> Value {
    (duration.as_micros() as f64 / 1e3).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAGES: Stages = Stages {
        sandbox: Duration::from_micros(2_500),
        runtime: Duration::from_millis(20),
        code: Duration::from_millis(1),
    };

    fn started(origin: Origin, waited: u64) -> Start {
        let mut start = Start::new(origin, Duration::from_millis(waited));
        start.initialised(Duration::from_millis(5), STAGES);
        start
    }

    #[test]
    fn the_parts_add_up_to_what_the_activation_waited_for() {
        for (origin, waited) in [(Origin::Stem, 1), (Origin::Cold, 30)] {
            let start = started(origin, waited);
            let sum: Duration = start.phases().map(|(_, took)| took).sum();
            assert_eq!(sum, start.total, "{origin:?}");
        }
    }

    #[test]
    fn the_record_tells_what_was_waited_for_from_what_was_done_ahead() {
        let run = Some(Duration::from_micros(1_234));
        assert_eq!(
            started(Origin::Cold, 30).annotation(run),
            Some(json!({
                "type": "cold", "wait": 7.5, "sandbox": 2.5, "runtime": 20.0, "code": 1.0, "init": 4.0, "run": 1.234,
            }))
        );
        assert_eq!(
            started(Origin::Stem, 1).annotation(None),
            Some(json!({
                "type": "stem", "wait": 1.0, "code": 1.0, "init": 4.0, "ahead": { "sandbox": 2.5, "runtime": 20.0 },
            }))
        );
        assert_eq!(Start::new(Origin::Warm, Duration::ZERO).annotation(run), None);
    }

    #[test]
    fn an_instance_that_was_started_for_somebody_else_shortens_the_wait_to_nothing() {
        assert_eq!(started(Origin::Cold, 3).phases().next(), Some(("wait", Duration::ZERO)));
    }
}
