use serde::Deserialize;
use serde_json::Value;

use super::Mocks;

/// A definition, an input, and what its tasks answer.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    /// What the report calls it.
    #[serde(default)]
    pub id: String,
    /// `STANDARD` unless it is `EXPRESS`.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// As JSON, or as text that holds it.
    pub definition: Value,
    /// Of the execution.
    #[serde(default)]
    pub input: Value,
    /// By the name of a state.
    #[serde(default)]
    pub mocks: Mocks,
}

impl Case {
    /// Whether it runs as Express.
    pub fn is_express(&self) -> bool {
        self.kind.as_deref() == Some("EXPRESS")
    }
}
