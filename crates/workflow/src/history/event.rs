use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Details, HistoryKind};

/// One event of an execution's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryEvent {
    /// From 1, without gaps.
    pub id: u64,
    /// The event that led to this one; 0 for the first ones.
    pub previous: u64,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// Its type.
    pub kind: HistoryKind,
    /// What it tells.
    #[serde(skip_serializing_if = "Details::is_none", default)]
    pub details: Details,
}

impl HistoryEvent {
    /// The event as `GetExecutionHistory` gives it; without payloads unless `data` (`includeExecutionData`).
    pub fn to_json(&self, data: bool) -> Value {
        let mut event = Map::new();
        event.insert("timestamp".to_owned(), json!(self.at_ms as f64 / 1000.0));
        event.insert("type".to_owned(), json!(self.kind.name()));
        event.insert("id".to_owned(), json!(self.id));
        event.insert("previousEventId".to_owned(), json!(self.previous));
        if let Some(details) = self.details.to_json(data) {
            event.insert(self.field(), details);
        }
        Value::Object(event)
    }

    /// Where the details stand: all types of states share a field for entering and one for leaving them.
    fn field(&self) -> String {
        let name = match self.kind.name() {
            name if name.ends_with("StateEntered") => "StateEntered",
            name if name.ends_with("StateExited") => "StateExited",
            name => name,
        };
        let (first, rest) = name.split_at(1);
        format!("{}{rest}EventDetails", first.to_lowercase())
    }
}
