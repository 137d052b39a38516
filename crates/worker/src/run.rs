use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};
use wisp_core::{
    Code, Error, Result,
    model::{Activation, CodeRef, Invocation, Millis, Outcome},
    ports::{Init, Instance, InstanceLimits, Line, Network, Ran, Run, Stream},
};

use crate::{
    finish::Ended,
    lease::Lease,
    start::Start,
    state::{Key, Spec},
    worker::Inner,
};

impl Inner {
    /// Finds an instance, initialises it if it is new, runs, records.
    pub async fn run(&self, invocation: Invocation, accepted: bool) -> Result<Arc<Activation>> {
        let asked = self.clock.elapsed();
        let lease = match self
            .pool
            .lease(key(&invocation), &self.spec(&invocation), accepted, invocation.after)
            .await
        {
            Ok(lease) => lease,
            Err(error) if error.code() == Code::Unavailable => return Err(error),
            Err(error) if error.code() == Code::Image => {
                tracing::warn!(action = %invocation.action.fqn, transaction = invocation.transaction, ?error, "no container could be started");
                return self.finish(invocation, without_image(&error, self.clock.now())).await;
            }
            Err(error) => {
                tracing::error!(action = %invocation.action.fqn, transaction = invocation.transaction, ?error, "no instance could be started");
                let outcome = Outcome::PlatformError("Failed to provision resources to run the action.".into());
                return self
                    .finish(invocation, Ended::without_run(outcome, self.clock.now()))
                    .await;
            }
        };
        let start = Start::new(lease.origin(), self.clock.elapsed() - asked);
        let ended = match self.run_in(lease, start, &invocation).await {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(action = %invocation.action.fqn, transaction = invocation.transaction, ?error, "the platform failed an activation");
                Ended::without_run(Outcome::PlatformError(error.message().to_owned()), self.clock.now())
            }
        };
        self.finish(invocation, ended).await
    }

    async fn run_in(&self, mut lease: Lease, mut how: Start, invocation: &Invocation) -> Result<Ended> {
        let (start, begun) = (self.clock.now(), self.clock.elapsed());
        let mut ended = Ended {
            start,
            ..Ended::default()
        };
        lease.wake().await?;
        if lease.is_fresh() {
            let init = self.init(invocation, start)?;
            let initialised = lease.instance().init(&init).await?;
            let took = self.clock.elapsed() - begun;
            ended.init = Some(took);
            how.initialised(took, lease.stages());
            ended.how = Some(how);
            let failed = ended.add(initialised);
            if failed {
                ended.end(self.clock.now());
                lease.release(false, took, None);
                return Ok(ended);
            }
            lease.initialised(init, took);
        }
        let begun = self.clock.elapsed();
        let request = self.run_request(invocation);
        let ran = match cannot_read(&request, lease.instance()) {
            Some(refused) => refused,
            None => lease.instance().run(&request).await?,
        };
        let took = self.clock.elapsed() - begun;
        ended.run = Some(took);
        ended.how = Some(how);
        let keep = ran.outcome.as_ref().is_some_and(Outcome::keeps_instance);
        ended.add(ran);
        ended.end(self.clock.now());
        lease.release(keep, took, Some(invocation.id));
        Ok(ended)
    }

    fn spec(&self, invocation: &Invocation) -> Spec {
        let action = &invocation.action;
        let network = if self.network { Network::Outbound } else { Network::None };
        let limits = InstanceLimits {
            memory: action.limits.memory,
            concurrency: action.limits.concurrency.max(1),
            network,
            isolation: invocation.isolation,
        };
        let most = action.limits.instances.unwrap_or(self.limits.concurrent_invocations);
        Spec {
            kind: action.exec.runtime().unwrap_or(action.exec.kind()).to_owned(),
            limits,
            image: action.exec.image().map(str::to_owned),
            most: most as usize,
            code: action.exec.code().cloned(),
        }
    }

    fn init(&self, invocation: &Invocation, now: u64) -> Result<Init> {
        let action = &invocation.action;
        let code = match action.exec.code().cloned() {
            Some(code) => code,
            None if action.exec.image().is_some() => CodeRef::default(),
            None => return Err(Error::internal(format!("'{}' has no code to run", action.fqn))),
        };
        let timeout = Duration::from_millis(action.limits.timeout);
        let mut environment: Vec<(String, String)> = vec![
            ("__OW_NAMESPACE".into(), invocation.caller.namespace.to_string()),
            ("__OW_ACTION_NAME".into(), action.fqn.absolute()),
            ("__OW_ACTION_VERSION".into(), action.version.to_string()),
            ("__OW_ACTIVATION_ID".into(), invocation.id.to_string()),
            ("__OW_TRANSACTION_ID".into(), invocation.transaction.clone()),
            ("__OW_DEADLINE".into(), (now + action.limits.timeout).to_string()),
        ];
        if let Some(key) = &invocation.api_key {
            environment.push(("__OW_API_KEY".into(), key.reveal()));
        }
        environment.extend(
            invocation
                .environment
                .init_values()
                .map(|(key, value)| (key.to_owned(), text(value))),
        );
        Ok(Init {
            namespace: invocation.caller.namespace.to_string(),
            name: action.fqn.name().to_owned(),
            code,
            main: action.exec.main().unwrap_or("main").to_owned(),
            plain: action.is_web_server(),
            environment,
            annotations: action.annotations.clone(),
            timeout,
            log_limit: action.limits.logs << 20,
        })
    }

    fn run_request(&self, invocation: &Invocation) -> Run {
        let action = &invocation.action;
        let timeout = Duration::from_millis(action.limits.timeout);
        let mut context = vec![
            ("namespace", invocation.caller.namespace.to_string()),
            ("action_name", action.fqn.absolute()),
            ("action_version", action.version.to_string()),
            ("activation_id", invocation.id.to_string()),
            ("transaction_id", invocation.transaction.clone()),
            ("session_id", invocation.session.clone()),
            ("deadline", (self.clock.now() + action.limits.timeout).to_string()),
        ];
        if let Some(key) = &invocation.api_key {
            context.push(("api_key", key.reveal()));
        }
        if let Some(pieces) = &invocation.pieces {
            context.push(("stream", "true".into()));
            if pieces.request.is_some() {
                context.push(("body", "true".into()));
            }
        }
        Run {
            value: invocation.payload.clone(),
            context,
            timeout,
            log_limit: action.limits.logs << 20,
            result_limit: self.limits.result_size,
            pieces: invocation.pieces.clone(),
        }
    }
}

/// The end of a run that shall read its request's body as a stream, and cannot.
fn cannot_read(run: &Run, instance: &dyn Instance) -> Option<Ran> {
    let streamed = run.pieces.as_ref().is_some_and(|pieces| pieces.request.is_some());
    if !streamed || instance.reads_streams() {
        return None;
    }
    let message = "Functions of this kind cannot read a request's body as a stream: remove the annotation raw-stream.";
    let error = serde_json::value::to_raw_value(&json!({ "error": message })).unwrap_or_default();
    Some(Ran {
        outcome: Some(Outcome::DeveloperError(error.into())),
        logs: Vec::new(),
        truncated: false,
    })
}

/// The end of an invocation whose image could not be had: OpenWhisk's words, and the reason in the log.
fn without_image(error: &Error, now: Millis) -> Ended {
    let mut ended = Ended::without_run(Outcome::ImageFailed(error.message().to_owned()), now);
    let reason = std::error::Error::source(error).map(ToString::to_string);
    ended.logs.extend(reason.map(|text| Line {
        at: now,
        stream: Stream::Stderr,
        text,
    }));
    ended
}

fn key(invocation: &Invocation) -> Key {
    let mut digest = DefaultHasher::new();
    for (key, value) in invocation.environment.init_values() {
        (key, value.to_string()).hash(&mut digest);
    }
    // What runs parts of an activation has other code than the action.
    let code = invocation.action.exec.code();
    code.map(|code| &code.digest).hash(&mut digest);
    Key {
        namespace: invocation.caller.namespace.clone(),
        action: invocation.action.fqn.clone(),
        revision: invocation.revision,
        environment: digest.finish(),
        isolation: invocation.isolation,
    }
}

/// A parameter's value as an environment variable: strings raw, everything else as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Ended {
    /// Adds the logs and the outcome of one stage; true if it failed for good.
    fn add(&mut self, ran: Ran) -> bool {
        self.logs.extend(ran.logs);
        self.truncated |= ran.truncated;
        let failed = ran.outcome.is_some();
        self.outcome = ran.outcome;
        failed
    }
}
