use std::sync::Arc;

use serde_json::json;
use wisp_core::{
    Code, Error, Result,
    model::{ActionLimits, Activation, ActivationId, Annotations, Exec, Fqn, Json, Millis, Response, Right, Status},
};

use crate::{control::Control, invoke::Call};

/// How many functions a sequence has run, nested ones counted.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    spent: u64,
}

impl Control {
    /// Runs the steps of a sequence one after another; each step's result is the next one's payload. The first step
    /// that fails ends the sequence with its own response.
    pub(crate) async fn run_sequence(&self, call: Call, budget: &mut Budget) -> Result<Arc<Activation>> {
        let start = self.inner.clock.now();
        let Exec::Sequence { components } = &call.resolved.action.exec else {
            return Err(Error::internal(format!(
                "'{}' is not a sequence",
                call.resolved.action.fqn
            )));
        };
        let mut steps = Steps::before(&call);
        for component in components {
            match self
                .step(&call, component, steps.response.result.clone(), budget)
                .await?
            {
                Step::Ran(activation) => steps.add(&activation),
                Step::Refused(message) => steps.response = Response::failure(Status::ApplicationError, &message),
            }
            if !steps.response.success {
                break;
            }
        }
        let activation = Arc::new(record(&call, steps, start, self.inner.clock.now()));
        self.inner.activations.finish(activation.clone()).await?;
        Ok(activation)
    }

    async fn step(&self, call: &Call, component: &Fqn, payload: Json, budget: &mut Budget) -> Result<Step> {
        let resolved = match self.resolve(&call.caller, component, Right::Activate).await {
            Ok(resolved) => resolved,
            Err(error) if error.code() == Code::NotFound => {
                return Ok(Step::Refused("Sequence component does not exist.".into()));
            }
            Err(error) if error.code().retry() => return Err(error),
            Err(error) => return Ok(Step::Refused(error.message().to_owned())),
        };
        let nested = matches!(resolved.action.exec, Exec::Sequence { .. });
        if !nested && budget.spent >= self.inner.limits.sequence_length {
            return Ok(Step::Refused("Too many actions in the sequence.".into()));
        }
        budget.spent += u64::from(!nested);
        let inner = Call {
            id: self.new_id(),
            resolved,
            payload,
            caller: call.caller.clone(),
            cause: Some(call.id),
            transaction: call.transaction.clone(),
            at: self.inner.clock.now(),
            accepted: call.accepted,
        };
        self.run(inner, budget).await.map(Step::Ran)
    }
}

enum Step {
    Ran(Arc<Activation>),
    Refused(String),
}

/// What the steps so far amount to.
struct Steps {
    ids: Vec<ActivationId>,
    duration: u64,
    memory: Option<u64>,
    response: Response,
}

impl Steps {
    fn before(call: &Call) -> Self {
        let response = Response::new(Status::Success, call.payload.clone());
        Self {
            ids: Vec::new(),
            duration: 0,
            memory: None,
            response,
        }
    }

    fn add(&mut self, activation: &Activation) {
        self.ids.push(activation.activation_id);
        self.duration += activation.duration.unwrap_or(0);
        let memory = activation
            .annotations
            .get("limits")
            .and_then(|limits| limits.get("memory")?.as_u64());
        self.memory = self.memory.max(memory);
        self.response = activation.response.clone();
    }
}

/// The record of a sequence: its logs are the ids of its steps.
fn record(call: &Call, steps: Steps, start: Millis, end: Millis) -> Activation {
    let action = &call.resolved.action;
    let limits = ActionLimits {
        memory: steps.memory.unwrap_or(action.limits.memory),
        ..action.limits
    };
    let mut annotations = Annotations::new();
    annotations.set("path", action.fqn.to_string());
    annotations.set("kind", "sequence");
    annotations.set("limits", json!(limits));
    annotations.set("topmost", call.cause.is_none());
    annotations.set("waitTime", start.saturating_sub(call.at));
    if call.cause.is_some() {
        annotations.set("causedBy", "sequence");
    }
    if let Some(binding) = &call.resolved.binding {
        annotations.set("binding", binding.to_string());
    }
    Activation {
        namespace: call.caller.namespace.clone(),
        name: action.fqn.entity().clone(),
        version: action.version,
        subject: call.caller.subject.clone(),
        activation_id: call.id,
        cause: call.cause,
        start,
        end: Some(end),
        duration: Some(steps.duration),
        response: steps.response,
        logs: steps.ids.iter().map(ActivationId::to_string).collect(),
        annotations,
        publish: false,
    }
}
