use std::sync::Arc;

use serde_json::Value;
use wisp_core::{
    Error, Result,
    model::{Activation, Json, Response, Status},
};

use super::Request;
use crate::{
    control::Control,
    invoke::{Call, json as to_json, merge},
    record,
};

impl Control {
    /// Stores the code of what is built in, so that workers find it.
    pub async fn install_builtins(&self) -> Result<()> {
        for code in self.inner.catalog.builtins().code() {
            self.inner.blobs.put(code.clone()).await?;
        }
        Ok(())
    }

    /// Runs one call of a built-in action and records it like any other.
    pub(crate) async fn run_builtin(&self, call: Call) -> Result<Arc<Activation>> {
        let start = self.inner.clock.now();
        let response = self.answer(&call).await?;
        let activation = Arc::new(record::without_worker(&call, response, start, self.inner.clock.now()));
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
            call,
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
