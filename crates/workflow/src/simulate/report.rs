use serde::Serialize;
use serde_json::Value;

use crate::execution::{Execution, Status};
use crate::history::HistoryEvent;

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The case's.
    pub id: String,
    /// `RUNNING` if it waits for something that never comes.
    pub status: Status,
    /// Of one that succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Of one that did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Of one that did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The types of its history events.
    pub events: Vec<&'static str>,
    /// Its history, as `GetExecutionHistory` gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<Vec<Value>>,
}

impl Report {
    pub(super) fn of(id: &str, execution: &Execution, history: &[HistoryEvent]) -> Self {
        let outcome = execution.outcome.clone();
        let output = outcome.as_ref().and_then(|outcome| outcome.output.as_deref().cloned());
        let (error, cause) = outcome.map_or((None, None), |outcome| (outcome.error, outcome.cause));
        Self {
            id: id.to_owned(),
            status: execution.status,
            output,
            error,
            cause,
            events: history.iter().map(|event| event.kind.name()).collect(),
            history: Some(history.iter().map(|event| event.to_json(true)).collect()),
        }
    }

    /// The same without the history.
    pub fn brief(mut self) -> Self {
        self.history = None;
        self
    }
}
