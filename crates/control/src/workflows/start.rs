use std::sync::Arc;

use rand::RngExt;
use serde_json::Value;
use wisp_core::{
    Code, Error, Result,
    model::{Identity, Millis, Right},
};
use wisp_workflow::{
    execution::{self, EventKind, Execution},
    machine,
    query::{MAX_DEPTH, nests_too_deep},
};

use super::{
    Exception, MachineKind, Stamped,
    arn::{Arn, Named, check_name},
    held::Held,
    letter::Letter,
    machines::uuid,
    run::{Parent, Run},
};
use crate::{control::Control, resolve::require};

/// The tag of a machine that says how durable its executions are.
const DURABILITY: &str = "wisp:durability";

/// What is to be started.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// The machine, or a version or an alias of it.
    pub machine: String,
    /// The execution's name; a UUID when absent.
    pub name: Option<String>,
    /// Its input: JSON text; `{}` when absent.
    pub input: Option<String>,
    /// What the client traces it by.
    pub trace: Option<String>,
}

/// What was started.
#[derive(Clone, Debug)]
pub struct Started {
    /// Its ARN.
    pub arn: String,
    /// When.
    pub started: Millis,
}

/// What is to run: a machine as it is, or as it was published.
pub(super) struct Target {
    pub machine: super::Machine,
    pub draft: Stamped,
    pub version: Option<u64>,
    pub alias: Option<String>,
}

/// Whether an execution is new.
pub(super) enum Founded {
    /// It is.
    Now,
    /// There is one of its name.
    Before(Box<Run>),
}

impl Control {
    /// Starts an execution: when this returns, it is durable. Starting one that runs again, with the same name and
    /// input, gives it again.
    pub async fn start_execution(&self, caller: &Identity, start: Start) -> Result<Started> {
        require(caller, Right::Activate)?;
        let target = self.target(caller, &start.machine).await?;
        self.guard_machine(caller, &target.machine)?;
        let input = self.read_input(start.input.as_deref())?;
        let name = start.name.unwrap_or_else(uuid);
        check_name(&name)?;
        let run = self.new_run(caller, &target, &name, input, start.trace).await?;
        if target.machine.kind == MachineKind::Express {
            return self.start_express(run).await;
        }
        self.begin_run(run).await
    }

    /// Makes an execution durable and lets it go. One that runs and began alike is the same.
    pub(super) async fn begin_run(&self, run: Run) -> Result<Started> {
        let (key, arn) = (run.key(), run.execution.identity.arn.clone());
        let (input, entry) = (run.execution.input.clone(), run.execution.entry.clone());
        match self.found(run).await? {
            Founded::Now => {}
            Founded::Before(known) if is_running(&known) && known.execution.began_with(&input, entry.as_deref()) => {}
            Founded::Before(_) => return Err(Exception::ExecutionAlreadyExists.of(&arn)),
        }
        let stored = self.inner.workflows.journal.load(&key).await?;
        let started = stored.map_or_else(|| self.inner.clock.now(), |stored| stored.place.started);
        Ok(Started { arn, started })
    }

    /// What an ARN means that is to be started; of an alias with two versions, one by its share.
    pub(super) async fn target(&self, caller: &Identity, text: &str) -> Result<Target> {
        let arn = Arn::parse(text, caller, Exception::StateMachineDoesNotExist)?;
        let missing = || Exception::StateMachineDoesNotExist.of(&arn);
        let (name, mut version, alias) = match &arn.named {
            Named::Machine(name) => (name, None, None),
            Named::Version(name, number) => (name, Some(*number), None),
            Named::Alias(name, alias) => (name, None, Some(alias)),
            _ => return Err(arn.misplaced()),
        };
        if let Some(alias) = alias {
            let found = self.find_alias(caller, name, alias).await?.ok_or_else(missing)?;
            version = Some(found.value.choose(rand::rng().random_range(0..100)));
        }
        let machine = self.find_machine(caller, name).await?.ok_or_else(missing)?.value;
        let draft = match version {
            Some(number) => {
                self.find_version(caller, name, number)
                    .await?
                    .ok_or_else(missing)?
                    .value
                    .draft
            }
            None => machine.draft.clone(),
        };
        Ok(Target {
            machine,
            draft,
            version,
            alias: alias.cloned(),
        })
    }

    /// Reads an execution's input.
    pub(super) fn read_input(&self, text: Option<&str>) -> Result<Value> {
        let text = text.unwrap_or("{}");
        let most = self.inner.workflows.settings.payload_size;
        if text.len() > most {
            let rule = format!("Member must have length less than or equal to {most}");
            return Err(Exception::constraint("…", "input", rule).with("limit", "workflows.payload_size"));
        }
        read_payload(text, Exception::InvalidExecutionInput)
    }

    /// An execution of a machine that has not begun.
    pub(super) async fn new_run(
        &self,
        caller: &Identity,
        target: &Target,
        name: &str,
        input: Value,
        trace: Option<String>,
    ) -> Result<Run> {
        let machine = &target.machine;
        let express = machine.kind == MachineKind::Express;
        let named = match express {
            true => Named::Express(machine.name.clone(), name.to_owned(), uuid()),
            false => Named::Execution(machine.name.clone(), name.to_owned()),
        };
        let parsed = self.parsed(&caller.namespace, &target.draft.definition).await?;
        let machine_arn = self.arn(caller, Named::Machine(machine.name.clone())).to_string();
        let identity = execution::Identity {
            arn: self.arn(caller, named).to_string(),
            name: name.to_owned(),
            machine_name: machine.name.clone(),
            role_arn: target.draft.role_arn.clone(),
            version_arn: target.version.map(|number| format!("{machine_arn}:{number}")),
            alias_arn: target.alias.as_ref().map(|alias| format!("{machine_arn}:{alias}")),
            machine_arn,
        };
        let start = execution::Start {
            identity,
            input: Arc::new(input),
            start: parsed.start(),
            express,
            entry: None,
            seed: rand::random(),
        };
        Ok(Run {
            execution: Execution::new(start),
            namespace: caller.namespace.clone(),
            machine: machine.name.clone(),
            definition: target.draft.definition.clone(),
            revision_id: target.draft.revision_id.clone(),
            version: target.version,
            alias: target.alias.clone(),
            nonce: uuid(),
            parent: None,
            chain: caller.chain.clone(),
            stopped: None,
            redriven: None,
            forked: None,
            trace,
            map_runs: Default::default(),
            strict: machine.tags.get(DURABILITY).is_none_or(|level| level != "speculative"),
        })
    }

    /// Refuses an execution of a namespace that has too many, or one that too many led to.
    pub(super) fn check_room(&self, run: &Run) -> Result<()> {
        let settings = &self.inner.workflows.settings;
        if self.inner.workflows.census.of(run.namespace.as_str()) >= settings.open_executions {
            return Err(Exception::ExecutionLimitExceeded.limit("workflows.open_executions", settings.open_executions));
        }
        if run.depth() as usize > settings.nesting {
            return Err(Exception::ExecutionLimitExceeded.limit("workflows.nesting", settings.nesting));
        }
        Ok(())
    }

    /// Makes an execution durable and lets it go, unless there is one of its name.
    pub(super) async fn found(&self, run: Run) -> Result<Founded> {
        let (key, workflows) = (run.key(), &self.inner.workflows);
        if let Some(known) = self.find_run(&key).await? {
            return Ok(Founded::Before(Box::new(known)));
        }
        self.check_room(&run)?;
        let machine: Arc<machine::Machine> = self.parsed(&run.namespace, &run.definition).await?;
        let mut held = Box::new(Held::new(run, machine, self.payloads()));
        let recorded = loop {
            let (receipt, recorded) = tokio::sync::oneshot::channel();
            let letter = Letter {
                receipt: Some(receipt),
                ..Letter::new(Some(EventKind::Started))
            };
            held = match workflows.actors.found(&key, held, letter) {
                Ok(()) => {
                    self.spawn_driver(&key);
                    break recorded.await.map_err(|_| super::advance::stopping())?;
                }
                Err(held) => held,
            };
            // Somebody else begins one of this name now: it is there when what is told to it now is recorded, unless its
            // beginning has failed.
            match self.tell(&key, EventKind::Started).await {
                Err(error) if Exception::name_of(&error) == Some(Exception::ExecutionDoesNotExist.name()) => {}
                told => break told.and(Err(exists(&key))),
            }
        };
        match recorded {
            Ok(()) => Ok(Founded::Now),
            Err(error) if error.code() == Code::Conflict => match self.find_run(&key).await? {
                Some(known) => Ok(Founded::Before(Box::new(known))),
                None => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// An execution as it is stored.
    pub(super) async fn find_run(&self, key: &str) -> Result<Option<Run>> {
        let stored = self.inner.workflows.journal.load(key).await?;
        match stored {
            Some(stored) => self.unpack(key, &stored.state, &mut self.payloads()).await.map(Some),
            None => Ok(None),
        }
    }
}

impl Run {
    /// With the task that started it.
    pub(super) fn of(mut self, parent: Parent) -> Self {
        self.parent = Some(parent);
        self
    }
}

fn exists(key: &str) -> Error {
    Error::new(Code::Conflict, format!("the execution '{key}' exists"))
}

/// A payload from its JSON text.
pub(super) fn read_payload(text: &str, invalid: Exception) -> Result<Value> {
    let value = serde_json::from_str(text).map_err(|error| invalid.of(error))?;
    match nests_too_deep(&value) {
        true => Err(invalid.of(format!("it nests deeper than {MAX_DEPTH} levels"))),
        false => Ok(value),
    }
}

pub(super) fn is_running(run: &Run) -> bool {
    run.execution.status == execution::Status::Running
}
