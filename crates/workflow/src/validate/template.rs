use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{examiner::Examiner, fields::Language, place::Place};
use crate::query::{intrinsic::Call, path::Path};

/// The longest name of a variable, in characters.
const MAX_VARIABLE: usize = 80;

/// A payload template: fields `name.$` hold paths or calls, and do not stand beside `name`.
pub(super) fn examine(examiner: &mut Examiner, template: &Value, at: &Place) {
    match template {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, value)| field(examiner, fields, name, value, at)),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(index, item)| examine(examiner, item, &at.item(index)));
        }
        Value::String(text) if is_dynamic(text) => {
            let remedy = "It is taken as a text; in an object, a field whose name ends in .$ is evaluated.";
            examiner.warn(
                "NO_DOLLAR",
                at,
                format!("'{text}' looks like a path or an intrinsic function"),
                remedy,
            );
        }
        _ => {}
    }
}

fn field(examiner: &mut Examiner, fields: &Map<String, Value>, name: &str, value: &Value, at: &Place) {
    let Some(plain) = name.strip_suffix(".$") else {
        return examine(examiner, value, &at.field(name));
    };
    if fields.contains_key(plain) {
        let message = format!("The field '{plain}' is given twice, as '{plain}' and as '{name}'");
        examiner.fail(at, message, "Remove one of the two: both give the same field.");
    }
    if !value.as_str().is_some_and(is_evaluable) {
        let message =
            format!("The value for the field '{name}' must be a valid JSONPath or a valid intrinsic function call");
        let why = value
            .as_str()
            .and_then(|text| Call::parse(text).err())
            .filter(|_| is_call(value));
        let remedy = why.unwrap_or_else(|| "write a path such as $.order.id, or a call such as States.UUID()".into());
        examiner.fail(at, message, format!("Correct it: {remedy}."));
    }
}

fn is_call(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with("States."))
}

fn is_evaluable(text: &str) -> bool {
    Path::parse(text).is_ok() || Call::parse(text).is_ok()
}

/// Whether a text is surely meant as a path or a call, not as a text that starts with a dollar.
fn is_dynamic(text: &str) -> bool {
    ["$.", "$$.", "$[", "States."]
        .iter()
        .any(|start| text.starts_with(start))
        && is_evaluable(text)
}

/// What `Assign` assigns: names of variables, with a template each.
pub(super) fn assignments(examiner: &mut Examiner, value: &Value, at: &Place, language: Language) {
    let Some(fields) = value.as_object() else {
        return examiner.fail(
            at,
            "Expected value of type Object",
            "Give an object of names and values.",
        );
    };
    for name in fields.keys() {
        let plain = match language {
            Language::JsonPath => name.strip_suffix(".$").unwrap_or(name),
            Language::Jsonata => name,
        };
        variable(examiner, plain, at);
        if examiner.is_outer(plain) {
            let message = format!("The variable '{plain}' is assigned in an outer scope already");
            let remedy = "A branch or an iteration reads the variables around it, and assigns those of its own: rename one of the two.";
            examiner.fail(at, message, remedy);
        }
    }
    if language == Language::JsonPath {
        examine(examiner, value, at);
    }
}

/// The names of the variables that these states assign themselves, not those within them.
pub(super) fn assigned(states: &Map<String, Value>) -> HashSet<String> {
    let holders = states.values().flat_map(|state| {
        let lists = [state["Catch"].as_array(), state["Choices"].as_array()];
        lists.into_iter().flatten().flatten().chain([state])
    });
    let names = holders.flat_map(|holder| holder["Assign"].as_object().into_iter().flat_map(Map::keys));
    names
        .map(|name| name.strip_suffix(".$").unwrap_or(name).to_owned())
        .collect()
}

fn variable(examiner: &mut Examiner, name: &str, at: &Place) {
    let starts_well = name.starts_with(|c: char| c == '_' || c.is_alphabetic());
    let remedy = "Start it with a letter or _, and go on with letters, digits and _, 80 at most; 'states' is reserved.";
    if name == "states" || !starts_well || name.chars().count() > MAX_VARIABLE {
        examiner.fail(at, format!("'{name}' is not a valid name of a variable"), remedy);
    } else if name.contains(|c: char| c != '_' && !c.is_alphanumeric()) {
        let message = format!("The variable '{name}' cannot be read by its name");
        examiner.warn("INVALID_VARIABLE_NAME", at, message, remedy);
    }
}

/// The result of a Pass, in which nothing is evaluated.
pub(super) fn result(examiner: &mut Examiner, value: &Value, at: &Place) {
    let Some(fields) = value.as_object() else { return };
    for (name, value) in fields {
        if name.ends_with(".$") && value.as_str().is_some_and(is_evaluable) {
            let message = format!("The field '{name}' of a Pass state's result is not evaluated");
            examiner.warn(
                "PASS_RESULT_IS_STATIC",
                at,
                message,
                "Use Parameters to evaluate paths.",
            );
        }
    }
}
