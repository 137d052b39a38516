//! Histories: everything that can happen to an instance or an entity.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Failure, Status};

/// A moment in microseconds since 1970.
pub type Micros = i64;

/// Text that belongs to the user's code, JSON as a rule; nothing here looks into it.
pub type Payload = Option<String>;

/// Names with values that a caller gave.
pub type Tags = BTreeMap<String, String>;

/// The number of an event that no action of the orchestrator asked for.
pub const FROM_OUTSIDE: i32 = -1;

/// Something in the history of an instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The number of the action that asked for it, or [`FROM_OUTSIDE`].
    pub id: i32,
    /// When it happened.
    pub at: Micros,
    /// What happened.
    pub kind: Kind,
}

/// What can happen, in the words of the Durable Task protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Kind {
    /// An instance begins, or begins anew.
    ExecutionStarted(Box<Started>),
    /// It has ended.
    ExecutionCompleted(Completed),
    /// Somebody ends it.
    ExecutionTerminated {
        /// Its output.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Payload,
        /// Whether what it started ends with it.
        recurse: bool,
    },
    /// An activity is asked for.
    TaskScheduled(Call),
    /// An activity has succeeded.
    TaskCompleted {
        /// The number of the action that asked for it.
        task: i32,
        /// Its result.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Payload,
    },
    /// An activity has failed.
    TaskFailed {
        /// The number of the action that asked for it.
        task: i32,
        /// Why.
        failure: Option<Box<Failure>>,
    },
    /// Another instance is asked for.
    ChildCreated {
        /// Its id.
        instance: String,
        /// What it runs.
        call: Call,
    },
    /// Another instance has succeeded.
    ChildCompleted {
        /// The number of the action that asked for it.
        task: i32,
        /// Its output.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Payload,
    },
    /// Another instance has not succeeded.
    ChildFailed {
        /// The number of the action that asked for it.
        task: i32,
        /// Why.
        failure: Option<Box<Failure>>,
    },
    /// A timer is asked for.
    TimerCreated {
        /// When it fires.
        fire_at: Micros,
    },
    /// A timer has fired.
    TimerFired {
        /// When it was to fire.
        fire_at: Micros,
        /// The number of the action that asked for it.
        timer: i32,
    },
    /// A turn begins. Its time is what the orchestrator takes for now.
    TurnStarted,
    /// A turn has ended.
    TurnCompleted,
    /// An event was sent to another instance.
    EventSent {
        /// To whom.
        instance: String,
        /// Its name.
        name: String,
        /// Its content.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input: Payload,
    },
    /// An event has arrived.
    EventRaised {
        /// Its name.
        name: String,
        /// Its content.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input: Payload,
    },
    /// Something that only the orchestrator's library knows.
    Generic {
        /// What.
        data: Payload,
    },
    /// The orchestrator wants to begin anew.
    ContinuedAsNew {
        /// With what.
        input: Payload,
    },
    /// Somebody has it wait.
    ExecutionSuspended {
        /// Why.
        reason: Payload,
    },
    /// Somebody lets it go on.
    ExecutionResumed {
        /// Why.
        reason: Payload,
    },
    /// An operation of an entity that nobody waits for.
    EntitySignaled(Operation),
    /// An operation of an entity that an orchestrator waits for.
    EntityCalled(Operation),
    /// An operation has succeeded.
    EntityCompleted {
        /// Which.
        request: String,
        /// Its output.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Payload,
    },
    /// An operation has failed.
    EntityFailed {
        /// Which.
        request: String,
        /// Why.
        failure: Option<Box<Failure>>,
    },
    /// An orchestrator wants entities for itself.
    LockRequested(LockRequest),
    /// It has them.
    LockGranted {
        /// The critical section that it asked for.
        section: String,
    },
    /// It does not need one of them any more.
    UnlockSent {
        /// The critical section.
        section: String,
        /// Which entity.
        target: Option<String>,
        /// The orchestrator.
        parent: Option<String>,
    },
    /// A failed instance is to go on from where it failed.
    ExecutionRewound(Box<Rewound>),
}

/// What an instance begins with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// The orchestrator.
    pub name: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Payload,
    /// The instance.
    pub instance: String,
    /// Tells this run of the instance from earlier ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// Who waits for its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// When it begins, if later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<Micros>,
    /// Tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: Tags,
    /// What the caller traces it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
}

/// How an instance has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Completed {
    /// In what status.
    pub status: Status,
    /// Its output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Payload,
    /// Why it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Box<Failure>>,
}

/// A call of something by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// What.
    pub name: String,
    /// Which version of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// With what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Payload,
    /// Tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: Tags,
    /// What the caller traces it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
}

/// The action of another instance that waits for the end of this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parent {
    /// The number of the action.
    pub task: i32,
    /// The other instance.
    pub instance: String,
    /// Its execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// Its orchestrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its orchestrator's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// W3C trace context.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// `traceparent`.
    pub parent: String,
    /// The span in it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub span: String,
    /// `tracestate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// An operation of an entity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Names it for its answer.
    pub request: String,
    /// What is to be done.
    pub operation: String,
    /// With what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Payload,
    /// Not before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<Micros>,
    /// The entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The orchestration that waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Its execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_execution: Option<String>,
}

/// A request of an orchestrator for entities of its own. It goes from one to the next, in the order of their ids, so that two
/// requests cannot wait for each other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LockRequest {
    /// The critical section.
    pub section: String,
    /// The entities.
    pub entities: Vec<String>,
    /// How many of them it has.
    pub position: usize,
    /// The orchestration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

/// Why and as what a failed instance goes on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rewound {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The execution of its parent from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_execution: Option<String>,
    /// What it began with, should it be gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Box<Started>>,
}

impl Event {
    /// Something that no action asked for.
    pub fn outside(at: Micros, kind: Kind) -> Self {
        Self {
            id: FROM_OUTSIDE,
            at,
            kind,
        }
    }
}
