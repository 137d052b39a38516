use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use wisp_core::{
    Code, Result,
    model::{Activation, ActivationId, Chain, EntityName, Fqn, Status},
};
use wisp_workflow::orchestration::Failure;

use crate::{
    control::Control,
    once::{What, Work},
};

/// Under this name a launcher is asked for a durable function of the code.
const REQUEST: &str = "__durable";

/// What a launcher answers.
#[derive(Deserialize)]
pub(super) struct Reply {
    /// Of an orchestrator or an entity.
    #[serde(default)]
    state: Value,
    /// Of an activity.
    #[serde(default)]
    pub value: Value,
    /// What else is in the code, with its kind. Nothing but a launcher says this.
    pub functions: BTreeMap<String, String>,
}

impl Reply {
    /// The answer of an orchestrator or an entity.
    pub fn state<T: DeserializeOwned>(self) -> Result<T, Box<Failure>> {
        serde_json::from_value(self.state).map_err(|error| {
            failure(
                "InvalidAnswer",
                format!("The answer of the code is not understood: {error}."),
            )
        })
    }
}

/// What is asked of a launcher.
pub(super) struct Request<'a> {
    /// `orchestrator`, `entity`, `activity` or `http`.
    pub kind: &'a str,
    /// The function.
    pub name: &'a str,
    /// For orchestrators and entities.
    pub body: Value,
    /// For the others.
    pub input: Value,
    /// The instance that asks.
    pub session: &'a str,
}

/// An answer, or why there is none; the outer error is a fault of the platform, after which it is asked again.
pub(super) type Answered<T> = Result<Result<T, Box<Failure>>>;

impl Control {
    /// Asks the code of an action for one of its durable functions.
    pub(super) async fn ask(
        &self,
        id: ActivationId,
        namespace: &EntityName,
        action: &Fqn,
        request: Request<'_>,
    ) -> Answered<Reply> {
        let Request {
            kind,
            name,
            body,
            input,
            session,
        } = request;
        let payload = json!({ REQUEST: { "kind": kind, "name": name, "body": body, "input": input } });
        let answered = self
            .call_once(id, namespace, action, &payload, What::Function, session)
            .await?;
        Ok(answered.and_then(|result| {
            serde_json::from_value(result)
                .map_err(|error| failure("InvalidAnswer", format!("'{action}' is no durable function: {error}.")))
        }))
    }

    /// Runs an action under an id: one that has run under it is not run again. Its result, or its failure.
    pub(super) async fn call_once(
        &self,
        id: ActivationId,
        namespace: &EntityName,
        name: &Fqn,
        payload: &Value,
        what: What,
        session: &str,
    ) -> Answered<Value> {
        let work = Work {
            id,
            chain: &Chain::default(),
            session: Some(session),
            after: None,
        };
        match self.run_once(work, namespace, name, payload, what).await {
            Ok(activation) => Ok(outcome(&activation)),
            Err(error) if error.code() == Code::Unavailable || error.code().retry() && error.code().status() >= 500 => {
                Err(error)
            }
            Err(error) => Ok(Err(failure(
                "NotCallable",
                format!("The action '{name}' cannot be called: {}", error.message()),
            ))),
        }
    }
}

fn outcome(activation: &Activation) -> Result<Value, Box<Failure>> {
    let result: Value = serde_json::from_str(activation.response.result.get()).unwrap_or_default();
    let kind = match activation.response.status {
        Status::Success => return Ok(result),
        Status::ApplicationError => "ApplicationError",
        Status::DeveloperError => "DeveloperError",
        Status::WhiskError => "PlatformError",
    };
    let error = &result["error"];
    let said = [Some(error), error.get("message"), error.get("errorMessage")];
    let message = said.into_iter().flatten().find_map(Value::as_str);
    let message = message.map_or_else(|| error.to_string(), str::to_owned);
    let mut failure = failure(kind, message);
    failure.stack = Some(format!("activation {}", activation.activation_id));
    Err(failure)
}

/// Why code could not do its work.
pub(super) fn failure(kind: &str, message: impl Into<String>) -> Box<Failure> {
    Box::new(Failure {
        kind: kind.to_owned(),
        message: message.into(),
        ..Failure::default()
    })
}

/// What a payload means: JSON, or else text.
pub(super) fn value(payload: Option<&str>) -> Value {
    payload.map_or(Value::Null, |text| {
        serde_json::from_str(text).unwrap_or_else(|_| text.into())
    })
}
