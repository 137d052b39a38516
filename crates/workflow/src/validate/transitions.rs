use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{examiner::Examiner, place::Place};

/// Targets, reachable states and terminal states of one machine or branch.
pub(super) fn examine(examiner: &mut Examiner, machine: &Map<String, Value>, states: &Map<String, Value>, at: &Place) {
    let start = machine.get("StartAt").and_then(Value::as_str);
    if let Some(start) = start.filter(|start| !states.contains_key(*start)) {
        missing(examiner, start, states, &at.field("StartAt"));
    }
    let at = at.field("States");
    for (name, state) in states {
        for (target, at) in targets(state, &at.field(name)) {
            if !states.contains_key(target) {
                missing(examiner, target, states, &at);
            }
        }
    }
    if !states.is_empty() && !states.values().any(is_terminal) {
        return endless(examiner, &at);
    }
    if let Some(start) = start {
        unreachable(examiner, start, states, &at);
    }
}

/// The API names no place for it, and nothing else about the ways through such a machine.
fn endless(examiner: &mut Examiner, at: &Place) {
    let remedy = format!("Let at least one state of {at} have \"End\": true, or be of type Succeed or Fail.");
    examiner.fail_nowhere("MISSING_END_STATE", "Workflow has no terminal state", remedy);
}

/// The API says 'Next' of every field that names a state.
fn missing(examiner: &mut Examiner, target: &str, states: &Map<String, Value>, at: &Place) {
    let known: Vec<_> = states.keys().map(String::as_str).collect();
    let remedy = format!("Name a state of the same machine or branch: {}.", known.join(", "));
    let message = format!("Missing 'Next' target: {target}");
    examiner.fail_with("MISSING_TRANSITION_TARGET", at, message, remedy);
}

fn is_terminal(state: &Value) -> bool {
    matches!(state["Type"].as_str(), Some("Succeed" | "Fail")) || state["End"] == true
}

/// Reports the states to which no way leads from the start.
fn unreachable(examiner: &mut Examiner, start: &str, states: &Map<String, Value>, at: &Place) {
    let (mut reached, mut ahead) = (HashSet::from([start]), vec![start]);
    while let Some(name) = ahead.pop() {
        let targets = states.get(name).map(|state| targets(state, at)).unwrap_or_default();
        ahead.extend(
            targets
                .into_iter()
                .map(|(target, ..)| target)
                .filter(|target| reached.insert(target)),
        );
    }
    for name in states.keys().filter(|name| !reached.contains(name.as_str())) {
        let message = format!("State \"{name}\" is not reachable.");
        let remedy = "Let a state that is reachable name it in Next, or remove it.";
        examiner.fail_with("MISSING_TRANSITION_TARGET", &at.field(name), message, remedy);
    }
}

/// Where a state goes: each target with its place.
fn targets<'v>(state: &'v Value, at: &Place) -> Vec<(&'v str, Place)> {
    let mut targets = Vec::new();
    let mut add = |holder: &'v Value, at: &Place, field: &'static str| {
        targets.extend(holder[field].as_str().map(|target| (target, at.field(field))));
    };
    add(state, at, "Next");
    add(state, at, "Default");
    for list in ["Choices", "Catch"] {
        for (index, one) in state[list].as_array().into_iter().flatten().enumerate() {
            add(one, &at.field(list).item(index), "Next");
        }
    }
    targets
}
