use crate::query::Fault;

/// The longest error, in characters; as long as `SendTaskFailure` takes it.
pub(crate) const MAX_ERROR: usize = 256;
/// The longest cause, in characters. A cause that quotes another one escapes it: without an end, executions that start one
/// another would tell causes that double with each of them.
pub(crate) const MAX_CAUSE: usize = 32_768;

/// A text, cut where it is longer than the API tells it.
pub(crate) fn cut(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}

/// Why a state could not do its work.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    /// What retriers and catchers match; a Fail state may leave it out.
    pub error: Option<String>,
    /// Its story.
    pub cause: Option<String>,
    /// A second name that matches too: that of a heartbeat, of a branch.
    pub alias: Option<&'static str>,
    /// What failed is an expression, of this field if it is known: an event of its own.
    pub evaluation: Option<Option<String>>,
    /// Whether a Parallel or Map has told its success already, and so does not tell its failure.
    pub quiet: bool,
}

impl Failure {
    /// One that carries over what something else said.
    pub fn new(error: Option<String>, cause: Option<String>) -> Self {
        Self {
            error: error.map(|error| cut(error, MAX_ERROR)),
            cause: cause.map(|cause| cut(cause, MAX_CAUSE)),
            alias: None,
            evaluation: None,
            quiet: false,
        }
    }

    /// By name and story.
    pub fn named(error: &str, cause: impl Into<String>) -> Self {
        Self::new(Some(error.to_owned()), Some(cause.into()))
    }

    /// After the state's success was told.
    pub fn quietly(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// The same, as the parent of the branch or iteration sees it.
    pub fn of_child(self, is_branch: bool) -> Self {
        let failure = Self::new(self.error, self.cause);
        if is_branch {
            failure.or_named("States.BranchFailed")
        } else {
            failure
        }
    }

    /// Also matched by this name.
    pub fn or_named(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    /// A result that is too large, of this state or task.
    pub fn too_large(what: &str) -> Self {
        let cause = format!(
            "The state/task '{what}' returned a result with a size exceeding the maximum number of bytes service limit."
        );
        Self::named("States.DataLimitExceeded", cause)
    }

    /// What a state or task is given is too large.
    pub fn too_large_for(what: &str) -> Self {
        let cause = format!(
            "The state/task '{what}' was given an input with a size exceeding the maximum number of bytes service limit."
        );
        Self::named("States.DataLimitExceeded", cause)
    }

    /// A state sets more variables than fit.
    pub fn too_many_variables(state: &str, most: usize, whose: &str) -> Self {
        let cause =
            format!("The state '{state}' sets variables beyond the {most} bytes that those of {whose} may have.");
        Self::named("States.DataLimitExceeded", cause)
    }

    /// Of an expression in a state that an event entered.
    pub fn of_query(fault: Fault, state: &str, entered: u64) -> Self {
        let cause = format!(
            "An error occurred while executing the state '{state}' (entered at the event id #{entered}). {}",
            fault.cause
        );
        let evaluation = (fault.error == "States.QueryEvaluationError").then_some(fault.location);
        Self {
            evaluation,
            ..Self::named(fault.error, cause)
        }
    }

    /// Whether nothing but a catcher that names it stops it: it ends the execution at once.
    pub fn is_terminal(&self) -> bool {
        self.error.as_deref() == Some("States.Runtime")
    }

    /// Whether a retrier or catcher with these names takes it.
    pub fn is_taken_by(&self, names: &[String]) -> bool {
        let error = self.error.as_deref().unwrap_or_default();
        crate::machine::takes(names, error) || self.alias.is_some_and(|alias| names.iter().any(|name| name == alias))
    }
}
