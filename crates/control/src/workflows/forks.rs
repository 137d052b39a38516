use std::sync::Arc;

use wisp_core::{
    Result,
    model::{Identity, Right},
};
use wisp_workflow::{
    Search, Step,
    execution::{self, Entry, Execution},
};

use super::{
    Exception, Started,
    arn::check_name,
    machines::uuid,
    run::{Origin, Run},
};
use crate::{control::Control, resolve::require};

/// How many events of a history are read at once.
const PAGE: usize = 1000;

/// What of an execution is repeated.
#[derive(Clone, Debug)]
pub struct Fork {
    /// Its ARN.
    pub execution: String,
    /// The first step.
    pub step: Step,
    /// The step's input: JSON text; what it was when absent.
    pub input: Option<String>,
    /// The new execution's name; a UUID when absent.
    pub name: Option<String>,
}

impl Control {
    /// Repeats an execution from one of its steps on, as a new one of the same definition, with the variables as they were
    /// and, if it is said, another input of the step. When this returns, the new one is durable.
    pub async fn fork_execution(&self, caller: &Identity, fork: Fork) -> Result<Started> {
        require(caller, Right::Activate)?;
        let (key, source) = self.execution(caller, &fork.execution).await?;
        if source.parent.as_ref().is_some_and(|parent| parent.map_run.is_some()) {
            let message = "The child of a map run cannot be forked: fork the execution that the map run belongs to.";
            return Err(Exception::ValidationException.says(message));
        }
        let (event, mut entry) = self.step_of(&key, &source, &fork.step).await?;
        if let Some(input) = &fork.input {
            entry.input = Arc::new(self.read_input(Some(input))?);
        }
        let name = fork.name.unwrap_or_else(uuid);
        check_name(&name)?;
        let run = Run {
            chain: caller.chain.clone(),
            ..repeated(source, entry, event, name)
        };
        self.begin_run(run).await
    }

    /// A step as an execution's history tells it.
    async fn step_of(&self, key: &str, source: &Run, step: &Step) -> Result<(u64, Entry)> {
        let machine = self.parsed(&source.namespace, &source.definition).await?;
        let mut search = Search::new(&machine, &source.execution, step);
        let mut from = 0;
        loop {
            let events = self.inner.workflows.journal.events(key, from, PAGE, false).await?;
            let read = self.read_events(key, &events).await?;
            read.iter().for_each(|event| search.see(event));
            from += events.len() as u64;
            if events.len() < PAGE {
                break;
            }
        }
        search.found().ok_or_else(|| {
            let missed = match step {
                Step::State(name) => format!("has not entered a state '{name}' of the flow itself"),
                Step::Event(id) => format!("entered no state of the flow itself by its event {id}"),
            };
            let arn = &source.execution.identity.arn;
            Exception::ValidationException.says(format!(
                "'{arn}' {missed}. It can be forked where its history tells of a state entered outside of Parallel and Map."
            ))
        })
    }
}

/// An execution that begins where `entry` says, and has not begun.
fn repeated(source: Run, entry: Entry, event: u64, name: String) -> Run {
    let known = source.execution;
    let arn = known.identity.arn.clone();
    let (head, _) = arn.rsplit_once(':').unwrap_or_default();
    let start = execution::Start {
        identity: execution::Identity {
            arn: format!("{head}:{name}"),
            name,
            ..known.identity
        },
        input: known.input,
        start: entry.state,
        entry: Some(entry),
        express: known.express,
        seed: rand::random(),
    };
    Run {
        execution: Execution::new(start),
        nonce: uuid(),
        parent: None,
        stopped: None,
        redriven: None,
        map_runs: Default::default(),
        forked: Some(Origin { execution: arn, event }),
        ..source
    }
}
