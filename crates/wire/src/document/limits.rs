use serde::{Deserialize, Serialize};
use wisp_core::model::{Isolation, Limits, NamespaceLimits};

/// The limits of a namespace, the platform's where it has none of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitsDoc {
    /// Invocations a minute.
    pub invocations_per_minute: u64,
    /// Invocations at the same time.
    pub concurrent_invocations: u64,
    /// Trigger fires a minute.
    pub fires_per_minute: u64,
    /// Kinds that actions may have; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_kinds: Option<Vec<String>>,
    /// Bytes of an invocation's payload.
    pub max_payload_size: u64,
    /// Bytes of a result.
    pub truncation_size: u64,
    /// MB.
    pub min_action_memory: u64,
    /// MB.
    pub max_action_memory: u64,
    /// MB.
    pub min_action_logs: u64,
    /// MB.
    pub max_action_logs: u64,
    /// Milliseconds.
    pub min_action_timeout: u64,
    /// Milliseconds.
    pub max_action_timeout: u64,
    /// Activations in one instance.
    pub min_action_concurrency: u64,
    /// Activations in one instance.
    pub max_action_concurrency: u64,
    /// Size of parameters and of annotations, such as `1048576 B`.
    pub max_parameter_size: String,
    /// Instances of one action.
    pub max_action_instances: u64,
    /// Weakest isolation that functions may run in.
    pub min_isolation: Isolation,
}

impl LimitsDoc {
    /// The platform's limits with a namespace's laid over them.
    pub fn new(platform: &Limits, own: &NamespaceLimits) -> Self {
        let concurrent = own.concurrent_invocations.unwrap_or(platform.concurrent_invocations);
        Self {
            invocations_per_minute: own.invocations_per_minute.unwrap_or(platform.invocations_per_minute),
            concurrent_invocations: concurrent,
            fires_per_minute: own.fires_per_minute.unwrap_or(platform.fires_per_minute),
            allowed_kinds: own.allowed_kinds.clone(),
            max_payload_size: own.max_payload_size.unwrap_or(platform.payload_size),
            truncation_size: platform.result_size,
            min_action_memory: platform.memory.min,
            max_action_memory: own.max_action_memory.unwrap_or(platform.memory.max),
            min_action_logs: platform.logs.min,
            max_action_logs: platform.logs.max,
            min_action_timeout: platform.timeout.min,
            max_action_timeout: own.max_action_timeout.unwrap_or(platform.timeout.max),
            min_action_concurrency: platform.concurrency.min,
            max_action_concurrency: platform.concurrency.max,
            max_parameter_size: format!("{} B", platform.parameters_size),
            max_action_instances: concurrent,
            min_isolation: own
                .min_isolation
                .map_or(platform.min_isolation, |own| own.max(platform.min_isolation)),
        }
    }
}
