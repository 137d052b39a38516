//! Express executions: in memory, as fast as what they call.

use std::{collections::BTreeMap, future::ready, sync::Arc, time::Duration};

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use wisp_core::{
    Result,
    model::{Identity, Millis, Right},
    ports::{BoxFuture, journal},
};
use wisp_workflow::{
    execution::{Effect, Event, EventKind, Outcome},
    machine::{Machine, Resource},
};

use super::{
    Exception, MachineKind,
    arn::check_name,
    effects::{Task, no_bucket},
    key,
    machines::uuid,
    nested::child_run,
    run::{Run, encode},
    start::{Start, Started},
};
use crate::{control::Control, resolve::require, unstoppable::Unstoppable};

/// The status of what runs in memory and was promised to run.
pub(super) const PROMISED: &str = "PROMISED";

/// The one effect of it.
const RUN: &str = "run";

/// How an Express execution ended.
pub struct Ended {
    /// Its ARN.
    pub arn: String,
    /// Its machine's ARN.
    pub machine_arn: String,
    /// Its name.
    pub name: String,
    /// When it began.
    pub started: Millis,
    /// When it ended.
    pub stopped: Millis,
    /// Its input: JSON text.
    pub input: String,
    /// How.
    pub outcome: Outcome,
}

impl Control {
    /// Runs an Express execution and waits for its end. It is run once, or not at all if the server ends.
    pub async fn start_sync_execution(&self, caller: &Identity, start: Start) -> Result<Ended> {
        require(caller, Right::Activate)?;
        let target = self.target(caller, &start.machine).await?;
        if target.machine.kind != MachineKind::Express {
            let message = "This operation is not supported by this type of state machine";
            return Err(Exception::StateMachineTypeNotSupported.says(message));
        }
        self.guard_machine(caller, &target.machine)?;
        let input = self.read_input(start.input.as_deref())?;
        let name = start.name.unwrap_or_else(uuid);
        check_name(&name)?;
        let run = self.new_run(caller, &target, &name, input, start.trace).await?;
        let identity = run.execution.identity.clone();
        let (input, started) = (run.execution.input.to_string(), self.inner.clock.now());
        let machine = self.parsed(&run.namespace, &run.definition).await?;
        let ended = self.run_in_memory(run, machine).await;
        let (_, outcome) = ended.ok_or_else(super::advance::stopping)?;
        Ok(Ended {
            arn: identity.arn,
            machine_arn: identity.machine_arn,
            name,
            started,
            stopped: self.inner.clock.now(),
            input,
            outcome,
        })
    }

    /// Promises that an Express execution will run, and lets it. After a crash it runs again, from the beginning.
    pub(super) async fn start_express(&self, run: Run) -> Result<Started> {
        self.check_room(&run)?;
        let (arn, started) = (run.execution.identity.arn.clone(), self.inner.clock.now());
        let promised = format!("{}/{}", run.key(), run.nonce);
        let place = journal::Place {
            scope: key::scope(&run.namespace, "*express"),
            status: PROMISED.to_owned(),
            started,
            summary: Default::default(),
        };
        let turn = journal::Turn {
            execution: promised.clone(),
            place: Some(place),
            state: encode(&run)?.into(),
            effects: vec![journal::Effect {
                id: RUN.to_owned(),
                body: "{}".into(),
            }],
            synced: true,
            ..journal::Turn::default()
        };
        let control = self.clone();
        Unstoppable::new(self.inner.tasks.clone(), async move {
            control.inner.workflows.journal.commit(turn).await?;
            control.inner.workflows.census.begun(run.namespace.as_str(), 1);
            control.keep_promise(promised, run);
            Ok(Started { arn, started })
        })
        .await
    }

    /// Runs what was promised, and forgets it.
    pub(super) fn keep_promise(&self, promised: String, run: Run) {
        let control = self.clone();
        self.inner.tasks.spawn(Box::pin(async move {
            let machine = match control.parsed(&run.namespace, &run.definition).await {
                Ok(machine) => machine,
                Err(error) => return tracing::error!(execution = promised, ?error, "an execution cannot run"),
            };
            let namespace = run.namespace.clone();
            if control.run_in_memory(run, machine).await.is_none() {
                return;
            }
            control.inner.workflows.census.ended(namespace.as_str());
            if let Err(error) = control.inner.workflows.journal.delete(&promised).await {
                tracing::error!(
                    execution = promised,
                    ?error,
                    "an execution that has ended will run again"
                );
            }
        }));
    }

    /// An execution, to its end. None when the server ends first.
    pub(super) async fn run_in_memory(&self, mut run: Run, machine: Arc<Machine>) -> Option<(Run, Outcome)> {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let mut timers = BTreeMap::new();
        let mut kinds = vec![EventKind::Started];
        loop {
            let at_ms = i64::try_from(self.inner.clock.now()).unwrap_or(i64::MAX);
            let events: Vec<Event> = kinds.into_iter().map(|kind| Event { at_ms, kind }).collect();
            let turn = self.think(&machine, &mut run.execution, &events);
            for effect in turn.effects {
                match effect {
                    Effect::Finish { outcome } => return Some((run, outcome)),
                    Effect::SetTimer { id, at_ms } => drop(timers.insert(id, u64::try_from(at_ms).unwrap_or_default())),
                    Effect::ClearTimer { id, .. } => drop(timers.remove(&id)),
                    effect => self.begin_in_memory(&run, effect, &sender),
                }
            }
            kinds = match turn.more {
                // An execution that never waits must see its time run out, and let others have the thread.
                true => {
                    tokio::task::yield_now().await;
                    vec![EventKind::Tick]
                }
                false => self.happened(&mut receiver, &mut timers).await?,
            };
        }
    }

    /// What happens next.
    async fn happened(
        &self,
        receiver: &mut UnboundedReceiver<EventKind>,
        timers: &mut BTreeMap<u64, Millis>,
    ) -> Option<Vec<EventKind>> {
        let next = timers.iter().min_by_key(|(_, at)| **at).map(|(id, at)| (*id, *at));
        let (id, at) = next.unwrap_or((0, Millis::MAX));
        let pause = Duration::from_millis(at.saturating_sub(self.inner.clock.now()));
        tokio::select! {
            first = receiver.recv() => {
                let mut kinds = vec![first?];
                while let Ok(kind) = receiver.try_recv() {
                    kinds.push(kind);
                }
                Some(kinds)
            }
            () = self.inner.clock.sleep(pause), if next.is_some() => {
                timers.remove(&id);
                Some(vec![EventKind::TimerFired { id }])
            }
            () = self.inner.workflows.stopped() => None,
        }
    }

    fn begin_in_memory(&self, run: &Run, effect: Effect, sender: &UnboundedSender<EventKind>) {
        let (control, sender, key) = (self.clone(), sender.clone(), run.key());
        let work: BoxFuture<'static, Option<EventKind>> = match effect {
            Effect::StartTask(start) => {
                let resource = Resource::parse(&start.resource);
                let task = Task::new(&key, run, start, false);
                Box::pin(async move { control.perform(&task, &resource).await })
            }
            Effect::StartChild(child) => {
                let begun = child_run(&key, run, &child);
                Box::pin(async move { control.run_child(begun, child.id).await })
            }
            Effect::ReadItems(read) => Box::pin(ready(Some(no_bucket(read.id, "States.ItemReaderFailed")))),
            Effect::WriteResults(write) => Box::pin(ready(Some(no_bucket(write.id, "States.ResultWriterFailed")))),
            _ => return,
        };
        self.inner.tasks.spawn(Box::pin(async move {
            // It may have ended meanwhile.
            let _ = work.await.map(|kind| sender.send(kind));
        }));
    }
}
