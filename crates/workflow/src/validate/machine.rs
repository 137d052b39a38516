use serde_json::{Map, Value};

use super::{
    examiner::Examiner,
    fields::{self, Language},
    place::Place,
    shape, state, template, transitions,
};

/// The longest name of a state, in characters.
const MAX_NAME: usize = 80;

/// Where a machine stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Nested {
    /// It is the whole definition.
    No,
    /// It is a branch or an item processor.
    Within,
}

/// A machine or a branch, at this place.
pub(super) fn examine(examiner: &mut Examiner, machine: &Value, at: &Place, nested: Nested) {
    let Some(fields) = machine.as_object() else {
        return examiner.fail(
            at,
            "Expected value of type Object",
            "A branch is an object with StartAt and States.",
        );
    };
    let language = match fields.get("QueryLanguage").and_then(Value::as_str) {
        Some(name) => Language::named(name).unwrap_or(Language::JsonPath),
        None => examiner.language,
    };
    if nested == Nested::No {
        examiner.language = language;
    }
    required(examiner, fields, &["States", "StartAt"], at);
    let table = if nested == Nested::No {
        fields::MACHINE
    } else {
        fields::BRANCH
    };
    for (name, value) in fields {
        match table.iter().find(|field| field.name == name) {
            Some(field) => shape::examine(examiner, field.shape, value, &at.field(name), language),
            None => state::unknown(examiner, name, &[table], at),
        }
    }
    if let Some(Value::Object(states)) = fields.get("States") {
        examiner.scopes.push(template::assigned(states));
        self::states(examiner, states, &at.field("States"), language, nested);
        examiner.scopes.pop();
        transitions::examine(examiner, fields, states, at);
    }
}

fn states(examiner: &mut Examiner, states: &Map<String, Value>, at: &Place, language: Language, nested: Nested) {
    if states.is_empty() {
        examiner.fail(at, "Value cannot be empty", "Give at least one state.");
    }
    for (name, state) in states {
        let at = at.field(name);
        if name.is_empty() || name.chars().count() > MAX_NAME {
            let message = format!("A state name must have 1 to {MAX_NAME} characters");
            examiner.fail_with(
                "INVALID_STATE_NAME",
                &at,
                message,
                "Shorten the name, and every Next that names it.",
            );
        }
        if let Some(other) = examiner.name(name, &at) {
            let remedy = "Names are unique in the whole machine, branches included: rename one of the two.";
            let message = format!("The state name '{name}' is used already at {other}");
            examiner.fail_with("DUPLICATE_STATE_NAME", &at, message, remedy);
        }
        state::examine(examiner, state, &at, language, nested);
    }
}

/// Reports the fields of these that are missing, as one fault.
pub(super) fn required(examiner: &mut Examiner, fields: &Map<String, Value>, names: &[&str], at: &Place) {
    let missing: Vec<_> = names
        .iter()
        .filter(|name| !fields.contains_key(**name))
        .copied()
        .collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        examiner.fail(
            at,
            format!("These fields are required: [{missing}]"),
            format!("Add {missing}."),
        );
    }
}
