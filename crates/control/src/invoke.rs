use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Map, Value};
use tokio::sync::oneshot;
use wisp_core::{
    Code, Error, Result,
    model::{
        Accepted, Action, Activation, ActivationId, Caller, Exec, Fqn, Identity, Invocation, Json, Millis, Parameters,
        Right,
    },
    ports::BoxFuture,
};

use crate::{admit::Permit, control::Control, resolve::Resolved, sequence::Budget};

/// How long a caller waits for the end of an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not at all: the id is enough.
    None,
    /// This long, then the id is enough.
    For(Duration),
}

/// What a caller gets.
#[derive(Clone, Debug)]
pub enum Invoked {
    /// The invocation is durable and will run; its record will have this id.
    Accepted(ActivationId),
    /// It has run.
    Finished(Arc<Activation>),
}

/// One activation to be, of a function or of a sequence, whoever asked for it.
pub(crate) struct Call {
    pub id: ActivationId,
    pub resolved: Resolved,
    pub payload: Json,
    pub caller: Identity,
    pub cause: Option<ActivationId>,
    pub transaction: String,
    pub at: Millis,
    /// Whether it was promised: then it waits for room instead of being refused.
    pub accepted: bool,
}

impl Control {
    /// Invokes an action with these arguments (the text of a JSON object).
    pub async fn invoke(
        &self,
        caller: &Identity,
        name: &Fqn,
        payload: Json,
        wait: Wait,
        transaction: &str,
    ) -> Result<Invoked> {
        let at = self.inner.clock.now();
        let resolved = self.resolve(caller, name, Right::Activate).await?;
        self.inner.kinds.check_runnable(&resolved.action.exec)?;
        refuse_final(&resolved, &payload)?;
        let permit = self.inner.admission.invocation(caller, at)?;
        let accepted = self.promise(
            self.new_id(),
            caller,
            name,
            &resolved.action,
            payload.clone(),
            transaction,
            at,
        )?;
        let call = Call {
            id: accepted.id,
            resolved,
            payload,
            caller: caller.clone(),
            cause: None,
            transaction: transaction.to_owned(),
            at,
            accepted: wait == Wait::None,
        };
        match wait {
            Wait::None => self.accept(call, accepted, permit).await.map(Invoked::Accepted),
            Wait::For(time) => self.wait(call, accepted, permit, time).await,
        }
    }

    /// What the ledger keeps of an invocation until it has ended.
    #[allow(clippy::too_many_arguments, reason = "each is a column of the record")]
    pub(crate) fn promise(
        &self,
        id: ActivationId,
        caller: &Identity,
        name: &Fqn,
        action: &Action,
        payload: Json,
        transaction: &str,
        at: Millis,
    ) -> Result<Accepted> {
        let sealed_key = match wants_key(action) {
            true => Some(self.inner.seal.close(&caller.api_key, id)?),
            false => None,
        };
        let caller = Caller {
            namespace: caller.namespace.clone(),
            subject: caller.subject.clone(),
        };
        Ok(Accepted {
            id,
            action: name.clone(),
            payload,
            caller,
            sealed_key,
            transaction: transaction.to_owned(),
            at,
        })
    }

    /// Makes the promise durable, then lets it run by itself.
    pub(crate) async fn accept(&self, call: Call, accepted: Accepted, permit: Permit) -> Result<ActivationId> {
        self.inner.activations.accept(&accepted).await?;
        let control = self.clone();
        self.inner.tasks.spawn(Box::pin(async move {
            let _permit = permit;
            control.run_promised(call).await;
        }));
        Ok(accepted.id)
    }

    /// Runs what was promised; a failure leaves the promise in the ledger, for the next start.
    pub(crate) async fn run_promised(&self, call: Call) {
        let id = call.id;
        if let Err(error) = self.run(call, &mut Budget::default()).await {
            tracing::error!(activation = %id, ?error, "an accepted invocation did not run; it stays in the ledger");
        }
    }

    /// Runs a call and waits for it; when the time is up, the rest becomes a durable promise.
    async fn wait(&self, call: Call, accepted: Accepted, permit: Permit, time: Duration) -> Result<Invoked> {
        let (reply, mut ended) = oneshot::channel();
        let promised = Arc::new(AtomicBool::new(false));
        let (control, settle) = (self.clone(), promised.clone());
        self.inner.tasks.spawn(Box::pin(async move {
            let _permit = permit;
            let result = control.run(call, &mut Budget::default()).await;
            if let (true, Ok(activation)) = (settle.load(Ordering::Acquire), &result) {
                control.settle(activation).await;
            }
            // The caller may have gone; the record stands all the same.
            let _ = reply.send(result);
        }));
        tokio::select! {
            biased;
            result = &mut ended => return result.map_err(|_| shutting_down())?.map(Invoked::Finished),
            () = self.inner.clock.sleep(time) => {}
        }
        promised.store(true, Ordering::Release);
        self.inner.activations.accept(&accepted).await?;
        if let Ok(result) = ended.try_recv() {
            let activation = result?;
            self.settle(&activation).await;
            return Ok(Invoked::Finished(activation));
        }
        Ok(Invoked::Accepted(accepted.id))
    }

    /// Settles a promise that was made while its invocation was ending.
    async fn settle(&self, activation: &Arc<Activation>) {
        if let Err(error) = self.inner.activations.finish(activation.clone()).await {
            tracing::error!(activation = %activation.activation_id, ?error, "a settled promise stays in the ledger");
        }
    }

    /// Runs one call to its end: a function by a worker, a sequence step by step.
    pub(crate) fn run<'a>(&'a self, call: Call, budget: &'a mut Budget) -> BoxFuture<'a, Result<Arc<Activation>>> {
        match &call.resolved.action.exec {
            Exec::Sequence { .. } => Box::pin(self.run_sequence(call, budget)),
            Exec::Code { .. } | Exec::Blackbox { .. } => Box::pin(self.run_function(call)),
        }
    }

    async fn run_function(&self, call: Call) -> Result<Arc<Activation>> {
        let Call {
            id,
            resolved,
            payload,
            caller,
            cause,
            transaction,
            at,
            accepted,
        } = call;
        let Resolved {
            action,
            revision,
            binding,
            parameters,
        } = resolved;
        let invocation = Invocation {
            id,
            payload: merge(&parameters, &payload)?,
            environment: Arc::new(parameters.iter().filter(|parameter| parameter.init).cloned().collect()),
            api_key: provides_key(&action).then_some(caller.api_key),
            action,
            revision,
            binding,
            caller: Caller {
                namespace: caller.namespace,
                subject: caller.subject,
            },
            cause,
            transaction,
            at,
        };
        self.inner.bus.run(invocation, accepted).await
    }
}

/// Whether an action receives its caller's key: unless it says no. (Creation says no for it unless the user said yes.)
fn provides_key(action: &Action) -> bool {
    action.annotations.get("provide-api-key").is_none() || action.annotations.is_truthy("provide-api-key")
}

/// Whether a run later needs the caller's key. A sequence's steps are looked up when they run, so it may.
fn wants_key(action: &Action) -> bool {
    matches!(action.exec, Exec::Sequence { .. }) || provides_key(action)
}

/// Bound parameters with the payload laid over them; an array, which a step of a sequence may return, is passed as is.
pub(crate) fn merge(parameters: &Parameters, payload: &Json) -> Result<Json> {
    let mut values = parameters.run_values();
    if values.is_empty() || payload.get().starts_with('[') {
        return Ok(payload.clone());
    }
    values.extend(object(payload)?);
    json(&Value::Object(values))
}

/// A value as its text.
pub(crate) fn json(value: &Value) -> Result<Json> {
    let raw = serde_json::value::to_raw_value(value);
    raw.map(Json::from)
        .map_err(|error| Error::internal("a JSON value cannot be encoded").because(error))
}

/// The fields of a payload that is an object.
pub(crate) fn object(payload: &Json) -> Result<Map<String, Value>> {
    serde_json::from_str(payload.get()).map_err(|error| {
        Error::bad_request(format!(
            "The request content was malformed:\nexpected a JSON object: {error}"
        ))
    })
}

/// Refuses arguments that would override bound parameters of an action that is `final`.
fn refuse_final(resolved: &Resolved, payload: &Json) -> Result<()> {
    if !resolved.action.annotations.is_truthy("final") || resolved.parameters.is_empty() {
        return Ok(());
    }
    let bound = |key: &String| resolved.parameters.get(key).is_some_and(|value| !value.is_null());
    if object(payload)?.keys().any(bound) {
        let message = "Request defines parameters that are not allowed (e.g., reserved properties).";
        return Err(Error::bad_request(message));
    }
    Ok(())
}

fn shutting_down() -> Error {
    Error::new(
        Code::Unavailable,
        "The server is currently unavailable (because it is overloaded or down for maintenance).",
    )
    .with("remedy", "the server is shutting down: try again when it is back")
}
