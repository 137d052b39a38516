use serde::{Deserialize, Serialize};

/// When a turn counts as recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// When the process would not take it with it; what clients are told, and the end, wait for the disk.
    #[default]
    Speculative,
    /// When it is on the disk.
    Strict,
}

/// Limits of orchestrations and entities, and what they are called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// When a turn counts as recorded.
    pub durability: Durability,
    /// Events in the history of an instance; it fails when there would be more.
    pub history_events: usize,
    /// Instances of a namespace that have not ended; more are refused.
    pub open_instances: usize,
    /// Work of a hub that waits in memory for a worker; what is more is read from disk when there is room.
    pub waiting_items: usize,
    /// Messages that wait for an instance or an entity; more are refused.
    pub inbox_messages: usize,
    /// Longest input, output or event that a client gives, in bytes.
    pub payload_size: usize,
    /// Longest id of an instance, in bytes.
    pub id_length: usize,
    /// Operations that an entity is given at once.
    pub batch_operations: usize,
    /// Instances that a page of a query shows at most.
    pub page_size: usize,
    /// Memory for instances that nothing happens to, in bytes: others are read from disk when something does.
    pub cache_size: u64,
    /// Work of a kind that a worker is given at the same time at most.
    pub worker_items: usize,
    /// Longest message of the Durable Task protocol, in bytes: a turn carries the whole history.
    pub message_size: usize,
    /// How often a worker hears that the server is there when there is no work, in seconds.
    pub ping_seconds: u64,
    /// The namespace of those who come from this machine without a key; none may come so when it is empty.
    pub open_namespace: String,
    /// Pause before work is given out again that nobody could do, in seconds.
    pub retry_seconds: u64,
    /// How long instances are kept after their end, in days.
    pub retention_days: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            durability: Durability::Speculative,
            history_events: 100_000,
            open_instances: 1_000_000,
            waiting_items: 10_000,
            inbox_messages: 100_000,
            payload_size: 1 << 20,
            id_length: 512,
            batch_operations: 1000,
            page_size: 1000,
            cache_size: 64 << 20,
            worker_items: 1000,
            message_size: 64 << 20,
            ping_seconds: 30,
            open_namespace: String::new(),
            retry_seconds: 1,
            retention_days: 90,
        }
    }
}

impl Settings {
    /// How long instances are kept after their end, in milliseconds.
    pub(super) fn kept(&self) -> u64 {
        self.retention_days.saturating_mul(24 * 3600 * 1000)
    }
}
