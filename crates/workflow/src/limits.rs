use crate::query::Bounds;

/// How much an execution may use. Each is a setting of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a state's output as JSON, and of what its work is given; more fails with `States.DataLimitExceeded`.
    pub payload_bytes: usize,
    /// Bytes of the variables as JSON that one `Assign` sets.
    pub assign_bytes: usize,
    /// Bytes of the variables of an execution together: those of the flow, of each branch and of each iteration that goes
    /// on.
    pub variables_bytes: usize,
    /// Events of a Standard execution's history; the one that ends it for this reason is the last.
    pub history_events: u64,
    /// Seconds that an Express execution may take.
    pub express_seconds: u64,
    /// Iterations of an inline Map that go on at once.
    pub inline_concurrency: u32,
    /// Children of a map run that go on at once.
    pub distributed_concurrency: u32,
    /// States that one turn goes through before it is cut, so that a loop without a wait cannot hold a thread.
    pub states_per_turn: u32,
    /// What one expression may use.
    pub expressions: Bounds,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            payload_bytes: 256 * 1024,
            assign_bytes: 256 * 1024,
            variables_bytes: 10 << 20,
            history_events: 25_000,
            express_seconds: 300,
            inline_concurrency: 40,
            distributed_concurrency: 10_000,
            states_per_turn: 1000,
            expressions: Bounds::default(),
        }
    }
}
