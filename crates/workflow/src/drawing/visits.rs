use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;

use super::Look;

/// One stay of an execution in a state.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Visit {
    /// The state's name.
    pub state: String,
    /// How many Parallels and Maps it is inside of.
    pub depth: usize,
    /// The iteration of a Map, or the branch of a Parallel's that it is in, if history tells.
    pub iteration: Option<u64>,
    /// When it was entered, in milliseconds after the execution's start.
    pub entered: f64,
    /// When it was left, or when the execution ended without; none while it goes on.
    pub left: Option<f64>,
    /// How it went.
    pub look: Look,
    /// When attempts failed, in milliseconds after the execution's start.
    pub failures: Vec<f64>,
    #[serde(skip)]
    within: Option<usize>,
}

/// The stays in the order in which they began, and how long the execution has taken, in milliseconds.
pub fn visits(events: &[Value]) -> (Vec<Visit>, f64) {
    let start = events.first().map_or(0.0, millis);
    let mut visits: Vec<Visit> = Vec::new();
    // The stay that an event belongs to, by the event's id, and the iteration that it is in.
    let mut places: HashMap<u64, (Option<usize>, Option<u64>)> = HashMap::new();
    let mut now = 0.0;
    for event in events {
        now = millis(event) - start;
        let kind = event["type"].as_str().unwrap_or_default();
        let previous = event["previousEventId"].as_u64().unwrap_or_default();
        let (mut within, mut iteration) = places.get(&previous).copied().unwrap_or_default();
        match kind {
            _ if kind.ends_with("StateEntered") => {
                visits.push(Visit {
                    state: name(event, "stateEnteredEventDetails"),
                    depth: within.map_or(0, |outer| visits[outer].depth + 1),
                    iteration: iteration.filter(|_| within.is_some()),
                    entered: now,
                    left: None,
                    look: Look::Running,
                    failures: Vec::new(),
                    within,
                });
                within = Some(visits.len() - 1);
            }
            _ if kind.ends_with("StateExited") => {
                if let Some(visit) = within.map(|index| &mut visits[index]) {
                    (visit.left, visit.look) = (Some(now), Look::Succeeded);
                    (within, iteration) = (visit.within, visit.iteration);
                }
            }
            "MapIterationStarted" => iteration = event["mapIterationStartedEventDetails"]["index"].as_u64(),
            "ExecutionFailed" => end(&mut visits, now, Look::Failed),
            "ExecutionAborted" | "ExecutionTimedOut" => end(&mut visits, now, Look::Aborted),
            _ if kind.ends_with("Failed") || kind.ends_with("TimedOut") => {
                if let Some(visit) = within.map(|index| &mut visits[index]) {
                    visit.failures.push(now);
                }
            }
            _ => {}
        }
        places.insert(event["id"].as_u64().unwrap_or_default(), (within, iteration));
    }
    (visits, now)
}

/// Stays that the end of the execution found going on.
fn end(visits: &mut [Visit], now: f64, look: Look) {
    for visit in visits.iter_mut().filter(|visit| visit.left.is_none()) {
        (visit.left, visit.look) = (Some(now), look);
    }
}

fn millis(event: &Value) -> f64 {
    (event["timestamp"].as_f64().unwrap_or_default() * 1000.0).round()
}

fn name(event: &Value, details: &str) -> String {
    event[details]["name"].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Events from lines of `id previous second type name`.
    fn history(lines: &[(u64, u64, f64, &str, &str)]) -> Vec<Value> {
        let event = |&(id, previous, at, kind, name): &(u64, u64, f64, &str, &str)| {
            let details = match kind {
                "MapIterationStarted" => json!({ "name": name, "index": 1 }),
                _ => json!({ "name": name }),
            };
            json!({
                "id": id, "previousEventId": previous, "timestamp": 10.0 + at, "type": kind,
                "stateEnteredEventDetails": details, "stateExitedEventDetails": details,
                "mapIterationStartedEventDetails": details,
            })
        };
        lines.iter().map(event).collect()
    }

    #[test]
    fn stays_know_what_they_are_inside_of() {
        let events = history(&[
            (1, 0, 0.0, "ExecutionStarted", ""),
            (2, 0, 0.1, "MapStateEntered", "M"),
            (3, 2, 0.1, "MapStateStarted", ""),
            (4, 3, 0.2, "MapIterationStarted", "M"),
            (5, 4, 0.2, "TaskStateEntered", "T"),
            (6, 5, 0.3, "LambdaFunctionFailed", ""),
            (7, 6, 0.5, "TaskStateExited", "T"),
            (8, 7, 0.5, "MapIterationSucceeded", "M"),
            (9, 8, 0.6, "MapStateSucceeded", ""),
            (10, 9, 0.6, "MapStateExited", "M"),
            (11, 10, 0.6, "WaitStateEntered", "W"),
            (12, 11, 0.9, "ExecutionAborted", ""),
        ]);
        let (visits, took) = visits(&events);
        assert_eq!(took, 900.0);
        let seen = |visit: &Visit| {
            (
                visit.state.clone(),
                visit.depth,
                visit.iteration,
                visit.entered,
                visit.left,
                visit.look,
            )
        };
        assert_eq!(
            visits.iter().map(seen).collect::<Vec<_>>(),
            [
                ("M".to_owned(), 0, None, 100.0, Some(600.0), Look::Succeeded),
                ("T".to_owned(), 1, Some(1), 200.0, Some(500.0), Look::Succeeded),
                ("W".to_owned(), 0, None, 600.0, Some(900.0), Look::Aborted),
            ]
        );
        assert_eq!(visits[1].failures, [300.0]);
    }
}
