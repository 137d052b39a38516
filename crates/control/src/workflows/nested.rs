//! Executions that executions start: by a task, and by a map run.

use serde_json::{Value, json};
use wisp_core::{Result, model::EntityName};
use wisp_workflow::{
    execution::{self, Child, Effect, EventKind, Execution, Outcome, Status, TaskStart},
    machine::Pattern,
};

use super::{
    Exception, MachineKind,
    arn::Named,
    effects::Task,
    key,
    run::{Parent, Run, status},
    start::{Founded, Target},
};
use crate::{control::Control, event::id_of};

impl Control {
    /// `states:startExecution`, and its forms that wait for the end.
    pub(super) async fn call_execution(&self, task: &Task, api: &str, pattern: Pattern) -> Option<EventKind> {
        let run = match self.nested(task).await {
            Ok(run) => run,
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
        let caller = owner.ok_or_else(|| Exception::StateMachineDoesNotExist.of(&task.namespace))?;
        let machine = parameters["StateMachineArn"].as_str().unwrap_or_default();
        let name = nested_name(&task.key, &task.nonce, &task.start);
        super::arn::check_name(&name)?;
        let parent = Parent {
            key: task.key.clone(),
            task: task.start.id,
            map_run: None,
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
        match self.found(run).await? {
            Founded::Before(known) if known.parent == parent => Ok(*known),
            Founded::Before(_) => Err(Exception::ExecutionAlreadyExists.of(arn)),
            Founded::Now => {
                let founded = self.find_run(&key).await?;
                founded.ok_or_else(|| Exception::ExecutionDoesNotExist.of(arn))
            }
        }
    }

    /// A child of a map run, to its end. None when the server ends first.
    pub(super) async fn run_child(&self, parent: &str, run: &Run, child: Child) -> Option<EventKind> {
        let id = child.id;
        let outcome = match self.try_child(parent, run, child).await {
            Ok(Some(outcome)) => outcome,
            Ok(None) => return None,
            Err(error) => Outcome {
                status: Status::Failed,
                output: None,
                error: Some("States.Runtime".to_owned()),
                cause: Some(error.message().to_owned()),
            },
        };
        Some(EventKind::ChildEnded { id, outcome })
    }

    async fn try_child(&self, parent: &str, of: &Run, child: Child) -> Result<Option<Outcome>> {
        let run = child_run(parent, of, &child);
        let key = run.key();
        if child.express {
            let machine = self.parsed(&run.namespace, &run.definition).await?;
            return Ok(self.run_in_memory(run, machine).await.map(|(_, outcome)| outcome));
        }
        self.found(run).await?;
        let ended = self.end_of(&key).await;
        Ok(ended.and_then(|ended| ended.execution.outcome))
    }

    /// An execution when it has ended. None when the server ends first.
    pub(super) async fn end_of(&self, key: &str) -> Option<Run> {
        loop {
            let told = self.inner.workflows.ends.watch(key);
            match self.find_run(key).await {
                Ok(Some(run)) if !super::start::is_running(&run) => return Some(run),
                Ok(_) => {}
                Err(error) => tracing::error!(
                    execution = key,
                    ?error,
                    "an execution that is waited for cannot be read"
                ),
            }
            tokio::select! {
                _ = told => {}
                () = self.inner.workflows.stopped() => return None,
            }
        }
    }

    /// Stops what a task or a map run started, since nobody waits for its end any more.
    pub(super) async fn stop_dropped(&self, parent: &str, of: &Run, dropped: Effect) {
        let key = match dropped {
            Effect::StartChild(child) => child_run(parent, of, &child).key(),
            Effect::StartTask(start) if start.resource.contains(":states:startExecution.sync") => {
                let name = nested_name(parent, &of.nonce, &start);
                let machine = start.input["StateMachineArn"].as_str().unwrap_or_default();
                nested_key(&of.namespace, machine, &name)
            }
            _ => return,
        };
        let stopped = self
            .tell(
                &key,
                EventKind::Stopped {
                    error: None,
                    cause: None,
                },
            )
            .await;
        if let Err(error) = stopped {
            tracing::debug!(
                execution = key,
                ?error,
                "a nested execution was not there to be stopped"
            );
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
fn child_run(parent: &str, of: &Run, child: &Child) -> Run {
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
        machine: child.machine_name.clone(),
        parent: Some(Parent {
            key: parent.to_owned(),
            task: child.id,
            map_run,
        }),
        nonce: child.name.clone(),
        stopped: None,
        redriven: None,
        forked: None,
        trace: None,
        map_runs: Default::default(),
        ..of.clone()
    }
}

/// What lists of a namespace's map runs are found by.
pub(super) fn map_run_scope(namespace: &EntityName, arn: &str) -> String {
    let run = arn.rsplit(':').next().unwrap_or_default();
    key::scope(namespace, &format!("*{run}"))
}
