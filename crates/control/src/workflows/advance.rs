//! The loop: what happened goes through the core, what comes of it is committed, and then done.

use std::{sync::Arc, time::Duration};

use tokio::sync::oneshot;
use wisp_core::{Code, Error, Result, ports::Clock};
use wisp_workflow::{
    Turn, advance_while,
    execution::{Effect, Event, EventKind, Execution, Status},
    machine::Machine,
};

use super::{
    Exception,
    functions::run_of,
    held::{CUT, Held, Left, STOP},
    letter::Letter,
    run::Run,
};
use crate::{
    actors::{self, Actors, Again, Driver},
    control::Control,
};

/// How long a turn may keep its thread; the state that it is at then is finished all the same.
const TURN: Duration = Duration::from_millis(20);

/// What drives executions.
struct Executions<'a>(&'a Control);

impl Driver for Executions<'_> {
    type Letter = Letter;
    type Held = Held;

    fn actors(&self) -> &Actors<Letter, Held> {
        &self.0.inner.workflows.actors
    }

    fn clock(&self) -> &dyn Clock {
        &*self.0.inner.clock
    }

    fn is_stopping(&self) -> bool {
        self.0.inner.workflows.is_stopping()
    }

    async fn turn(
        &self,
        key: &str,
        held: Option<Box<Held>>,
        letters: &mut Vec<Letter>,
    ) -> Result<Option<Box<Held>>, Again> {
        self.0.turn(key, held, letters).await
    }
}

impl Control {
    /// Tells an execution that something has happened; returns when that is recorded.
    pub(super) async fn tell(&self, key: &str, kind: EventKind) -> Result<()> {
        let (receipt, recorded) = oneshot::channel();
        self.post(
            key,
            Letter {
                receipt: Some(receipt),
                ..Letter::new(Some(kind))
            },
        );
        recorded.await.map_err(|_| stopping())?
    }

    /// Tells an execution what became of work that was begun here for it; `own` if that is the end of it.
    pub(super) fn report(&self, key: &str, kind: EventKind, own: bool) {
        self.post(
            key,
            Letter {
                own,
                ..Letter::new(Some(kind))
            },
        );
    }

    /// Has work begun again that an execution was left with.
    pub(super) fn resume_execution(&self, key: &str) {
        self.post(key, actors::Letter::resumed());
    }

    /// Tells an execution that what a task of it had started has been stopped.
    pub(super) fn stopped(&self, key: &str, task: u64) {
        self.post(
            key,
            Letter {
                stopped: Some(task),
                ..Letter::new(None)
            },
        );
    }

    fn post(&self, key: &str, letter: Letter) {
        if self.inner.workflows.actors.post(key, letter) {
            self.spawn_driver(key);
        }
    }

    pub(super) fn spawn_driver(&self, key: &str) {
        let (control, key) = (self.clone(), key.to_owned());
        self.inner
            .tasks
            .spawn(Box::pin(async move { Executions(&control).drive(&key).await }));
    }

    /// One turn.
    async fn turn(
        &self,
        key: &str,
        held: Option<Box<Held>>,
        letters: &mut Vec<Letter>,
    ) -> Result<Option<Box<Held>>, Again> {
        let held = match held {
            Some(held) => Ok(Some(held)),
            None => self.load(key).await,
        };
        let mut held = match held {
            Ok(Some(held)) => held,
            Ok(None) => {
                refuse(letters, &Exception::ExecutionDoesNotExist.of(key), false);
                return Ok(None);
            }
            Err(error) => return undone(key, letters, &error),
        };
        let own = letters.iter().filter(|letter| letter.own).count();
        held.under_way = held.under_way.saturating_sub(own);
        if let Some(id) = letters.iter().rev().find_map(Letter::own_success) {
            held.last = Some(run_of(key, &held.run.nonce, id));
        }
        let resumed = letters.iter().any(|letter| letter.resumed);
        let (left, dropped): (Vec<u64>, Vec<u64>) = match resumed {
            true => (held.left(), held.dropped.keys().copied().collect()),
            false => Default::default(),
        };
        letters
            .iter()
            .filter_map(|letter| letter.stopped)
            .for_each(|task| held.stopped(task));
        let mut kinds: Vec<EventKind> = letters.iter().filter_map(|letter| letter.kind.clone()).collect();
        if kinds.is_empty() && held.is_cut() {
            kinds.push(EventKind::Tick);
        }
        let receipts = letters.iter().any(|letter| letter.receipt.is_some());
        if (!kinds.is_empty() || held.has_stopped())
            && let Err(error) = self.step_execution(key, &mut held, &kinds, receipts).await
        {
            return undone(key, letters, &error);
        }
        for letter in letters.drain(..) {
            // One who no longer waits does not care.
            let _ = letter.receipt.map(|receipt| receipt.send(Ok(())));
        }
        for id in left {
            self.begin_again(key, &mut held, id);
        }
        if resumed {
            self.tell_again(key, &held);
        }
        for id in dropped {
            self.begin_effect(key, &mut held, Effect::StopChild { id });
        }
        Ok(Some(held))
    }

    /// Through the core, into the journal, and out into the world.
    async fn step_execution(&self, key: &str, held: &mut Held, kinds: &[EventKind], receipts: bool) -> Result<()> {
        let workflows = &self.inner.workflows;
        let now = self.inner.clock.now();
        let at_ms = i64::try_from(now).unwrap_or(i64::MAX);
        let events: Vec<Event> = kinds
            .iter()
            .map(|kind| Event {
                at_ms,
                kind: kind.clone(),
            })
            .collect();
        if kinds.contains(&EventKind::Redriven) {
            held.run.redriven = Some(now);
        }
        let (before, machine) = (held.run.execution.status, held.machine.clone());
        let turn = self.think(&machine, &mut held.run.execution, &events);
        let (commit, begin) = held.write(turn, kinds, now, receipts, workflows.settings.kept())?;
        let earliest = commit.timers.iter().map(|timer| timer.at).min();
        let first = commit.after == 0;
        let apart = commit.payloads.clone();
        workflows.journal.commit(commit).await?;
        self.keep_payloads(key, apart);
        held.turns += 1;
        earliest.into_iter().for_each(|at| workflows.alarm.set(at));
        self.count(held, first, before);
        self.forget_tasks(key, held);
        for effect in begin {
            self.begin_effect(key, held, effect);
        }
        Ok(())
    }

    /// A turn of the core, no longer than others can wait for the thread.
    pub(super) fn think(&self, machine: &Machine, execution: &mut Execution, events: &[Event]) -> Turn {
        let (limits, clock) = (self.inner.workflows.settings.limits(), &self.inner.clock);
        let until = clock.elapsed() + TURN;
        let mut turn = Turn::default();
        let mut work = || turn = advance_while(machine, execution, events, &limits, &|| clock.elapsed() < until);
        match machine.computes() {
            true => self.inner.tasks.occupy(&mut work),
            false => work(),
        }
        turn
    }

    fn count(&self, held: &Held, first: bool, before: Status) {
        let (census, namespace) = (&self.inner.workflows.census, held.run.namespace.as_str());
        let now = held.run.execution.status;
        if first || (before != Status::Running && now == Status::Running) {
            census.begun(namespace, 1);
        }
        if now != Status::Running && (first || before == Status::Running) {
            census.ended(namespace);
            let status = super::run::status(now);
            metrics::counter!("wisp_workflow_executions_total", "status" => status).increment(1);
        }
    }

    /// An execution from the journal, with all that belongs to it.
    pub(super) async fn load(&self, key: &str) -> Result<Option<Box<Held>>> {
        let journal = &self.inner.workflows.journal;
        let Some(stored) = journal.load(key).await? else {
            return Ok(None);
        };
        let (effects, timers) = (journal.effects(key).await?, journal.timers(key).await?);
        let mut payloads = self.payloads();
        let run: Run = self.unpack(key, &stored.state, &mut payloads).await?;
        let mut left = Left::default();
        for effect in effects {
            if let Ok(id) = effect.id.parse() {
                left.open
                    .insert(id, self.unpack(key, &effect.body, &mut payloads).await?);
            } else if let Some(id) = effect.id.strip_prefix(STOP).and_then(|id| id.parse().ok()) {
                left.dropped
                    .insert(id, self.unpack(key, &effect.body, &mut payloads).await?);
            } else {
                left.cut |= effect.id == CUT;
            }
        }
        payloads.forget_fetched();
        let machine = self.parsed(&run.namespace, &run.definition).await?;
        let held = Held::read(run, stored.turns, left, &timers, machine, payloads);
        Ok(Some(Box::new(held)))
    }

    /// A definition, parsed.
    pub(super) async fn parsed(&self, namespace: &wisp_core::model::EntityName, digest: &str) -> Result<Arc<Machine>> {
        let (cache, key) = (&self.inner.workflows.parsed, super::machines::key(namespace, digest));
        if let Some((machine, _)) = cache.get(&key) {
            return Ok(machine);
        }
        let text = self.definition(namespace, digest).await?;
        let value = serde_json::from_str(&text).map_err(|error| {
            Error::new(Code::Corrupted, format!("the definition '{key}' is no JSON")).because(error)
        })?;
        let machine = Arc::new(Machine::parse(&value)?);
        cache.insert(key, (machine.clone(), text.len()));
        Ok(machine)
    }
}

/// Tells those who wait that it could not be done. The others' letters are tried again, unless that cannot help.
fn undone(key: &str, letters: &mut Vec<Letter>, error: &Error) -> Result<Option<Box<Held>>, Again> {
    tracing::error!(
        execution = key,
        ?error,
        "what happened to an execution could not be recorded"
    );
    refuse(letters, error, error.code().retry());
    match letters.is_empty() {
        true => Ok(None),
        false => Err(Again),
    }
}

/// Answers those who wait; leaves the others' letters if they are to be kept.
fn refuse(letters: &mut Vec<Letter>, error: &Error, keep: bool) {
    letters.retain_mut(|letter| match letter.receipt.take() {
        // One who no longer waits does not care.
        Some(receipt) => {
            let _ = receipt.send(Err(error.copy()));
            false
        }
        None => keep,
    });
}

/// The refusal of what comes too late.
pub(crate) fn stopping() -> Error {
    Error::new(Code::Unavailable, "the server is shutting down")
}
