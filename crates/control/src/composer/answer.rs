use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value, json};
use wisp_core::{
    Result,
    model::{Activation, ActivationId, Outcome, Response},
};
use wisp_workflow::composer::{Function, Next, Program, Returned, Step};

use super::told::{Told, response, result};
use crate::{
    control::Control,
    invoke::{Call, json as text, merge, object},
    steps::Ended,
};

/// A call of a conductor under way.
pub(super) struct Asked<'a> {
    /// The call.
    pub call: &'a Call,
    /// The composition.
    pub program: Arc<Program>,
    /// How far it is.
    pub step: Step,
    /// What there is to tell of it.
    pub told: Told,
    /// When its time is up, as time since the clock's beginning; branches do not count.
    pub deadline: Duration,
    /// Forks and what goes on by itself so far: their ids are made of it.
    pub besides: usize,
}

impl Control {
    /// The answer of a conductor, as its interpreter would give it. None if only the interpreter can say.
    pub(crate) async fn answer_natively(&self, call: &Call) -> Result<Option<Ended>> {
        let Some(program) = self.program_of(&call.resolved.action).await? else {
            return Ok(None);
        };
        let Ok(question) = object(&merge(&call.resolved.parameters, &call.payload)?) else {
            return Ok(None);
        };
        let Some(step) = Step::new(program.clone(), question, &call.id.to_string()) else {
            return Ok(None);
        };
        // The record of a branch's last call does not show what it gives to its fork: it is asked again.
        if step.outcome().is_none()
            && let Some(activation) = self.recorded_part(call).await?
        {
            return Ok(Some(Ended::from(&*activation)));
        }
        let timeout = Duration::from_millis(call.resolved.action.limits.timeout);
        let mut asked = Asked {
            call,
            program,
            step,
            told: Told::new(call, self.inner.clock.now(), Vec::new()),
            deadline: self.inner.clock.elapsed() + timeout,
            besides: 0,
        };
        let response = match self.resume_fork(&mut asked).await? {
            Some(response) => response,
            None => self.go_on(&mut asked).await?,
        };
        let outcome = asked.step.outcome().cloned();
        let (told, now) = (asked.told, self.inner.clock.now());
        let activation = Arc::new(told.record(call, response, now));
        self.inner.activations.finish(activation.clone()).await?;
        Ok(Some(Ended::from(&*activation).giving(outcome)))
    }

    /// Goes on until there is an answer.
    pub(super) async fn go_on(&self, asked: &mut Asked<'_>) -> Result<Response> {
        loop {
            let next = asked.step.advance();
            let hands_over = matches!(next, Next::Function(_) | Next::Paused) && !asked.program.forks();
            let handed_over = hands_over.then(|| asked.step.hand_over());
            asked.told.log(asked.step.take_lines(), self.inner.clock.now());
            let answer = match next {
                Next::Answer(answer) => Some(answer),
                _ if self.inner.clock.elapsed() > asked.deadline => return Ok(asked.timed_out()),
                // The interpreter also takes the nodes that follow; but it knows of no branches without Redis.
                Next::Function(_) | Next::Paused if let Some(question) = handed_over => {
                    return Ok(self.run_in_sandbox(asked, question, false).await?.response.clone());
                }
                Next::Function(function) => match self.run_function_of(asked, function).await? {
                    Ok(answer) => answer,
                    Err(response) => return Ok(response),
                },
                Next::Paused => Some(too_much()),
                Next::Spawn(arguments) => {
                    self.spawn_beside(asked, arguments).await?;
                    None
                }
                Next::Fork(branches) => match self.fork(asked, branches).await? {
                    Some(response) => return Ok(response),
                    None => None,
                },
            };
            if let Some(answer) = answer {
                return Ok(response(answer, self.inner.limits.result_size));
            }
        }
    }

    /// Runs one function; the answer if that ends the call, or the response if the sandbox fails.
    async fn run_function_of(
        &self,
        asked: &mut Asked<'_>,
        function: Function,
    ) -> Result<Result<Option<Map<String, Value>>, Response>> {
        let Function {
            code,
            params,
            variables,
        } = function;
        let request = json!({ "code": code, "params": params, "variables": variables });
        let request = request.as_object().cloned().unwrap_or_default();
        let activation = self.run_in_sandbox(asked, request, true).await?;
        if !activation.response.success {
            return Ok(Err(activation.response.clone()));
        }
        let Ok(returned) = serde_json::from_value::<Returned>(Value::Object(result(&activation))) else {
            return Ok(Err(Outcome::Exited.response()));
        };
        Ok(Ok(match asked.step.returned(returned) {
            Some(Next::Answer(answer)) => Some(answer),
            _ => None,
        }))
    }

    async fn run_in_sandbox(
        &self,
        asked: &mut Asked<'_>,
        request: Map<String, Value>,
        function: bool,
    ) -> Result<Arc<Activation>> {
        let code = match function {
            true => Some(self.functions().await?),
            false => None,
        };
        let call = Call {
            payload: text(&Value::Object(request))?,
            ..asked.call.clone()
        };
        let activation = self.run_part(call, code).await?;
        asked.told.ran(&activation);
        Ok(activation)
    }
}

impl Asked<'_> {
    /// The id of something that runs beside this call.
    pub fn beside(&self, what: &str) -> ActivationId {
        self.call.part(&format!("{what} {}", self.besides))
    }

    fn timed_out(&self) -> Response {
        Outcome::TimedOut(self.call.resolved.action.limits.timeout).response()
    }
}

/// The answer of a composition with branches that goes round in circles.
fn too_much() -> Map<String, Value> {
    let why = "Internal error: the composition goes on without a component, a function or a branch";
    Map::from_iter([("error".to_owned(), why.into())])
}
