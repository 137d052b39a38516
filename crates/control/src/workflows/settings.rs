use serde::{Deserialize, Serialize};
use wisp_workflow::{Limits, query::Bounds};

/// Milliseconds of a day.
pub(super) const DAY: u64 = 24 * 3600 * 1000;

/// Bytes of a request beside its texts.
const REST: u64 = 64 << 10;

/// Limits of workflows, and what they are called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The region in ARNs. Requests may be signed for any.
    pub region: String,
    /// How far a signed request's time may be from the server's, in seconds.
    pub skew_seconds: u64,
    /// State machines of a namespace.
    pub machines: usize,
    /// Activities of a namespace.
    pub activities: usize,
    /// Versions of a state machine.
    pub versions: usize,
    /// Aliases of a state machine.
    pub aliases: usize,
    /// Tags of a resource.
    pub tags: usize,
    /// Longest definition, in bytes.
    pub definition_size: usize,
    /// Definitions that are kept in memory as they are read, as long as their texts, in bytes.
    pub definitions_cache_size: u64,
    /// Executions of a namespace that run at the same time.
    pub open_executions: usize,
    /// Executions that may lead to one another: a task starts one, whose task starts the next.
    pub nesting: usize,
    /// Longest input or output of a state or an execution, in bytes.
    pub payload_size: usize,
    /// Variables that one Assign sets, in bytes.
    pub assign_size: usize,
    /// Variables of an execution together, in bytes.
    pub variables_size: usize,
    /// Longest payload that is stored within the states, effects and events that hold it, in bytes; a longer one is stored
    /// once, apart from them.
    pub inline_size: usize,
    /// Events in the history of an execution; it fails when there would be more.
    pub history_events: u64,
    /// Longest run of an Express execution, in seconds.
    pub express_seconds: u64,
    /// Iterations of an inline Map at the same time.
    pub inline_concurrency: u32,
    /// Children of a distributed Map at the same time.
    pub distributed_concurrency: u32,
    /// States that an execution goes through before what it did is committed.
    pub states_per_turn: u32,
    /// Branches that one `parallel` or `map` of a composition may open.
    pub branches: usize,
    /// Memory for values that were stored apart from what holds them, so that the step that takes them reads nothing, in bytes.
    pub recent_size: u64,
    /// Whether compositions of Composer run without their conductor, if it is one that is known.
    pub native_compositions: bool,
    /// Longest evaluation of an expression, in milliseconds.
    pub expression_ms: u64,
    /// How long a worker that asks for an activity's task waits for one, in seconds.
    pub poll_seconds: u64,
    /// How long after its end an execution can be redriven, in days.
    pub redrive_days: u64,
    /// How long executions are kept after their end, in days.
    pub retention_days: u64,
}

impl Default for Settings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            region: "us-east-1".into(),
            skew_seconds: 300,
            machines: 10_000,
            activities: 10_000,
            versions: 1000,
            aliases: 100,
            tags: 50,
            definition_size: 1 << 20,
            definitions_cache_size: 32 << 20,
            open_executions: 1_000_000,
            nesting: 32,
            payload_size: limits.payload_bytes,
            assign_size: limits.assign_bytes,
            variables_size: limits.variables_bytes,
            inline_size: 1024,
            history_events: limits.history_events,
            express_seconds: limits.express_seconds,
            inline_concurrency: limits.inline_concurrency,
            distributed_concurrency: limits.distributed_concurrency,
            states_per_turn: limits.states_per_turn,
            branches: 10_000,
            recent_size: 64 << 20,
            native_compositions: true,
            expression_ms: limits.expressions.time_ms,
            poll_seconds: 60,
            redrive_days: 14,
            retention_days: 90,
        }
    }
}

impl Settings {
    /// Longest request, in bytes: a definition and an input, each as a text in JSON.
    pub fn request_size(&self) -> u64 {
        let texts = self.definition_size.saturating_add(self.payload_size);
        u64::try_from(texts).unwrap_or(u64::MAX).saturating_mul(2) + REST
    }

    /// How long executions are kept after their end, in milliseconds.
    pub(crate) fn kept(&self) -> u64 {
        self.retention_days.saturating_mul(DAY)
    }

    /// What the core must keep to.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            payload_bytes: self.payload_size,
            assign_bytes: self.assign_size,
            variables_bytes: self.variables_size,
            history_events: self.history_events,
            express_seconds: self.express_seconds,
            inline_concurrency: self.inline_concurrency,
            distributed_concurrency: self.distributed_concurrency,
            states_per_turn: self.states_per_turn,
            expressions: Bounds {
                time_ms: self.expression_ms,
                together: Bounds::default().together.max(8 * self.payload_size),
                ..Bounds::default()
            },
        }
    }
}
