//! What executions want done, in the world. Each is begun after its turn is committed, at least once; whoever answers
//! names the effect, so that a second answer changes nothing.

use serde_json::Value;
use wisp_core::model::{ActivationId, Chain, EntityName};
use wisp_workflow::{
    execution::{Child, Effect, EventKind, Status, TaskStart},
    machine::{Pattern, Resource},
};

use super::{
    held::Held,
    nested::{Nested, child_run},
    run::{Run, status},
};
use crate::control::Control;

/// A task on its way.
pub(super) struct Task {
    /// The execution's key.
    pub key: String,
    /// Its namespace.
    pub namespace: EntityName,
    /// What makes the ids of what it calls its own.
    pub nonce: String,
    /// How many executions led to that one.
    pub depth: u32,
    /// What led to it, and itself: what it calls is part of that.
    pub chain: Chain,
    /// What to call.
    pub start: TaskStart,
    /// Whether the service has accepted it already.
    pub taken: bool,
    /// The run that ended last before it, whose result it probably takes.
    pub after: Option<ActivationId>,
}

impl Control {
    /// Does what a committed turn asks for.
    pub(super) fn begin_effect(&self, key: &str, held: &mut Held, effect: Effect) {
        match effect {
            Effect::StartTask(start) => self.begin_task(key, held, start, false),
            Effect::StartChild(child) => self.begin_child(key, held, child),
            Effect::ReadItems(read) => self.report(key, no_bucket(read.id, "States.ItemReaderFailed"), false),
            Effect::WriteResults(write) => self.report(key, no_bucket(write.id, "States.ResultWriterFailed"), false),
            Effect::StartMapRun { arn, .. } => self.note_map_run(key, &arn),
            Effect::CancelTask { id } | Effect::StopChild { id } => {
                if let Some(nested) = held
                    .dropped
                    .get(&id)
                    .and_then(|dropped| Nested::of(key, &held.run, dropped))
                {
                    let (control, key) = (self.clone(), key.to_owned());
                    self.inner
                        .tasks
                        .spawn(Box::pin(async move { control.stop_nested(&key, nested).await }));
                }
            }
            Effect::Finish { outcome } => {
                tracing::debug!(
                    execution = key,
                    status = status(outcome.status),
                    "an execution has ended"
                );
                self.inner.workflows.ends.tell(key);
            }
            // Kept by the journal and by the run itself.
            Effect::SetTimer { .. } | Effect::ClearTimer { .. } | Effect::FinishMapRun { .. } => {}
        }
    }

    /// Says again what others may not have heard of an execution.
    pub(super) fn tell_again(&self, key: &str, held: &Held) {
        if held.run.execution.status != Status::Running {
            self.inner.workflows.ends.tell(key);
        }
        let runs = held.run.map_runs.values();
        runs.filter(|run| run.status == Status::Running)
            .for_each(|run| self.note_map_run(key, &run.arn));
    }

    /// Does again what was begun before a restart and never answered.
    pub(super) fn begin_again(&self, key: &str, held: &mut Held, id: u64) {
        let Some(open) = held.open.get(&id).cloned() else {
            return;
        };
        match open.effect {
            Effect::StartTask(start) => self.begin_task(key, held, start, open.taken),
            effect => self.begin_effect(key, held, effect),
        }
    }

    fn begin_task(&self, key: &str, held: &mut Held, start: TaskStart, taken: bool) {
        let resource = Resource::parse(&start.resource);
        let mut task = Task::new(key, &held.run, start, taken);
        task.after = held.last;
        let own = ends_soon(&resource);
        held.under_way += usize::from(own);
        if Nested::is_started_by(&task.start) {
            self.inner.workflows.starts.begin(key, task.start.id);
        }
        let control = self.clone();
        self.inner.tasks.spawn(Box::pin(async move {
            if let Some(end) = control.perform(&task, &resource).await {
                control.report(&task.key, end, own);
            }
        }));
    }

    /// Does a task; returns how it ended, unless somebody else will say that, or the server ends.
    pub(super) async fn perform(&self, task: &Task, resource: &Resource) -> Option<EventKind> {
        match resource {
            Resource::Function(name) => self.call_function(task, name).await,
            Resource::Activity(arn) => self.schedule_activity(task, arn).await,
            Resource::Service { service, api, pattern } => match (service.as_str(), api.split('.').next()) {
                ("lambda", Some("invoke")) => self.call_lambda(task, *pattern).await,
                ("whisk", Some("invoke")) => self.call_whisk(task, *pattern).await,
                ("states", Some("startExecution")) => self.call_execution(task, api, *pattern).await,
                ("wisp:bucket", Some(api @ ("put" | "wait"))) => self.use_bucket(task, api).await,
                _ => Some(EventKind::TaskRefused {
                    id: task.start.id,
                    cause: format!(
                        "The service '{service}:{api}' is not offered here. Available: lambda:invoke, whisk:invoke, \
                         states:startExecution, wisp:bucket:put, wisp:bucket:wait, actions by name and activities."
                    ),
                }),
            },
        }
    }

    fn begin_child(&self, key: &str, held: &mut Held, child: Child) {
        let (control, key, run) = (self.clone(), key.to_owned(), child_run(key, &held.run, &child));
        self.inner.workflows.starts.begin(&key, child.id);
        self.inner.tasks.spawn(Box::pin(async move {
            if let Some(end) = control.run_child(run, child.id).await {
                control.report(&key, end, false);
            }
        }));
    }
}

impl Task {
    /// A task of an execution.
    pub fn new(key: &str, run: &Run, start: TaskStart, taken: bool) -> Self {
        Self {
            key: key.to_owned(),
            namespace: run.namespace.clone(),
            nonce: run.nonce.clone(),
            depth: run.depth(),
            chain: run.link(key),
            start,
            taken,
            after: None,
        }
    }

    /// The session of buckets that what it does belongs to: its execution's name.
    pub fn session(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or_default()
    }

    /// It has ended well.
    pub fn succeeded(&self, output: Value) -> EventKind {
        EventKind::TaskSucceeded {
            id: self.start.id,
            output,
        }
    }

    /// It has failed.
    pub fn failed(&self, error: impl Into<String>, cause: impl Into<String>) -> EventKind {
        EventKind::TaskFailed {
            id: self.start.id,
            error: Some(error.into()),
            cause: Some(cause.into()),
        }
    }
}

/// Whether a task ends soon, so that its execution waits for it in memory.
fn ends_soon(resource: &Resource) -> bool {
    match resource {
        Resource::Function(_) => true,
        Resource::Service { service, api, .. } if service == "wisp:bucket" => api == "put",
        Resource::Service { pattern, .. } => *pattern == Pattern::Response,
        Resource::Activity(_) => false,
    }
}

/// There is no object store that items could be read from.
pub(super) fn no_bucket(id: u64, error: &str) -> EventKind {
    EventKind::TaskFailed {
        id,
        error: Some(error.to_owned()),
        cause: Some(
            "This platform has no object store: give the items as an array with ItemsPath or Items.".to_owned(),
        ),
    }
}
