use serde::{Deserialize, Serialize};

use crate::orchestration::{
    Action, Ask,
    event::{Call, Micros},
};

/// The tag that says which attempt a call is, and what follows if it fails.
const TAG: &str = "wisp.attempt";
const MICROS: f64 = 1000.0;

/// How often and when to try again, as the packages write it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Policy {
    /// Milliseconds before the second attempt.
    first_retry_interval_in_milliseconds: f64,
    /// Attempts in all.
    max_number_of_attempts: u32,
    /// By what each pause is longer than the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    backoff_coefficient: Option<f64>,
    /// Milliseconds of the longest pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_retry_interval_in_milliseconds: Option<f64>,
}

#[derive(Serialize, Deserialize)]
struct Tag {
    number: u32,
    policy: Policy,
}

/// A call that is tried again when it fails.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Attempt {
    /// Which it is, from 1.
    number: u32,
    policy: Policy,
    /// What is called.
    ask: Ask,
}

impl Attempt {
    /// The first one.
    pub fn first(policy: Policy, ask: Ask) -> Ask {
        let attempt = Self { number: 1, policy, ask };
        attempt.tagged()
    }

    /// The one that a call in a history is; none if it is not tried again.
    pub fn of(ask: Ask) -> Option<Self> {
        let Tag { number, policy } = serde_json::from_str(call(&ask)?.tags.get(TAG)?).ok()?;
        Some(Self { number, policy, ask })
    }

    /// When the packages expect to be told that the pause after it is over. They count one after the last attempt too, which
    /// nobody has to wait for.
    pub fn pause_until(&self, now: Micros) -> Micros {
        if self.is_last() {
            return now;
        }
        let Policy {
            first_retry_interval_in_milliseconds: first,
            backoff_coefficient: growth,
            max_retry_interval_in_milliseconds: most,
            ..
        } = self.policy;
        let exponent = i32::try_from(self.number - 1).unwrap_or(i32::MAX);
        let pause = first * growth.unwrap_or(1.0).powi(exponent);
        now.saturating_add((pause.min(most.unwrap_or(f64::MAX)) * MICROS) as Micros)
    }

    /// The one after it; none if it is the last.
    pub fn next(mut self) -> Option<Ask> {
        self.number += 1;
        (self.number <= self.policy.max_number_of_attempts).then(|| self.tagged())
    }

    fn is_last(&self) -> bool {
        self.number >= self.policy.max_number_of_attempts
    }

    fn tagged(self) -> Ask {
        let Self {
            number,
            policy,
            mut ask,
        } = self;
        if let Some((call, tag)) = call_mut(&mut ask).zip(serde_json::to_string(&Tag { number, policy }).ok()) {
            call.tags.insert(TAG.to_owned(), tag);
        }
        ask
    }
}

fn call(ask: &Ask) -> Option<&Call> {
    match ask {
        Ask::Task(call) | Ask::Child { call, .. } => Some(call),
        _ => None,
    }
}

fn call_mut(ask: &mut Ask) -> Option<&mut Call> {
    match ask {
        Ask::Task(call) | Ask::Child { call, .. } => Some(call),
        _ => None,
    }
}

/// Numbers what is asked for.
pub(super) fn numbered(from: i32, asks: impl IntoIterator<Item = Ask>) -> Vec<Action> {
    (from..).zip(asks).map(|(id, kind)| Action { id, kind }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(policy: &str) -> Attempt {
        let call = Call {
            name: "flaky".to_owned(),
            ..Call::default()
        };
        let first = Attempt::first(serde_json::from_str(policy).unwrap(), Ask::Task(call));
        Attempt::of(first).unwrap()
    }

    fn pauses(policy: &str) -> Vec<Micros> {
        let mut next = Some(attempt(policy));
        std::iter::from_fn(|| {
            let attempt = next.take()?;
            let pause = attempt.pause_until(0) / 1000;
            next = attempt.next().and_then(Attempt::of);
            Some(pause)
        })
        .collect()
    }

    #[test]
    fn pauses_grow_up_to_the_longest_and_the_last_is_none() {
        let fixed = r#"{"firstRetryIntervalInMilliseconds": 5000, "maxNumberOfAttempts": 3}"#;
        assert_eq!(pauses(fixed), [5000, 5000, 0]);
        let growing = r#"{"firstRetryIntervalInMilliseconds": 100, "maxNumberOfAttempts": 5, "backoffCoefficient": 3,
            "maxRetryIntervalInMilliseconds": 1000}"#;
        assert_eq!(pauses(growing), [100, 300, 900, 1000, 0]);
        let once = r#"{"firstRetryIntervalInMilliseconds": 100, "maxNumberOfAttempts": 1}"#;
        assert_eq!(pauses(once), [0]);
    }

    #[test]
    fn a_pause_of_any_length_is_some_moment() {
        let absurd =
            r#"{"firstRetryIntervalInMilliseconds": 1e300, "maxNumberOfAttempts": 9, "backoffCoefficient": 1e300}"#;
        assert_eq!(pauses(absurd).len(), 9);
    }
}
