use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Outcome, Pace};
use crate::apart;
use crate::machine::StateId;

/// Something to do outside. Carried out at least once; `(execution, id)` tells a repetition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Effect {
    /// Start a task, and answer with its end.
    StartTask(TaskStart),
    /// A task's end no longer matters; stop it if that is possible.
    CancelTask {
        /// Of the task.
        id: u64,
    },
    /// Answer with [`EventKind::TimerFired`](super::EventKind::TimerFired) at that moment.
    SetTimer {
        /// Of the timer.
        id: u64,
        /// Milliseconds since 1970; may be in the past.
        at_ms: i64,
    },
    /// Forget a timer. One that moves is forgotten and set again, under its id.
    ClearTimer {
        /// Of the timer.
        id: u64,
        /// The moment that it was set for.
        at_ms: i64,
    },
    /// Read the items of a distributed Map; answer with an array as [`EventKind::TaskSucceeded`](super::EventKind).
    ReadItems(ItemRead),
    /// Write the results of a map run; answer with the Map's result.
    WriteResults(ResultWrite),
    /// A map run begins.
    StartMapRun {
        /// Of the map run.
        id: u64,
        /// Its ARN.
        arn: String,
        /// How many children it has.
        total: u64,
        /// What it keeps to at first.
        pace: Pace,
    },
    /// A map run ends.
    FinishMapRun {
        /// Of the map run.
        id: u64,
        /// `Succeeded`, `Failed` or `Aborted`.
        status: super::Status,
    },
    /// Start an execution of a map run, and answer with its end.
    StartChild(Child),
    /// Stop an execution of a map run; no answer is needed.
    StopChild {
        /// Of the child.
        id: u64,
    },
    /// The execution is over. The last effect, unless it is redriven.
    Finish {
        /// How.
        outcome: Outcome,
    },
}

/// A task to start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskStart {
    /// Unique in the execution; one for each attempt.
    pub id: u64,
    /// The state's name.
    pub state: Arc<str>,
    /// The `Resource` as it stands; [`Resource::parse`](crate::machine::Resource::parse) reads it.
    pub resource: String,
    /// The function's or activity's input, or the parameters of a service.
    #[serde(with = "apart")]
    pub input: Arc<Value>,
    /// The task's token, for activities and `.waitForTaskToken`.
    pub token: Option<String>,
    /// `Credentials`, rendered.
    pub credentials: Option<Value>,
    /// Seconds after which the execution gives the attempt up; kept by the core's own timer.
    pub timeout_seconds: Option<u64>,
    /// Seconds between signs of life; kept by the core's own timer.
    pub heartbeat_seconds: Option<u64>,
}

/// Items to read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemRead {
    /// Unique in the execution.
    pub id: u64,
    /// The state's name.
    pub state: Arc<str>,
    /// The `Resource` as it stands.
    pub resource: String,
    /// Bucket, key, prefix.
    pub parameters: Value,
    /// `ReaderConfig` as it stands.
    pub config: Value,
    /// At most so many items; `None` is no limit.
    pub max_items: Option<u64>,
}

/// Results to write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResultWrite {
    /// Unique in the execution.
    pub id: u64,
    /// The state's name.
    pub state: Arc<str>,
    /// The `Resource` as it stands.
    pub resource: String,
    /// Bucket, prefix.
    pub parameters: Value,
    /// `WriterConfig` as it stands.
    pub config: Value,
    /// The map run's ARN.
    pub map_run_arn: String,
    /// In the order of the items.
    pub results: Value,
}

/// An execution of a map run: the same machine, begun at another state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Child {
    /// Unique in the execution.
    pub id: u64,
    /// The map run.
    pub run: u64,
    /// Its place among the map run's children.
    pub index: u32,
    /// Where it begins.
    pub start: StateId,
    /// The parent's Map and label as they stand in ARNs: `NAME/LABEL`.
    pub machine_name: String,
    /// The child's name, a UUID.
    pub name: String,
    /// The child's input.
    #[serde(with = "apart")]
    pub input: Arc<Value>,
    /// Whether it runs as Express.
    pub express: bool,
}
