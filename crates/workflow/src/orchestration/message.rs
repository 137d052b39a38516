use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Event, Kind, event::Micros};

/// Something that has come to an instance or an entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The execution that it is an answer to, if it is one: another takes no notice of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// What has happened.
    pub event: Event,
}

/// What has come and was not used yet, under ids that are in the order of arrival.
pub type Inbox = BTreeMap<String, Message>;

/// A message and whom it is for: an instance, or an entity if the id begins with `@`.
#[derive(Clone, Debug, PartialEq)]
pub struct Post {
    /// The id.
    pub to: String,
    /// The message.
    pub message: Message,
}

impl Message {
    /// Something that is no answer.
    pub fn new(at: Micros, kind: Kind) -> Self {
        Self {
            execution: None,
            event: Event::outside(at, kind),
        }
    }

    /// An answer to what an execution asked for.
    pub fn answer(execution: Option<String>, at: Micros, kind: Kind) -> Self {
        Self {
            execution,
            event: Event::outside(at, kind),
        }
    }

    /// It, on its way.
    pub fn to(self, to: impl Into<String>) -> Post {
        Post {
            to: to.into(),
            message: self,
        }
    }
}

/// Whether an id is an entity's.
pub fn is_entity(id: &str) -> bool {
    id.starts_with('@')
}
