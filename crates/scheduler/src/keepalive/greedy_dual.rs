//! `greedy_dual`: instances stay until memory is short; then the least worth goes (Fuerst and Sharma, "FaasCache",
//! ASPLOS 2021).

use std::{sync::Arc, time::Duration};

use wisp_core::ports::{Candidate, KeepAlive, Windows};

use super::Config;

struct GreedyDual;

/// `greedy_dual`
pub fn register(_config: &Config) -> Arc<dyn KeepAlive> {
    Arc::new(GreedyDual)
}

impl KeepAlive for GreedyDual {
    fn windows(&self, _view: &Candidate) -> Windows {
        Windows::one(Duration::ZERO..Duration::MAX)
    }

    fn worth(&self, view: &Candidate) -> f64 {
        priority(view)
    }
}

/// The paper's priority: `clock + frequency * cost / size`. The clock is the priority of what was given up last, so
/// that what has not been used for long ages.
pub(super) fn priority(view: &Candidate) -> f64 {
    view.floor + view.uses as f64 * view.start_cost.as_secs_f64() / view.memory.max(1.0)
}
