use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Outcome, Pace};

/// Something that has happened, with the moment at which it was recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Milliseconds since 1970. A moment before that of an earlier event counts as that one.
    pub at_ms: i64,
    /// What has happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What has happened. `id` is that of the effect that it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum EventKind {
    /// The execution was accepted. The first event, once.
    Started,
    /// A worker has taken an activity's task.
    TaskStarted {
        /// Of the [`Effect::StartTask`](super::Effect::StartTask).
        id: u64,
        /// Who took it.
        worker: Option<String>,
    },
    /// An activity has the task in its queue, or a service has accepted a `.sync` or `.waitForTaskToken` task, whose end
    /// is still to come.
    TaskSubmitted {
        /// Of the task.
        id: u64,
        /// What the service answered; nothing from an activity.
        output: Value,
    },
    /// A task, a read of items or a write of results has ended well.
    TaskSucceeded {
        /// Of the effect.
        id: u64,
        /// Its result.
        output: Value,
    },
    /// A task, a read of items or a write of results has failed.
    TaskFailed {
        /// Of the effect.
        id: u64,
        /// Name of the error.
        error: Option<String>,
        /// Its story.
        cause: Option<String>,
    },
    /// Whoever runs the task gave it up for lack of time.
    TaskTimedOut {
        /// Of the task.
        id: u64,
        /// `States.Timeout` if absent.
        error: Option<String>,
        /// Its story.
        cause: Option<String>,
    },
    /// A task could not be handed over at all, such as to an activity that does not exist. Not retried: `States.Runtime`.
    TaskRefused {
        /// Of the task.
        id: u64,
        /// Why.
        cause: String,
    },
    /// A task lives.
    Heartbeat {
        /// Of the task.
        id: u64,
    },
    /// The moment of a [`Effect::SetTimer`](super::Effect::SetTimer) has come.
    TimerFired {
        /// Of the timer.
        id: u64,
    },
    /// An execution of a map run has ended.
    ChildEnded {
        /// Of the [`Effect::StartChild`](super::Effect::StartChild).
        id: u64,
        /// How.
        outcome: Outcome,
    },
    /// Somebody lets a map run keep to something else.
    MapRunPaced {
        /// Of the map run.
        id: u64,
        /// From now on.
        pace: Pace,
    },
    /// Nothing but time has passed. Comes before a turn that goes on where one was cut, so that an execution which never
    /// waits sees its time run out.
    Tick,
    /// Somebody stops the execution.
    Stopped {
        /// Given by who stopped it.
        error: Option<String>,
        /// Given by who stopped it.
        cause: Option<String>,
    },
    /// Somebody lets an execution that did not succeed go on from where it failed.
    Redriven,
}
