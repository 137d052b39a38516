use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::watch;
use wisp_core::{
    model::{Fqn, Millis},
    ports::{EventSource, Feed, Receiver, Records},
};

use super::sink::Sink;

/// The subscriptions: those stored, and those that are listened to.
pub(crate) struct Feeds {
    pub(super) records: Arc<dyn Records>,
    sources: Vec<Arc<dyn EventSource>>,
    running: Mutex<HashMap<Fqn, Arc<Running>>>,
}

/// A subscription that is listened to.
pub(super) struct Running {
    /// Says that it is over.
    pub stop: watch::Sender<bool>,
    /// Where its events go.
    pub sink: Arc<Sink>,
    /// Understands requests that bring events, if they come so.
    pub receiver: Option<Box<dyn Receiver>>,
}

/// What a subscription tells of itself.
#[derive(Default)]
pub(super) struct Outlook {
    next: AtomicU64,
    lag: Mutex<Option<u64>>,
    failure: Mutex<Option<String>>,
}

impl Feeds {
    pub fn new(records: Arc<dyn Records>, sources: Vec<Arc<dyn EventSource>>) -> Self {
        Self {
            records,
            sources,
            running: Mutex::default(),
        }
    }

    /// A source and one of its feeds, by their names.
    pub(super) fn source(&self, name: &str, feed: &(String, String)) -> Option<(Arc<dyn EventSource>, &'static Feed)> {
        let source = self.sources.iter().find(|source| source.name() == name)?;
        let known = |known: &&Feed| known.package == feed.0 && known.name == feed.1;
        Some((source.clone(), source.feeds().iter().find(known)?))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Fqn, Arc<Running>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The running subscription of a trigger.
    pub(super) fn running(&self, trigger: &Fqn) -> Option<Arc<Running>> {
        self.lock().get(trigger).cloned()
    }

    /// All that run.
    pub(super) fn all_running(&self) -> Vec<(Fqn, Arc<Running>)> {
        let running = self.lock();
        running
            .iter()
            .map(|(name, running)| (name.clone(), running.clone()))
            .collect()
    }

    /// Lets a subscription run in place of the one that its trigger has.
    pub(super) fn begin(&self, trigger: Fqn, running: Arc<Running>) {
        if let Some(before) = self.lock().insert(trigger, running) {
            before.stop.send_replace(true);
        }
    }

    /// Ends the subscription of a trigger.
    pub(super) fn end(&self, trigger: &Fqn) {
        if let Some(running) = self.lock().remove(trigger) {
            running.stop.send_replace(true);
        }
    }

    /// Ends all subscriptions.
    pub(super) fn end_all(&self) {
        for (_, running) in self.lock().drain() {
            running.stop.send_replace(true);
        }
    }
}

impl Outlook {
    /// When the next event is expected.
    pub fn next(&self) -> Option<Millis> {
        Some(self.next.load(Ordering::Relaxed)).filter(|next| *next > 0)
    }

    /// Notes when the next event is expected: the source works.
    pub fn expect(&self, next: Option<Millis>) {
        self.fails(None);
        self.next.store(next.unwrap_or(0), Ordering::Relaxed);
    }

    /// Why the source is broken, if it is.
    pub fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes why the source is broken, or that it is not.
    pub fn fails(&self, why: Option<String>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Events that wait upstream, if it tells.
    pub fn lag(&self) -> Option<u64> {
        *self.lag.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how many events wait upstream.
    pub fn waits(&self, waiting: u64) {
        *self.lag.lock().unwrap_or_else(PoisonError::into_inner) = Some(waiting);
    }
}
