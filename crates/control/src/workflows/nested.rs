//! Executions that executions start: by a task, and by a map run.

use serde_json::{Value, json};
use wisp_core::{Code, Result, model::EntityName};
use wisp_workflow::{
    execution::{self, Child, Effect, EventKind, Execution, Outcome, Status, TaskStart},
    machine::Pattern,
};

use super::{
    Exception, MachineKind,
    arn::Named,
    effects::Task,
    functions::{PAUSE, TRIES},
    key,
    run::{Parent, Run, status},
    start::{Founded, Target, is_running},
};
use crate::{control::Control, event::id_of};

impl Control {
    /// `states:startExecution`, and its forms that wait for the end.
    pub(super) async fn call_execution(&self, task: &Task, api: &str, pattern: Pattern) -> Option<EventKind> {
        let nested = self.nested(task).await;
        if pattern == Pattern::Job {
            self.start_ended(&task.key, task.start.id, nested.as_ref().ok().map(Run::key))
                .await;
        }
        let run = match nested {
            Ok(run) => run,
            Err(error) if error.code() == Code::Unavailable => return None,
            Err(error) => {
                let exception = Exception::name_of(&error).unwrap_or("AWSStepFunctionsException");
                return Some(task.failed(format!("StepFunctions.{exception}"), error.message()));
            }
        };
        let arn = run.execution.identity.arn.clone();
        let answer = json!({ "ExecutionArn": arn, "StartDate": run.started() });
        match pattern {
            Pattern::Response => Some(task.succeeded(answer)),
            Pattern::Callback if task.taken => None,
            Pattern::Callback => Some(EventKind::TaskSubmitted {
                id: task.start.id,
                output: answer,
            }),
            Pattern::Job => {
                if !task.taken {
                    let submitted = EventKind::TaskSubmitted {
                        id: task.start.id,
                        output: answer,
                    };
                    self.report(&task.key, submitted, false);
                }
                let ended = self.end_of(&run.key()).await?;
                Some(task.job_ended(&ended, api.ends_with(":2")))
            }
        }
    }

    /// The execution that a task starts: the same one if it is begun again.
    async fn nested(&self, task: &Task) -> Result<Run> {
        let parameters = &task.start.input;
        let owner = self.owner(&task.namespace).await?;
        let mut caller = owner.ok_or_else(|| Exception::StateMachineDoesNotExist.of(&task.namespace))?;
        caller.chain = task.chain.clone();
        let machine = parameters["StateMachineArn"].as_str().unwrap_or_default();
        let name = nested_name(&task.key, &task.nonce, &task.start);
        super::arn::check_name(&name)?;
        let parent = Parent {
            key: task.key.clone(),
            task: task.start.id,
            map_run: None,
            depth: task.depth + 1,
        };
        // Begun before a restart: it goes on, whatever became of its machine since.
        if let Some(known) = self.find_run(&nested_key(&task.namespace, machine, &name)).await?
            && known.parent.as_ref() == Some(&parent)
        {
            return Ok(known);
        }
        let target: Target = self.target(&caller, machine).await?;
        let input = parameters.get("Input").cloned().unwrap_or_else(|| json!({}));
        let run = self.new_run(&caller, &target, &name, input, None).await?.of(parent);
        if target.machine.kind == MachineKind::Express {
            self.start_express(run.clone()).await?;
            return Ok(run);
        }
        let (key, arn, parent) = (run.key(), run.execution.identity.arn.clone(), run.parent.clone());
        match self.found_nested(run).await? {
            Founded::Before(known) if known.parent == parent => Ok(*known),
            Founded::Before(_) => Err(Exception::ExecutionAlreadyExists.of(arn)),
            Founded::Now => {
                let founded = self.find_run(&key).await?;
                founded.ok_or_else(|| Exception::ExecutionDoesNotExist.of(arn))
            }
        }
    }

    /// A child of a map run, to its end. None when the server ends first.
    pub(super) async fn run_child(&self, run: Run, id: u64) -> Option<EventKind> {
        let outcome = match self.try_child(run, id).await {
            Ok(Some(outcome)) => outcome,
            Ok(None) => return None,
            Err(error) if error.code() == Code::Unavailable => return None,
            Err(error) => Outcome {
                status: Status::Failed,
                output: None,
                error: Some(match Exception::name_of(&error) {
                    Some(exception) => format!("StepFunctions.{exception}"),
                    None => "States.Runtime".to_owned(),
                }),
                cause: Some(error.message().to_owned()),
            },
        };
        Some(EventKind::ChildEnded { id, outcome })
    }

    async fn try_child(&self, run: Run, id: u64) -> Result<Option<Outcome>> {
        let key = run.key();
        let parent = run.parent.as_ref().map(|parent| parent.key.clone()).unwrap_or_default();
        if run.execution.express {
            self.start_ended(&parent, id, None).await;
            let machine = self.parsed(&run.namespace, &run.definition).await?;
            return Ok(self.run_in_memory(run, machine).await.map(|(_, outcome)| outcome));
        }
        let founded = self.found_nested(run).await;
        self.start_ended(&parent, id, Some(key.clone())).await;
        founded?;
        let ended = self.end_of(&key).await;
        Ok(ended.and_then(|ended| ended.execution.outcome))
    }

    /// Makes a nested execution durable and lets it go. What the platform fails at is tried again.
    async fn found_nested(&self, run: Run) -> Result<Founded> {
        for _ in 1..TRIES {
            match self.found(run.clone()).await {
                Err(error) if error.code().status() == 500 && error.code().retry() => {
                    tracing::warn!(?error, "a nested execution could not be started; it is tried again");
                    self.inner.clock.sleep(PAUSE).await;
                }
                founded => return founded,
            }
        }
        self.found(run).await
    }

    /// An execution when it has ended. None when the server ends first.
    pub(super) async fn end_of(&self, key: &str) -> Option<Run> {
        loop {
            let mut watch = self.inner.workflows.ends.watch(key);
            match self.find_run(key).await {
                Ok(Some(run)) if !is_running(&run) => return Some(run),
                Ok(_) => {}
                Err(error) => tracing::error!(
                    execution = key,
                    ?error,
                    "an execution that is waited for cannot be read"
                ),
            }
            tokio::select! {
                () = watch.told() => {}
                () = self.inner.workflows.stopped() => return None,
            }
        }
    }

    /// A nested execution is there, by this key, or will never be: now it can be stopped, if it was to be.
    async fn start_ended(&self, parent: &str, task: u64, key: Option<String>) {
        if self.inner.workflows.starts.done(parent, task) {
            let key = key.unwrap_or_default();
            self.stop_nested(parent, Nested { key, task }).await;
        }
    }

    /// Stops what a task or a map run started, since nobody waits for its end any more, and lets the execution know. What
    /// cannot be stopped now is stopped after the next start.
    pub(super) async fn stop_nested(&self, parent: &str, nested: Nested) {
        if self.inner.workflows.starts.stop(parent, nested.task) {
            return;
        }
        while let Err(error) = self.try_stop(parent, &nested).await {
            if self.inner.workflows.is_stopping() {
                return;
            }
            tracing::error!(
                execution = nested.key,
                ?error,
                "a nested execution could not be stopped"
            );
            if !error.code().retry() {
                return;
            }
            self.inner.clock.sleep(PAUSE).await;
        }
        self.stopped(parent, nested.task);
    }

    /// Others may have started one of the same name: that is not ours to stop.
    async fn try_stop(&self, parent: &str, nested: &Nested) -> Result<()> {
        let started_by = |run: &Run| {
            let by = run.parent.as_ref();
            by.is_some_and(|by| by.key == parent && by.task == nested.task)
        };
        match self.find_run(&nested.key).await? {
            Some(run) if is_running(&run) && started_by(&run) => {
                let (error, cause) = (None, None);
                self.tell(&nested.key, EventKind::Stopped { error, cause }).await
            }
            _ => Ok(()),
        }
    }
}

/// An execution that a task or a map run starts, and whose end it waits for.
pub(super) struct Nested {
    key: String,
    task: u64,
}

impl Nested {
    /// Whether a task is one that starts an execution and waits for its end.
    pub fn is_started_by(start: &TaskStart) -> bool {
        start.resource.contains(":states:startExecution.sync")
    }

    /// Whether an effect starts such an execution.
    pub fn is_of(effect: &Effect) -> bool {
        match effect {
            Effect::StartChild(_) => true,
            Effect::StartTask(start) => Self::is_started_by(start),
            _ => false,
        }
    }

    /// The execution that an effect of this one starts, if it does.
    pub fn of(parent: &str, run: &Run, effect: &Effect) -> Option<Self> {
        match effect {
            Effect::StartChild(child) => Some(Self {
                key: key::of(&run.namespace, &child.machine_name, &child.name),
                task: child.id,
            }),
            Effect::StartTask(start) if Self::is_started_by(start) => {
                let name = nested_name(parent, &run.nonce, start);
                let machine = start.input["StateMachineArn"].as_str().unwrap_or_default();
                Some(Self {
                    key: nested_key(&run.namespace, machine, &name),
                    task: start.id,
                })
            }
            _ => None,
        }
    }
}

impl Task {
    /// How a job ended: as a description of the execution, with its output as text or, in the second form, as JSON.
    fn job_ended(&self, run: &Run, as_json: bool) -> EventKind {
        let execution = &run.execution;
        let shown = |value: &Value| match as_json {
            true => value.clone(),
            false => Value::String(value.to_string()),
        };
        let mut described = json!({
            "ExecutionArn": execution.identity.arn,
            "Input": shown(&execution.input),
            "InputDetails": { "Included": true },
            "Name": execution.identity.name,
            "StartDate": run.started(),
            "StateMachineArn": execution.identity.machine_arn,
            "Status": status(execution.status),
            "StopDate": run.stopped,
        });
        let Some(outcome) = &execution.outcome else {
            return self.failed("States.TaskFailed", described.to_string());
        };
        if let Some(output) = &outcome.output {
            described["Output"] = shown(output);
            described["OutputDetails"] = json!({ "Included": true });
            return self.succeeded(described);
        }
        for (field, text) in [("Error", &outcome.error), ("Cause", &outcome.cause)] {
            if let Some(text) = text {
                described[field] = text.as_str().into();
            }
        }
        self.failed("States.TaskFailed", described.to_string())
    }
}

/// Where what a task starts is in the journal: of the machine that an ARN names, or a version or alias of it.
fn nested_key(namespace: &EntityName, machine: &str, name: &str) -> String {
    let machine = machine.split(":stateMachine:").nth(1).unwrap_or_default();
    key::of(namespace, machine.split(':').next().unwrap_or_default(), name)
}

/// The name of what a task starts: the one it says, or one that is always the same for the same task.
fn nested_name(parent: &str, nonce: &str, start: &TaskStart) -> String {
    if let Some(name) = start.input["Name"].as_str() {
        return name.to_owned();
    }
    let digits = id_of(&["nested", parent, nonce, &start.id.to_string()]).to_string();
    let parts = [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ];
    parts.join("-")
}

/// The execution that a child of a map run is.
pub(super) fn child_run(parent: &str, of: &Run, child: &Child) -> Run {
    let identity = &of.execution.identity;
    let named = match child.express {
        true => Named::Express(child.machine_name.clone(), child.name.clone(), child.name.clone()),
        false => Named::Execution(child.machine_name.clone(), child.name.clone()),
    };
    let account = identity.machine_arn.split(":stateMachine:").next().unwrap_or_default();
    let own = execution::Identity {
        arn: format!("{account}:{named}"),
        name: child.name.clone(),
        ..identity.clone()
    };
    let start = execution::Start {
        identity: own,
        input: child.input.clone(),
        start: child.start,
        express: child.express,
        entry: None,
        seed: rand::random(),
    };
    let map_run = of.map_runs.get(&child.run).map(|run| run.arn.clone());
    Run {
        execution: Execution::new(start),
        namespace: of.namespace.clone(),
        machine: child.machine_name.clone(),
        definition: of.definition.clone(),
        revision_id: of.revision_id.clone(),
        version: of.version,
        alias: of.alias.clone(),
        parent: Some(Parent {
            key: parent.to_owned(),
            task: child.id,
            map_run,
            depth: of.depth() + 1,
        }),
        chain: of.chain.clone(),
        nonce: child.name.clone(),
        stopped: None,
        redriven: None,
        forked: None,
        trace: None,
        map_runs: Default::default(),
        strict: of.strict,
    }
}

/// What lists of a namespace's map runs are found by.
pub(super) fn map_run_scope(namespace: &EntityName, arn: &str) -> String {
    let run = arn.rsplit(':').next().unwrap_or_default();
    key::scope(namespace, &format!("*{run}"))
}
