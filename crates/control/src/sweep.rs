use wisp_core::Result;

use crate::{catalog::Entity, control::Control};

/// How much later than its value an object may be put, and given, in seconds.
const HOUR: u64 = 3600;

impl Control {
    /// Removes code that no action refers to, nor a durable composition that still runs, and that was last uploaded this many seconds ago or earlier: an upload
    /// precedes the action that refers to it. Returns how many pieces went.
    pub async fn sweep_code(&self, grace_seconds: u64) -> Result<u64> {
        let stored = self.inner.catalog.all().await?;
        let digests = stored.iter().filter_map(|stored| match &stored.entity {
            Entity::Action(action) => action.exec.code().map(|code| code.digest.clone()),
            _ => None,
        });
        let digests = digests.chain(self.digests_in_use().await?);
        // Objects of buckets are looked for nowhere: none lives for longer than this.
        let life = self.inner.buckets.settings.life_seconds.saturating_add(HOUR);
        self.inner
            .blobs
            .sweep(&digests.collect(), grace_seconds.max(life))
            .await
    }
}
