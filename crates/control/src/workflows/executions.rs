use bytes::Bytes;
use serde_json::Value;
use wisp_core::{
    Result,
    model::{Identity, Millis, Right},
    ports::journal::Page,
};
use wisp_workflow::{
    execution::{EventKind, Status},
    history::HistoryEvent,
};

use super::{
    Described, Exception, MachineKind,
    arn::{Arn, Named},
    key,
    machine::Stamped,
    nested::map_run_scope,
    paging::{Chunk, Paging, token},
    run::{Run, Summary, decode, encode},
    settings::DAY,
    start::is_running,
    tasks::check_failure,
};
use crate::{control::Control, resolve::require};

/// Longest token of a list of executions.
const TOKEN: usize = 3096;

/// How many events are read at once, and after how many bytes of them a page of a history ends.
const READ: usize = 32;
const PAGE_BYTES: usize = 1 << 20;

/// Which executions are listed.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Those of this machine, or of this version or alias.
    pub machine: Option<String>,
    /// Those of this map run.
    pub map_run: Option<String>,
    /// Those of this status.
    pub status: Option<String>,
    /// Those that were redriven, or were not.
    pub redriven: Option<bool>,
}

/// An execution in a list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// What lists show.
    pub summary: Summary,
    /// Its status.
    pub status: String,
    /// When it started.
    pub started: Millis,
    /// Its machine.
    pub machine: Arn,
    /// The map run that it is a child of.
    pub map_run: Option<String>,
}

impl Control {
    /// An execution.
    pub async fn describe_execution(&self, caller: &Identity, arn: &str) -> Result<Run> {
        require(caller, Right::Read)?;
        Ok(self.execution(caller, arn).await?.1)
    }

    /// The machine of an execution, as it was when the execution started.
    pub async fn machine_of_execution(&self, caller: &Identity, arn: &str) -> Result<(Described, Run)> {
        let run = self.describe_execution(caller, arn).await?;
        let identity = &run.execution.identity;
        let described = Described {
            arn: Arn::parse(&identity.machine_arn, caller, Exception::StateMachineDoesNotExist)?,
            name: identity.machine_name.clone(),
            kind: MachineKind::Standard,
            created: run.started(),
            draft: Stamped {
                revision_id: run.revision_id.clone(),
                definition: run.definition.clone(),
                role_arn: identity.role_arn.clone(),
                logging: super::machines::no_logging(),
                tracing: serde_json::json!({ "enabled": false }),
                encryption: super::machines::own_key(),
            },
            definition: self.definition(&run.namespace, &run.definition).await?,
            description: None,
        };
        Ok((described, run))
    }

    /// Executions, the newest first.
    pub async fn list_executions(&self, caller: &Identity, wanted: &Wanted, paging: &Paging) -> Result<Chunk<Listed>> {
        require(caller, Right::Read)?;
        let count = paging.count(TOKEN)?;
        let (scope, machine) = self.list_of(caller, wanted).await?;
        let mut page = Page {
            scope,
            status: wanted.status.clone(),
            after: position(paging)?,
            limit: count + 1,
        };
        let mut entries = Vec::new();
        loop {
            let found = self.inner.workflows.journal.list(&page).await?;
            let more = found.len() == page.limit;
            page.after = found.last().map(|last| (last.place.started, last.execution.clone()));
            for one in found {
                let summary: Summary = decode(&one.place.summary)?;
                if !wanted.fits(&summary, &machine.named) {
                    continue;
                }
                if entries.len() == count {
                    return Ok(Chunk {
                        next: entries.last().map(place_token),
                        entries: shown(entries),
                    });
                }
                let listed = Listed {
                    summary,
                    status: one.place.status,
                    started: one.place.started,
                    machine: machine.with(machine.named.machine()),
                    map_run: wanted.map_run.clone(),
                };
                entries.push((one.execution, listed));
            }
            if !more {
                return Ok(Chunk {
                    entries: shown(entries),
                    next: None,
                });
            }
        }
    }

    /// The list that is wanted, and the machine that it is of.
    async fn list_of(&self, caller: &Identity, wanted: &Wanted) -> Result<(String, Arn)> {
        let text = match (&wanted.machine, &wanted.map_run) {
            (Some(machine), None) => machine,
            (None, Some(map_run)) => {
                let arn = Arn::parse(map_run, caller, Exception::ResourceNotFound)?;
                return Ok((map_run_scope(&caller.namespace, map_run), arn));
            }
            _ => {
                let message = "Must provide a StateMachine ARN or MapRun ARN";
                return Err(Exception::ValidationException.says(message));
            }
        };
        let arn = Arn::parse(text, caller, Exception::StateMachineDoesNotExist)?;
        let (Named::Machine(name) | Named::Version(name, _) | Named::Alias(name, _)) = &arn.named else {
            return Err(arn.misplaced());
        };
        let machine = self.find_machine(caller, name).await?;
        let machine = machine.ok_or_else(|| Exception::StateMachineDoesNotExist.of(&arn))?;
        if machine.value.kind == MachineKind::Express {
            let message = "This operation is not supported by this type of state machine";
            return Err(Exception::StateMachineTypeNotSupported.says(message));
        }
        Ok((key::scope(&caller.namespace, name), arn.clone()))
    }

    /// Stops an execution. One that has ended stays as it is. Returns when it ended.
    pub async fn stop_execution(
        &self,
        caller: &Identity,
        arn: &str,
        error: Option<String>,
        cause: Option<String>,
    ) -> Result<Millis> {
        require(caller, Right::Activate)?;
        check_failure(error.as_deref(), cause.as_deref())?;
        let (key, run) = self.execution(caller, arn).await?;
        if is_running(&run) {
            self.tell(&key, EventKind::Stopped { error, cause }).await?;
        }
        let stopped = self.find_run(&key).await?.and_then(|run| run.stopped);
        Ok(stopped.unwrap_or_else(|| self.inner.clock.now()))
    }

    /// Lets an execution that did not succeed go on from where it failed. Returns when.
    pub async fn redrive_execution(&self, caller: &Identity, arn: &str) -> Result<Millis> {
        require(caller, Right::Activate)?;
        let (key, run) = self.execution(caller, arn).await?;
        if let Some(reason) = self.not_redrivable(&run) {
            let message = format!("Execution is not redrivable: '{arn}'. {reason}");
            return Err(Exception::ExecutionNotRedrivable.says(message));
        }
        self.tell(&key, EventKind::Redriven).await?;
        let run = self.find_run(&key).await?;
        Ok(run
            .and_then(|run| run.redriven)
            .unwrap_or_else(|| self.inner.clock.now()))
    }

    /// Why an execution cannot be redriven, if so.
    pub fn not_redrivable(&self, run: &Run) -> Option<String> {
        let days = self.inner.workflows.settings.redrive_days;
        let old = run.stopped.is_some_and(|at| at + days * DAY < self.inner.clock.now());
        match run.execution.status {
            Status::Running => Some("Execution is RUNNING and cannot be redriven".to_owned()),
            Status::Succeeded => Some("Execution is SUCCEEDED and cannot be redriven".to_owned()),
            _ if run.parent.as_ref().is_some_and(|parent| parent.map_run.is_some()) => {
                Some("Execution is a child of a map run and is redriven with it".to_owned())
            }
            _ if old => Some(format!("Execution ended more than {days} days ago")),
            _ => None,
        }
    }

    /// A page of an execution's history, in the order of time or the other way round.
    pub async fn execution_history(
        &self,
        caller: &Identity,
        arn: &str,
        paging: &Paging,
        backwards: bool,
        data: bool,
    ) -> Result<Chunk<Value>> {
        require(caller, Right::Read)?;
        let count = paging.count(super::machines::TOKEN)?;
        let (key, _) = self.execution(caller, arn).await?;
        let journal = &self.inner.workflows.journal;
        let from = match paging.after()? {
            Some(after) => after.parse().map_err(|_| Exception::InvalidToken.of("Invalid token"))?,
            None if backwards => u64::MAX,
            None => 0,
        };
        let (mut events, mut bytes, mut more): (Vec<HistoryEvent>, usize, bool) = (Vec::new(), 0, true);
        let (mut place, mut payloads) = (from, self.payloads());
        // A few at a time, as each may be as large as a payload.
        'page: while more {
            let read = journal.events(&key, place, READ, backwards).await?;
            more = read.len() == READ;
            for event in read {
                if events.len() == count || bytes > PAGE_BYTES {
                    more = true;
                    break 'page;
                }
                let event: HistoryEvent = self.unpack(&key, &event, &mut payloads).await?;
                bytes += encode(&event)?.len();
                events.push(event);
            }
            let last = events.last().map_or(0, |event| event.id);
            // Events count from 1, their places from 0.
            place = if backwards { last.saturating_sub(2) } else { last };
            more &= !(backwards && last <= 1);
        }
        let next = events.last().filter(|_| more).map(|last| match backwards {
            true => last.id.saturating_sub(2),
            false => last.id,
        });
        Ok(Chunk {
            entries: events.iter().map(|event| event.to_json(data)).collect(),
            next: next.map(|place| token(&place.to_string())),
        })
    }

    /// Events as they are stored, with their payloads.
    pub(super) async fn read_events(&self, key: &str, stored: &[Bytes]) -> Result<Vec<HistoryEvent>> {
        let (mut payloads, mut events) = (self.payloads(), Vec::with_capacity(stored.len()));
        for event in stored {
            events.push(self.unpack(key, event, &mut payloads).await?);
        }
        Ok(events)
    }

    /// The execution that an ARN names.
    pub(super) async fn execution(&self, caller: &Identity, arn: &str) -> Result<(String, Run)> {
        let arn = Arn::parse(arn, caller, Exception::ExecutionDoesNotExist)?;
        let key = key::of_named(&caller.namespace, &arn.named).ok_or_else(|| arn.misplaced())?;
        let found = self.find_run(&key).await?;
        let run = found.ok_or_else(|| Exception::ExecutionDoesNotExist.of(&arn))?;
        Ok((key, run))
    }
}

impl Wanted {
    fn fits(&self, summary: &Summary, named: &Named) -> bool {
        let of = match named {
            Named::Version(_, number) => summary.version == Some(*number),
            Named::Alias(_, alias) => summary.alias.as_ref() == Some(alias),
            _ => true,
        };
        of && self.redriven.is_none_or(|redriven| redriven == (summary.redrives > 0))
    }
}

impl Named {
    /// The machine that something belongs to.
    fn machine(&self) -> Named {
        match self {
            Named::Version(name, _) | Named::Alias(name, _) => Named::Machine(name.clone()),
            Named::MapRun(run, _) => Named::Machine(run.split('/').next().unwrap_or_default().to_owned()),
            other => other.clone(),
        }
    }
}

fn shown(entries: Vec<(String, Listed)>) -> Vec<Listed> {
    entries.into_iter().map(|(_, listed)| listed).collect()
}

fn place_token((execution, listed): &(String, Listed)) -> String {
    token(&format!("{}|{execution}", listed.started))
}

/// The last execution of the page before.
fn position(paging: &Paging) -> Result<Option<(Millis, String)>> {
    let Some(after) = paging.after()? else { return Ok(None) };
    let read = after
        .split_once('|')
        .and_then(|(started, name)| Some((started.parse().ok()?, name.to_owned())));
    read.map(Some)
        .ok_or_else(|| Exception::InvalidToken.of("Invalid token"))
}
