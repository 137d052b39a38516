use std::sync::Arc;

use wisp_core::{
    Code, Result,
    model::{
        Accepted, Activation, ActivationId, Annotations, ApiKey, Delivery, Identity, NamespaceLimits, Response, Right,
        Status, Version,
    },
};

use crate::{admit::Permit, control::Control, invoke::Call};

impl Control {
    /// Takes up every promise that the previous run of this server left open; returns how many there are.
    ///
    /// A promise whose record exists (the server ended between the two) is settled, or what follows is decided; one
    /// whose action is gone ends with a platform error; what has to wait waits; all others run, under the ids that their
    /// callers have.
    pub async fn recover(&self) -> Result<usize> {
        self.inner.health.load().await?;
        let mut open = Vec::new();
        for id in self.inner.activations.unfinished().await? {
            // What they say is read again when they run: there may be more of it than memory.
            if let Some(accepted) = self.inner.activations.promise(id).await? {
                open.push((id, accepted.caller.namespace, accepted.delivery));
            }
        }
        // Those that are in an order take their turns in it.
        open.sort_by_key(|(.., delivery)| place(delivery.as_deref()));
        let count = open.len();
        for (id, namespace, delivery) in open {
            let delivery = delivery.as_deref();
            if !self.has_its_turn(id, &namespace, delivery) {
                continue;
            }
            match delivery.map_or(0, |delivery| delivery.not_before) {
                0 => {
                    let permit = self.inner.admission.promised(&namespace);
                    let control = self.clone();
                    self.inner.tasks.spawn(Box::pin(async move {
                        if let Some(accepted) = control.promised(id).await {
                            control.resume(accepted, permit).await;
                        }
                    }));
                }
                // It was not admitted before, and may still be too many.
                until => self.inner.waiting.until(until, id, &namespace),
            }
        }
        Ok(count)
    }

    /// A promise that is still open.
    async fn promised(&self, id: ActivationId) -> Option<Accepted> {
        self.inner.activations.promise(id).await.unwrap_or_else(|error| {
            tracing::error!(activation = %id, ?error, "a promise cannot be read; it stays in the ledger");
            None
        })
    }

    /// Runs what has waited long enough; if its namespace may run no more for now, it waits on.
    pub(crate) async fn take_up(&self, id: ActivationId) {
        let Some(accepted) = self.promised(id).await else {
            return;
        };
        let caller = self.caller_of(&accepted).await;
        let now = self.inner.clock.now();
        match self.inner.admission.invocation(&caller, now) {
            Ok(permit) => self.resume(accepted, permit).await,
            Err(error) => {
                metrics::counter!("wisp_deliveries_postponed_total").increment(1);
                let until = now + crate::delivery::pause(&error);
                self.inner.waiting.until(until, id, &caller.namespace);
            }
        }
    }

    async fn resume(&self, accepted: Accepted, permit: Permit) {
        let (id, namespace) = (accepted.id, accepted.caller.namespace.clone());
        let delivery = accepted.delivery.clone();
        let Err(error) = self.try_resume(accepted, permit).await else {
            return;
        };
        match delivery {
            Some(delivery) => self.attempted(id, &namespace, &delivery, Err(error)).await,
            None => tracing::error!(activation = %id, ?error, "an accepted invocation cannot be resumed now"),
        }
    }

    async fn try_resume(&self, accepted: Accepted, _permit: Permit) -> Result<()> {
        let (namespace, id) = (&accepted.caller.namespace, accepted.id);
        if let Some(record) = self.inner.activations.get(namespace, id).await?
            && let Ok(activation) = serde_json::from_slice::<Activation>(&record)
        {
            if !accepted.is_settled_by(&activation.response) {
                return self.follow_record(accepted, &activation).await;
            }
            self.inner.activations.finish(Arc::new(activation)).await?;
            if let Some(delivery) = &accepted.delivery {
                self.end_turn(delivery, namespace);
            }
            return Ok(());
        }
        if let Some(ended) = self.resume_durable(namespace, id).await {
            self.conclude(id, namespace, accepted.delivery.as_deref(), ended).await;
            return Ok(());
        }
        let caller = self.caller_of(&accepted).await;
        match self.resolve(&caller, &accepted.action, Right::Activate).await {
            Ok(resolved) => {
                let Accepted {
                    id,
                    payload,
                    transaction,
                    at,
                    delivery,
                    ..
                } = accepted;
                let call = Call {
                    id,
                    resolved,
                    payload,
                    caller,
                    cause: None,
                    entry: None,
                    after: None,
                    transaction,
                    at,
                    accepted: true,
                    pieces: None,
                    delivery,
                    log: None,
                };
                self.run_promised(call).await;
                Ok(())
            }
            Err(error)
                if matches!(
                    error.code(),
                    Code::NotFound | Code::Forbidden | Code::Conflict | Code::Isolation
                ) =>
            {
                let activation = Arc::new(gone(&accepted, self.inner.clock.now()));
                self.inner.activations.finish(activation).await?;
                self.follow_gone(accepted, &error).await
            }
            Err(error) => Err(error),
        }
    }

    /// The caller as it was when the promise was made: its rights were checked then. Its limits are those of now.
    pub(crate) async fn caller_of(&self, accepted: &Accepted) -> Identity {
        let sealed = accepted.sealed_key.as_deref();
        let api_key = sealed.and_then(|sealed| self.inner.seal.open_key(sealed, accepted.id));
        let owner = self.inner.subjects.owner_of_namespace(&accepted.caller.namespace).await;
        let limits = owner.ok().flatten().map(|owner| owner.1.limits.clone());
        Identity {
            subject: accepted.caller.subject.clone(),
            namespace: accepted.caller.namespace.clone(),
            api_key: api_key.unwrap_or_else(|| ApiKey {
                uuid: String::new(),
                secret: String::new(),
            }),
            rights: vec![Right::Activate],
            limits: limits.unwrap_or_else(NamespaceLimits::default),
            chain: accepted.chain.clone(),
        }
    }
}

/// Where a delivery is in the order of its rule.
fn place(delivery: Option<&Delivery>) -> u64 {
    let order = delivery.and_then(|delivery| delivery.order.as_ref());
    order.map_or(0, |order| order.place)
}

/// The record of an invocation whose action is no longer there.
fn gone(accepted: &Accepted, now: u64) -> Activation {
    let mut annotations = Annotations::new();
    annotations.set("path", accepted.action.to_string());
    annotations.set("waitTime", now.saturating_sub(accepted.at));
    Activation {
        namespace: accepted.caller.namespace.clone(),
        name: accepted.action.entity().clone(),
        version: Version::default(),
        subject: accepted.caller.subject.clone(),
        activation_id: accepted.id,
        cause: None,
        start: now,
        end: Some(now),
        duration: Some(0),
        response: Response::failure(
            Status::WhiskError,
            "Action could not be found or may have been deleted.",
        ),
        logs: Vec::new(),
        annotations,
        publish: false,
    }
}
