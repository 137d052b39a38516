use serde::Serialize;

/// How a state machine runs; Express machines cannot wait for callbacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `STANDARD`.
    Standard,
    /// `EXPRESS`.
    Express,
}

/// Every fault of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// In the order of the definition; those of severity `ERROR` forbid storing it.
    pub diagnostics: Vec<Diagnostic>,
}

/// One fault of a definition. Serialized it is what `ValidateStateMachineDefinition` answers, which has no remedy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Whether it forbids storing the definition.
    pub severity: Severity,
    /// One of the API's codes: `SCHEMA_VALIDATION_FAILED`, `MISSING_TRANSITION_TARGET` …
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// Where, as a path of names: `/States/Pay/Catch[0]/Next`; `/` is the whole. What is wrong with a machine as a whole may
    /// have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// What would be right, as a sentence.
    #[serde(skip)]
    pub remedy: String,
}

/// How grave a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Severity {
    /// The definition cannot be stored.
    Error,
    /// The definition can be stored, but probably does not do what is meant.
    Warning,
}

impl Diagnostic {
    /// Where, as texts tell it: `null` for what has no place.
    pub fn place(&self) -> &str {
        self.location.as_deref().unwrap_or("null")
    }
}

impl Report {
    /// Whether the definition can be stored.
    pub fn is_valid(&self) -> bool {
        self.errors().next().is_none()
    }

    /// What forbids storing the definition.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics
            .iter()
            .filter(|found| found.severity == Severity::Error)
    }

    /// The message of the exception with which `CreateStateMachine` refuses the definition, if it does.
    pub fn refusal(&self) -> Option<String> {
        let found = |found: &Diagnostic| format!("'{}: {} at {}'", found.code, found.message, found.place());
        let found: Vec<_> = self.errors().map(found).collect();
        (!found.is_empty()).then(|| format!("Invalid State Machine Definition: {}", found.join(", ")))
    }
}
