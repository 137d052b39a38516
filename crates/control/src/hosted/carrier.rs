use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use wisp_core::{
    Code, Result,
    model::{EntityName, Fqn},
};
use wisp_workflow::{
    hosted::{Answer, EntityAnswer, HOST, HTTP, Host, Replay, entity_request, failed, rewound},
    orchestration::{Decision, Kind, Report, Started},
};

use super::call::{Answered, Request, failure, value};
use crate::{
    control::Control,
    event::id_of,
    once::What,
    orchestrations::{BatchWork, Carrier, Done, Ending, Task, TurnWork},
    workflows::uuid,
};

/// The version of the contract in which the platform itself waits for long timers and for answers from the web.
const SCHEMA: u8 = 1;

/// Carries out what instances ask for by actions of their namespace.
#[derive(Debug)]
pub struct Actions;

#[async_trait]
impl Carrier for Actions {
    async fn turn(&self, control: &Control, work: Arc<TurnWork>) -> Result<Done<Decision>> {
        if let Some(decision) = rewound(&work.past, &work.new, &uuid().replace('-', "")) {
            return Ok(decision.into());
        }
        let replay = Replay::new(&work.past, &work.new);
        if let Some(decision) = replay.alone() {
            return Ok(decision.into());
        }
        let decided = control.orchestrate(&work, &replay).await?;
        Ok(decided.unwrap_or_else(|failure| failed(*failure)).into())
    }

    async fn activity(&self, control: &Control, work: Arc<Task>) -> Result<Done<Ending>> {
        let ended = control.act(&work).await?;
        Ok(ended.map(|result| payload(&result)).into())
    }

    async fn entity(&self, control: &Control, work: Arc<BatchWork>) -> Result<Done<Report>> {
        let operated = control.operate(&work).await?;
        let report = operated.unwrap_or_else(|failure| Report {
            failure: Some(failure),
            ..Report::default()
        });
        Ok(report.into())
    }
}

impl Control {
    /// Shows an orchestrator its history, and understands what it answers.
    async fn orchestrate(&self, work: &TurnWork, replay: &Replay<'_>) -> Answered<Decision> {
        let namespace = &work.hub.namespace;
        let started = started(work);
        let named = started.and_then(|started| started.tags.get(HOST));
        let action = match self.hosting(namespace, named, &work.name).await? {
            Ok(action) => action,
            Err(failure) => return Ok(Err(failure)),
        };
        let execution = work.execution.clone().unwrap_or_default();
        let body = json!({
            "history": replay.history(),
            "input": value(started.and_then(|started| started.input.as_deref())),
            "instanceId": work.instance,
            "isReplaying": !replay.is_first(),
            "parentInstanceId": started.and_then(|started| Some(&started.parent.as_ref()?.instance)),
            "upperSchemaVersion": SCHEMA,
            "upperSchemaVersionNew": SCHEMA,
            "maximumShortTimerDuration": "6.00:00:00",
            "longRunningTimerIntervalDuration": "3.00:00:00",
            "defaultHttpAsyncRequestSleepTimeMillseconds": 30_000,
        });
        let now = work.new.first().map_or(0, |event| event.at).to_string();
        let id = id_of(&[
            "turn",
            namespace.as_str(),
            &work.hub.name,
            &work.instance,
            &execution,
            &work.past.len().to_string(),
            &now,
        ]);
        let request = Request {
            kind: "orchestrator",
            name: &work.name,
            body,
            input: Value::Null,
            session: &work.instance,
        };
        let reply = match self.ask(id, namespace, &action, request).await? {
            Ok(reply) => reply,
            Err(failure) => return Ok(Err(failure)),
        };
        let host = Host {
            action: format!("/{action}"),
            functions: reply.functions.keys().cloned().collect(),
        };
        Ok(reply
            .state::<Answer>()
            .map(|answer| replay.decide(&answer, &execution, &host)))
    }

    /// Calls an activity: the action of its name, a function beside the orchestrator, or an address of the web.
    async fn act(&self, work: &Task) -> Answered<Value> {
        let (namespace, call) = (&work.hub.namespace, &work.activity.call);
        let input = value(call.input.as_deref());
        let id = id_of(&["activity", &work.id()]);
        let host = call
            .tags
            .get(HOST)
            .map(|host| Fqn::resolve(host, namespace))
            .transpose()?;
        match (host, call.name.as_str()) {
            (Some(host), HTTP) => self.fetch(work, &host, input).await,
            (Some(host), name) => {
                let request = Request {
                    kind: "activity",
                    name,
                    body: Value::Null,
                    input,
                    session: &work.instance,
                };
                Ok(self.ask(id, namespace, &host, request).await?.map(|reply| reply.value))
            }
            (None, name) => match Fqn::resolve(name, namespace) {
                Ok(name) => {
                    self.call_once(id, namespace, &name, &given(input), What::Invocation, &work.instance)
                        .await
                }
                Err(error) => Ok(Err(failure(
                    "NotCallable",
                    format!("'{name}' is no name of an action: {}", error.message()),
                ))),
            },
        }
    }

    async fn operate(&self, work: &BatchWork) -> Answered<Report> {
        let namespace = &work.hub.namespace;
        let action = match self.hosting(namespace, None, &work.name).await? {
            Ok(action) => action,
            Err(failure) => return Ok(Err(failure)),
        };
        let id = id_of(&[
            "entity",
            namespace.as_str(),
            &work.hub.name,
            &work.entity,
            &work.batch.taken.join(" "),
        ]);
        let body = entity_request(&work.entity, work.state.as_deref(), &work.batch);
        let request = Request {
            kind: "entity",
            name: &work.name,
            body,
            input: Value::Null,
            session: &work.entity,
        };
        let answered = self.ask(id, namespace, &action, request).await?;
        Ok(answered
            .and_then(|reply| reply.state::<EntityAnswer>())
            .map(Report::from))
    }

    /// The action that has a function, if it is not said already.
    async fn hosting(&self, namespace: &EntityName, said: Option<&String>, name: &str) -> Answered<Fqn> {
        if let Some(said) = said {
            return Ok(Ok(Fqn::resolve(said, namespace)?));
        }
        match self.host(namespace, name).await {
            Ok(action) => Ok(Ok(action.fqn.clone())),
            Err(error) if error.code() == Code::NotFound => Ok(Err(failure("NotFound", error.message()))),
            Err(error) => Err(error),
        }
    }
}

/// What an instance began with.
fn started(work: &TurnWork) -> Option<&Started> {
    let mut events = work.past.iter().map(AsRef::as_ref).chain(&work.new);
    events.find_map(|event| match &event.kind {
        Kind::ExecutionStarted(started) => Some(&**started),
        _ => None,
    })
}

/// The arguments of an action that is called with nothing are none.
fn given(input: Value) -> Value {
    match input {
        Value::Null => json!({}),
        input => input,
    }
}

fn payload(result: &Value) -> Option<String> {
    (!result.is_null()).then(|| result.to_string())
}
