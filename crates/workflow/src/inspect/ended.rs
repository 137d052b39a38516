use serde::Serialize;
use serde_json::{Map, Value};

/// How a state ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// Well.
    Succeeded,
    /// By an error that nobody takes.
    Failed,
    /// By an error that a retrier takes.
    Retriable,
    /// By an error that a catcher takes.
    CaughtError,
}

/// What has become of a state.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspected {
    /// How it ended.
    pub status: Verdict,
    /// What it puts out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Name of the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its story.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Where it leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_state: Option<String>,
    /// Its data after each field, by the names of `inspectionData`: `input`, `afterInputPath`, `afterParameters` …
    pub inspection_data: Map<String, Value>,
}
