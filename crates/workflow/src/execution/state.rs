use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{Frame, FrameId, Token};
use crate::apart;
use crate::machine::StateId;
use crate::query::Chance;

/// Who an execution is, as ARNs and the context object tell it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// `arn:aws:states:REGION:ACCOUNT:execution:MACHINE:NAME`.
    pub arn: String,
    /// Unique in its state machine.
    pub name: String,
    /// `arn:aws:states:REGION:ACCOUNT:stateMachine:NAME`.
    pub machine_arn: String,
    /// Of the state machine.
    pub machine_name: String,
    /// As whom it acts.
    pub role_arn: String,
    /// The version that it runs, if it was started by one or by an alias.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version_arn: Option<String>,
    /// The alias that it was started by.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alias_arn: Option<String>,
}

/// What an execution begins with.
#[derive(Clone, Debug)]
pub struct Start {
    /// Who it is.
    pub identity: Identity,
    /// Its input.
    pub input: Arc<Value>,
    /// Where it begins: the machine's start, or that of a Map's processor.
    pub start: StateId,
    /// Where it begins instead, if it repeats another one from there.
    pub entry: Option<Entry>,
    /// Whether it is Express: five minutes at most.
    pub express: bool,
    /// Secret random bytes that decide everything random in the execution: jitter, UUIDs, tokens.
    pub seed: [u8; 16],
}

/// Where an execution begins that repeats a part of another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The first state: one of the flow itself.
    pub state: StateId,
    /// Its input.
    #[serde(with = "apart")]
    pub input: Arc<Value>,
    /// The variables that are set by then.
    #[serde(skip_serializing_if = "Map::is_empty", default)]
    pub variables: Map<String, Value>,
}

/// How far an execution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Not over.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended by an error.
    Failed,
    /// Took too long.
    TimedOut,
    /// Stopped.
    Aborted,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Not `Running`.
    pub status: Status,
    /// Of one that succeeded.
    #[serde(with = "apart::option", skip_serializing_if = "Option::is_none", default)]
    pub output: Option<Arc<Value>>,
    /// Of one that did not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    /// Of one that did not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<String>,
}

/// The state of an execution between two turns. Its size depends on what goes on at once, not on how long it runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// Who it is.
    pub identity: Identity,
    /// Its input.
    #[serde(with = "apart")]
    pub input: Arc<Value>,
    /// Whether it is Express.
    pub express: bool,
    /// How far it is.
    pub status: Status,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Milliseconds since 1970.
    pub started_ms: i64,
    /// How often it was redriven.
    pub redrives: u32,
    /// When it was redriven last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub redriven_ms: Option<i64>,
    /// Where it began, if it repeats another one from there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub entry: Option<Box<Entry>>,
    /// The moment of the latest event.
    pub(crate) now_ms: i64,
    pub(crate) start: StateId,
    pub(crate) seed: [u8; 16],
    /// How many sequences of random numbers were begun.
    pub(crate) draws: u64,
    /// The id of the latest history event: its length.
    pub(crate) last_event: u64,
    /// The id of the latest effect.
    pub(crate) last_effect: u64,
    pub(crate) last_frame: u64,
    /// The timer of the execution's own timeout.
    pub(crate) deadline: Option<u64>,
    /// All threads of control. After a failure, those that failed, for a redrive.
    pub(crate) frames: BTreeMap<FrameId, Frame>,
    /// Which frame waits for an effect.
    pub(crate) waiting: BTreeMap<u64, FrameId>,
    /// Timers that are set, and for when.
    pub(crate) timers: BTreeMap<u64, i64>,
    /// Frames that can go on. Empty between turns, unless the turn was cut.
    pub(crate) ready: VecDeque<FrameId>,
}

impl Execution {
    /// An execution that has not begun: its first event is [`EventKind::Started`](super::EventKind::Started).
    pub fn new(start: Start) -> Self {
        Self {
            identity: start.identity,
            input: start.input,
            express: start.express,
            status: Status::Running,
            outcome: None,
            started_ms: 0,
            redrives: 0,
            redriven_ms: None,
            entry: start.entry.map(Box::new),
            now_ms: 0,
            start: start.start,
            seed: start.seed,
            draws: 0,
            last_event: 0,
            last_effect: 0,
            last_frame: 0,
            deadline: None,
            frames: BTreeMap::new(),
            waiting: BTreeMap::new(),
            timers: BTreeMap::new(),
            ready: VecDeque::new(),
        }
    }

    /// Whether it began with this input, and there.
    pub fn began_with(&self, input: &Value, entry: Option<&Entry>) -> bool {
        *self.input == *input && self.entry.as_deref() == entry
    }

    /// How many history events it has had; the id of the latest.
    pub fn history_length(&self) -> u64 {
        self.last_event
    }

    /// Whether it is waiting for this effect's answer. Others can be thrown away.
    pub fn awaits(&self, id: u64) -> bool {
        self.waiting.contains_key(&id)
    }

    /// Its timers, and the moments in milliseconds since 1970 for which they are set.
    pub fn timers(&self) -> impl Iterator<Item = (u64, i64)> {
        self.timers.iter().map(|(id, at_ms)| (*id, *at_ms))
    }

    /// Whether it can go on without an event, because a turn was cut.
    pub fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The states in which it is, and since which moment: one for each thread of control.
    pub fn places(&self) -> impl Iterator<Item = (StateId, i64)> {
        self.frames.values().map(|frame| (frame.state, frame.entered_ms))
    }

    /// A sequence of random numbers that no other draw of this execution shares.
    pub(crate) fn draw(&mut self) -> Chance {
        self.draws += 1;
        Chance::new(self.digest(b"draw", self.draws))
    }

    /// The token of a task.
    pub(crate) fn token(&self, task: u64) -> Token {
        Token {
            execution: self.identity.arn.clone(),
            task,
            secret: self.digest(b"token", task),
        }
    }

    /// Whether this is the token that the execution gave to this task.
    pub fn vouches_for(&self, token: &Token) -> bool {
        *token == self.token(token.task)
    }

    /// A number that the seed decides and does not give away.
    fn digest(&self, purpose: &[u8], number: u64) -> u64 {
        let mut digest = Sha256::new();
        digest.update(self.seed);
        digest.update(purpose);
        digest.update(number.to_be_bytes());
        digest
            .finalize()
            .iter()
            .take(8)
            .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    }

    pub(crate) fn next_effect(&mut self) -> u64 {
        self.last_effect += 1;
        self.last_effect
    }

    pub(crate) fn next_frame(&mut self) -> FrameId {
        self.last_frame += 1;
        FrameId(self.last_frame)
    }
}
