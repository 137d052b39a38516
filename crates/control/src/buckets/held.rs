use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use wisp_core::{
    Code, Error, Result,
    model::Millis,
    ports::journal::{self, Timer},
};
use wisp_workflow::when::{Effect, Event, Fire, Rerun, Scope, Target};

use super::{
    Bucket, Durability,
    census::Counted,
    place::{self, Place},
};

/// The timer of a scope: when something happens by itself.
const TIMER: &str = "next";

/// The status that scopes are listed with.
const STATUS: &str = "bucket";

/// Events after which a history begins afresh with the scope as it is, unless that has more objects.
const AFRESH: u64 = 256;

/// A scope in memory, as its driver holds it.
pub(crate) struct Held {
    pub place: Place,
    pub key: String,
    pub durability: Durability,
    /// Tells it from earlier ones of its key.
    pub nonce: String,
    pub scope: Scope,
    /// The version of the bucket that it knows the triggers of; 0 if none.
    pub version: u64,
    /// Calls that have not been made yet, if they must be.
    pub open: BTreeMap<u64, Call>,
    /// Turns that are committed.
    pub turns: u64,
    /// Events in the journal.
    events: u64,
    /// When it is woken next.
    timer: Option<Millis>,
    pub counted: Counted,
}

/// A call that must be made, as stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Call {
    /// Of a trigger's target.
    Fire(Fire),
    /// Of a producer, once more.
    Rerun(Rerun),
    /// Of a task that has waited for too long.
    Lapsed(Target),
}

/// The state in the journal: what is in the scope are events.
#[derive(Serialize, Deserialize)]
struct Header {
    nonce: String,
}

/// An event in the journal.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Logged {
    /// All that was before.
    Scope(Box<Scope>),
    /// Something more.
    Event(Event),
}

/// What a turn changes.
#[derive(Default)]
pub(crate) struct Change {
    /// Events, as they are written.
    pub events: Vec<bytes::Bytes>,
    /// What follows.
    pub effects: Vec<Effect>,
    /// Calls that have been made.
    pub settled: Vec<u64>,
}

/// What the journal has of a scope.
pub(crate) struct Found {
    pub stored: journal::Execution,
    pub events: Vec<bytes::Bytes>,
    pub effects: Vec<journal::Effect>,
    pub timers: Vec<Timer>,
}

impl crate::actors::Held for Held {
    fn stays(&self) -> bool {
        !self.is_empty()
    }
}

impl Held {
    /// A scope that nothing has happened to.
    pub fn new(place: Place, bucket: &Bucket, counted: Counted) -> Self {
        Self {
            key: place.key(),
            place,
            durability: bucket.durability,
            nonce: format!("{:016x}", rand::random::<u64>()),
            scope: Scope::default(),
            version: 0,
            open: BTreeMap::new(),
            turns: 0,
            events: 0,
            timer: None,
            counted,
        }
    }

    /// A scope as the journal has it.
    pub fn read(place: Place, bucket: &Bucket, counted: Counted, found: Found) -> Result<Self> {
        let mut held = Self::new(place, bucket, counted);
        held.nonce = decode::<Header>(&held.key, &found.stored.state)?.nonce;
        (held.turns, held.events) = (found.stored.turns, found.stored.events);
        for event in &found.events {
            match decode(&held.key, event)? {
                Logged::Scope(scope) => held.scope = *scope,
                // What followed is among the effects, or has been done.
                Logged::Event(event) => drop(held.scope.apply(event)),
            }
        }
        for effect in found.effects {
            let number = effect.id.parse().unwrap_or_default();
            held.open.insert(number, decode(&held.key, &effect.body)?);
        }
        held.timer = found.timers.first().map(|timer| timer.at);
        Ok(held)
    }

    /// Whether it outlives the server.
    pub fn is_durable(&self) -> bool {
        self.durability != Durability::None
    }

    /// Whether nothing of it need be kept.
    pub fn is_empty(&self) -> bool {
        self.scope.is_empty() && self.open.is_empty()
    }

    /// A call that was begun before.
    pub fn again(&self, number: u64) -> Option<Effect> {
        Some(match self.open.get(&number)?.clone() {
            Call::Fire(fire) => Effect::Fire(number, self.scope.given(fire)),
            Call::Rerun(run) => Effect::Rerun(number, run),
            Call::Lapsed(target) => Effect::Lapsed(number, target),
        })
    }

    /// When it is to be woken, if that has changed.
    pub fn set_timer(&mut self) -> Option<(Option<Millis>, Option<Millis>)> {
        let next = self.scope.deadline().map(|at| u64::try_from(at).unwrap_or_default());
        (next != self.timer).then(|| (std::mem::replace(&mut self.timer, next), next))
    }

    /// What changes, for the journal; none if nothing does.
    pub fn write(&mut self, change: &Change, now: Millis) -> Result<Option<journal::Turn>> {
        let timer = self.set_timer();
        if change.events.is_empty() && change.effects.is_empty() && change.settled.is_empty() && timer.is_none() {
            return Ok(None);
        }
        let mut commit = journal::Turn {
            execution: self.key.clone(),
            after: self.turns,
            state: encode(&Header {
                nonce: self.nonce.clone(),
            })?,
            events: change.events.clone(),
            settled: change.settled.iter().map(u64::to_string).collect(),
            synced: self.durability == Durability::Strict,
            ..journal::Turn::default()
        };
        if let Some((before, next)) = timer {
            commit.cancelled.extend(before.map(timer_at));
            commit.timers.extend(next.map(timer_at));
        }
        for effect in &change.effects {
            let (number, call) = call_of(effect);
            commit.effects.push(journal::Effect {
                id: number.to_string(),
                body: encode(&call)?,
            });
            self.open.insert(number, call);
        }
        if self.turns == 0 {
            commit.place = Some(journal::Place {
                scope: place::list(&self.place.bucket),
                status: STATUS.to_owned(),
                started: now,
                summary: bytes::Bytes::new(),
            });
        }
        self.events += change.events.len() as u64;
        let most = AFRESH.max(2 * self.scope.objects().len() as u64);
        if self.events > most {
            commit.afresh = true;
            commit.events = vec![encode(&Logged::Scope(Box::new(self.scope.clone())))?];
            self.events = 1;
        }
        Ok(Some(commit))
    }
}

/// An event, as it is written.
pub(super) fn logged(event: &Event) -> Result<bytes::Bytes> {
    encode(&Logged::Event(event.clone()))
}

fn call_of(effect: &Effect) -> (u64, Call) {
    match effect {
        Effect::Fire(number, given) => (*number, Call::Fire(given.fire.clone())),
        Effect::Rerun(number, run) => (*number, Call::Rerun(run.clone())),
        Effect::Lapsed(number, target) => (*number, Call::Lapsed(target.clone())),
    }
}

fn timer_at(at: Millis) -> Timer {
    Timer {
        at,
        id: TIMER.to_owned(),
    }
}

fn encode<T: Serialize>(value: &T) -> Result<bytes::Bytes> {
    let text = serde_json::to_vec(value);
    text.map(Into::into)
        .map_err(|error| Error::internal("a scope of a bucket cannot be encoded").because(error))
}

fn decode<T: DeserializeOwned>(key: &str, text: &[u8]) -> Result<T> {
    serde_json::from_slice(text).map_err(|error| {
        let message = format!("the objects of '{key}' cannot be read from the journal");
        Error::new(Code::Corrupted, message).because(error)
    })
}
