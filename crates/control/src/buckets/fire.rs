use std::time::Duration;

use wisp_core::{
    Code, Error, Result,
    model::{ActivationId, Chain, EntityName, Fqn, Identity, Json, Right},
};
use wisp_workflow::when::{Effect, Given, Rerun, Target};

use super::{letter::Letter, place::Place};
use crate::{control::Control, event::id_of, hosted::Word, invoke::Call, workflows::Exception};

/// Pause before a call is tried again that the platform could not make.
const PAUSE: Duration = Duration::from_secs(1);

/// How often a call is tried that nobody remembers.
const TRIES: u32 = 3;

/// A call of an action.
struct Asked {
    id: ActivationId,
    action: String,
    payload: Json,
    chain: Chain,
    after: Option<ActivationId>,
    /// Whether it is promised before it runs.
    lasts: bool,
}

impl Control {
    /// Makes a call, however long the platform cannot; of a durable scope (which has a nonce) also after a restart.
    pub(super) async fn carry_out(&self, place: &Place, nonce: Option<&str>, effect: Effect) {
        let number = number_of(&effect);
        let key = place.key();
        let id = match nonce {
            Some(nonce) => id_of(&["bucket", &key, nonce, &number.to_string()]),
            None => self.new_id(),
        };
        let mut tries = 0;
        let outcome = loop {
            tries += 1;
            match self.try_call(place, id, nonce.is_some(), &effect).await {
                Ok(()) => break "called",
                Err(error) if error.code().retry() && (nonce.is_some() || tries < TRIES) => {
                    tracing::warn!(scope = key, ?error, "what a trigger calls is called again");
                    tokio::select! {
                        () = self.inner.clock.sleep(PAUSE) => {}
                        () = self.inner.workflows.stopped() => return,
                    }
                }
                Err(error) => {
                    tracing::warn!(scope = key, ?error, "what a trigger calls cannot be called");
                    break "refused";
                }
            }
        };
        metrics::counter!("wisp_bucket_calls_total", "outcome" => outcome).increment(1);
        if nonce.is_some() {
            self.post_scope(&key, Letter::Settled(number));
        }
    }

    async fn try_call(&self, place: &Place, id: ActivationId, lasts: bool, effect: &Effect) -> Result<()> {
        match effect {
            Effect::Fire(_, given) => self.call_target(place, id, lasts, given).await,
            Effect::Rerun(_, run) => self.call_again(place, id, lasts, run).await,
            Effect::Lapsed(_, target) => self.lapse_task(target).await,
        }
    }

    async fn call_target(&self, place: &Place, id: ActivationId, lasts: bool, given: &Given) -> Result<()> {
        let namespace = place.bucket.namespace_name();
        let limits = &self.inner.limits;
        let steps = self.inner.workflows.settings.payload_size as u64;
        match &given.fire.target {
            Target::Function(name) => {
                let asked = Asked {
                    id,
                    action: name.clone(),
                    payload: self.given(place, given, limits.payload_size).await?,
                    chain: led_by(place, id, given)?,
                    after: given.objects.last().and_then(|object| object.by()),
                    lasts,
                };
                self.call_asked(namespace, asked).await
            }
            Target::Machine(machine) => {
                let payload = self.given(place, given, steps).await?;
                self.call_machine(namespace, machine, id, &payload, led_by(place, id, given)?)
                    .await
            }
            Target::Event { instance, name } => {
                let last = given.objects.last().map(|object| object.session.as_str());
                let instance = instance.as_deref().or(last).unwrap_or(&place.session);
                let most = self.inner.orchestrations.settings.payload_size as u64;
                let payload = self.given(place, given, most).await?.get().to_owned();
                let owner = self.owner_of_bucket(namespace).await?;
                let word = Word::Raise(name.clone(), Some(payload));
                self.tell_hosted(&owner, namespace, instance, word).await
            }
            Target::Task { execution, id } => {
                let payload = self.given(place, given, steps).await?;
                self.end_wait(execution, *id, &payload).await
            }
        }
    }

    async fn call_again(&self, place: &Place, id: ActivationId, lasts: bool, run: &Rerun) -> Result<()> {
        metrics::counter!("wisp_bucket_producers_rerun_total").increment(1);
        let asked = Asked {
            id,
            action: run.function.clone(),
            payload: self.take_value(&run.payload).await?,
            chain: Chain {
                session: Some(run.session.clone()),
                ..Chain::default()
            },
            after: None,
            lasts,
        };
        self.call_asked(place.bucket.namespace_name(), asked).await
    }

    async fn call_asked(&self, namespace: &EntityName, asked: Asked) -> Result<()> {
        let caller = Identity {
            chain: asked.chain,
            ..self.owner_of_bucket(namespace).await?
        };
        if asked.lasts && self.is_known(&caller, asked.id).await? {
            return Ok(());
        }
        let name: Fqn = asked.action.parse()?;
        let resolved = self.resolve(&caller, &name, Right::Activate).await?;
        self.inner.kinds.check_runnable(&resolved.action.exec)?;
        let call = Call {
            id: asked.id,
            resolved,
            payload: asked.payload,
            caller,
            cause: None,
            entry: None,
            after: asked.after,
            transaction: asked.id.to_string(),
            at: self.inner.clock.now(),
            accepted: true,
            pieces: None,
            delivery: None,
            log: None,
        };
        self.check_loop(&call).await?;
        let permit = self.inner.admission.promised(namespace);
        match asked.lasts {
            true => self.accept(call, &name, permit).await.map(drop),
            false => {
                self.go(call, permit);
                Ok(())
            }
        }
    }

    /// Starts an execution that goes by the id of the call: one of that name was started for it before.
    async fn call_machine(
        &self,
        namespace: &EntityName,
        machine: &str,
        id: ActivationId,
        payload: &Json,
        chain: Chain,
    ) -> Result<()> {
        let owner = Identity {
            chain,
            ..self.owner_of_bucket(namespace).await?
        };
        let start = crate::workflows::Start {
            machine: self.machine_arn(&owner, machine),
            name: Some(id.to_string()),
            input: Some(payload.get().to_owned()),
            trace: None,
        };
        match self.start_execution(&owner, start).await {
            Err(error) if Exception::ExecutionAlreadyExists.is(&error) => Ok(()),
            started => started.map(drop),
        }
    }

    async fn owner_of_bucket(&self, namespace: &EntityName) -> Result<Identity> {
        let owner = self.owner(namespace).await?;
        owner.ok_or_else(|| Error::new(Code::Forbidden, format!("'{namespace}' has no owner")))
    }
}

fn number_of(effect: &Effect) -> u64 {
    match effect {
        Effect::Fire(number, _) | Effect::Rerun(number, _) | Effect::Lapsed(number, _) => *number,
    }
}

/// What led to a call of a trigger: what led to its last object, and the trigger.
fn led_by(place: &Place, id: ActivationId, given: &Given) -> Result<Chain> {
    let last = given.objects.last();
    let chain = last.map(|object| object.chain.clone()).unwrap_or_default();
    Ok(Chain {
        session: last.map(|object| object.session.clone()),
        ..chain.with(id, &trigger_name(place, &given.fire.trigger)?)
    })
}

/// A trigger as chains name it: in its bucket, as if that were a package.
fn trigger_name(place: &Place, trigger: &str) -> Result<Fqn> {
    let bucket = &place.bucket;
    Ok(Fqn::new(
        bucket.namespace_name().clone(),
        Some(bucket.entity().clone()),
        trigger.parse()?,
    ))
}
