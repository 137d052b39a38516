//! What a step changes, written down for the journal.

use std::{collections::BTreeSet, sync::Arc};

use wisp_core::{
    Result,
    model::Millis,
    ports::journal::{self, Place, Timer},
};
use wisp_workflow::orchestration::{Activity, Failure, Kind, Message, Micros, Outcome, Post, is_entity};

use super::{
    kept::{EXPIRY, Kept, Stored, Subject, Summary, encode, millis},
    letter::message_id,
};

/// The timer that has something looked at again.
const WAKE: &str = "wake";

/// Longest id that code may send to, in bytes; keys of the journal have room for it.
const LONGEST: usize = 4096;

/// What is to be committed, and what is to be done then.
#[derive(Default)]
pub(crate) struct Commit {
    pub turn: journal::Turn,
    /// Whether there is anything to commit.
    pub changed: bool,
    /// Activities to begin.
    pub begin: Vec<(String, Activity)>,
    /// Keys of those that messages were left for.
    pub told: BTreeSet<String>,
}

impl Kept {
    /// Puts a message into the inbox.
    pub fn hear(&mut self, message: Message, now: Millis, first: bool, commit: &mut Commit) -> Result<()> {
        let id = message_id(now, first);
        commit.turn.effects.push(journal::Effect {
            id: id.clone(),
            body: encode(&message)?.into(),
        });
        self.inbox.insert(id, message);
        commit.changed = true;
        Ok(())
    }

    /// Writes down what a step changes.
    pub fn apply(&mut self, outcome: Outcome, now: Millis, commit: &mut Commit) -> Result<()> {
        commit.changed = true;
        let over = self.is_over();
        for id in outcome.taken {
            self.inbox.remove(&id);
            commit.turn.settled.push(id);
        }
        if let Subject::Instance(_, past) = &mut self.subject {
            if outcome.afresh {
                (commit.turn.afresh, self.history) = (true, 0);
                commit.turn.events.clear();
                past.clear();
            }
            for event in outcome.events {
                let text = encode(&event)?;
                self.history += text.len() as u64;
                commit.turn.events.push(text.into());
                past.push(Arc::new(event));
            }
        }
        for message in outcome.first {
            self.hear(message, now, true, commit)?;
        }
        self.time(
            outcome.untimed || outcome.afresh,
            if over { &[] } else { &outcome.timers },
            commit,
        );
        for activity in outcome.activities {
            self.begin(activity, commit)?;
        }
        for post in outcome.posts {
            let key = self.hub.key(&post.to);
            if let Some(refusal) = undeliverable(&post, self.full) {
                refusal.map_or(Ok(()), |refusal| self.hear(refusal, now, false, commit))?;
                continue;
            }
            if key == self.key {
                self.hear(post.message, now, false, commit)?;
                continue;
            }
            let effect = journal::Effect {
                id: message_id(now, false),
                body: encode(&post.message)?.into(),
            };
            commit.told.insert(key.clone());
            commit.turn.posts.push(journal::Post { execution: key, effect });
        }
        Ok(())
    }

    fn begin(&mut self, activity: Activity, commit: &mut Commit) -> Result<()> {
        let id = format!("a{}", activity.key());
        commit.turn.effects.push(journal::Effect {
            id: id.clone(),
            body: encode(&activity)?.into(),
        });
        self.open.insert(id.clone(), activity.clone());
        commit.begin.push((id, activity));
        Ok(())
    }

    /// Sets timers, and gives up those before if they are no longer wanted.
    fn time(&mut self, untimed: bool, wanted: &[(i32, Micros)], commit: &mut Commit) {
        let wanted: BTreeSet<Timer> = wanted
            .iter()
            .map(|(id, at)| Timer {
                at: millis(*at),
                id: format!("t{id}"),
            })
            .collect();
        if untimed {
            let old: Vec<Timer> = self
                .timers
                .iter()
                .filter(|timer| timer.id.starts_with('t'))
                .cloned()
                .collect();
            old.into_iter()
                .filter(|timer| !wanted.contains(timer))
                .for_each(|timer| self.cancel(timer, commit));
        }
        wanted.into_iter().for_each(|timer| self.set(timer, commit));
    }

    fn set(&mut self, timer: Timer, commit: &mut Commit) {
        if self.timers.insert(timer.clone()) {
            commit.turn.cancelled.retain(|cancelled| *cancelled != timer);
            commit.turn.timers.push(timer);
            commit.changed = true;
        }
    }

    fn cancel(&mut self, timer: Timer, commit: &mut Commit) {
        self.timers.remove(&timer);
        commit.turn.timers.retain(|set| *set != timer);
        commit.turn.cancelled.push(timer);
        commit.changed = true;
    }

    /// Has itself looked at again at a moment.
    pub(super) fn wake(&mut self, until: Option<Micros>, commit: &mut Commit) {
        if let Some(at) = until {
            let id = WAKE.to_owned();
            self.set(Timer { at: millis(at), id }, commit);
        }
    }

    /// Completes what is to be committed: its state, where it is listed, and for how long it stays after its end.
    pub fn close(&mut self, keep: Millis, now: Millis, commit: &mut Commit) -> Result<()> {
        let over = self.is_over();
        let expiry = self.timers.iter().find(|timer| timer.id == EXPIRY).cloned();
        match expiry {
            None if over => {
                let (at, id) = (now.saturating_add(keep), EXPIRY.to_owned());
                self.set(Timer { at, id }, commit);
            }
            Some(expiry) if !over => self.cancel(expiry, commit),
            _ => {}
        }
        let standing = self.standing();
        if standing != self.listed {
            commit.turn.place = self.place()?;
            self.listed = standing;
        }
        commit.turn.execution.clone_from(&self.key);
        commit.turn.after = self.turns;
        commit.turn.state = match &self.subject {
            Subject::Instance(instance, _) => encode(&Stored::Instance(instance.clone()))?.into(),
            Subject::Entity(entity) => encode(&Stored::Entity(entity.clone()))?.into(),
            Subject::Absent => bytes::Bytes::new(),
        };
        Ok(())
    }

    fn place(&self) -> Result<Option<Place>> {
        let Some((status, started)) = self.standing() else {
            return Ok(None);
        };
        let summary = match &self.subject {
            Subject::Instance(instance, _) => Summary {
                name: instance.name.clone(),
                completed: instance.completed,
            },
            _ => Summary {
                name: self.id.clone(),
                completed: None,
            },
        };
        Ok(Some(Place {
            scope: self.hub.scope(&self.id),
            status: status.to_owned(),
            started,
            summary: encode(&summary)?.into(),
        }))
    }
}

/// Why a message cannot be for anybody, if so: what its sender hears, if it waits for an answer. Where the namespace is full,
/// nothing may be started.
fn undeliverable(post: &Post, full: bool) -> Option<Option<Message>> {
    let (to, event) = (&post.to, &post.message.event);
    let fits = !to.is_empty() && to.len() <= LONGEST && !to.chars().any(char::is_control);
    let right = match &event.kind {
        Kind::EntitySignaled(_) | Kind::EntityCalled(_) | Kind::LockRequested(_) | Kind::UnlockSent { .. } => {
            is_entity(to)
        }
        _ => !is_entity(to),
    };
    let starts = matches!(event.kind, Kind::ExecutionStarted(_));
    if fits && right && !(full && starts) {
        return None;
    }
    let failure = || {
        if fits && right {
            let message = "The namespace has as many instances as it may have (orchestrations.open_instances).";
            return Some(Box::new(Failure::lasting("InstanceLimitExceeded", message)));
        }
        let message = format!("'{}' is no id that this can be sent to.", to.escape_debug());
        Some(Box::new(Failure::lasting("InvalidInstanceId", message)))
    };
    let answer = match &event.kind {
        Kind::ExecutionStarted(started) => started.parent.as_ref().map(|parent| Kind::ChildFailed {
            task: parent.task,
            failure: failure(),
        }),
        Kind::EntityCalled(operation) => Some(Kind::EntityFailed {
            request: operation.request.clone(),
            failure: failure(),
        }),
        _ => None,
    };
    Some(answer.map(|kind| Message::new(event.at, kind)))
}
