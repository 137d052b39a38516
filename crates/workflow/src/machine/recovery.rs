use serde_json::Value;

use super::{Selector, StateId};

/// An entry of `Retry`.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrier {
    /// Names of errors.
    pub errors: Vec<String>,
    /// Seconds before the first retry.
    pub interval_seconds: f64,
    /// How often at most; 0 means never.
    pub max_attempts: u32,
    /// What the delay is multiplied by from try to try; at least 1.
    pub backoff_rate: f64,
    /// The longest delay, in seconds.
    pub max_delay_seconds: Option<f64>,
    /// `JitterStrategy: FULL`: any delay from zero to the computed one.
    pub jitter: bool,
}

/// An entry of `Catch`.
#[derive(Clone, Debug, PartialEq)]
pub struct Catcher {
    /// Names of errors.
    pub errors: Vec<String>,
    /// The state that goes on.
    pub next: StateId,
    /// Where the error output is put into the state's input (JSONPath).
    pub result_path: Selector,
    /// What is put out instead of the error output (JSONata).
    pub output: Option<Value>,
    /// Variables to set.
    pub assign: Option<Value>,
}

impl Retrier {
    /// Milliseconds before retry number `tries + 1`; `chance` of 0.0..1.0 is the jitter's part.
    pub fn delay_ms(&self, tries: u32, chance: f64) -> i64 {
        let full = self.interval_seconds * self.backoff_rate.powi(i32::try_from(tries).unwrap_or(i32::MAX));
        let capped = self.max_delay_seconds.map_or(full, |most| full.min(most));
        let delay = if self.jitter { capped * chance } else { capped };
        (delay * 1000.0).min(1e15) as i64
    }
}

/// Whether a retrier or catcher with these names takes this error.
///
/// `States.ALL` takes every error but `States.Runtime` and `States.DataLimitExceeded`; `States.TaskFailed`, which is a
/// wildcard too, every one but `States.Timeout` and `States.Runtime`, whether a task, a branch or an expression failed.
pub(crate) fn takes(names: &[String], error: &str) -> bool {
    names.iter().any(|name| match name.as_str() {
        "States.ALL" => !matches!(error, "States.Runtime" | "States.DataLimitExceeded"),
        "States.TaskFailed" => !matches!(error, "States.Timeout" | "States.Runtime"),
        name => name == error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retrier(jitter: bool, most: Option<f64>) -> Retrier {
        Retrier {
            errors: vec!["States.ALL".to_owned()],
            interval_seconds: 3.0,
            max_attempts: 5,
            backoff_rate: 2.0,
            max_delay_seconds: most,
            jitter,
        }
    }

    #[test]
    fn delays_grow_up_to_the_longest() {
        let delays: Vec<i64> = (0..4)
            .map(|tries| retrier(false, Some(10.0)).delay_ms(tries, 0.0))
            .collect();
        assert_eq!(delays, [3000, 6000, 10_000, 10_000]);
        assert_eq!(retrier(true, None).delay_ms(1, 0.5), 3000);
        assert!(retrier(false, None).delay_ms(u32::MAX, 0.0) > 0);
    }

    #[test]
    fn names_take_errors() {
        let takes = |name: &str, error: &str| takes(&[name.to_owned()], error);
        assert!(takes("States.ALL", "Anything"));
        assert!(!takes("States.ALL", "States.Runtime"));
        assert!(!takes("States.ALL", "States.DataLimitExceeded"));
        assert!(takes("States.TaskFailed", "Anything"));
        assert!(!takes("States.TaskFailed", "States.Runtime"));
        assert!(!takes("States.TaskFailed", "States.Timeout"));
        assert!(takes("Mine", "Mine") && !takes("Mine", "Yours"));
    }
}
