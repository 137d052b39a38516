use std::sync::Arc;

use wisp_core::{
    Code, Error, Result,
    model::{Activation, Exec, Fqn, Json, Response, Right, Status},
};

use crate::{budget::Budget, control::Control, invoke::Call, steps::Steps};

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
        let mut steps = Steps::new(Response::new(Status::Success, call.payload.clone()));
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
        let activation = Arc::new(steps.record(&call, start, self.inner.clock.now()));
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
        let affordable = match resolved.action.exec {
            Exec::Sequence { .. } => budget.spend_sequence(),
            _ => budget.spend_function(),
        };
        if !affordable {
            return Ok(Step::Refused("Too many actions in the sequence.".into()));
        }
        let inner = Call {
            id: self.new_id(),
            resolved,
            payload,
            caller: call.caller.clone(),
            cause: Some(call.id),
            transaction: call.transaction.clone(),
            at: self.inner.clock.now(),
            accepted: call.accepted,
            pieces: None,
            delivery: None,
        };
        self.run(inner, budget).await.map(Step::Ran)
    }
}

enum Step {
    Ran(Arc<Activation>),
    Refused(String),
}
