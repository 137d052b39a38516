use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Results;
use super::context::Item;
use crate::apart::{self, Keep};
use crate::history::Details;
use crate::machine::StateId;

/// Items that are stored with the state; more are stored once, apart from it.
const MOST_ITEMS: usize = 64;

/// Names a frame within its execution, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FrameId(pub(crate) u64);

/// One thread of control: the flow itself, a branch of a Parallel, an iteration of an inline Map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Whose branch or iteration it is.
    pub parent: Option<Link>,
    /// Where it is.
    pub state: StateId,
    /// The state's raw input.
    #[serde(with = "apart")]
    pub input: Arc<Value>,
    /// The event that entered the state.
    pub entered: u64,
    /// When.
    pub entered_ms: i64,
    /// The event before the next one.
    pub last: u64,
    /// The event before that, which a few events name instead.
    pub before: u64,
    /// How often the state was tried again.
    pub retries: u32,
    /// The same for each retrier.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub tries: Vec<u32>,
    /// The variables that it sees, once they differ from its parent's.
    #[serde(with = "apart::option", skip_serializing_if = "Option::is_none", default)]
    pub variables: Option<Arc<Map<String, Value>>>,
    /// How many bytes those are that it has set itself.
    #[serde(default)]
    pub variable_bytes: usize,
    /// The item of an iteration.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub item: Option<Arc<Item>>,
    /// What it is at.
    pub doing: Doing,
}

impl Frame {
    /// A frame about to enter its first state.
    pub(crate) fn new(parent: Option<Link>, state: StateId, input: Arc<Value>, last: u64) -> Self {
        Self {
            parent,
            state,
            input,
            entered: 0,
            entered_ms: 0,
            last,
            before: last,
            retries: 0,
            tries: Vec::new(),
            variables: None,
            variable_bytes: 0,
            item: None,
            doing: Doing::Entering,
        }
    }

    /// Its state was entered by this event.
    pub(crate) fn enter(&mut self, event: u64, now_ms: i64) {
        (self.entered, self.entered_ms) = (event, now_ms);
        self.retries = 0;
        self.tries.clear();
    }
}

/// A frame's place under its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The frame in its Parallel or Map state.
    pub frame: FrameId,
    /// Number of the branch or iteration.
    pub index: u32,
}

/// What a frame is at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Doing {
    /// About to enter its state.
    Entering,
    /// About to do its state's work, for the first time or again.
    Working,
    /// In a Wait.
    Sleeping {
        /// Its timer.
        timer: u64,
    },
    /// Before another try.
    Pausing {
        /// Its timer.
        timer: u64,
    },
    /// In a Task.
    Calling(Call),
    /// In a Parallel or a Map.
    Fanning(Box<Fan>),
    /// Over, without success. Kept for a redrive.
    Halted,
}

/// A task's attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The effect that started it.
    pub id: u64,
    /// The timer of its timeout.
    pub timeout: Option<u64>,
    /// The timer of its heartbeat, and its seconds.
    pub heartbeat: Option<(u64, u64)>,
    /// What history tells once an activity has taken it: one that is not there leaves no trace.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub untold: Option<Box<Details>>,
}

/// A Parallel's branches or a Map's iterations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fan {
    /// A Map's items, as they go into iterations; empty for a Parallel.
    #[serde(with = "apart")]
    pub items: Arc<Items>,
    /// What ended well, by index.
    pub results: Results,
    /// How many bytes of JSON these are together.
    #[serde(default)]
    pub bytes: usize,
    /// How many have begun.
    pub begun: u32,
    /// How many go on.
    pub running: u32,
    /// How many have failed and were tolerated.
    pub failed: u32,
    /// How many may go on at once.
    pub limit: u32,
    /// How many may fail.
    pub tolerance: Tolerance,
    /// The map run of a distributed Map.
    pub run: Option<Run>,
}

impl Fan {
    /// Keeps a result of so many bytes; false if there are then more than `most` of all.
    pub(crate) fn gather(&mut self, index: u32, result: Arc<Value>, bytes: usize, most: usize) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        self.results.set(index, result);
        self.bytes <= most
    }
}

/// What a map run keeps to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// How many of its children may go on at once.
    pub concurrency: u32,
    /// How many may fail.
    pub tolerance: Tolerance,
}

/// A Map's items.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Items(pub Vec<Item>);

impl Keep for Items {
    fn exceeds(&self, _: usize) -> bool {
        self.0.len() > MOST_ITEMS
    }
}

/// How many of a Map's iterations may fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tolerance {
    /// So many.
    pub count: Option<u32>,
    /// Of 100.
    pub percentage: Option<f64>,
}

impl Tolerance {
    /// Whether so many failures of so many are too many. Without a tolerance, one is.
    pub fn exceeded(&self, failed: u32, total: u32) -> bool {
        if self.count.is_none() && self.percentage.is_none() {
            return failed > 0;
        }
        let share = f64::from(failed) * 100.0 / f64::from(total.max(1));
        self.count.is_some_and(|most| failed > most) || self.percentage.is_some_and(|most| share > most)
    }
}

/// A map run in progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its effect.
    pub id: u64,
    /// Its ARN.
    pub arn: String,
    /// What it is at.
    pub stage: Stage,
    /// Children that go on: effect to index.
    pub children: std::collections::BTreeMap<u64, u32>,
    /// Where its items were read from, as `Map.Item.Source` tells it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<Arc<str>>,
    /// How often it was redriven.
    #[serde(default)]
    pub redrives: u32,
}

/// What a map run is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Its items are being read.
    Reading(u64),
    /// Its children run.
    Running,
    /// Its results are being written.
    Writing(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_tolerance_can_be_exceeded() {
        let tolerance = |count, percentage| Tolerance { count, percentage };
        assert!(Tolerance::default().exceeded(1, 10));
        assert!(!tolerance(Some(2), None).exceeded(2, 3));
        assert!(tolerance(Some(2), None).exceeded(3, 3));
        assert!(!tolerance(None, Some(50.0)).exceeded(5, 10));
        assert!(tolerance(Some(9), Some(50.0)).exceeded(6, 10));
        assert!(!tolerance(None, Some(100.0)).exceeded(0, 0));
    }
}
