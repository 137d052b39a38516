use async_trait::async_trait;
use bytes::Bytes;

use crate::Result;

/// Content-addressed, immutable bytes: code, large payloads.
///
/// * A returned digest is durable, and names exactly these bytes for ever: SHA-256 in lower-case hexadecimal.
/// * Putting the same bytes again is cheap and returns the same digest.
/// * Bytes that do not match their digest any more are [`Code::Corrupted`](crate::Code::Corrupted), never returned.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Stores bytes; returns their digest.
    async fn put(&self, bytes: Bytes) -> Result<String>;

    /// The bytes of a digest.
    async fn get(&self, digest: &str) -> Result<Option<Bytes>>;

    /// Forgets all blobs but those that `keep` names and those younger than `grace_seconds`; returns how many went.
    async fn sweep(&self, keep: &std::collections::HashSet<String>, grace_seconds: u64) -> Result<u64>;
}
