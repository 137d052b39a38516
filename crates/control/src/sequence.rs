use std::sync::Arc;

use wisp_core::{
    Code, Error, Result,
    model::{Activation, Exec, Fqn, Response, Right, Status},
};

use crate::{budget::Budget, control::Control, durable::Known, invoke::Call, steps::Steps};

impl Control {
    /// Runs the steps of a sequence one after another; each step's result is the next one's payload. The first step
    /// that fails ends the sequence with its own response.
    pub(crate) async fn run_sequence(&self, call: Call, budget: &mut Budget) -> Result<Arc<Activation>> {
        let start = self.enter(&call)?;
        let Exec::Sequence { components } = &call.resolved.action.exec else {
            return Err(Error::internal(format!(
                "'{}' is not a sequence",
                call.resolved.action.fqn
            )));
        };
        let mut steps = Steps::new(Response::new(Status::Success, call.payload.clone()));
        for component in components {
            match self.next_step(&call, component, &steps, budget).await? {
                Known::Ended(ended) => steps.add(ended),
                Known::Refused(message) => steps.response = Response::failure(Status::ApplicationError, &message),
            }
            if !steps.response.success {
                break;
            }
        }
        let activation = Arc::new(steps.record(&call, start, self.inner.clock.now()));
        self.inner.activations.finish(activation.clone()).await?;
        Ok(activation)
    }

    async fn next_step(&self, call: &Call, component: &Fqn, steps: &Steps, budget: &mut Budget) -> Result<Known> {
        let id = call.part(&format!("step {}", steps.count()));
        if let Some(known) = call.known(id, budget) {
            return Ok(known);
        }
        let resolved = match self.resolve(&call.caller, component, Right::Activate).await {
            Ok(resolved) => resolved,
            Err(error) if error.code() == Code::NotFound => {
                return Ok(Known::Refused("Sequence component does not exist.".into()));
            }
            Err(error) if error.code().retry() => return Err(error),
            Err(error) => return Ok(Known::Refused(error.message().to_owned())),
        };
        let affordable = match resolved.action.exec {
            Exec::Sequence { .. } => budget.spend_sequence(),
            _ => budget.spend_function(),
        };
        if !affordable {
            return Ok(Known::Refused("Too many actions in the sequence.".into()));
        }
        let (payload, now) = (steps.response.result.clone(), self.inner.clock.now());
        let inner = Call {
            after: steps.last(),
            ..call.step(id, resolved, payload, now, false)
        };
        self.run_step(inner, budget).await.map(Known::Ended)
    }
}
