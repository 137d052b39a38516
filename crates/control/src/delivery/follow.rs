use std::sync::Arc;

use wisp_core::{
    Code, Error, Result,
    model::{Accepted, Activation, ActivationId, Attempt, Delivery, EntityName, Fqn, Millis, Status},
    ports::FollowUp,
};
use wisp_scheduler::retry::{self, Next, View};

use super::{Policy, apply::lane, letters::Reason, policy::DeadLetters};
use crate::{control::Control, event::id_of};

/// Milliseconds until what should follow an attempt is decided again, if it could not be.
const AGAIN: Millis = 1_000;

/// How an attempt failed.
#[derive(Clone)]
pub(super) struct Failure {
    /// Whether the function itself did, not the platform.
    own: bool,
    /// Whether there is a record of it.
    recorded: bool,
    /// Whether no retry can help.
    lasting: bool,
    status: Status,
    pub error: String,
    at: Millis,
}

impl Failure {
    /// As a record tells it.
    fn of(activation: &Activation) -> Self {
        let status = activation.response.status;
        let own = matches!(status, Status::ApplicationError | Status::DeveloperError) && !lacks_image(activation);
        Self {
            own,
            recorded: true,
            lasting: false,
            status,
            error: said(activation.response.result.get()),
            at: activation.end.unwrap_or(activation.start),
        }
    }

    /// Of a run that did not take place.
    fn without_record(error: &Error, at: Millis) -> Self {
        Self {
            own: false,
            recorded: false,
            lasting: !error.code().retry(),
            status: Status::WhiskError,
            error: error.message().to_owned(),
            at,
        }
    }

    /// Of an event whose action is no longer there.
    fn gone(error: &Error, at: Millis) -> Self {
        Self {
            recorded: true,
            lasting: true,
            ..Self::without_record(error, at)
        }
    }
}

impl Control {
    /// Sees to what follows an attempt, however it ended.
    pub(crate) async fn attempted(
        &self,
        id: ActivationId,
        namespace: &EntityName,
        delivery: &Delivery,
        ended: Result<Arc<Activation>>,
    ) {
        let failure = match ended {
            Ok(activation) if activation.response.success => {
                self.inner.health.recovered(&delivery.rule).await;
                return self.end_turn(delivery, namespace);
            }
            Ok(activation) => Failure::of(&activation),
            Err(error) => Failure::without_record(&error, self.inner.clock.now()),
        };
        let followed = match self.inner.activations.promise(id).await {
            Ok(Some(accepted)) => self.follow(accepted, failure).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = followed {
            tracing::error!(activation = %id, ?error, "what follows a failed delivery is decided again");
            self.inner.waiting.until(self.inner.clock.now() + AGAIN, id, namespace);
        }
    }

    /// Sees to what follows an attempt that has a record, and failed.
    pub(crate) async fn follow_record(&self, accepted: Accepted, activation: &Activation) -> Result<()> {
        self.follow(accepted, Failure::of(activation)).await
    }

    /// Gives up an event whose action is no longer there; its record says so.
    pub(crate) async fn follow_gone(&self, accepted: Accepted, error: &Error) -> Result<()> {
        let failure = Failure::gone(error, self.inner.clock.now());
        self.follow(accepted, failure).await
    }

    async fn follow(&self, accepted: Accepted, failure: Failure) -> Result<()> {
        let Some(delivery) = accepted.delivery.clone() else {
            return Ok(());
        };
        let policy = self.policy_of(&delivery).await?;
        let mut next = (*delivery).clone();
        if failure.recorded {
            next.remember(Attempt {
                activation_id: accepted.id,
                at: failure.at,
                status: failure.status.as_str().to_owned(),
                error: failure.error.clone(),
            });
        }
        next.faults = if failure.own {
            0
        } else {
            delivery.faults.saturating_add(1)
        };
        let decided = retry::next(View {
            policy: &policy.retry,
            own: failure.own,
            attempts: delivery.attempt,
            faults: next.faults,
            age: failure.at.saturating_sub(delivery.taken),
            chance: rand::random(),
        });
        let namespace = accepted.caller.namespace.clone();
        let reason = match decided {
            _ if failure.lasting => Reason::Gone,
            Next::Exhausted => Reason::Attempts,
            Next::Expired => Reason::Age,
            Next::Retry(_) if failure.own && self.is_crowded(&namespace) => Reason::Waiting,
            Next::Retry(pause) => return self.retry(accepted, next, failure, pause).await,
        };
        self.give_up(accepted, next, policy.dead_letters, reason, failure)
            .await?;
        self.end_turn(&delivery, &namespace);
        Ok(())
    }

    /// Gives up an event that its rule could not take, and that was never promised. Nobody would come back to it, so that
    /// it goes into the queue where it cannot go where it should.
    pub(super) async fn give_up_untaken(&self, accepted: Accepted, delivery: Delivery, error: &Error) -> Result<()> {
        let reason = match error.code() {
            Code::Throttled => Reason::Waiting,
            _ => Reason::Gone,
        };
        let failure = Failure::without_record(error, self.inner.clock.now());
        let to = self.policy_of(&delivery).await?.dead_letters;
        let sent = self
            .give_up(accepted.clone(), delivery.clone(), to, reason, failure.clone())
            .await;
        let Err(error) = sent else { return Ok(()) };
        tracing::warn!(rule = %delivery.rule, ?error, "a dead letter goes into the queue");
        self.give_up(accepted, delivery, DeadLetters::Queue, reason, failure)
            .await
    }

    /// Promises the next attempt in place of the one that failed.
    async fn retry(&self, accepted: Accepted, mut next: Delivery, failure: Failure, pause: Millis) -> Result<()> {
        let (now, last) = (self.inner.clock.now(), accepted.id);
        let namespace = accepted.caller.namespace.clone();
        let cause = if failure.own { "function" } else { "platform" };
        metrics::counter!("wisp_delivery_retries_total", "cause" => cause).increment(1);
        if !failure.recorded {
            // Nothing has run under this id, so that it is still good.
            self.inner.waiting.until(now + pause, last, &namespace);
            return Ok(());
        }
        let id = id_of(&[&last.to_string(), "next"]);
        let (lane, rule) = (lane(&next), next.rule.clone());
        next.attempt += u32::from(failure.own);
        next.not_before = now + pause;
        let promised = Accepted {
            id,
            sealed_key: self.reseal(&accepted, id)?,
            at: now,
            delivery: Some(Arc::new(next)),
            ..accepted
        };
        let failed = failure
            .own
            .then(|| self.inner.health.failed(&rule, now, &failure.error))
            .transpose()?;
        let follow = FollowUp {
            settled: Some(last),
            promised: Some(promised),
            writes: failed.into_iter().collect(),
        };
        self.inner.activations.follow(follow).await?;
        if let Some(lane) = lane {
            self.inner.waiting.succeed(&lane, id);
        }
        self.inner.waiting.until(now + pause, id, &namespace);
        Ok(())
    }

    /// The key of a promise, for the one that takes its place.
    pub(super) fn reseal(&self, accepted: &Accepted, id: ActivationId) -> Result<Option<String>> {
        match &accepted.sealed_key {
            Some(sealed) => self.inner.seal.reseal(sealed, accepted.id, id),
            None => Ok(None),
        }
    }

    /// Lets the next one of an order have its turn.
    pub(crate) fn end_turn(&self, delivery: &Delivery, namespace: &EntityName) {
        let waiting = &self.inner.waiting;
        if let Some(next) = lane(delivery).and_then(|lane| waiting.leave(&lane, namespace)) {
            waiting.until(self.inner.clock.now(), next, namespace);
        }
    }

    /// The policy of a rule as it is now; of one that is gone, the usual one.
    async fn policy_of(&self, delivery: &Delivery) -> Result<Policy> {
        let settings = &self.inner.delivery;
        let mut policy = match self.inner.catalog.rule(&delivery.rule).await {
            Ok(rule) => Policy::of(&rule.entity.annotations, delivery.rule.namespace_name(), settings)
                .unwrap_or_else(|_| Policy::usual(settings)),
            Err(error) if matches!(error.code(), Code::NotFound | Code::Conflict) => Policy::usual(settings),
            Err(error) => return Err(error),
        };
        if delivery.letter {
            policy.dead_letters = DeadLetters::Queue;
        }
        Ok(policy)
    }

    fn is_crowded(&self, namespace: &EntityName) -> bool {
        self.inner.waiting.count(namespace) >= self.inner.delivery.waiting
    }

    /// Notes a failure that ended a delivery.
    pub(super) fn note_failure(&self, rule: &Fqn, failure: &Failure) -> Result<Option<wisp_core::ports::Write>> {
        let note = failure
            .own
            .then(|| self.inner.health.failed(rule, failure.at, &failure.error));
        note.transpose()
    }
}

/// What a failed result says: its `error` if that is a text, else all of it.
fn said(result: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(result).unwrap_or_default();
    let text = match value.get("error") {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(error) => error.to_string(),
        None => result.to_owned(),
    };
    text.chars().take(Attempt::ERROR_LENGTH).collect()
}

/// Whether a record is of a run that did not take place because its container image could not be had.
fn lacks_image(activation: &Activation) -> bool {
    let says = |key: &str| activation.annotations.get(key);
    says("kind").is_some_and(|kind| kind == "blackbox")
        && says("initTime").is_none()
        && says("start").is_none()
        && activation.duration == Some(0)
}
