use std::{sync::Arc, time::Duration};

use wisp_core::{
    Code, Error, Result,
    model::{Accepted, ActivationId, Caller, Delivery, Fqn, Identity, Json, Millis, Order, Right, RuleLink},
};

use super::policy;
use crate::{control::Control, invoke::Call, unstoppable::Unstoppable};

/// An event and the rule that it goes through.
pub(crate) struct Applying<'a> {
    pub trigger: &'a Fqn,
    pub rule: &'a Fqn,
    pub link: &'a RuleLink,
    pub payload: Json,
    pub transaction: &'a str,
    /// When the event was taken.
    pub at: Millis,
    /// Whether it waits here when its namespace may run no more for now; else it is refused, and comes again.
    pub waits: bool,
}

impl Applying<'_> {
    /// Its first attempt.
    fn delivery(&self) -> Delivery {
        Delivery {
            rule: self.rule.clone(),
            trigger: self.trigger.clone(),
            attempt: 1,
            faults: 0,
            taken: self.at,
            not_before: 0,
            order: None,
            attempts: Vec::new(),
            letter: false,
        }
    }
}

impl Control {
    /// Promises the invocation that a rule asks for, under this id; or settles why there is none, which is the inner error:
    /// what would go on with a loop does not, and an event that its rule cannot take is a dead letter. The outer error means
    /// that nothing is settled, and the event has to come again.
    pub(crate) async fn apply(
        &self,
        id: ActivationId,
        caller: &Identity,
        what: Applying<'_>,
    ) -> Result<Result<ActivationId>> {
        match self.try_apply(id, caller, &what).await {
            Ok(id) => Ok(Ok(id)),
            Err(error) if error.code() == Code::Loop => Ok(Err(error)),
            Err(error) if !error.code().retry() || what.waits && error.code() == Code::Throttled => {
                self.bury(id, caller, what, &error).await?;
                Ok(Err(error))
            }
            Err(error) => Err(error),
        }
    }

    async fn try_apply(&self, id: ActivationId, caller: &Identity, what: &Applying<'_>) -> Result<ActivationId> {
        let action = &what.link.action;
        let resolved = self.resolve(caller, action, Right::Activate).await?;
        self.inner.kinds.check_runnable(&resolved.action.exec)?;
        self.guard(caller, &resolved.action)?;
        let order = self.order(what);
        let permit = match self.inner.admission.invocation(caller, what.at) {
            Ok(permit) => Ok(permit),
            Err(error) if what.waits && error.code() == Code::Throttled => Err(what.at + pause(&error)),
            Err(error) => return Err(error),
        };
        if permit.is_err() || order.is_some() {
            self.check_waiting(caller)?;
        }
        let delivery = Delivery {
            not_before: permit.as_ref().err().copied().unwrap_or(0),
            order,
            ..what.delivery()
        };
        let call = Call {
            id,
            resolved,
            payload: what.payload.clone(),
            caller: caller.clone(),
            cause: None,
            entry: None,
            after: None,
            transaction: what.transaction.to_owned(),
            at: what.at,
            accepted: true,
            pieces: None,
            delivery: Some(Arc::new(delivery)),
            log: None,
        };
        match permit {
            Ok(permit) => self.accept(call, action, permit).await,
            Err(until) => self.postpone(call, action, until).await,
        }
    }

    /// Gives up an event that its rule could not take.
    async fn bury(&self, id: ActivationId, caller: &Identity, what: Applying<'_>, error: &Error) -> Result<()> {
        let delivery = Delivery {
            order: self.order(&what),
            ..what.delivery()
        };
        let accepted = Accepted {
            id,
            action: what.link.action.clone(),
            payload: what.payload,
            caller: Caller {
                namespace: caller.namespace.clone(),
                subject: caller.subject.clone(),
            },
            sealed_key: Some(self.inner.seal.close_key(&self.lasting_key(caller), id)?),
            transaction: what.transaction.to_owned(),
            at: what.at,
            chain: caller.chain.clone(),
            delivery: None,
        };
        // The letter may fire a trigger, whose rules come back here.
        Box::pin(self.give_up_untaken(accepted, delivery, error)).await
    }

    /// Where an event is in the order of its rule, if that has one and the event a key.
    fn order(&self, what: &Applying<'_>) -> Option<Order> {
        let key = policy::key(&what.payload, what.link.order_by.as_deref()?)?;
        let place = self.inner.waiting.place(what.at);
        Some(Order { key, place })
    }

    /// Promises a call that runs only when its namespace may run again.
    async fn postpone(&self, call: Call, action: &Fqn, until: Millis) -> Result<ActivationId> {
        let (accepted, control) = (self.promise(&call, action)?, self.clone());
        Unstoppable::new(self.inner.tasks.clone(), async move {
            control.inner.activations.accept(&accepted).await?;
            metrics::counter!("wisp_deliveries_postponed_total").increment(1);
            if control.has_its_turn(call.id, &call.caller.namespace, call.delivery.as_deref()) {
                control.inner.waiting.until(until, call.id, &call.caller.namespace);
            }
            Ok(call.id)
        })
        .await
    }

    /// Whether a delivery that has just been promised may run, as far as its order goes.
    pub(crate) fn has_its_turn(
        &self,
        id: ActivationId,
        namespace: &wisp_core::model::EntityName,
        delivery: Option<&Delivery>,
    ) -> bool {
        match delivery.and_then(lane) {
            Some(lane) => self.inner.waiting.enter(lane, id, namespace),
            None => true,
        }
    }

    fn check_waiting(&self, caller: &Identity) -> Result<()> {
        let (count, most) = (self.inner.waiting.count(&caller.namespace), self.inner.delivery.waiting);
        if count < most {
            return Ok(());
        }
        let message = format!("Too many events wait to be delivered (count: {count}, allowed: {most}).");
        Err(Error::new(Code::Throttled, message)
            .with("limit", "delivery.waiting")
            .with("value", most))
    }
}

/// The lane of a delivery that is in order.
pub(super) fn lane(delivery: &Delivery) -> Option<(Fqn, String)> {
    let order = delivery.order.as_ref()?;
    Some((delivery.rule.clone(), order.key.clone()))
}

/// How long a refusal asks to wait, in milliseconds; a second if it does not say.
pub(crate) fn pause(error: &Error) -> Millis {
    let said = error.context().iter().find(|(key, _)| *key == "retryAfter");
    let seconds = said.and_then(|(_, seconds)| seconds.parse().ok()).unwrap_or(1);
    Duration::from_secs(seconds).as_millis() as Millis
}
