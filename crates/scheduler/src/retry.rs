//! When a failed delivery is tried again, and when it is given up.

use wisp_core::model::{Millis, RetryPolicy};

/// Longest pause after faults of the platform, in milliseconds; the first is a second.
const LONGEST_FAULT_PAUSE: u64 = 60_000;

/// What is known of a delivery that has just failed.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The rule's policy.
    pub policy: &'a RetryPolicy,
    /// Whether the function itself failed, not the platform.
    pub own: bool,
    /// Attempts so far that failed by the function's own doing, with this one if it did.
    pub attempts: u32,
    /// Faults of the platform in a row, with this one if it was one.
    pub faults: u32,
    /// Age of the event, in milliseconds.
    pub age: Millis,
    /// Chance, from 0 to 1.
    pub chance: f64,
}

/// What becomes of the delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is tried again after this many milliseconds.
    Retry(u64),
    /// It is given up: the function has failed as often as it may.
    Exhausted,
    /// It is given up: the event would be too old.
    Expired,
}

/// Decides. Faults of the platform never use an attempt up: they only cost time.
pub fn next(view: View<'_>) -> Next {
    let policy = view.policy;
    if view.own && view.attempts >= policy.attempts {
        return Next::Exhausted;
    }
    let pause = match view.own {
        true => doubled(policy.backoff, view.attempts, policy.max_backoff),
        false => doubled(1_000, view.faults, LONGEST_FAULT_PAUSE),
    };
    let less = pause as f64 * policy.jitter.clamp(0.0, 1.0) * view.chance.clamp(0.0, 1.0);
    let pause = pause.saturating_sub(less as u64);
    match view.age.saturating_add(pause) > policy.max_age {
        true => Next::Expired,
        false => Next::Retry(pause),
    }
}

/// The pause before retry number `nth`, from 1.
fn doubled(first: u64, nth: u32, longest: u64) -> u64 {
    let times = 1_u64.checked_shl(nth.saturating_sub(1)).unwrap_or(u64::MAX);
    first.saturating_mul(times).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        attempts: 5,
        backoff: 1_000,
        max_backoff: 6_000,
        jitter: 0.5,
        max_age: 60_000,
    };

    fn view(attempts: u32, age: Millis, chance: f64) -> View<'static> {
        View {
            policy: &POLICY,
            own: true,
            attempts,
            faults: 0,
            age,
            chance,
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_chance_shortens_them() {
        for (attempts, chance, expected) in [
            (1, 0.0, 1_000),
            (2, 0.0, 2_000),
            (3, 0.0, 4_000),
            (4, 0.0, 6_000),
            (4, 1.0, 3_000),
            (1, 0.5, 750),
        ] {
            assert_eq!(
                next(view(attempts, 0, chance)),
                Next::Retry(expected),
                "{attempts} {chance}"
            );
        }
    }

    #[test]
    fn attempts_and_age_end_it() {
        assert_eq!(next(view(5, 0, 0.0)), Next::Exhausted);
        assert_eq!(next(view(1, 59_000, 0.0)), Next::Retry(1_000));
        assert_eq!(next(view(1, 59_001, 0.0)), Next::Expired);
    }

    #[test]
    fn faults_of_the_platform_use_no_attempt_up() {
        let fault = |faults, age| View {
            own: false,
            faults,
            ..view(5, age, 0.0)
        };
        assert_eq!(next(fault(1, 0)), Next::Retry(1_000));
        assert_eq!(next(fault(80, 0)), Next::Retry(LONGEST_FAULT_PAUSE));
        assert_eq!(next(fault(1, 60_000)), Next::Expired);
    }
}
