use std::sync::Arc;

use wisp_core::{
    Result,
    model::{Activation, ActivationId, EntityName, Exec, Millis},
};

use super::{Event, log::part};
use crate::{budget::Budget, control::Control, invoke::Call, steps::Ended};

/// What is known of a step that a durable sequence or composition has come to before.
pub(crate) enum Known {
    /// How it ended.
    Ended(Ended),
    /// Why it was not run.
    Refused(String),
}

impl Call {
    /// The id of a part of it: always the same if it is durable.
    pub fn part(&self, what: &str) -> ActivationId {
        match &self.log {
            Some(_) => part(self.id, what),
            None => ActivationId::from_bits(rand::random()),
        }
    }

    /// What is known of a part; what may still run is then what it was.
    pub fn known(&self, id: ActivationId, budget: &mut Budget) -> Option<Known> {
        match self.log.as_ref()?.known(id)? {
            Event::Ended { ended, budget: left } => {
                *budget = left.clone();
                Some(Known::Ended((**ended).clone()))
            }
            Event::Refused { message, .. } => Some(Known::Refused(message.clone())),
            Event::Started(_) | Event::Entered { .. } | Event::Forked { .. } => None,
        }
    }

    /// Writes that a part may not run.
    pub fn note_refused(&self, id: ActivationId, message: &str) -> Result<()> {
        let message = message.to_owned();
        match &self.log {
            Some(log) => log.note(&Event::Refused { id, message }),
            None => Ok(()),
        }
    }

    /// Writes how a part has ended.
    pub async fn write_ended(&self, ended: &Ended, budget: &Budget) -> Result<()> {
        let Some(log) = &self.log else { return Ok(()) };
        let event = Event::Ended {
            ended: Box::new(ended.clone()),
            budget: budget.clone(),
        };
        log.write(&event).await
    }

    /// Whether parts may have ended that are not written.
    fn is_resumed(&self) -> bool {
        self.log.as_ref().is_some_and(|log| log.is_resumed())
    }
}

impl Control {
    /// When a sequence or composition began: now, unless it is resumed.
    pub(crate) fn enter(&self, call: &Call) -> Result<Millis> {
        let now = self.inner.clock.now();
        let Some(log) = &call.log else { return Ok(now) };
        match log.known(call.id) {
            Some(Event::Started(stored)) => Ok(stored.start),
            Some(Event::Entered { at, .. }) => Ok(*at),
            _ => {
                log.note(&Event::Entered { id: call.id, at: now })?;
                Ok(now)
            }
        }
    }

    /// Runs a step, and writes how it ended.
    pub(crate) async fn run_step(&self, inner: Call, budget: &mut Budget) -> Result<Ended> {
        let Some(log) = inner.log.clone() else {
            return Ok(Ended::from(&*self.run(inner, budget).await?));
        };
        let action = &inner.resolved.action;
        // Sequences and compositions know their own steps.
        let alone = !matches!(action.exec, Exec::Sequence { .. }) && !action.is_conductor();
        let recorded = match alone {
            true => self.recorded_part(&inner).await?,
            false => None,
        };
        let ended = match recorded {
            Some(activation) => Ended::from(&*activation),
            None => Ended::from(&*self.run(inner, budget).await?),
        };
        let event = Event::Ended {
            ended: Box::new(ended.clone()),
            budget: budget.clone(),
        };
        log.write(&event).await?;
        Ok(ended)
    }

    /// The record of a step that had ended when the server did, before that was written to the log.
    pub(crate) async fn recorded_part(&self, inner: &Call) -> Result<Option<Arc<Activation>>> {
        match inner.is_resumed() {
            true => self.recorded(&inner.caller.namespace, inner.id).await,
            false => Ok(None),
        }
    }

    /// The record of an id.
    pub(crate) async fn recorded(&self, namespace: &EntityName, id: ActivationId) -> Result<Option<Arc<Activation>>> {
        let record = self.inner.activations.get(namespace, id).await?;
        Ok(record
            .and_then(|record| serde_json::from_slice(&record).ok())
            .map(Arc::new))
    }
}
