//! `adaptive`: an instance is there while that costs less memory than the start it may save is worth.
//!
//! For each stretch of time after an instance became idle the policy estimates how probable the next arrival is in it,
//! given that none came before. Keeping an instance over the stretch costs `memory * length`; it saves
//! `probability * start cost * price`. Where the second is more, the instance is kept, or started ahead; so a start
//! that takes next to nothing is not worth any memory, and a small instance is kept longer than a large one.
//!
//! The probability comes from two sources: the [`gaps`] between arrivals, and the [`echo`] of earlier ones, which finds
//! schedules that overlap.

mod echo;
mod gaps;

use std::{ops::Range, sync::Arc, time::Duration};

use wisp_core::ports::{Candidate, KeepAlive, Windows};

use super::{Config, greedy_dual};

/// An instance that is started ahead is there so much earlier, and the time that its start takes.
const LEAD: Duration = Duration::from_secs(2);
/// Shortest time for which an instance is ended, only to be started again.
const HOLE: Duration = Duration::from_secs(20);

struct Adaptive {
    price: f64,
}

/// `adaptive`
pub fn register(config: &Config) -> Arc<dyn KeepAlive> {
    Arc::new(Adaptive { price: config.price })
}

impl KeepAlive for Adaptive {
    fn windows(&self, view: &Candidate) -> Windows {
        let Some(latest) = view.arrivals.latest() else {
            return Windows::none();
        };
        // How probable an arrival must be in each second for the instance to be kept.
        let least = view.memory / (view.start_cost.as_secs_f64() * self.price);
        let mut expected = gaps::expected(view, least);
        expected.extend(echo::expected(view.arrivals, least));
        expected.sort_by_key(|range| range.start);
        join(
            &expected,
            LEAD + view.start_cost,
            view.idle_since.saturating_sub(latest),
        )
    }

    fn worth(&self, view: &Candidate) -> f64 {
        greedy_dual::priority(view)
    }
}

/// Turns times since the latest arrival, sorted, into windows since the instance became idle, without short holes.
fn join(expected: &[Range<Duration>], lead: Duration, busy: Duration) -> Windows {
    let mut windows = Windows::none();
    let mut end = Duration::ZERO;
    for range in expected {
        let start = range.start.saturating_sub(lead + busy);
        let start = if start < end + HOLE { end } else { start };
        end = end.max(range.end.saturating_sub(busy));
        windows.push(start..end);
    }
    windows
}
