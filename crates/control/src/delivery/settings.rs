use serde::{Deserialize, Serialize};

/// How rules deliver that say nothing of it, and what no rule may exceed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Runs of a function for one event; 1 is no retry, as with OpenWhisk.
    pub attempts: u32,
    /// Pause before the first retry, in milliseconds; each one after it is twice as long.
    pub backoff: u64,
    /// Longest pause, in milliseconds.
    pub max_backoff: u64,
    /// Share of a pause that chance may take away, 0 to 1.
    pub jitter: f64,
    /// An event that is older is tried no more, in milliseconds.
    pub max_age: u64,
    /// Most attempts that a rule may ask for.
    pub most_attempts: u32,
    /// Greatest age that a rule may ask for, in milliseconds; no pause is longer either.
    pub most_age: u64,
    /// Events of one namespace that wait: for a retry, for room, or for the one before them.
    pub waiting: u64,
    /// Failures in a row after which a rule is shown as failing.
    pub failing_after: u64,
    /// How many functions in a row may lead to a call or a fire; 0 is any number.
    pub chain_depth: u32,
    /// How often a minute a function may run because of itself; 0 is any number.
    pub self_triggers_per_minute: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            attempts: 1,
            backoff: 1_000,
            max_backoff: 300_000,
            jitter: 0.2,
            max_age: 86_400_000,
            most_attempts: 100,
            most_age: 1_209_600_000,
            waiting: 100_000,
            failing_after: 10,
            chain_depth: 16,
            self_triggers_per_minute: 1_000,
        }
    }
}
