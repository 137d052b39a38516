use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use wisp_core::{
    Code, Error, Result,
    model::Millis,
    ports::journal::{self, Timer},
};
use wisp_workflow::orchestration::{
    Activity, Batch, Entity, Event, Inbox, Instance, Kind, Message, Micros, Next, Turn, found, is_entity, next,
};

use super::{Hub, commit::Commit};

/// The timer of the end of an instance's stay in the journal.
pub(super) const EXPIRY: &str = "expiry";

/// The status that entities are listed with.
const ENTITY: &str = "Entity";

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
    /// Timers that are set.
    pub timers: BTreeSet<Timer>,
    pub flight: Option<Flight>,
    /// Status and start that it is listed with.
    pub listed: Option<(&'static str, Millis)>,
    /// What its history takes in memory, in bytes.
    pub history: u64,
    /// Whether its namespace has as many instances as it may: it can start no other.
    pub full: bool,
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
            full: false,
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

    /// Whether it is an instance that has not ended.
    pub fn is_open(&self) -> bool {
        matches!(&self.subject, Subject::Instance(instance, _) if !instance.status.is_over())
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

    /// Status and start that it is to be listed with.
    pub fn standing(&self) -> Option<(&'static str, Millis)> {
        match &self.subject {
            Subject::Absent => None,
            Subject::Instance(instance, _) => Some((instance.status.name(), millis(instance.created))),
            Subject::Entity(entity) => Some((ENTITY, millis(entity.created))),
        }
    }
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
