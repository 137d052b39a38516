use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use wisp_core::model::{ActivationId, DeadLetter};

/// A dead letter with what it says.
#[derive(Debug, Serialize, Deserialize)]
pub struct LetterDoc {
    /// All but what it says.
    #[serde(flatten)]
    pub letter: DeadLetter,
    /// The event, as the action received it.
    pub event: Box<RawValue>,
}

/// What became of one dead letter that was to be delivered again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RedrivenDoc {
    /// The first attempt.
    pub activation_id: ActivationId,
}

/// How many dead letters a request has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedDoc {
    /// Those that were delivered again, or removed.
    pub done: u64,
    /// Those that are still there.
    pub left: u64,
}
