//! The loop: what happened goes through the core, what comes of it is committed, and then done.

use std::{mem, sync::Arc};

use tokio::sync::oneshot;
use wisp_core::{Code, Error, Result, model::Millis, ports::Clock};

use super::{
    Durability, Hub,
    commit::Commit,
    kept::{EXPIRY, Flight, Kept, Subject, Work},
    letter::Letter,
};
use crate::{
    actors::{Actors, Again, Driver},
    control::Control,
    workflows::stopping,
};

/// What drives instances and entities.
struct Instances<'a>(&'a Control);

impl Driver for Instances<'_> {
    type Letter = Letter;
    type Held = Kept;

    fn actors(&self) -> &Actors<Letter, Kept> {
        &self.0.inner.orchestrations.actors
    }

    fn clock(&self) -> &dyn Clock {
        &*self.0.inner.clock
    }

    fn is_stopping(&self) -> bool {
        self.0.inner.workflows.is_stopping()
    }

    fn unpark(&self, key: &str) -> Option<Box<Kept>> {
        self.0.inner.orchestrations.unpark(key)
    }

    fn park(&self, held: Box<Kept>) {
        self.0.inner.orchestrations.park(held);
    }

    fn revive(&self, key: &str) {
        let (control, hub) = (self.0.clone(), Hub::read(key).map(|(hub, _)| hub));
        self.0.inner.tasks.spawn(Box::pin(async move {
            if let Some(hub) = hub {
                control.wake_all(&hub).await;
            }
        }));
    }

    async fn turn(
        &self,
        key: &str,
        held: Option<Box<Kept>>,
        letters: &mut Vec<Letter>,
    ) -> Result<Option<Box<Kept>>, Again> {
        self.0.advance_instance(key, held, letters).await
    }
}

impl Control {
    /// Says something to an instance or an entity; returns when it is recorded.
    pub(super) async fn tell_instance(
        &self,
        key: &str,
        letter: impl FnOnce(Option<oneshot::Sender<Result<()>>>) -> Letter,
    ) -> Result<()> {
        let (receipt, recorded) = oneshot::channel();
        self.hand(key, letter(Some(receipt)));
        recorded.await.map_err(|_| stopping())?
    }

    /// Puts a letter into the box of an instance or an entity.
    pub(super) fn hand(&self, key: &str, letter: Letter) {
        if !self.inner.orchestrations.actors.post(key, letter) {
            return;
        }
        let (control, key) = (self.clone(), key.to_owned());
        let drive = async move { Instances(&control).drive(&key).await };
        self.inner.tasks.spawn(Box::pin(drive));
    }

    /// One step.
    async fn advance_instance(
        &self,
        key: &str,
        held: Option<Box<Kept>>,
        letters: &mut Vec<Letter>,
    ) -> Result<Option<Box<Kept>>, Again> {
        let arrives = |letter: &Letter| matches!(letter, Letter::Arrived | Letter::Resumed(_));
        let arrived = letters.iter().any(arrives);
        let held = match held {
            Some(mut held) => match self.fetch_arrived(&mut held, arrived).await {
                Ok(()) => Ok(held),
                Err(error) => Err(error),
            },
            None => self.load_instance(key).await,
        };
        let stepped = match held {
            Ok(held) => self.step_instance(held, letters).await,
            Err(error) => Err(error),
        };
        match stepped {
            Ok((held, refusals)) => {
                for (letter, refusal) in letters.drain(..).zip(refusals) {
                    letter.answer(refusal);
                }
                Ok(held)
            }
            Err(error) if error.code() == Code::Corrupted => {
                tracing::error!(instance = key, ?error, "an orchestration cannot be read");
                letters.drain(..).for_each(|letter| letter.answer(Err(error.copy())));
                Ok(None)
            }
            Err(error) => {
                tracing::error!(
                    instance = key,
                    ?error,
                    "a step of an orchestration cannot be committed; it is tried again"
                );
                Err(Again)
            }
        }
    }

    async fn fetch_arrived(&self, held: &mut Kept, arrived: bool) -> Result<()> {
        match arrived {
            true => held.fetch(&self.inner.workflows.journal.effects(&held.key).await?),
            false => Ok(()),
        }
    }

    /// What is at a key, from the journal.
    pub(super) async fn load_instance(&self, key: &str) -> Result<Box<Kept>> {
        let journal = &self.inner.workflows.journal;
        let (hub, id) = Hub::read(key).ok_or_else(|| Error::internal(format!("'{key}' is no instance's key")))?;
        let stored = journal.load(key).await?;
        let (effects, timers) = (journal.effects(key).await?, journal.timers(key).await?);
        let count = stored
            .as_ref()
            .map_or(0, |stored| usize::try_from(stored.events).unwrap_or(usize::MAX));
        let events = match count {
            0 => Vec::new(),
            count => journal.events(key, 0, count, false).await?,
        };
        let kept = Kept::read((hub, id.to_owned()), stored, &effects, timers, &events)?;
        Ok(Box::new(kept))
    }

    /// Reads letters, goes through the core, into the journal, and out into the world. Says of each letter how it went.
    async fn step_instance(
        &self,
        mut kept: Box<Kept>,
        letters: &[Letter],
    ) -> Result<(Option<Box<Kept>>, Vec<Result<()>>)> {
        let (orchestrations, journal) = (&self.inner.orchestrations, &self.inner.workflows.journal);
        let (settings, now) = (&orchestrations.settings, self.inner.clock.now());
        let mut commit = Commit::default();
        let (before, was_open) = (kept.standing(), kept.is_open());
        kept.full = orchestrations.is_full(&kept.hub.namespace);
        let mut outcomes = Vec::with_capacity(letters.len());
        for letter in letters {
            if matches!(letter, Letter::Fired(timer, _) if timer.id == EXPIRY) && kept.may_go() {
                journal.delete(&kept.key).await?;
                return Ok((None, letters.iter().map(|_| Ok(())).collect()));
            }
            outcomes.push(kept.take_letter(letter, settings, now, &mut commit)?);
        }
        let work = kept.settle(settings.batch_operations, now, &mut commit)?;
        if matches!(kept.subject, Subject::Absent) {
            // Messages to nobody.
            if !kept.inbox.is_empty() || !kept.open.is_empty() || commit.changed {
                journal.delete(&kept.key).await?;
            }
            return Ok((None, outcomes));
        }
        if commit.changed {
            kept.close(settings.kept(), now, &mut commit)?;
            commit.turn.synced =
                settings.durability == Durability::Strict || kept.is_over() || letters.iter().any(Letter::is_promise);
            let earliest = commit.turn.timers.iter().map(|timer| timer.at).min();
            journal.commit(mem::take(&mut commit.turn)).await?;
            kept.turns += 1;
            earliest.into_iter().for_each(|at| self.inner.workflows.alarm.set(at));
        }
        match (was_open, kept.is_open()) {
            (false, true) => orchestrations.census.begun(kept.hub.namespace.as_str(), 1),
            (true, false) => orchestrations.census.ended(kept.hub.namespace.as_str()),
            _ => {}
        }
        self.follow_up(&kept, commit, before);
        if letters.iter().any(|letter| matches!(letter, Letter::Resumed(_))) {
            orchestrations.changes.tell(&kept.key);
        }
        // What there was no room for is asked for when there is, or when something else happens.
        let shelved = letters.iter().all(|letter| matches!(letter, Letter::Shelved(_)));
        if let Some(work) = work.filter(|_| !shelved) {
            self.dispatch(&mut kept, work);
        }
        Ok((Some(kept), outcomes))
    }

    /// What a commit sets in motion.
    fn follow_up(&self, kept: &Kept, commit: Commit, before: Option<(&'static str, Millis)>) {
        for key in &commit.told {
            self.hand(key, Letter::Arrived);
        }
        for (id, activity) in commit.begin {
            self.begin_activity(kept, id, activity);
        }
        if kept.standing() != before {
            if let (true, Some((status, _))) = (kept.is_over(), kept.standing()) {
                metrics::counter!("wisp_orchestrations_ended_total", "status" => status).increment(1);
            }
            self.inner.orchestrations.changes.tell(&kept.key);
        }
    }

    /// Has code do its work.
    fn dispatch(&self, kept: &mut Kept, work: Work) {
        let number = rand::random();
        let (control, key) = (self.clone(), kept.key.clone());
        let task: wisp_core::ports::BoxFuture<'static, ()> = match &work {
            Work::Turn(turn) => match kept.turn_work(turn) {
                Some(work) => Box::pin(async move { control.carry_turn(&key, number, Arc::new(work)).await }),
                None => return,
            },
            Work::Batch(batch) => match kept.batch_work(batch) {
                Some(work) => Box::pin(async move { control.carry_batch(&key, number, Arc::new(work)).await }),
                None => return,
            },
        };
        kept.flight = Some(Flight { number, work });
        self.inner.tasks.spawn(task);
    }
}
