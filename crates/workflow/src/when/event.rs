use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Body, Object, Pass, Target, Trigger};

/// What happens to a scope.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The bucket's triggers are these from now on. Those that are as they were keep what they have seen.
    Defined {
        /// By name.
        triggers: BTreeMap<String, Trigger>,
        /// How long objects are kept, in milliseconds.
        life: i64,
    },
    /// An object is put. One of a key that is there is left as it is.
    Put(Object),
    /// An object is taken away.
    Removed {
        /// Its session.
        session: String,
        /// Its key.
        key: String,
    },
    /// Somebody waits for one firing of a condition; objects that are there count. Asking again changes nothing.
    Awaited {
        /// The name of the wait.
        name: String,
        /// The condition, and who waits.
        trigger: Trigger,
        /// When.
        at: i64,
    },
    /// An action begins that triggers have hints of.
    Began {
        /// What is run.
        run: Rerun,
        /// When.
        at: i64,
    },
    /// Time has passed.
    Passed {
        /// When it is now.
        at: i64,
    },
}

/// What is needed to run a producer again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rerun {
    /// The action, by its full name.
    pub function: String,
    /// Its arguments.
    pub payload: Body,
    /// The session that it is in.
    pub session: String,
}

/// A call of a trigger's target.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fire {
    /// The trigger's name.
    pub trigger: String,
    /// What is called.
    pub target: Target,
    /// What it is given.
    pub pass: Pass,
    /// The group of the objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Numbers of the objects.
    pub objects: Vec<u64>,
}

/// A call, with what it is given.
#[derive(Clone, Debug)]
pub struct Given {
    /// The call.
    pub fire: Fire,
    /// The objects, in order.
    pub objects: Vec<Arc<Object>>,
}

/// What follows from an event, each under a number that its scope uses once.
#[derive(Clone, Debug)]
pub enum Effect {
    /// A target is to be called.
    Fire(u64, Given),
    /// A producer is to be run again.
    Rerun(u64, Rerun),
    /// Nobody waits for a task's condition any more.
    Lapsed(u64, Target),
}
