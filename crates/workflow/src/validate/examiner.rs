use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::{
    fields::Language,
    machine::{self, Nested},
    place::Place,
    report::{Diagnostic, Kind, Report, Severity},
    state,
};

/// The longest definition, in bytes.
const MAX_DEFINITION: usize = 1 << 20;

/// Examines a definition in its JSON text.
pub fn validate(definition: &str, kind: Kind) -> Report {
    let mut examiner = Examiner::new(kind);
    match read(definition) {
        Ok(definition) => machine::examine(&mut examiner, &definition, &Place::root(), Nested::No),
        Err((code, message, remedy)) => examiner.fail_with(code, &Place::root(), message, remedy),
    }
    Report {
        diagnostics: examiner.found,
    }
}

/// Examines the definition of one state, as `TestState` takes it: where it goes does not count. Its place is
/// `/States/StateName`.
pub fn validate_state(definition: &str, kind: Kind) -> Report {
    let mut examiner = Examiner::new(kind);
    let at = Place::root().field("States").field("StateName");
    match read(definition) {
        Ok(state) => state::examine(&mut examiner, &state, &at, Language::JsonPath, Nested::No),
        Err((code, message, remedy)) => examiner.fail_with(code, &Place::root(), message, remedy),
    }
    Report {
        diagnostics: examiner.found,
    }
}

fn read(definition: &str) -> Result<Value, (&'static str, String, String)> {
    if definition.trim().is_empty() {
        let remedy = "Give a JSON object with the fields StartAt and States.";
        return Err(("MISSING_DESCRIPTION", "The definition is empty".into(), remedy.into()));
    }
    if definition.len() > MAX_DEFINITION {
        let message = format!("The definition has {} bytes", definition.len());
        return Err((
            "SCHEMA_VALIDATION_FAILED",
            message,
            format!("At most {MAX_DEFINITION} are allowed."),
        ));
    }
    let value: Value = serde_json::from_str(definition).map_err(|error| {
        let remedy = "Correct the JSON at that line and column.";
        (
            "INVALID_JSON_DESCRIPTION",
            format!("Invalid JSON description: {error}"),
            remedy.into(),
        )
    })?;
    match value {
        Value::Object(_) => Ok(value),
        _ => {
            let remedy = "A definition is a JSON object with the fields StartAt and States.";
            let message = "Invalid JSON description: it is not an object".into();
            Err(("INVALID_JSON_DESCRIPTION", message, remedy.into()))
        }
    }
}

/// Collects what is found while walking a definition.
pub(super) struct Examiner {
    pub kind: Kind,
    /// The machine's own, which branches and processors have at any depth: not that of the state around them.
    pub language: Language,
    /// The variables that each machine assigns which is being examined, the outermost first.
    pub scopes: Vec<HashSet<String>>,
    found: Vec<Diagnostic>,
    /// Each state's name with its place: names are unique in the whole machine.
    names: HashMap<String, String>,
}

impl Examiner {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            language: Language::JsonPath,
            scopes: Vec::new(),
            found: Vec::new(),
            names: HashMap::new(),
        }
    }

    /// A fault of the schema, which most are.
    pub fn fail(&mut self, at: &Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.fail_with("SCHEMA_VALIDATION_FAILED", at, message, remedy);
    }

    /// A fault with a code of its own.
    pub fn fail_with(&mut self, code: &'static str, at: &Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.push(Severity::Error, code, Some(at), message.into(), remedy.into());
    }

    /// Something that probably is not meant.
    pub fn warn(&mut self, code: &'static str, at: &Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.push(Severity::Warning, code, Some(at), message.into(), remedy.into());
    }

    /// A fault for which the API names no place.
    pub fn fail_nowhere(&mut self, code: &'static str, message: impl Into<String>, remedy: impl Into<String>) {
        self.push(Severity::Error, code, None, message.into(), remedy.into());
    }

    fn push(&mut self, severity: Severity, code: &'static str, at: Option<&Place>, message: String, remedy: String) {
        self.found.push(Diagnostic {
            severity,
            code,
            message,
            location: at.map(Place::to_string),
            remedy,
        });
    }

    /// Whether a machine around the one that is being examined assigns this variable.
    pub fn is_outer(&self, variable: &str) -> bool {
        let around = self.scopes.split_last().map_or(&[][..], |(_, around)| around);
        around.iter().any(|scope| scope.contains(variable))
    }

    /// Notes a state's name; the place of the state that has it already, if one does.
    pub fn name(&mut self, name: &str, at: &Place) -> Option<String> {
        if let Some(other) = self.names.get(name) {
            return Some(other.clone());
        }
        self.names.insert(name.to_owned(), at.to_string());
        None
    }
}
