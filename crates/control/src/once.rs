//! Calls of actions that the platform makes for work of its own, and may have to make again.

use std::sync::Arc;

use serde_json::{Value, json};
use wisp_core::{
    Code, Error, Result,
    model::{Activation, ActivationId, Chain, EntityName, Fqn, Json, Right},
};

use crate::{
    control::Control,
    invoke::{Call, json as text},
};

/// Work that an action is called for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work<'a> {
    /// The same whenever it is begun.
    pub id: ActivationId,
    /// What led to it.
    pub chain: &'a Chain,
    /// The session of buckets that it belongs to; its own when absent.
    pub session: Option<&'a str>,
    /// The activation whose result it takes, if that is known.
    pub after: Option<ActivationId>,
}

/// What an action is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// For what an invocation of it does.
    Invocation,
    /// For its function, also if an invocation would start something.
    Function,
}

impl Control {
    /// Runs an action as its namespace's owner under an id that is the work's: one that has run under it is not run again, and its
    /// record is the answer. One that runs under it is left to whoever began it. The work is a promise already: the call waits for
    /// room.
    pub(crate) async fn run_once(
        &self,
        Work {
            id,
            chain,
            session,
            after,
        }: Work<'_>,
        namespace: &EntityName,
        name: &Fqn,
        payload: &Value,
        what: What,
    ) -> Result<Arc<Activation>> {
        let Some(_taking) = self.inner.under_way.begin(id) else {
            return Err(Error::new(Code::Unavailable, format!("'{id}' is under way")));
        };
        if let Some(record) = self.inner.activations.get(namespace, id).await?
            && let Ok(activation) = serde_json::from_slice(&record)
        {
            return Ok(Arc::new(activation));
        }
        let owner = self.owner(namespace).await?;
        let mut caller = owner.ok_or_else(|| Error::new(Code::Forbidden, format!("'{namespace}' has no owner")))?;
        caller.chain = chain.clone();
        caller.chain.session = session.map(str::to_owned);
        let resolved = self.resolve(&caller, name, Right::Activate).await?;
        self.guard(&caller, &resolved.action)?;
        self.inner.kinds.check_runnable(&resolved.action.exec)?;
        let _permit = self.inner.admission.promised(namespace);
        let call = Call {
            id,
            resolved,
            payload: arguments(payload)?,
            caller,
            cause: None,
            entry: None,
            after,
            transaction: id.to_string(),
            at: self.inner.clock.now(),
            accepted: true,
            pieces: None,
            delivery: None,
            log: None,
        };
        match what {
            What::Function => self.run_function(call).await,
            What::Invocation => self.run(call, &mut self.budget()).await,
        }
    }
}

/// Arguments of an action are an object; anything else is one under `value`.
fn arguments(payload: &Value) -> Result<Json> {
    match payload {
        Value::Object(_) => text(payload),
        other => text(&json!({ "value": other })),
    }
}
