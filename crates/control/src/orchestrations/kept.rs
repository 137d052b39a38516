use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use wisp_core::{
    Code, Error, Result,
    model::Millis,
    ports::journal::{self, Place, Timer},
};
use wisp_workflow::orchestration::{
    Activity, Batch, Entity, Event, Failure, Inbox, Instance, Kind, Message, Micros, Next, Outcome, Post, Turn, found,
    is_entity, next,
};

use super::{Hub, letter::message_id};

/// The timer of the end of an instance's stay in the journal.
pub(super) const EXPIRY: &str = "expiry";

/// The timer that has something looked at again.
const WAKE: &str = "wake";

/// The status that entities are listed with.
const ENTITY: &str = "Entity";

/// Longest id that code may send to, in bytes; keys of the journal have room for it.
const LONGEST: usize = 4096;

/// Memory that something takes beside its history.
const OWN: u64 = 2048;

/// What is at an id.
pub(crate) enum Subject {
    /// Nothing.
    Absent,
    /// An instance, and its history.
    Instance(Box<Instance>, Vec<Arc<Event>>),
    /// An entity.
    Entity(Box<Entity>),
}

/// The state in the journal.
#[derive(Serialize, Deserialize)]
pub(super) enum Stored {
    /// An instance.
    Instance(Box<Instance>),
    /// An entity.
    Entity(Box<Entity>),
}

/// What lists show of an instance or an entity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Summary {
    /// Its code.
    pub name: String,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed: Option<Micros>,
}

/// Work that somebody's code does now.
pub(crate) struct Flight {
    /// Tells it from earlier ones.
    pub number: u64,
    /// What.
    pub work: Work,
}

/// Work for code.
pub(crate) enum Work {
    /// Of an orchestrator.
    Turn(Turn),
    /// Of an entity.
    Batch(Batch),
}

/// An instance or an entity in memory, as its driver holds it.
pub(crate) struct Kept {
    pub hub: Hub,
    pub id: String,
    pub key: String,
    /// Turns that are committed.
    pub turns: u64,
    pub subject: Subject,
    pub inbox: Inbox,
    /// Activities that have not ended, by their effects.
    pub open: BTreeMap<String, Activity>,
    timers: BTreeSet<Timer>,
    pub flight: Option<Flight>,
    /// Status and start that it is listed with.
    listed: Option<(&'static str, Millis)>,
    /// What its history takes in memory, in bytes.
    history: u64,
}

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

impl crate::actors::Held for Kept {
    fn stays(&self) -> bool {
        self.flight.is_some()
    }
}

impl Kept {
    /// What is at a key, as the journal has it.
    pub fn read(
        (hub, id): (Hub, String),
        stored: Option<journal::Execution>,
        effects: &[journal::Effect],
        timers: Vec<Timer>,
        events: &[bytes::Bytes],
    ) -> Result<Self> {
        let mut kept = Self {
            key: hub.key(&id),
            turns: stored.as_ref().map_or(0, |stored| stored.turns),
            subject: Subject::Absent,
            inbox: Inbox::new(),
            open: BTreeMap::new(),
            timers: timers.into_iter().collect(),
            flight: None,
            listed: None,
            history: events.iter().map(|event| event.len() as u64).sum(),
            hub,
            id,
        };
        if let Some(stored) = stored {
            kept.subject = match decode(&stored.state)? {
                Stored::Entity(entity) => Subject::Entity(entity),
                Stored::Instance(instance) => {
                    let past = events
                        .iter()
                        .map(|event| decode(event).map(Arc::new))
                        .collect::<Result<_>>()?;
                    Subject::Instance(instance, past)
                }
            };
            kept.listed = kept.standing();
        }
        kept.fetch(effects)?;
        Ok(kept)
    }

    /// Adds what others have left since it was read.
    pub fn fetch(&mut self, effects: &[journal::Effect]) -> Result<()> {
        for effect in effects {
            match effect.id.as_bytes().first() {
                Some(b'i') if !self.inbox.contains_key(&effect.id) => {
                    self.inbox.insert(effect.id.clone(), decode(&effect.body)?);
                }
                Some(b'a') if !self.open.contains_key(&effect.id) => {
                    self.open.insert(effect.id.clone(), decode(&effect.body)?);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether it is an instance that has ended.
    pub fn is_over(&self) -> bool {
        matches!(&self.subject, Subject::Instance(instance, _) if instance.status.is_over())
    }

    /// Whether nothing is lost with it: it has ended, or is an entity without a value that nobody has and nobody asks.
    pub fn may_go(&self) -> bool {
        match &self.subject {
            Subject::Entity(entity) => {
                let idle = self.inbox.is_empty() && self.flight.is_none();
                idle && entity.state.is_none() && entity.lock.is_none()
            }
            _ => self.is_over(),
        }
    }

    /// Memory that it takes, in bytes.
    pub fn weight(&self) -> u64 {
        OWN + self.history
    }

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

    /// A timer has fired; what it was for is heard.
    pub fn fire(&mut self, timer: &Timer, now: Millis, commit: &mut Commit) -> Result<()> {
        commit.turn.cancelled.push(timer.clone());
        commit.changed = true;
        let known = self.timers.remove(timer);
        let Some(number) = timer
            .id
            .strip_prefix('t')
            .and_then(|id| id.parse().ok())
            .filter(|_| known)
        else {
            return Ok(());
        };
        let Subject::Instance(_, past) = &self.subject else {
            return Ok(());
        };
        let fire_at = past.iter().rev().find_map(|event| match event.kind {
            Kind::TimerCreated { fire_at } if event.id == number => Some(fire_at),
            _ => None,
        });
        match fire_at {
            Some(fire_at) => {
                let fired = Kind::TimerFired { fire_at, timer: number };
                self.hear(Message::new(micros(now), fired), now, false, commit)
            }
            None => Ok(()),
        }
    }

    /// Does what can be done without anybody's code; returns work for code if there is some and none is under way.
    pub fn settle(&mut self, operations: usize, now: Millis, commit: &mut Commit) -> Result<Option<Work>> {
        loop {
            self.appear(now);
            let at = micros(now);
            let step = match &mut self.subject {
                Subject::Absent => return Ok(None),
                Subject::Instance(instance, past) => match next(instance, past, &self.inbox, at) {
                    Next::Settle(outcome) => Next::Settle(outcome),
                    Next::Wait(until) => Next::Wait(until),
                    Next::Work(turn) => Next::Work(Work::Turn(turn)),
                },
                Subject::Entity(entity) if self.flight.is_none() => match entity.next(&self.inbox, operations, at) {
                    Next::Settle(outcome) => Next::Settle(outcome),
                    Next::Wait(until) => Next::Wait(until),
                    Next::Work(batch) => Next::Work(Work::Batch(batch)),
                },
                // Its operations are done as it was when they were begun.
                Subject::Entity(_) => return Ok(None),
            };
            match step {
                Next::Settle(outcome) => {
                    self.apply(outcome, now, commit)?;
                    if self.is_over() {
                        // Whatever is under way is too late.
                        self.flight = None;
                    }
                }
                Next::Wait(until) => {
                    self.wake(until, commit);
                    return Ok(None);
                }
                Next::Work(work) => return Ok(Some(work).filter(|_| self.flight.is_none())),
            }
        }
    }

    /// Becomes what its messages make of it, if nothing is here.
    fn appear(&mut self, now: Millis) {
        if !matches!(self.subject, Subject::Absent) || self.inbox.is_empty() {
            return;
        }
        if is_entity(&self.id) {
            self.subject = Subject::Entity(Box::new(Entity::new(&self.id, micros(now))));
        } else if let Some(instance) = found(&self.inbox, micros(now)) {
            self.subject = Subject::Instance(Box::new(instance), Vec::new());
        }
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
            if let Some(refusal) = undeliverable(&post) {
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
    fn wake(&mut self, until: Option<Micros>, commit: &mut Commit) {
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

    /// Status and start that it is to be listed with.
    pub fn standing(&self) -> Option<(&'static str, Millis)> {
        match &self.subject {
            Subject::Absent => None,
            Subject::Instance(instance, _) => Some((instance.status.name(), millis(instance.created))),
            Subject::Entity(entity) => Some((ENTITY, millis(entity.created))),
        }
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

/// Why a message cannot be for anybody, if so: what its sender hears, if it waits for an answer.
fn undeliverable(post: &Post) -> Option<Option<Message>> {
    let (to, event) = (&post.to, &post.message.event);
    let fits = !to.is_empty() && to.len() <= LONGEST && !to.chars().any(char::is_control);
    let right = match &event.kind {
        Kind::EntitySignaled(_) | Kind::EntityCalled(_) | Kind::LockRequested(_) | Kind::UnlockSent { .. } => {
            is_entity(to)
        }
        _ => !is_entity(to),
    };
    if fits && right {
        return None;
    }
    let failure = || {
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

/// Microseconds of milliseconds.
pub(super) fn micros(at: Millis) -> Micros {
    i64::try_from(at).unwrap_or(i64::MAX).saturating_mul(1000)
}

/// Milliseconds of microseconds: the first that is not before.
pub(super) fn millis(at: Micros) -> Millis {
    u64::try_from(at).unwrap_or_default().div_ceil(1000)
}

pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::internal("an orchestration cannot be encoded").because(error))
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::new(Code::Corrupted, "an orchestration in the journal cannot be read").because(error))
}
