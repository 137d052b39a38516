use super::{
    Completed,
    event::{Call, Event, LockRequest, Micros, Operation, Payload},
};

/// What an orchestrator made of a turn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// What it asks for, in this order.
    pub actions: Vec<Action>,
    /// What it says about itself from now on.
    pub custom_status: Option<String>,
}

/// Something that an orchestrator asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// Its number within the orchestrator's run; the events that follow from it carry it.
    pub id: i32,
    /// What.
    pub kind: Ask,
}

/// What an orchestrator can ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// An activity.
    Task(Call),
    /// Another instance, whose end is told.
    Child {
        /// Its id; made from this instance's when empty.
        instance: String,
        /// What it runs.
        call: Call,
    },
    /// A timer.
    Timer {
        /// When it fires.
        fire_at: Micros,
    },
    /// An event for another instance.
    Send {
        /// To whom.
        instance: String,
        /// Its name.
        name: String,
        /// Its content.
        input: Payload,
    },
    /// The end, well or not.
    Complete(Completed),
    /// A beginning anew: the same instance with a new history.
    ContinueAsNew {
        /// Its input.
        input: Payload,
        /// The version that it goes on with, if another.
        version: Option<String>,
        /// Events that were not used, to be told again.
        carried: Vec<Event>,
    },
    /// The end of another instance.
    Terminate {
        /// Which.
        instance: String,
        /// Its output.
        reason: Payload,
        /// Whether what it started ends with it.
        recurse: bool,
    },
    /// An operation that nobody waits for.
    Signal(Operation),
    /// An operation that it waits for.
    Call(Operation),
    /// Entities for itself.
    Lock(LockRequest),
    /// An entity back.
    Unlock {
        /// The critical section.
        section: String,
        /// The entity.
        target: String,
    },
    /// Another history, which it goes on with.
    Rewind {
        /// All of it.
        history: Vec<Event>,
    },
}
