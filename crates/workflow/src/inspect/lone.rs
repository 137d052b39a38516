//! A state taken out of its machine.

use serde_json::{Map, Value, json};
use wisp_core::{Error, Result};

use super::Inspection;
use crate::machine::{Machine, StateId};

/// What a state is called that was given without a machine.
const NAME: &str = "State";

/// A machine that has the state, and which it is.
pub(super) fn machine(request: &Inspection) -> Result<(Machine, StateId)> {
    let whole = request.definition.get("States").is_some();
    let (definition, name) = match (&request.state, whole) {
        (Some(name), true) => (request.definition.clone(), name.as_str()),
        (None, true) => {
            return Err(Error::bad_request(
                "stateName must be specified when testing a state machine",
            ));
        }
        (_, false) => (alone(&request.definition), NAME),
    };
    let machine = Machine::parse(&definition)?;
    let found = machine.find(name).map(|(id, _)| id);
    let id = found.ok_or_else(|| Error::bad_request(format!("State '{name}' does not exist in the state machine")))?;
    Ok((machine, id))
}

/// The state in a machine of its own, with an end wherever it leads.
fn alone(state: &Value) -> Value {
    let mut states = Map::new();
    let rules = ["Choices", "Catch"]
        .iter()
        .filter_map(|field| state.get(field)?.as_array())
        .flatten();
    let next = rules
        .chain([state])
        .flat_map(|from| [from.get("Next"), from.get("Default")])
        .flatten();
    for name in next.filter_map(Value::as_str) {
        states.insert(name.to_owned(), json!({"Type": "Succeed"}));
    }
    states.insert(NAME.to_owned(), state.clone());
    json!({"StartAt": NAME, "States": states})
}
