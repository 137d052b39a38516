use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;

/// How a state is in an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Look {
    /// It was entered and not left.
    Running,
    /// It was left.
    Succeeded,
    /// It ended the execution.
    Failed,
    /// It was stopped.
    Aborted,
}

impl Look {
    /// Fill and border.
    pub(super) fn colours(look: Option<Look>) -> (&'static str, &'static str) {
        match look {
            None => ("#ffffff", "#98a2b3"),
            Some(Look::Running) => ("#d6e9ff", "#1570cd"),
            Some(Look::Succeeded) => ("#d8f3df", "#20813a"),
            Some(Look::Failed) => ("#fddcd9", "#c4281c"),
            Some(Look::Aborted) => ("#fdeccb", "#a86100"),
        }
    }
}

/// How each state of an execution is, by its name. A state that was entered again is as it was last.
pub fn looks(events: &[Value]) -> HashMap<String, Look> {
    let mut looks = HashMap::new();
    for event in events {
        let kind = event["type"].as_str().unwrap_or_default();
        let name = |field: &str| event[field]["name"].as_str().map(str::to_owned);
        match kind {
            "FailStateEntered" => looks.extend(name("stateEnteredEventDetails").map(|name| (name, Look::Failed))),
            _ if kind.ends_with("StateEntered") => {
                looks.extend(name("stateEnteredEventDetails").map(|name| (name, Look::Running)));
            }
            _ if kind.ends_with("StateExited") => {
                looks.extend(name("stateExitedEventDetails").map(|name| (name, Look::Succeeded)));
            }
            "ExecutionFailed" => end(&mut looks, Look::Failed),
            "ExecutionAborted" | "ExecutionTimedOut" => end(&mut looks, Look::Aborted),
            _ => {}
        }
    }
    looks
}

/// States that the end of the execution found running.
fn end(looks: &mut HashMap<String, Look>, end: Look) {
    looks
        .values_mut()
        .filter(|look| **look == Look::Running)
        .for_each(|look| *look = end);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn states_are_as_their_last_events_say() {
        let entered = |kind: &str, name: &str| json!({ "type": kind, "stateEnteredEventDetails": { "name": name } });
        let exited = |kind: &str, name: &str| json!({ "type": kind, "stateExitedEventDetails": { "name": name } });
        let mut events = vec![
            entered("PassStateEntered", "A"),
            exited("PassStateExited", "A"),
            entered("TaskStateEntered", "B"),
        ];
        let found = looks(&events);
        assert_eq!((found["A"], found["B"]), (Look::Succeeded, Look::Running));
        events.push(json!({ "type": "ExecutionFailed" }));
        let found = looks(&events);
        assert_eq!((found["A"], found["B"]), (Look::Succeeded, Look::Failed));
    }
}
