use std::fmt;

/// Why an expression has no value: the error name that retriers and catchers match, and its cause.
///
/// The cause lacks the words "An error occurred while executing the state …", because only the machine knows the state
/// and the event that entered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `States.Runtime`, `States.QueryEvaluationError`, …
    pub error: &'static str,
    /// The cause as text for people.
    pub cause: String,
    /// The field whose expression failed, such as `Output/result`: the `location` of an `EvaluationFailed` event. Only
    /// JSONata faults have one.
    pub location: Option<String>,
}

impl Fault {
    /// A fault of a JSONPath state: `States.Runtime`, which `States.ALL` does not catch.
    pub fn runtime(cause: impl Into<String>) -> Self {
        Self {
            error: "States.Runtime",
            cause: cause.into(),
            location: None,
        }
    }

    /// A fault of a JSONata expression in this field: `States.QueryEvaluationError`.
    pub fn evaluation(field: &str, cause: impl Into<String>) -> Self {
        Self {
            error: "States.QueryEvaluationError",
            cause: cause.into(),
            location: Some(field.to_owned()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error, self.cause)
    }
}

impl std::error::Error for Fault {}
