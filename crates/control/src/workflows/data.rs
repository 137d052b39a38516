//! Tasks on the objects of buckets.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use wisp_core::{
    Error, Result,
    model::{Chain, Fqn, Identity, Json},
};
use wisp_workflow::{
    execution::EventKind,
    when::{Pass, Primitive, Target, Trigger},
};

use super::{
    arn::{Arn, Named},
    effects::Task,
};
use crate::{control::Control, invoke::json as text};

/// How a task fails whose bucket refuses it.
const REFUSED: &str = "Wisp.BucketException";

/// How a task fails that has waited for too long.
const LAPSED: &str = "Wisp.ObjectsLapsed";

/// Parameters of `bucket:put`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Put {
    bucket: String,
    session: Option<String>,
    key: String,
    value: Value,
}

/// Parameters of `bucket:wait`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Wait {
    bucket: String,
    session: Option<String>,
    primitive: String,
    params: Option<Map<String, Value>>,
    #[serde(default)]
    pass: Pass,
}

impl Control {
    /// Does a task on a bucket. One that waits is told later.
    pub(super) async fn use_bucket(&self, task: &Task, api: &str) -> Option<EventKind> {
        let done = match api {
            "put" => self.put_by_task(task).await.map(Some),
            _ => self.wait_by_task(task).await.map(|()| None),
        };
        match done {
            Ok(output) => output.map(|output| task.succeeded(output)),
            Err(_) if self.inner.workflows.is_stopping() => None,
            Err(error) => Some(task.failed(REFUSED, error.message())),
        }
    }

    async fn put_by_task(&self, task: &Task) -> Result<Value> {
        let put: Put = parameters(task)?;
        let bucket = Fqn::resolve(&put.bucket, &task.namespace)?;
        self.own_bucket(task, &bucket)?;
        let session = put.session.unwrap_or_else(|| task.session().to_owned());
        let chain = Chain {
            session: Some(session.clone()),
            ..task.chain.clone()
        };
        let stored = self.put_in(&bucket, session, put.key, text(&put.value)?, chain).await?;
        Ok(json!({ "Bucket": stored.bucket, "Session": stored.session, "Key": stored.key, "Put": stored.put }))
    }

    async fn wait_by_task(&self, task: &Task) -> Result<()> {
        let wait: Wait = parameters(task)?;
        let bucket = Fqn::resolve(&wait.bucket, &task.namespace)?;
        self.own_bucket(task, &bucket)?;
        let when = Primitive::read(&wait.primitive, wait.params).map_err(Error::bad_request)?;
        let trigger = Trigger {
            when,
            target: Target::Task {
                execution: task.key.clone(),
                id: task.start.id,
            },
            pass: wait.pass,
            hints: Vec::new(),
        };
        let session = wait.session.as_deref().unwrap_or(task.session());
        let name = format!("{}#{}#{}", task.key, task.nonce, task.start.id);
        self.await_objects(&bucket, session, name, trigger).await
    }

    /// Executions reach the buckets of their own namespace.
    fn own_bucket(&self, task: &Task, bucket: &Fqn) -> Result<()> {
        match bucket.namespace_name() == &task.namespace {
            true => Ok(()),
            false => Err(crate::resolve::forbidden(bucket)),
        }
    }

    /// Gives a task what it has waited for. One that is over does not care.
    pub(crate) async fn end_wait(&self, execution: &str, id: u64, payload: &Json) -> Result<()> {
        let output = serde_json::from_str(payload.get());
        let output = output.map_err(|error| Error::internal("objects cannot be given to a task").because(error))?;
        self.tell_waiting(execution, EventKind::TaskSucceeded { id, output })
            .await
    }

    /// Tells a task that what it waits for is not kept any longer.
    pub(crate) async fn lapse_task(&self, target: &Target) -> Result<()> {
        let Target::Task { execution, id } = target else {
            return Ok(());
        };
        let end = EventKind::TaskFailed {
            id: *id,
            error: Some(LAPSED.to_owned()),
            cause: Some("The objects did not come while the bucket keeps any.".to_owned()),
        };
        self.tell_waiting(execution, end).await
    }

    async fn tell_waiting(&self, execution: &str, end: EventKind) -> Result<()> {
        match self.tell(execution, end).await {
            Err(error) if error.code().retry() => Err(error),
            // The execution is no more.
            _ => Ok(()),
        }
    }

    /// The ARN of a machine of the caller's, which goes by its name or by its ARN.
    pub(crate) fn machine_arn(&self, caller: &Identity, machine: &str) -> String {
        match machine.starts_with("arn:") {
            true => machine.to_owned(),
            false => {
                let region = &self.inner.workflows.settings.region;
                Arn::new(region, &caller.namespace, Named::Machine(machine.to_owned())).to_string()
            }
        }
    }

    /// Refuses a machine that is not there now.
    pub(crate) async fn check_machine(&self, caller: &Identity, machine: &str) -> Result<()> {
        self.target(caller, &self.machine_arn(caller, machine)).await.map(drop)
    }
}

fn parameters<T: serde::de::DeserializeOwned>(task: &Task) -> Result<T> {
    T::deserialize(&*task.start.input)
        .map_err(|error| Error::bad_request(format!("The parameters of the task are malformed: {error}.")))
}
