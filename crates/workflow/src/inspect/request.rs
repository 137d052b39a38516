use serde_json::{Map, Value};

/// A state to try, and what it sees.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// A state, or a whole machine.
    pub definition: Value,
    /// Which state of the machine.
    pub state: Option<String>,
    /// Its raw input.
    pub input: Value,
    /// The context object.
    pub context: Value,
    /// The variables that it sees.
    pub variables: Map<String, Value>,
    /// What its work comes to. A Task, a Parallel and a Map need it.
    pub mock: Option<Mocked>,
    /// How often its retriers have tried again already.
    pub retries: u32,
    /// Milliseconds since 1970.
    pub now_ms: i64,
    /// Decides random numbers.
    pub seed: u64,
}

/// What the work of a state comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Mocked {
    /// It succeeds with this.
    Result(Value),
    /// It fails.
    Failure {
        /// Name of the error.
        error: Option<String>,
        /// Its story.
        cause: Option<String>,
    },
}
