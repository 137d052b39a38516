use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value};
use wisp_core::{
    Error, Result,
    model::{
        Accepted, Action, Activation, ActivationId, Caller, CodeRef, Delivery, EntityName, Exec, Fqn, Identity,
        Invocation, Json, Millis, Parameter, Parameters, Response, Right, Status,
    },
    ports::{BoxFuture, Pieces},
};

use crate::{
    admit::Permit, budget::Budget, control::Control, durable::Log, hosted, record, resolve::Resolved, secrets,
    unstoppable::Unstoppable,
};

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
#[derive(Clone)]
pub(crate) struct Call {
    pub id: ActivationId,
    pub resolved: Resolved,
    pub payload: Json,
    pub caller: Identity,
    pub cause: Option<ActivationId>,
    /// The first call of all that led to this one as its part, if it is a part.
    pub entry: Option<ActivationId>,
    /// The activation whose result its payload is.
    pub after: Option<ActivationId>,
    pub transaction: String,
    pub at: Millis,
    /// Whether it was promised: then it waits for room instead of being refused.
    pub accepted: bool,
    /// Where a body goes that is a stream, if the caller takes one.
    pub pieces: Option<Pieces>,
    /// The rule's delivery that it is an attempt of.
    pub delivery: Option<Arc<Delivery>>,
    /// What is known of the durable sequence or composition that it is, or is a part of.
    pub log: Option<Arc<Log>>,
}

impl Call {
    /// A call that this one makes of an action. Once it has begun, it waits for room instead of being refused half-way.
    pub fn step(&self, id: ActivationId, resolved: Resolved, payload: Json, at: Millis, begun: bool) -> Self {
        Self {
            id,
            resolved,
            payload,
            caller: self.caller.clone(),
            cause: Some(self.id),
            entry: self.entry.or(Some(self.id)),
            after: None,
            transaction: self.transaction.clone(),
            at,
            accepted: self.accepted || begun,
            pieces: None,
            delivery: None,
            log: self.log.clone(),
        }
    }

    /// The session of buckets that it belongs to: the one that is known, else the first call that led here.
    pub fn session(&self) -> String {
        let chain = &self.caller.chain;
        let first = chain.links.first().map(|link| link.activation);
        let entry = || first.or(self.entry).unwrap_or(self.id).to_string();
        chain.session.clone().unwrap_or_else(entry)
    }
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
        let call = Call {
            id: self.new_id(),
            resolved,
            payload,
            caller: self.linked(caller, transaction),
            cause: None,
            entry: None,
            after: None,
            transaction: transaction.to_owned(),
            at,
            accepted: wait == Wait::None,
            pieces: None,
            delivery: None,
            log: None,
        };
        self.check_loop(&call).await?;
        self.begin(call, name, permit, wait).await
    }

    /// Lets an admitted call run, and waits for its end as long as is said.
    pub(crate) async fn begin(&self, call: Call, name: &Fqn, permit: Permit, wait: Wait) -> Result<Invoked> {
        match wait {
            Wait::None => self.accept(call, name, permit).await.map(Invoked::Accepted),
            Wait::For(time) => self.wait(call, name, permit, time).await,
        }
    }

    /// What the ledger keeps of a call, by the name that it was made under, until it has ended.
    pub(crate) fn promise(&self, call: &Call, name: &Fqn) -> Result<Accepted> {
        let sealed_key = match wants_key(&call.resolved.action) {
            true => Some(self.inner.seal.close_key(&self.lasting_key(&call.caller), call.id)?),
            false => None,
        };
        Ok(Accepted {
            id: call.id,
            action: name.clone(),
            payload: call.payload.clone(),
            caller: Caller {
                namespace: call.caller.namespace.clone(),
                subject: call.caller.subject.clone(),
            },
            sealed_key,
            transaction: call.transaction.clone(),
            at: call.at,
            chain: call.caller.chain.clone(),
            delivery: call.delivery.clone(),
        })
    }

    /// Makes the promise durable, then lets it run by itself.
    pub(crate) async fn accept(&self, call: Call, name: &Fqn, permit: Permit) -> Result<ActivationId> {
        let (accepted, control) = (self.promise(&call, name)?, self.clone());
        // A caller who goes away between the two would leave the promise lying until the next start.
        Unstoppable::new(self.inner.tasks.clone(), async move {
            control.inner.activations.accept(&accepted).await?;
            control.go(call, permit);
            Ok(accepted.id)
        })
        .await
    }

    /// Lets what was promised run by itself, or wait for its turn.
    pub(crate) fn go(&self, call: Call, permit: Permit) {
        if self.has_its_turn(call.id, &call.caller.namespace, call.delivery.as_deref()) {
            let control = self.clone();
            self.inner.tasks.spawn(Box::pin(async move {
                let _permit = permit;
                control.run_promised(call).await;
            }));
        }
    }

    /// Runs what was promised; a failure leaves the promise in the ledger, for the next start.
    pub(crate) async fn run_promised(&self, call: Call) {
        let (id, namespace) = (call.id, call.caller.namespace.clone());
        let delivery = call.delivery.clone();
        let ended = self.run(call, &mut self.budget()).await;
        self.conclude(id, &namespace, delivery.as_deref(), ended).await;
    }

    /// Decides what follows of what was promised.
    pub(crate) async fn conclude(
        &self,
        id: ActivationId,
        namespace: &EntityName,
        delivery: Option<&Delivery>,
        ended: Result<Arc<Activation>>,
    ) {
        match (delivery, ended) {
            (Some(delivery), ended) => self.attempted(id, namespace, delivery, ended).await,
            (None, Ok(_)) => {}
            (None, Err(error)) => {
                tracing::error!(activation = %id, ?error, "an accepted invocation did not run; it stays in the ledger");
            }
        }
    }

    /// Runs a call and waits for it; when the time is up, the rest becomes a durable promise. A caller who goes away
    /// does not stop the run.
    async fn wait(&self, call: Call, name: &Fqn, permit: Permit, time: Duration) -> Result<Invoked> {
        let accepted = self.promise(&call, name)?;
        let control = self.clone();
        let mut run = Unstoppable::new(self.inner.tasks.clone(), async move {
            let _permit = permit;
            control.run(call, &mut control.budget()).await
        });
        tokio::select! {
            biased;
            result = &mut run => return result.map(Invoked::Finished),
            () = self.inner.clock.sleep(time) => {}
        }
        self.inner.activations.accept(&accepted).await?;
        let control = self.clone();
        self.inner.tasks.spawn(Box::pin(async move {
            // Recorded again now that there is a promise: so it is settled, whichever of the two came first.
            match run.await {
                Ok(activation) => control.settle(&activation).await,
                Err(error) => tracing::error!(activation = %accepted.id, ?error, "a promised invocation did not run"),
            }
        }));
        Ok(Invoked::Accepted(accepted.id))
    }

    /// Records an activation again, after its promise.
    async fn settle(&self, activation: &Arc<Activation>) {
        if let Err(error) = self.inner.activations.finish(activation.clone()).await {
            tracing::error!(activation = %activation.activation_id, ?error, "a settled promise stays in the ledger");
        }
    }

    /// What a sequence or composition may run.
    pub(crate) fn budget(&self) -> Budget {
        Budget::new(self.inner.limits.sequence_length)
    }

    /// Runs one call to its end: a function by a worker, a sequence or composition step by step.
    pub(crate) fn run<'a>(&'a self, call: Call, budget: &'a mut Budget) -> BoxFuture<'a, Result<Arc<Activation>>> {
        match self.produces(&call) {
            true => Box::pin(self.run_producer(call, budget)),
            false => self.run_itself(call, budget),
        }
    }

    /// Runs one call, whatever buckets have to do with it.
    pub(crate) fn run_itself<'a>(
        &'a self,
        call: Call,
        budget: &'a mut Budget,
    ) -> BoxFuture<'a, Result<Arc<Activation>>> {
        if let Some(level) = self.durability(&call) {
            return Box::pin(self.run_durable(call, level));
        }
        match &call.resolved.action.exec {
            Exec::Sequence { .. } => Box::pin(self.run_sequence(call, budget)),
            _ if call.resolved.action.is_conductor() => {
                Box::pin(async move { Ok(self.run_composition(call, budget).await?.0) })
            }
            _ if hosted::is_orchestrator(&call.resolved.action) => Box::pin(self.run_orchestrator(call)),
            Exec::Code { .. } | Exec::Blackbox { .. } | Exec::Builtin => Box::pin(self.run_function(call)),
        }
    }

    /// Runs one call of a function by a worker, or by ourselves if it is a part of the platform.
    pub(crate) async fn run_function(&self, call: Call) -> Result<Arc<Activation>> {
        if matches!(call.resolved.action.exec, Exec::Builtin) {
            return self.run_builtin(call).await;
        }
        let secrets = match self.secrets_of(&call.resolved.action).await? {
            Ok(secrets) => secrets,
            Err(name) => return self.refuse(call, &secrets::missing(&name)).await,
        };
        let accepted = call.accepted;
        self.inner.bus.run(self.invocation(call, secrets)?, accepted).await
    }

    /// Runs a part of a call that its caller records as a whole, with code of the caller's if it gives some. Bound parameters
    /// are in its payload already.
    pub(crate) async fn run_part(&self, mut call: Call, code: Option<CodeRef>) -> Result<Arc<Activation>> {
        let secrets = match self.secrets_of(&call.resolved.action).await? {
            Ok(secrets) => secrets,
            Err(name) => {
                let (now, reason) = (self.inner.clock.now(), secrets::missing(&name));
                let response = Response::failure(Status::DeveloperError, &reason);
                return Ok(Arc::new(record::without_worker(&call, response, now, now)));
            }
        };
        let parameters = call.resolved.parameters.iter();
        call.resolved.parameters = parameters.filter(|parameter| parameter.init).cloned().collect();
        let accepted = call.accepted;
        let mut invocation = self.invocation(call, secrets)?;
        invocation.part = true;
        if let (Some(code), Exec::Code { kind, .. }) = (code, &invocation.action.exec) {
            let kind = kind.clone();
            let exec = Exec::Code { kind, code, main: None };
            invocation.action = Arc::new(Action {
                exec,
                ..(*invocation.action).clone()
            });
        }
        self.inner.bus.run(invocation, accepted).await
    }

    /// What a worker needs to know to run a call.
    fn invocation(&self, call: Call, secrets: Vec<Parameter>) -> Result<Invocation> {
        let api_key = match provides_key(&call.resolved.action) {
            true => Some(self.key_of_run(&call)?),
            false => None,
        };
        let session = call.session();
        let Call {
            id,
            resolved,
            payload,
            caller,
            cause,
            entry: _,
            after,
            transaction,
            at,
            accepted: _,
            pieces,
            delivery: _,
            log: _,
        } = call;
        let Resolved {
            action,
            revision,
            binding,
            parameters,
            isolation,
        } = resolved;
        Ok(Invocation {
            id,
            payload: merge(&parameters, &payload)?,
            environment: Arc::new(environment(&parameters, secrets)),
            api_key,
            action,
            revision,
            binding,
            isolation,
            caller: Caller {
                namespace: caller.namespace,
                subject: caller.subject,
            },
            cause,
            transaction,
            at,
            pieces,
            session,
            after,
            part: false,
        })
    }
}

impl Control {
    /// Refuses a call that functions have led to without end; its record tells of them.
    pub(crate) async fn check_loop(&self, call: &Call) -> Result<()> {
        let Err(error) = self.guard(&call.caller, &call.resolved.action) else {
            return Ok(());
        };
        let (now, response) = (
            self.inner.clock.now(),
            Response::failure(Status::ApplicationError, error.message()),
        );
        let mut activation = record::without_worker(call, response, now, now);
        activation
            .annotations
            .set("chain", serde_json::json!(call.caller.chain));
        self.inner.activations.finish(Arc::new(activation)).await?;
        Err(error.with("activation", call.id))
    }

    /// Records a call whose function cannot be started, for a reason that its developer can remove.
    async fn refuse(&self, call: Call, reason: &str) -> Result<Arc<Activation>> {
        let (now, response) = (
            self.inner.clock.now(),
            Response::failure(Status::DeveloperError, reason),
        );
        let activation = Arc::new(record::without_worker(&call, response, now, now));
        self.inner.activations.finish(activation.clone()).await?;
        Ok(activation)
    }
}

/// What an instance of the action gets in its environment.
fn environment(parameters: &Parameters, secrets: Vec<Parameter>) -> Parameters {
    let bound = parameters.iter().filter(|parameter| parameter.init).cloned();
    bound.chain(secrets).collect()
}

/// Whether an action receives its caller's key: unless it says no. (Creation says no for it unless the user said yes.)
fn provides_key(action: &Action) -> bool {
    action.annotations.get("provide-api-key").is_none() || action.annotations.is_truthy("provide-api-key")
}

/// Whether a run later needs the caller's key. Steps of sequences and compositions are looked up when they run, so it
/// may.
fn wants_key(action: &Action) -> bool {
    matches!(action.exec, Exec::Sequence { .. }) || action.is_conductor() || provides_key(action)
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
pub(crate) fn refuse_final(resolved: &Resolved, payload: &Json) -> Result<()> {
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
