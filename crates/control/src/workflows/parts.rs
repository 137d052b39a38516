use std::sync::Arc;

use quick_cache::{Weighter, sync::Cache};
use tokio::sync::watch;
use wisp_core::ports::{Journal, Records};
use wisp_workflow::machine;

use crate::actors::Actors;

use super::{
    Settings, census::Census, desk::Desk, ends::Ends, held::Held, letter::Letter, shelf::Shelf, starts::Starts,
    sweep::Suspects, timers::Alarm,
};

/// What the use cases of workflows stand on.
pub(crate) struct Workflows {
    pub settings: Settings,
    pub shelf: Shelf,
    pub journal: Arc<dyn Journal>,
    /// Parsed definitions, by namespace and digest, with the lengths of their texts.
    pub parsed: Cache<String, (Arc<machine::Machine>, usize), Length>,
    /// Executions that something happens to.
    pub actors: Actors<Letter, Held>,
    /// Who waits for the end of an execution.
    pub ends: Ends,
    /// Executions that are being started for others.
    pub starts: Starts,
    /// Tasks that workers ask for.
    pub desk: Desk,
    /// Wakes whoever waits for the next timer.
    pub alarm: Alarm,
    /// How many executions run, by namespace.
    pub census: Census,
    /// What the last sweep found that nothing refers to.
    pub swept: Suspects,
    /// Whether the server is ending.
    stop: watch::Sender<bool>,
}

/// A parsed definition counts as its text is long.
#[derive(Clone)]
pub(crate) struct Length;

impl Weighter<String, (Arc<machine::Machine>, usize)> for Length {
    fn weight(&self, key: &String, (_, length): &(Arc<machine::Machine>, usize)) -> u64 {
        u64::try_from(key.len() + length).unwrap_or(u64::MAX)
    }
}

impl Workflows {
    pub fn new(settings: Settings, records: Arc<dyn Records>, journal: Arc<dyn Journal>, cache_entries: usize) -> Self {
        Self {
            shelf: Shelf { records },
            journal,
            parsed: Cache::with_weighter(cache_entries, settings.definitions_cache_size, Length),
            swept: Suspects::default(),
            settings,
            actors: Actors::default(),
            ends: Ends::default(),
            starts: Starts::default(),
            desk: Desk::default(),
            alarm: Alarm::default(),
            census: Census::default(),
            stop: watch::channel(false).0,
        }
    }

    /// Says that the server is ending.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Whether the server is ending.
    pub fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits until the server is ending.
    pub async fn stopped(&self) {
        // The sender lives as long as we do.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }
}
