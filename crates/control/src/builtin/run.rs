use std::sync::Arc;

use serde_json::{Value, json};
use wisp_core::{
    Error, Result,
    model::{Activation, Annotations, Json, Response, Status},
};

use super::Request;
use crate::{
    control::Control,
    invoke::{Call, json as to_json, merge},
};

impl Control {
    /// Runs one call of a built-in action and records it like any other.
    pub(crate) async fn run_builtin(&self, call: Call) -> Result<Arc<Activation>> {
        let start = self.inner.clock.now();
        let response = self.answer(&call).await?;
        let activation = Arc::new(record(call, response, start, self.inner.clock.now()));
        self.inner.activations.finish(activation.clone()).await?;
        Ok(activation)
    }

    async fn answer(&self, call: &Call) -> Result<Response> {
        let fqn = &call.resolved.action.fqn;
        let function = self.inner.catalog.builtins().function(fqn);
        let function = function.ok_or_else(|| Error::internal(format!("'{fqn}' is not built in")))?;
        let arguments: Json = merge(&call.resolved.parameters, &call.payload)?;
        let arguments = serde_json::from_str(arguments.get())
            .map_err(|error| Error::bad_request("the arguments are not JSON").because(error))?;
        let request = Request {
            control: self,
            caller: &call.caller,
            arguments,
        };
        match function(request).await {
            Ok(result) => Ok(Response::new(status(&result), to_json(&result)?)),
            Err(error) if error.code().status() < 500 => {
                Ok(Response::failure(Status::ApplicationError, error.message()))
            }
            Err(error) => {
                tracing::error!(action = %fqn, transaction = call.transaction, ?error, "a built-in action failed");
                Ok(Response::failure(
                    Status::WhiskError,
                    "There was an internal server error.",
                ))
            }
        }
    }
}

fn status(result: &Value) -> Status {
    match result.get("error") {
        Some(_) => Status::ApplicationError,
        None => Status::Success,
    }
}

fn record(call: Call, response: Response, start: u64, end: u64) -> Activation {
    let action = &call.resolved.action;
    let mut annotations = Annotations::new();
    annotations.set("path", action.fqn.to_string());
    annotations.set("waitTime", start.saturating_sub(call.at));
    annotations.set("kind", action.exec.kind());
    annotations.set("timeout", false);
    annotations.set("limits", json!(action.limits));
    if call.cause.is_some() {
        annotations.set("causedBy", "sequence");
    }
    if let Some(binding) = &call.resolved.binding {
        annotations.set("binding", binding.to_string());
    }
    Activation {
        namespace: call.caller.namespace,
        name: action.fqn.entity().clone(),
        version: action.version,
        subject: call.caller.subject,
        activation_id: call.id,
        cause: call.cause,
        start,
        end: Some(end),
        duration: Some(end.saturating_sub(start)),
        response,
        logs: Vec::new(),
        annotations,
        publish: false,
    }
}
