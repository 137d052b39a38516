use std::sync::Arc;

use quick_cache::sync::Cache;
use tokio::sync::watch;
use wisp_core::ports::{Journal, Records};
use wisp_workflow::machine;

use crate::actors::Actors;

use super::{
    Settings, census::Census, desk::Desk, ends::Ends, held::Held, letter::Letter, shelf::Shelf, starts::Starts,
    timers::Alarm,
};

/// What the use cases of workflows stand on.
pub(crate) struct Workflows {
    pub settings: Settings,
    pub shelf: Shelf,
    pub journal: Arc<dyn Journal>,
    /// Parsed definitions, by namespace and digest.
    pub parsed: Cache<String, Arc<machine::Machine>>,
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
    /// Whether the server is ending.
    stop: watch::Sender<bool>,
}

impl Workflows {
    pub fn new(settings: Settings, records: Arc<dyn Records>, journal: Arc<dyn Journal>, cache_entries: usize) -> Self {
        Self {
            settings,
            shelf: Shelf { records },
            journal,
            parsed: Cache::new(cache_entries),
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
