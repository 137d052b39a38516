use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Action, ActivationId, ApiKey, Chain, Delivery, EntityName, Fqn, Isolation, Json, Millis, Parameters, Response,
};
use crate::ports::{Pieces, Revision};

/// On whose behalf something runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The namespace that is charged, and in which the record stands.
    pub namespace: EntityName,
    /// The subject.
    pub subject: String,
}

/// An invocation that was promised to its caller: what must survive to run it later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Accepted {
    /// The id that was promised.
    pub id: ActivationId,
    /// The action, as the caller named it (a binding's package is not yet replaced by its provider's).
    pub action: Fqn,
    /// The caller's arguments, bound parameters not yet merged.
    pub payload: Json,
    /// On whose behalf.
    pub caller: Caller,
    /// The caller's key, sealed, if the action asks for it.
    pub sealed_key: Option<String>,
    /// The transaction that it is part of.
    pub transaction: String,
    /// When it was accepted.
    pub at: Millis,
    /// What led to it.
    #[serde(default, skip_serializing_if = "Chain::is_empty")]
    pub chain: Chain,
    /// The rule's delivery that it is an attempt of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Arc<Delivery>>,
}

impl Accepted {
    /// Whether it is settled by this end. A delivery that failed is not: it stays until what follows is decided.
    pub fn is_settled_by(&self, response: &Response) -> bool {
        self.delivery.is_none() || response.success
    }
}

/// One run of one function, with all that a worker needs to know.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The activation's id.
    pub id: ActivationId,
    /// The function, under its provider's name.
    pub action: Arc<Action>,
    /// The revision of the action's record: instances of other revisions do not serve it.
    pub revision: Revision,
    /// The binding that the function was reached through.
    pub binding: Option<Fqn>,
    /// The level that it runs at: the action's choice, or its kind's, and at least what the namespace demands.
    pub isolation: Isolation,
    /// All arguments, merged: an object, or an array from a sequence's previous step.
    pub payload: Json,
    /// Parameters that go to the instance's environment.
    pub environment: Arc<Parameters>,
    /// On whose behalf.
    pub caller: Caller,
    /// The key that the function receives, if it asks for one.
    pub api_key: Option<ApiKey>,
    /// The sequence or composition that this is a step of.
    pub cause: Option<ActivationId>,
    /// The transaction that it is part of.
    pub transaction: String,
    /// When the request arrived; `waitTime` counts from here.
    pub at: Millis,
    /// The bodies that are streams, if its caller takes one.
    pub pieces: Option<Pieces>,
    /// The session of buckets that what it puts belongs to, unless it says otherwise.
    pub session: String,
    /// The activation whose result it takes. The instance that ran that one has it in memory, and is preferred if it serves this
    /// function and is free; in a cluster, its node. Nothing waits for it.
    pub after: Option<ActivationId>,
    /// Whether it is a part of an activation that whoever asks for it records: the worker then does not.
    pub part: bool,
}
