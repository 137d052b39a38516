use serde_json::{Map, Value};

use super::{
    examiner::Examiner,
    expressions,
    fields::{self, Field, Language},
    machine::{self, Nested, required},
    map,
    place::Place,
    recovery, resource, rules, shape, template,
};

/// A type of states with the tables of its fields, beside those that all have, and the fields that it requires.
type Type = (&'static str, &'static [&'static [Field]], &'static [&'static str]);

const TYPES: &[Type] = &[
    (
        "Task",
        &[fields::SELECTING, fields::GOING_ON, fields::RECOVERING, fields::TASK],
        &["Resource"],
    ),
    (
        "Parallel",
        &[
            fields::SELECTING,
            fields::GOING_ON,
            fields::RECOVERING,
            fields::PARALLEL,
        ],
        &["Branches"],
    ),
    (
        "Map",
        &[fields::SELECTING, fields::GOING_ON, fields::RECOVERING, fields::MAP],
        &[],
    ),
    ("Pass", &[fields::SELECTING, fields::GOING_ON, fields::PASS], &[]),
    ("Wait", &[fields::SELECTING, fields::GOING_ON, fields::WAIT], &[]),
    ("Choice", &[fields::SELECTING, fields::CHOICE], &["Choices"]),
    ("Succeed", &[fields::SELECTING, fields::SUCCEED], &[]),
    ("Fail", &[fields::FAIL], &[]),
];

/// A state, in a machine of this language.
pub(super) fn examine(examiner: &mut Examiner, state: &Value, at: &Place, language: Language, nested: Nested) {
    let Some(fields) = state.as_object() else {
        return examiner.fail(
            at,
            "Expected value of type Object",
            "A state is an object with the field Type.",
        );
    };
    let own = fields
        .get("QueryLanguage")
        .and_then(Value::as_str)
        .and_then(Language::named);
    if nested == Nested::No && (language, own) == (Language::Jsonata, Some(Language::JsonPath)) {
        let message = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine";
        let remedy = "Leave the machine's QueryLanguage out and give JSONata to the states that use it.";
        examiner.fail(at, message, remedy);
    }
    let language = own.unwrap_or(language);
    required(examiner, fields, &["Type"], at);
    let name = match fields.get("Type") {
        Some(Value::String(name)) => name.as_str(),
        Some(_) => {
            return shape::examine(
                examiner,
                shape::Shape::Text,
                &fields["Type"],
                &at.field("Type"),
                language,
            );
        }
        None => return,
    };
    let Some((_, tables, needed)) = TYPES.iter().find(|(known, ..)| *known == name) else {
        let names: Vec<_> = TYPES.iter().map(|(name, ..)| *name).collect();
        let remedy = format!("Write one of {}.", names.join(", "));
        return examiner.fail(&at.field("Type"), format!("'{name}' is not a type of states"), remedy);
    };
    required(examiner, fields, needed, at);
    let tables: Vec<_> = [fields::STATE].into_iter().chain(tables.iter().copied()).collect();
    self::fields(examiner, fields, &tables, at, language);
    let has = |name: &str| tables.iter().copied().flatten().any(|field| field.name == name);
    if has("Next") {
        going_on(examiner, fields, at);
    }
    particular(examiner, name, state, at, language);
    if has("Retry") {
        recovery::examine(examiner, state, at, language);
    }
    if language == Language::Jsonata {
        expressions::examine(examiner, fields, at);
    }
}

/// What only states of one type have.
fn particular(examiner: &mut Examiner, name: &str, state: &Value, at: &Place, language: Language) {
    match name {
        "Task" => task(examiner, state, at),
        "Parallel" => {
            for (index, branch) in state["Branches"].as_array().into_iter().flatten().enumerate() {
                let at = at.field("Branches").item(index);
                machine::examine(examiner, branch, &at, Nested::Within);
            }
        }
        "Map" => {
            map::examine(examiner, state, at, language);
            for (one, other) in [
                ("MaxConcurrency", "MaxConcurrencyPath"),
                ("Parameters", "ItemSelector"),
                ("ToleratedFailureCount", "ToleratedFailureCountPath"),
                ("ToleratedFailurePercentage", "ToleratedFailurePercentagePath"),
            ] {
                exclusive(examiner, state, one, other, at);
            }
        }
        "Choice" => rules::examine(examiner, state, at, language),
        "Wait" => wait(examiner, state, at),
        "Fail" => {
            exclusive(examiner, state, "Error", "ErrorPath", at);
            exclusive(examiner, state, "Cause", "CausePath", at);
        }
        _ => {}
    }
}

/// Each field by its table: its shape, and whether the state's language has it.
pub(super) fn fields(
    examiner: &mut Examiner,
    fields: &Map<String, Value>,
    tables: &[&[Field]],
    at: &Place,
    language: Language,
) {
    for (name, value) in fields {
        let known = tables.iter().copied().flatten().find(|field| field.name == name);
        match known {
            None => unknown(examiner, name, tables, at),
            Some(field) if field.only.is_some_and(|only| only != language) => {
                let message = format!(
                    "The QueryLanguage is set to '{}', but field '{name}' is only supported for the '{}' QueryLanguage",
                    language.name(),
                    language.other().name()
                );
                let remedy = match language {
                    Language::Jsonata => "Use Arguments, Output and Assign with {% … %} instead.",
                    Language::JsonPath => "Set \"QueryLanguage\": \"JSONata\" in the state to use it.",
                };
                examiner.fail(at, message, remedy);
            }
            Some(field) => shape::examine(examiner, field.shape, value, &at.field(name), language),
        }
    }
}

/// A field that no table has.
pub(super) fn unknown(examiner: &mut Examiner, name: &str, tables: &[&[Field]], at: &Place) {
    let known = tables.iter().copied().flatten().map(|field| field.name);
    let nearest = known.max_by(|one, other| strsim::jaro(name, one).total_cmp(&strsim::jaro(name, other)));
    let remedy = match nearest.filter(|known| strsim::jaro(name, known) > 0.8) {
        Some(known) => format!("Is '{known}' meant? Otherwise remove it."),
        None => "Remove it: nothing would read it.".into(),
    };
    examiner.fail(at, format!("Field '{name}' is not supported"), remedy);
}

/// Two fields that say the same in two ways.
pub(super) fn exclusive(examiner: &mut Examiner, holder: &Value, one: &str, other: &str, at: &Place) {
    if holder.get(one).is_some() && holder.get(other).is_some() {
        let message = format!("'{one}' and '{other}' exclude each other");
        examiner.fail(at, message, format!("Remove '{one}' or '{other}'."));
    }
}

/// Either `Next`, or `"End": true`.
fn going_on(examiner: &mut Examiner, fields: &Map<String, Value>, at: &Place) {
    let ends = fields.get("End") == Some(&Value::Bool(true));
    match (fields.contains_key("Next"), ends) {
        (true, true) => {
            let message = "'Next' and 'End' exclude each other";
            examiner.fail(at, message, "Remove End to go on, or Next to end here.");
        }
        (false, false) => {
            examiner.fail(
                at,
                "These fields are required: [Next]",
                "Add Next, the state to go to, or \"End\": true.",
            );
        }
        _ => {}
    }
}

fn task(examiner: &mut Examiner, state: &Value, at: &Place) {
    if let Some(value) = state.get("Resource") {
        resource::examine(examiner, value, &at.field("Resource"));
    }
    if let Some(Value::Object(credentials)) = state.get("Credentials") {
        let at = at.field("Credentials");
        if !credentials.contains_key("RoleArn") && !credentials.contains_key("RoleArn.$") {
            let message = "The field 'RoleArn' is required but was missing";
            examiner.fail(&at, message, "Add RoleArn, or RoleArn.$ with a path to it.");
        }
        template::examine(examiner, &state["Credentials"], &at);
    }
    exclusive(examiner, state, "TimeoutSeconds", "TimeoutSecondsPath", at);
    exclusive(examiner, state, "HeartbeatSeconds", "HeartbeatSecondsPath", at);
    if let (Some(beat), Some(limit)) = (state["HeartbeatSeconds"].as_f64(), state["TimeoutSeconds"].as_f64())
        && beat >= limit
    {
        let message = "HeartbeatSeconds must be less than TimeoutSeconds";
        examiner.fail(
            &at.field("HeartbeatSeconds"),
            message,
            format!("Give less than {limit}."),
        );
    }
}

/// A Wait waits for one thing.
fn wait(examiner: &mut Examiner, state: &Value, at: &Place) {
    const WAYS: [&str; 4] = ["Seconds", "Timestamp", "SecondsPath", "TimestampPath"];
    if WAYS.iter().filter(|way| state.get(**way).is_some()).count() != 1 {
        let ways = WAYS.join(", ");
        let message = format!("Exactly one of these fields is required: [{ways}]");
        examiner.fail(at, message, "Give one of them, and not more.");
    }
}
