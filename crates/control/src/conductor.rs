use std::sync::Arc;

use serde_json::{Map, Value, json};
use wisp_core::{
    Code, Error, Result,
    model::{Activation, Exec, Fqn, Json, Response, Right, Status},
};

use crate::{
    budget::Budget,
    control::Control,
    durable::Known,
    invoke::{Call, json as to_json},
    resolve::Resolved,
    steps::{Ended, Steps},
};

type Object = Map<String, Value>;

impl Control {
    /// Runs a composition: its conductor is asked what comes next until it names no action any more. What a component
    /// returns, errors included, goes to the conductor together with the state that it gave with its last answer. With the
    /// record comes what a branch gives to its fork.
    ///
    /// A promised composition that is cut off by the end of the server begins anew at the next start, unless it is durable.
    pub(crate) async fn run_composition(
        &self,
        call: Call,
        budget: &mut Budget,
    ) -> Result<(Arc<Activation>, Option<Object>)> {
        let start = self.enter(&call)?;
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
        let outcome = steps.outcome.take();
        let activation = Arc::new(steps.record(&call, start, self.inner.clock.now()));
        self.inner.activations.finish(activation.clone()).await?;
        Ok((activation, outcome))
    }

    /// Runs conductor and components by turns; how the composition ends is then the response of the steps.
    async fn conduct(&self, call: &Call, steps: &mut Steps, budget: &mut Budget) -> Result<()> {
        let mut payload = call.payload.clone();
        let mut state = Object::new();
        for turn in 0.. {
            if !budget.spend_conductor() {
                steps.response = Response::failure(Status::ApplicationError, TOO_MANY);
                return Ok(());
            }
            let question = with_state(&payload, std::mem::take(&mut state))?;
            steps.add(self.ask_conductor(call, turn, question, steps, budget).await?);
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
            let params = to_json(&Value::Object(params.unwrap_or_default()))?;
            payload = match self.call_component(call, turn, &action, params, steps, budget).await? {
                Known::Ended(ended) => {
                    steps.add(ended);
                    steps.response.result.clone()
                }
                Known::Refused(refusal) => to_json(&json!({ "error": refusal }))?,
            };
        }
        Ok(())
    }

    /// Asks the conductor what comes next.
    async fn ask_conductor(
        &self,
        call: &Call,
        turn: usize,
        question: Json,
        steps: &Steps,
        budget: &mut Budget,
    ) -> Result<Ended> {
        let id = call.part(&format!("conductor {turn}"));
        if let Some(Known::Ended(ended)) = call.known(id, budget) {
            return Ok(ended);
        }
        let now = self.inner.clock.now();
        let conductor = call.step(id, call.resolved.clone(), question, now, !steps.is_empty());
        let ended = match self.answer_natively(&conductor).await? {
            Some(ended) => ended,
            None => match self.recorded_part(&conductor).await? {
                Some(activation) => Ended::from(&*activation),
                None => Ended::from(&*self.run_function(conductor).await?),
            },
        };
        call.write_ended(&ended, budget).await?;
        Ok(ended)
    }

    /// Runs the action that a conductor names, unless it may not be called.
    async fn call_component(
        &self,
        call: &Call,
        turn: usize,
        action: &Value,
        params: Json,
        steps: &Steps,
        budget: &mut Budget,
    ) -> Result<Known> {
        let id = call.part(&format!("component {turn}"));
        if let Some(known) = call.known(id, budget) {
            return Ok(known);
        }
        match self.next_component(call, action, budget).await? {
            Ok(component) => {
                let now = self.inner.clock.now();
                let inner = call.step(id, component, params, now, !steps.is_empty());
                self.run_component(inner, budget).await.map(Known::Ended)
            }
            Err(refusal) => {
                call.note_refused(id, &refusal)?;
                Ok(Known::Refused(refusal))
            }
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

    /// Runs a component to its end, whatever that is.
    async fn run_component(&self, inner: Call, budget: &mut Budget) -> Result<Ended> {
        if !inner.resolved.action.is_conductor() {
            budget.spend_component();
        }
        if !matches!(inner.resolved.action.exec, Exec::Sequence { .. }) {
            return self.run_step(inner, budget).await;
        }
        let functions = budget.suspend();
        let call = inner.clone();
        let ran = self.run(inner, budget).await;
        budget.resume(functions);
        let ended = Ended::from(&*ran?);
        call.write_ended(&ended, budget).await?;
        Ok(ended)
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
