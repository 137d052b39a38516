use std::sync::Arc;

use wisp_core::ports::Revision;

use super::{Bucket, Settings, alarm::Alarm, census::Census, held::Held, letter::Letter, shelf::Sources};
use crate::recent::Recent;
use crate::{actors::Actors, cached::Cached, workflows::Ends};

/// What the use cases of buckets stand on.
pub(crate) struct Buckets {
    pub settings: Settings,
    pub shelf: Cached<(Revision, Bucket)>,
    /// Scopes that are in memory.
    pub actors: Actors<Letter, Held>,
    pub census: Arc<Census>,
    pub alarm: Alarm,
    /// Who waits for an object.
    pub changes: Ends,
    /// Which buckets have hints of which actions.
    pub sources: Sources,
    /// Values that somebody is about to take.
    pub recent: Arc<Recent>,
}

impl Buckets {
    pub fn new(settings: Settings, recent: Arc<Recent>, cache_entries: usize) -> Self {
        Self {
            settings,
            shelf: Cached::new(cache_entries),
            actors: Actors::default(),
            census: Arc::default(),
            alarm: Alarm::default(),
            changes: Ends::default(),
            sources: Sources::default(),
            recent,
        }
    }
}
