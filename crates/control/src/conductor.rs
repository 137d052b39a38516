use std::sync::Arc;

use serde_json::{Map, Value, json};
use wisp_core::{
    Code, Error, Result,
    model::{Activation, Exec, Fqn, Json, Response, Right, Status},
};

use crate::{
    budget::Budget,
    control::Control,
    invoke::{Call, json as to_json},
    resolve::Resolved,
    steps::Steps,
};

type Object = Map<String, Value>;

impl Control {
    /// Runs a composition: its conductor is asked what comes next until it names no action any more. What a component
    /// returns, errors included, goes to the conductor together with the state that it gave with its last answer.
    ///
    /// A promised composition that is cut off by the end of the server begins anew at the next start.
    pub(crate) async fn run_composition(&self, call: Call, budget: &mut Budget) -> Result<Arc<Activation>> {
        let start = self.inner.clock.now();
        let outermost = budget.enter();
        let mut steps = Steps::new(Response::new(Status::Success, call.payload.clone()));
        let ended = self.conduct(&call, &mut steps, budget).await;
        budget.leave(outermost);
        if let Err(error) = ended {
            // What has not begun, or was promised, may be tried again as a whole.
            if steps.is_empty() || call.accepted {
                return Err(error);
            }
            tracing::error!(activation = %call.id, ?error, "a composition was cut off");
            steps.response = Response::failure(Status::WhiskError, "Activation failure during composition.");
        }
        let activation = Arc::new(steps.record(&call, start, self.inner.clock.now()));
        self.inner.activations.finish(activation.clone()).await?;
        Ok(activation)
    }

    /// Runs conductor and components by turns; how the composition ends is then the response of the steps.
    async fn conduct(&self, call: &Call, steps: &mut Steps, budget: &mut Budget) -> Result<()> {
        let mut payload = call.payload.clone();
        let mut state = Object::new();
        loop {
            if !budget.spend_conductor() {
                steps.response = Response::failure(Status::ApplicationError, TOO_MANY);
                return Ok(());
            }
            let question = with_state(&payload, std::mem::take(&mut state))?;
            let conductor = self.inner_call(call, call.resolved.clone(), question, steps);
            steps.add(&*self.run_function(conductor).await?);
            let mut answer: Object = serde_json::from_str(steps.response.result.get()).unwrap_or_default();
            let params = answer.remove("params").map(|value| boxed(value, "value"));
            state = answer
                .remove("state")
                .map(|value| boxed(value, "state"))
                .unwrap_or_default();
            let Some(action) = answer.remove("action") else {
                if let Some(params) = params {
                    steps.response = Response::new(steps.response.status, to_json(&Value::Object(params))?);
                }
                return Ok(());
            };
            payload = match self.next_component(call, &action, budget).await? {
                Ok(component) => {
                    let params = to_json(&Value::Object(params.unwrap_or_default()))?;
                    self.run_component(call, component, params, steps, budget).await?
                }
                Err(refusal) => to_json(&json!({ "error": refusal }))?,
            };
        }
    }

    /// The action that a conductor names, or why it may not be called.
    async fn next_component(&self, call: &Call, action: &Value, budget: &Budget) -> Result<Result<Resolved, String>> {
        let name = action.as_str().map(|text| Fqn::resolve(text, &call.caller.namespace));
        let Some(Ok(name)) = name else {
            return Ok(Err(format!(
                "Failed to parse action name from json value {action} during composition."
            )));
        };
        if !budget.has_component() {
            return Ok(Err(TOO_MANY.to_owned()));
        }
        let failure = match self.resolve(&call.caller, &name, Right::Activate).await {
            Ok(resolved) if self.inner.kinds.check_runnable(&resolved.action.exec).is_ok() => return Ok(Ok(resolved)),
            Ok(_) => "Failed to resolve action",
            Err(error) if error.code().retry() => return Err(error),
            Err(error) if error.code() == Code::Forbidden => "Failed entitlement check for action",
            Err(_) => "Failed to resolve action",
        };
        Ok(Err(format!("{failure} with name '{name}' during composition.")))
    }

    /// Runs a component and returns its result, whatever it is.
    async fn run_component(
        &self,
        call: &Call,
        component: Resolved,
        params: Json,
        steps: &mut Steps,
        budget: &mut Budget,
    ) -> Result<Json> {
        let action = component.action.clone();
        let inner = self.inner_call(call, component, params, steps);
        if !action.is_conductor() {
            budget.spend_component();
        }
        let activation = match action.exec {
            Exec::Sequence { .. } => {
                let functions = budget.suspend();
                let ran = self.run(inner, budget).await;
                budget.resume(functions);
                ran?
            }
            Exec::Code { .. } | Exec::Blackbox { .. } | Exec::Builtin => self.run(inner, budget).await?,
        };
        steps.add(&activation);
        Ok(activation.response.result.clone())
    }

    /// A call that a composition makes. Once it has begun, it waits for room instead of being refused half-way.
    fn inner_call(&self, call: &Call, resolved: Resolved, payload: Json, steps: &Steps) -> Call {
        Call {
            id: self.new_id(),
            resolved,
            payload,
            caller: call.caller.clone(),
            cause: Some(call.id),
            transaction: call.transaction.clone(),
            at: self.inner.clock.now(),
            accepted: call.accepted || !steps.is_empty(),
            pieces: None,
            delivery: None,
        }
    }
}

const TOO_MANY: &str = "Too many actions in the composition.";

/// What a conductor receives: the last result with its own state laid over it. A list has no place for a state, so it
/// is put into an object if there is one.
fn with_state(payload: &Json, state: Object) -> Result<Json> {
    if state.is_empty() {
        return Ok(payload.clone());
    }
    let value: Value = serde_json::from_str(payload.get())
        .map_err(|error| Error::internal("a component's result is not JSON").because(error))?;
    let mut values = boxed(value, "value");
    values.extend(state);
    to_json(&Value::Object(values))
}

/// An object as it is; any other value as the only field of one.
fn boxed(value: Value, key: &str) -> Object {
    match value {
        Value::Object(object) => object,
        other => Object::from_iter([(key.to_owned(), other)]),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn state_lies_over_the_payload() {
        let state = |value: Value| boxed(value, "state");
        for (payload, state, expected) in [
            (json!({"n": 1, "s": 1}), state(json!({"s": 2})), json!({"n": 1, "s": 2})),
            (json!({"n": 1}), state(json!(7)), json!({"n": 1, "state": 7})),
            (json!([1, 2]), state(json!({"s": 2})), json!({"value": [1, 2], "s": 2})),
            (json!([1, 2]), Object::new(), json!([1, 2])),
        ] {
            let question = with_state(&to_json(&payload).unwrap(), state).unwrap();
            assert_eq!(serde_json::from_str::<Value>(question.get()).unwrap(), expected);
        }
    }
}
