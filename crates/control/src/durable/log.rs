use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wisp_core::{
    Code, Error, Result,
    model::{ActivationId, Millis},
    ports::{
        Journal,
        journal::{Effect, Place, Timer, Turn},
    },
};
use wisp_workflow::composer::Branch;

use super::{Stored, level::Level};
use crate::{budget::Budget, event::id_of, steps::Ended, workflows::EXPIRY};

/// The one effect of an execution: it is to be run to its end.
const RUN: &str = "run";

/// What happened in a durable sequence or composition.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Event {
    /// It was invoked.
    Started(Box<Stored>),
    /// A sequence or composition within it was entered.
    Entered {
        /// Its id.
        id: ActivationId,
        /// When.
        at: Millis,
    },
    /// A step has ended.
    Ended {
        /// How.
        ended: Box<Ended>,
        /// What may still run.
        budget: Budget,
    },
    /// A conductor named an action that may not be called.
    Refused {
        /// What would have been its id.
        id: ActivationId,
        /// Why.
        message: String,
    },
    /// A conductor has opened branches.
    Forked {
        /// Names the fork.
        id: ActivationId,
        /// The conductor as it waits for them.
        fork: Box<Fork>,
    },
}

/// A conductor that waits for branches.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Fork {
    /// Its state.
    pub step: Value,
    /// The branches.
    pub branches: Vec<Branch>,
    /// What it has logged.
    pub lines: Vec<String>,
    /// When its call began.
    pub start: Millis,
}

impl Event {
    /// What it is about.
    fn id(&self) -> ActivationId {
        match self {
            Event::Started(stored) => stored.accepted.id,
            Event::Entered { id, .. } | Event::Refused { id, .. } | Event::Forked { id, .. } => *id,
            Event::Ended { ended, .. } => ended.id,
        }
    }
}

/// What is known of a durable sequence or composition, and where more is written. Whoever runs it asks here first, so that what
/// has happened does not happen again.
pub(crate) struct Log {
    key: String,
    journal: Arc<dyn Journal>,
    level: Level,
    /// Whether a server has run it before: steps may have ended that are not written here.
    resumed: bool,
    /// Whether it is known how it ended.
    over: bool,
    known: HashMap<ActivationId, Event>,
    queue: Mutex<Queue>,
    /// Turns that are committed; held by who commits.
    turns: tokio::sync::Mutex<u64>,
}

/// Events on their way to the journal.
#[derive(Default)]
struct Queue {
    events: Vec<bytes::Bytes>,
    /// How many came, and how many are committed.
    came: u64,
    committed: u64,
}

impl Log {
    /// A log of so many turns, in which this is known.
    pub fn new(
        key: String,
        journal: Arc<dyn Journal>,
        level: Level,
        turns: u64,
        known: Vec<Event>,
        resumed: bool,
    ) -> Self {
        Self {
            key,
            journal,
            level,
            resumed,
            over: false,
            known: known.into_iter().map(|event| (event.id(), event)).collect(),
            queue: Mutex::default(),
            turns: tokio::sync::Mutex::new(turns),
        }
    }

    /// The same, of one that has ended.
    pub fn over(self, over: bool) -> Self {
        Self { over, ..self }
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The turn that begins a log.
    pub fn first(key: &str, place: Place, started: &Event) -> Result<Turn> {
        Ok(Turn {
            execution: key.to_owned(),
            place: Some(place),
            state: "{}".into(),
            events: vec![encode(started)?],
            effects: vec![Effect {
                id: RUN.to_owned(),
                body: "{}".into(),
            }],
            synced: true,
            ..Turn::default()
        })
    }

    /// What is known of an id.
    pub fn known(&self, id: ActivationId) -> Option<&Event> {
        self.known.get(&id)
    }

    /// Whether a server has run it before.
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// Writes an event with the next that is waited for.
    pub fn note(&self, event: &Event) -> Result<()> {
        self.push(event).map(drop)
    }

    /// Writes an event; returns when it is committed. Those that come during a commit share the next.
    pub async fn write(&self, event: &Event) -> Result<()> {
        let number = self.push(event)?;
        let mut turns = self.turns.lock().await;
        if self.queue().committed >= number {
            return Ok(());
        }
        let turn = Turn {
            synced: self.level == Level::Strict,
            ..Turn::default()
        };
        self.commit(&mut turns, turn).await
    }

    /// Writes that it has ended. It is forgotten at this time.
    pub async fn end(&self, place: Place, expiry: Millis) -> Result<()> {
        let mut turns = self.turns.lock().await;
        let turn = Turn {
            place: Some(place),
            settled: vec![RUN.to_owned()],
            timers: vec![Timer {
                at: expiry,
                id: EXPIRY.to_owned(),
            }],
            synced: true,
            ..Turn::default()
        };
        self.commit(&mut turns, turn).await
    }

    async fn commit(&self, turns: &mut u64, turn: Turn) -> Result<()> {
        let (events, came) = {
            let mut queue = self.queue();
            (std::mem::take(&mut queue.events), queue.came)
        };
        let turn = Turn {
            execution: self.key.clone(),
            after: *turns,
            state: "{}".into(),
            events: events.clone(),
            ..turn
        };
        if let Err(error) = self.journal.commit(turn).await {
            self.queue().events.splice(0..0, events);
            return Err(error);
        }
        *turns += 1;
        self.queue().committed = came;
        Ok(())
    }

    fn push(&self, event: &Event) -> Result<u64> {
        let event = encode(event)?;
        let mut queue = self.queue();
        queue.events.push(event);
        queue.came += 1;
        Ok(queue.came)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The id of a part of something: always the same.
pub(crate) fn part(of: ActivationId, what: &str) -> ActivationId {
    id_of(&["part", &of.to_string(), what])
}

fn encode(event: &Event) -> Result<bytes::Bytes> {
    let text = serde_json::to_vec(event);
    text.map(Into::into)
        .map_err(|error| Error::internal("a step cannot be encoded").because(error))
}

/// An event as it was written.
pub(super) fn decode(bytes: &[u8]) -> Result<Event> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::new(Code::Corrupted, "a step in the journal cannot be read").because(error))
}
