//! Tasks that call actions, as Lambda functions are called.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value, json};
use wisp_core::{
    Code, Error, Result,
    model::{Activation, ActivationId, Fqn, Status},
};
use wisp_workflow::{
    execution::EventKind,
    machine::Pattern,
    query::{MAX_DEPTH, nests_too_deep},
};

use super::effects::Task;
use crate::{
    control::Control,
    event::id_of,
    once::{What, Work},
};

/// How the `Resource` of an action may begin.
const ACTION: &str = "wisp:action:";

/// Pause before what the platform could not begin is tried again.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// How often the platform tries to begin something, when the failure is its own.
pub(super) const TRIES: u32 = 3;

/// Why a call has no result.
struct Failure {
    error: String,
    cause: String,
}

impl Control {
    /// Calls the action of a task whose resource is its name; the task's input is its arguments, its result the task's.
    pub(super) async fn call_function(&self, task: &Task, name: &str) -> Option<EventKind> {
        let called = self.call_action(task, action_name(name), &task.start.input).await?;
        Some(match called {
            Ok((_, result)) => task.succeeded(result),
            Err(failure) => task.failed(failure.error, failure.cause),
        })
    }

    /// `lambda:invoke`: the name and the payload are parameters, the result is part of an answer.
    pub(super) async fn call_lambda(&self, task: &Task, pattern: Pattern) -> Option<EventKind> {
        let answer = |activation: &Activation, result| {
            json!({
                "ExecutedVersion": "$LATEST",
                "Payload": result,
                "SdkHttpMetadata": { "HttpStatusCode": 200 },
                "SdkResponseMetadata": { "RequestId": activation.activation_id.to_string() },
                "StatusCode": 200,
            })
        };
        self.call_named(task, pattern, "FunctionName", answer).await
    }

    /// `whisk:invoke`: as an action is invoked by OpenWhisk's API, the answer its record without logs.
    pub(super) async fn call_whisk(&self, task: &Task, pattern: Pattern) -> Option<EventKind> {
        let answer =
            |activation: &Activation, result| json!({ "ActivationId": activation.activation_id, "Result": result });
        self.call_named(task, pattern, "ActionName", answer).await
    }

    /// Calls the action that a parameter names, with the parameter `Payload`.
    async fn call_named(
        &self,
        task: &Task,
        pattern: Pattern,
        parameter: &str,
        answer: impl Fn(&Activation, Value) -> Value,
    ) -> Option<EventKind> {
        let parameters = &task.start.input;
        let Some(name) = parameters[parameter].as_str() else {
            return Some(task.failed("States.Runtime", format!("The parameter {parameter} is missing.")));
        };
        let payload = parameters.get("Payload").cloned().unwrap_or_else(|| json!({}));
        let called = self.call_action(task, action_name(name), &payload).await?;
        Some(match called {
            Ok((activation, result)) => task.answered(pattern, answer(&activation, result)),
            Err(failure) => task.failed(failure.error, failure.cause),
        })
    }

    /// Runs an action under an id that is the task's, whatever happens meanwhile: one that has run is not run again.
    /// None when the server ends first, since the task is then begun again at the next start, and when somebody is at it already.
    async fn call_action(
        &self,
        task: &Task,
        name: &str,
        payload: &Value,
    ) -> Option<Result<(Arc<Activation>, Value), Failure>> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_action(task, name, payload).await {
                Ok(activation) => return Some(outcome(&activation).map(|result| (activation, result))),
                Err(error) if error.code() == Code::Unavailable => return None,
                Err(error) if error.code().retry() && error.code().status() >= 500 && tries < TRIES => {
                    tracing::warn!(
                        execution = task.key,
                        ?error,
                        "the platform could not run a task; it tries again"
                    );
                    self.inner.clock.sleep(PAUSE).await;
                }
                Err(error) => return Some(Err(refused(name, &error))),
            }
        }
    }

    async fn try_action(&self, task: &Task, name: &str, payload: &Value) -> Result<Arc<Activation>> {
        let namespace = &task.namespace;
        let id = run_of(&task.key, &task.nonce, task.start.id);
        let name = Fqn::resolve(name, namespace)?;
        let work = Work {
            id,
            chain: &task.chain,
            session: Some(task.session()),
            after: task.after,
        };
        self.run_once(work, namespace, &name, payload, What::Invocation).await
    }
}

/// The id of the run that a task of an execution is.
pub(super) fn run_of(key: &str, nonce: &str, task: u64) -> ActivationId {
    id_of(&["workflow", key, nonce, &task.to_string()])
}

impl Task {
    /// A service has answered: the end, unless somebody is to call back.
    fn answered(&self, pattern: Pattern, answer: Value) -> EventKind {
        match pattern {
            Pattern::Callback => EventKind::TaskSubmitted {
                id: self.start.id,
                output: answer,
            },
            _ => self.succeeded(answer),
        }
    }
}

/// The action that a resource or a function's name means. Qualifiers are left out: an action has one version.
fn action_name(name: &str) -> &str {
    if let Some(name) = name.strip_prefix(ACTION) {
        return name;
    }
    let Some((_, name)) = name.split_once(":function:").or_else(|| name.split_once("function:")) else {
        return name.split(':').next().unwrap_or_default();
    };
    name.split(':').next().unwrap_or_default()
}

/// The result of an activation, or its failure as a function's is told.
fn outcome(activation: &Activation) -> Result<Value, Failure> {
    // What cannot be read nests deeper than any JSON reader goes.
    let result: Option<Value> = serde_json::from_str(activation.response.result.get()).ok();
    let result = result.filter(|result| !nests_too_deep(result)).ok_or_else(|| Failure {
        error: "States.Runtime".to_owned(),
        cause: format!("The result of the action nests deeper than {MAX_DEPTH} levels."),
    })?;
    let failure = result.get("error").cloned().unwrap_or_default();
    let timed_out = activation
        .annotations
        .get("timeout")
        .is_some_and(|timeout| *timeout == json!(true));
    let named = match (activation.response.status, timed_out) {
        (Status::Success, _) => return Ok(result),
        (Status::ApplicationError, _) => error_type(&result, &failure),
        (_, true) => "Sandbox.Timedout".to_owned(),
        (Status::DeveloperError, _) => "Runtime.ExitError".to_owned(),
        _ => "Lambda.ServiceException".to_owned(),
    };
    let mut cause = Map::new();
    cause.insert("errorMessage".into(), error_message(&failure).into());
    cause.insert("errorType".into(), named.as_str().into());
    cause.insert("requestId".into(), activation.activation_id.to_string().into());
    Err(Failure {
        error: named,
        cause: Value::Object(cause).to_string(),
    })
}

/// The name of an error that a function returned: what it says itself, else `Error`.
fn error_type(result: &Value, failure: &Value) -> String {
    let said = [
        failure.get("errorType"),
        failure.get("name"),
        failure.get("code"),
        result.get("errorType"),
    ];
    let mut said = said.into_iter().flatten().filter_map(Value::as_str);
    said.next().unwrap_or("Error").to_owned()
}

fn error_message(failure: &Value) -> String {
    let said = [Some(failure), failure.get("errorMessage"), failure.get("message")];
    let mut said = said.into_iter().flatten().filter_map(Value::as_str);
    said.next().map_or_else(|| failure.to_string(), str::to_owned)
}

/// Why an action could not be called, in the words that state machines know.
fn refused(name: &str, error: &Error) -> Failure {
    let named = match error.code() {
        Code::NotFound => "Lambda.ResourceNotFoundException",
        Code::Forbidden | Code::Isolation => "Lambda.AccessDeniedException",
        Code::Throttled => "Lambda.TooManyRequestsException",
        Code::Loop => "Lambda.RecursiveInvocationException",
        Code::BadRequest | Code::TooLarge => "Lambda.InvalidParameterValueException",
        _ => "Lambda.ServiceException",
    };
    let cause = match error.code() {
        Code::Internal => "The platform could not run the action.".to_owned(),
        _ => format!("The action '{name}' cannot be called: {}", error.message()),
    };
    Failure {
        error: named.to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_go_by_many_names() {
        for (resource, expected) in [
            ("wisp:action:resize", "resize"),
            ("wisp:action:pkg/resize", "pkg/resize"),
            ("arn:aws:lambda:us-east-1:123456789012:function:resize", "resize"),
            ("arn:aws:lambda:us-east-1:123456789012:function:resize:live", "resize"),
            ("123456789012:function:resize", "resize"),
            ("resize:$LATEST", "resize"),
            ("/guest/pkg/resize", "/guest/pkg/resize"),
            ("resize", "resize"),
        ] {
            assert_eq!(action_name(resource), expected, "{resource}");
        }
    }

    #[test]
    fn errors_are_named_as_functions_name_them() {
        let named = |result: Value| error_type(&result, &result["error"]);
        assert_eq!(named(json!({ "error": "gone" })), "Error");
        assert_eq!(
            named(json!({ "error": { "name": "Gone", "message": "it is" } })),
            "Gone"
        );
        assert_eq!(named(json!({ "error": { "errorType": "Gone" } })), "Gone");
        assert_eq!(named(json!({ "error": "it is gone", "errorType": "Gone" })), "Gone");
        assert_eq!(error_message(&json!({ "message": "it is" })), "it is");
        assert_eq!(error_message(&json!("gone")), "gone");
        assert_eq!(error_message(&json!({ "x": 1 })), r#"{"x":1}"#);
    }
}
