use serde::{Deserialize, Serialize};

/// Limits of buckets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Buckets of a namespace.
    pub buckets: usize,
    /// Triggers of a bucket.
    pub triggers: usize,
    /// Sessions of a namespace that have objects; a bucket whose triggers see all sessions together counts as one.
    pub sessions: usize,
    /// Objects that triggers see together; what waits, and what is awaited, is counted beside them, to the same number.
    pub objects: usize,
    /// Longest value, in bytes of JSON.
    pub object_size: usize,
    /// Values of more bytes than this lie on disk.
    pub inline_size: usize,
    /// Memory for the objects of all buckets, in bytes. When half of it is taken, values lie on disk; when all is, no more are put.
    pub memory_size: u64,
    /// Longest life of objects, in seconds; and what it is in a bucket that says nothing.
    pub life_seconds: u64,
    /// Longest wait for an object, in seconds.
    pub wait_seconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            buckets: 1000,
            triggers: 100,
            sessions: 100_000,
            objects: 10_000,
            object_size: 1 << 20,
            inline_size: 64 << 10,
            memory_size: 256 << 20,
            life_seconds: 3600,
            wait_seconds: 60,
        }
    }
}
