//! The way of an event through a rule to its action: what led to it, how often it was tried, what is left of one that
//! could not be delivered.

use serde::{Deserialize, Serialize};

use super::{ActivationId, Fqn, Millis};

/// Runs and fires before which a chain's links are no longer kept; its depth still counts them.
const LINKS: usize = 64;
/// Ended attempts that a delivery remembers: the last ones.
const ATTEMPTS: usize = 32;

/// What led to a call: functions that called or fired, one after another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// How many times in a row a function was the one who asked.
    pub depth: u32,
    /// Fires and runs, the first first.
    pub links: Vec<Link>,
    /// The session of buckets that all of it belongs to, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// A fire or a run in a [`Chain`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its record.
    pub activation: ActivationId,
    /// The trigger or the action.
    pub name: Fqn,
}

impl Chain {
    /// Whether nothing led here: somebody outside asked.
    pub fn is_empty(&self) -> bool {
        self.depth == 0 && self.links.is_empty() && self.session.is_none()
    }

    /// This chain with one link more.
    pub fn with(&self, activation: ActivationId, name: &Fqn) -> Self {
        let skipped = (self.links.len() + 1).saturating_sub(LINKS);
        let mut links: Vec<Link> = self.links.iter().skip(skipped).cloned().collect();
        let name = name.clone();
        links.push(Link { activation, name });
        Self {
            depth: self.depth,
            links,
            session: self.session.clone(),
        }
    }

    /// The chain of what a run of a function asks for.
    pub fn by(&self, activation: ActivationId, function: &Fqn) -> Self {
        let chain = self.with(activation, function);
        Self {
            depth: chain.depth.saturating_add(1),
            ..chain
        }
    }

    /// Whether this action or trigger is in it.
    pub fn has(&self, name: &Fqn) -> bool {
        self.links.iter().any(|link| link.name == *name)
    }
}

/// The delivery of an event by a rule: what a promised invocation knows of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The rule.
    pub rule: Fqn,
    /// Its trigger.
    pub trigger: Fqn,
    /// Number of this attempt, from 1; only what failed by the function's own doing was one.
    pub attempt: u32,
    /// How often in a row the platform was at fault.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub faults: u32,
    /// When the event was taken.
    pub taken: Millis,
    /// Not to be run earlier.
    #[serde(default)]
    pub not_before: Millis,
    /// Its place among the events that are delivered one after another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// How the last attempts ended, the first first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// Whether what is delivered is itself a dead letter: one that fails stays in the queue.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub letter: bool,
}

/// Events of one rule with the same key run one after another, the lowest place first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The key: the text of a JSON value.
    pub key: String,
    /// Grows from event to event.
    pub place: u64,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Its record.
    pub activation_id: ActivationId,
    /// When it ended.
    pub at: Millis,
    /// The status of its record.
    pub status: String,
    /// What the function said, or was said of it.
    pub error: String,
}

impl Attempt {
    /// Characters kept of what its function said.
    pub const ERROR_LENGTH: usize = 1024;
}

impl Delivery {
    /// Remembers how an attempt ended.
    pub fn remember(&mut self, mut attempt: Attempt) {
        if let Some((end, _)) = attempt.error.char_indices().nth(Attempt::ERROR_LENGTH) {
            attempt.error.truncate(end);
        }
        self.attempts.push(attempt);
        let skipped = self.attempts.len().saturating_sub(ATTEMPTS);
        self.attempts.drain(..skipped);
    }
}

/// What happens when the function of a rule fails.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetryPolicy {
    /// Runs of the function at most; 1 is no retry.
    pub attempts: u32,
    /// Pause before the first retry, in milliseconds; each one after it is twice as long.
    pub backoff: u64,
    /// Longest pause, in milliseconds.
    pub max_backoff: u64,
    /// Share of a pause that chance may take away, 0 to 1.
    pub jitter: f64,
    /// An event that is older is tried no more, in milliseconds.
    pub max_age: u64,
}

/// An event that could not be delivered, without what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Its id: that of the last attempt's record.
    pub id: ActivationId,
    /// The rule that should have delivered it.
    pub rule: Fqn,
    /// The trigger that it came by.
    pub trigger: Fqn,
    /// The action that failed.
    pub action: Fqn,
    /// Why it was given up.
    pub reason: String,
    /// What the function said last, or was said of it.
    pub error: String,
    /// When it was taken.
    pub taken: Millis,
    /// When it was given up.
    pub at: Millis,
    /// How often the function ran and failed.
    pub attempt: u32,
    /// How the last attempts ended, the first first.
    pub attempts: Vec<Attempt>,
    /// What led to it.
    pub chain: Chain,
    /// The key that it was in order by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Size of what it says, in bytes.
    pub size: u64,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Fqn {
        text.parse().unwrap()
    }

    #[test]
    fn a_chain_counts_functions_and_forgets_only_its_oldest_links() {
        let fired = Chain::default().with(ActivationId::from_bits(1), &name("ns/t"));
        assert_eq!(fired.depth, 0, "a fire from outside");
        let mut chain = fired.by(ActivationId::from_bits(2), &name("ns/f"));
        assert_eq!(chain.depth, 1);
        assert!(chain.has(&name("ns/t")) && chain.has(&name("ns/f")) && !chain.has(&name("ns/g")));
        for id in 0..100 {
            chain = chain.by(ActivationId::from_bits(id), &name("ns/g"));
        }
        assert_eq!((chain.depth, chain.links.len()), (101, LINKS));
        assert_eq!(
            chain.links.last().map(|link| link.activation),
            Some(ActivationId::from_bits(99))
        );
    }

    #[test]
    fn what_is_remembered_of_attempts_is_bounded() {
        let mut delivery: Delivery =
            serde_json::from_str(r#"{"rule":"ns/r","trigger":"ns/t","attempt":1,"taken":1}"#).unwrap();
        for at in 0..100 {
            delivery.remember(Attempt {
                activation_id: ActivationId::from_bits(1),
                at,
                status: "application error".into(),
                error: "é".repeat(5_000),
            });
        }
        assert_eq!(delivery.attempts.len(), ATTEMPTS);
        assert_eq!(delivery.attempts[0].at, 100 - ATTEMPTS as u64);
        assert_eq!(delivery.attempts[0].error.chars().count(), Attempt::ERROR_LENGTH);
    }
}
