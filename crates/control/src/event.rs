use std::sync::Arc;

use sha2::{Digest, Sha256};
use wisp_core::{
    Code, Error, Result,
    model::{ActivationId, Fqn, Identity, Right, RuleStatus},
    ports::Event,
};

use crate::{
    control::Control,
    delivery::Applying,
    fire::{arguments, inactive, led_by, log_line, record},
    resolve::require,
};

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fired {
    /// Its trigger fired.
    Now,
    /// Its trigger has fired before: this was another delivery of the same event.
    Before,
    /// No rule was active.
    Nobody,
}

impl Fired {
    /// The word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Fired::Now => "fired",
            Fired::Before => "duplicate",
            Fired::Nobody => "unheard",
        }
    }
}

impl Control {
    /// Fires a trigger for an event, once for each of its ids for as long as the record of the fire is kept. An error
    /// that a retry may help means that it is to be delivered again: what was done for it by then is not done twice,
    /// because all ids are made of the event's.
    pub(crate) async fn fire_event(&self, owner: &Identity, name: &Fqn, event: &Event) -> Result<Fired> {
        let at = self.inner.clock.now();
        require(owner, Right::Activate)?;
        let id = id_of(&[&name.to_string(), &event.id]);
        let Some(_taking) = self.inner.under_way.begin(id) else {
            let message = format!(
                "The event '{}' is being taken at this moment; deliver it again.",
                event.id
            );
            return Err(Error::new(Code::Throttled, message).with("retryAfter", 1));
        };
        if self.inner.activations.get(&owner.namespace, id).await?.is_some() {
            return Ok(Fired::Before);
        }
        let trigger = self.inner.catalog.trigger(name).await?.entity;
        if !trigger.rules.values().any(|link| link.status == RuleStatus::Active) {
            return Ok(Fired::Nobody);
        }
        self.inner.admission.fire(owner, at)?;
        let arguments = arguments(&trigger, None, &event.data)?;
        let owner = &led_by(owner.clone(), id, name);
        let transaction = &id.to_string();
        let invocations = trigger.rules.iter().map(|(rule, link)| {
            let (id, arguments) = (
                id_of(&[&name.to_string(), &event.id, &rule.to_string()]),
                arguments.clone(),
            );
            async move {
                let result = match link.status {
                    RuleStatus::Active if self.is_known(owner, id).await? => Ok(id),
                    RuleStatus::Active => {
                        let what = Applying {
                            trigger: name,
                            rule,
                            link,
                            payload: arguments,
                            transaction,
                            at,
                            waits: false,
                        };
                        self.apply(id, owner, what).await?
                    }
                    RuleStatus::Inactive => Err(inactive(rule, &link.action)),
                };
                Ok(log_line(rule, &link.action, &result))
            }
        });
        let logs = futures_util::future::join_all(invocations).await;
        let logs = logs.into_iter().collect::<Result<Vec<String>>>()?;
        let activation = record(id, &trigger, owner, event.data.clone(), logs, at);
        self.inner.activations.finish(Arc::new(activation)).await?;
        Ok(Fired::Now)
    }

    /// Whether an invocation of this id was promised or has ended.
    pub(crate) async fn is_known(&self, owner: &Identity, id: ActivationId) -> Result<bool> {
        let activations = &self.inner.activations;
        Ok(activations.is_promised(id).await? || activations.get(&owner.namespace, id).await?.is_some())
    }
}

/// An id that is always the same for the same parts.
pub(crate) fn id_of(parts: &[&str]) -> ActivationId {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let bytes: [u8; 32] = digest.finalize().into();
    let (first, _) = bytes.split_at(16);
    ActivationId::from_bits(first.iter().fold(0, |bits, byte| bits << 8 | u128::from(*byte)))
}
