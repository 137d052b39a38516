use serde::{Deserialize, Serialize};
use serde_json::Value;
use wisp_core::model::Exec;

use crate::{control::Control, invoke::Call};

/// The annotation of a sequence or composition that is to be durable.
const ANNOTATION: &str = "durable";

/// How durable a sequence or composition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Steps survive the end of the server at once, and power loss after the store's next sync.
    Speculative,
    /// Each step waits for the disk.
    Strict,
}

impl Level {
    /// What a value asks for: `true`, `"speculative"` or `"strict"`; none for anything else.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(true) => Some(Self::Speculative),
            Value::String(word) if word == "speculative" || word == "true" => Some(Self::Speculative),
            Value::String(word) if word == "strict" => Some(Self::Strict),
            _ => None,
        }
    }
}

impl Control {
    /// How durable a call is to be, if at all: as its action says, else as its namespace does. What is a part of something is
    /// as durable as that.
    pub(crate) fn durability(&self, call: &Call) -> Option<Level> {
        let action = &call.resolved.action;
        let composed = matches!(action.exec, Exec::Sequence { .. }) || action.is_conductor();
        if !composed || call.cause.is_some() || call.log.is_some() {
            return None;
        }
        match (action.annotations.get(ANNOTATION), &call.caller.limits.durable) {
            (Some(said), _) if !said.is_null() => Level::of(said),
            (_, Some(true)) => Some(Level::Speculative),
            _ => None,
        }
    }
}
