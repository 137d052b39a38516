use serde::{Deserialize, Serialize};

use super::Primitive;

/// A trigger on the objects of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// When it fires.
    #[serde(flatten)]
    pub when: Primitive,
    /// What it calls.
    #[serde(flatten)]
    pub target: Target,
    /// What that is given of the objects.
    #[serde(default)]
    pub pass: Pass,
    /// Whose output it waits for, and how long.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<Hint>,
}

/// What a trigger calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// An action, by its full name.
    Function(String),
    /// A state machine: an execution of it is started.
    Machine(String),
    /// An orchestration as code: it is told of an event.
    Event {
        /// Its id; the session's name when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instance: Option<String>,
        /// The event's name.
        name: String,
    },
    /// A task of an execution, which goes on with what it is given. No user makes such a trigger.
    Task {
        /// The execution's key.
        execution: String,
        /// The task's number.
        id: u64,
    },
}

/// What a call is given of each object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pass {
    /// Its value.
    Value,
    /// Its key and its value.
    #[default]
    KeyValue,
    /// Its key.
    Key,
}

/// A producer that is run again when its object is overdue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hint {
    /// The action that puts the object, by its full name.
    pub source_function: String,
    /// The object's key.
    pub source_key: String,
    /// How long after its beginning the object is overdue, in milliseconds.
    pub timeout: u64,
    /// How often it is run again at most.
    #[serde(default = "retries")]
    pub retries: u32,
}

fn retries() -> u32 {
    3
}
