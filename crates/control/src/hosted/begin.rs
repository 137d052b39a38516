use std::sync::Arc;

use wisp_core::{
    Code, Result,
    model::{Action, Activation, Response, Status},
};

use super::{
    HUB,
    host::{Says, says},
};
use crate::{
    control::Control,
    invoke::{Call, json, merge},
    orchestrations::{Hub, Start},
    record,
};

/// Whether an invocation of an action starts an orchestration.
pub(crate) fn is_orchestrator(action: &Action) -> bool {
    matches!(says(action), Some(Says::Is("orchestrator")))
}

impl Control {
    /// Starts an orchestration whose input are the invocation's arguments and whose id is the activation's. One that was promised is
    /// started once, however often it is begun.
    pub(crate) async fn run_orchestrator(&self, call: Call) -> Result<Arc<Activation>> {
        let at = self.inner.clock.now();
        let name = &call.resolved.action.fqn;
        let start = Start {
            instance: call.id.to_string(),
            name: name.package().map_or_else(
                || name.name().to_owned(),
                |package| format!("{package}/{}", name.name()),
            ),
            input: Some(merge(&call.resolved.parameters, &call.payload)?.get().to_owned()),
            ..Start::default()
        };
        let hub = Hub::new(call.caller.namespace.clone(), HUB)?;
        let response = match self.start_orchestration(&call.caller, &hub, start).await {
            Err(error) if error.code().status() >= 500 => return Err(error),
            Err(error) if error.code() != Code::Conflict => {
                Response::failure(Status::ApplicationError, error.message())
            }
            // A conflict: it was started before, and the record of that was not written.
            _ => Response::new(Status::Success, json(&serde_json::json!({ "id": call.id }))?),
        };
        let activation = Arc::new(record::without_worker(&call, response, at, self.inner.clock.now()));
        self.inner.activations.finish(activation.clone()).await?;
        Ok(activation)
    }
}
