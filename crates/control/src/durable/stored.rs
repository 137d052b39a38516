use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wisp_core::{
    Result,
    model::{Accepted, Action, Fqn, Isolation, Millis, Parameters},
    ports::Revision,
};

use super::{Log, level::Level};
use crate::{control::Control, invoke::Call, resolve::Resolved};

/// An invocation of a sequence or composition, as it is kept: with the action as it was, which may change meanwhile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stored {
    /// Who invoked it, and with what.
    pub accepted: Accepted,
    /// The action.
    pub action: Action,
    revision: Revision,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    binding: Option<Fqn>,
    isolation: Isolation,
    parameters: Parameters,
    /// When it began.
    pub start: Millis,
    /// How durable its steps are.
    pub level: Level,
}

impl Control {
    /// A call that begins now.
    pub(super) fn store(&self, call: &Call, level: Level) -> Result<Stored> {
        let Resolved {
            action,
            revision,
            binding,
            isolation,
            parameters,
        } = call.resolved.clone();
        let accepted = Accepted {
            // What follows of a delivery is decided by who promised it.
            delivery: None,
            ..self.promise(call, &action.fqn)?
        };
        Ok(Stored {
            accepted,
            action: (*action).clone(),
            revision,
            binding,
            isolation,
            parameters,
            start: self.inner.clock.now(),
            level,
        })
    }

    /// The call that was stored, which goes by its log.
    pub(super) async fn restored(&self, stored: Stored, log: Arc<Log>) -> Call {
        let caller = self.caller_of(&stored.accepted).await;
        Call {
            id: stored.accepted.id,
            resolved: Resolved {
                action: Arc::new(stored.action),
                revision: stored.revision,
                binding: stored.binding,
                isolation: stored.isolation,
                parameters: stored.parameters,
            },
            payload: stored.accepted.payload,
            caller,
            cause: None,
            entry: None,
            after: None,
            transaction: stored.accepted.transaction,
            at: stored.accepted.at,
            accepted: true,
            pieces: None,
            delivery: None,
            log: Some(log),
        }
    }
}
