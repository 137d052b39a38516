use std::{pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::select;
use notify::{RecursiveMode, Watcher};
use serde_json::json;
use tokio::sync::Notify;
use wisp_core::{
    Result,
    model::Millis,
    ports::{Clock, Ended, Event, EventSink, Listener},
};

use super::folder::{Folder, Found, Moment};
use crate::batch::Batch;

/// How often the folder is looked at without a sign that something changed: some file systems give none.
const LOOK: Duration = Duration::from_secs(30);

/// Waits for files that rest.
pub(super) struct Watch {
    pub folder: Folder,
    /// Whether files that are there already are events.
    pub all: bool,
    /// How long a file must rest.
    pub rest: Duration,
    pub batch: Batch,
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Listener for Watch {
    async fn listen(&self, sink: &dyn EventSink) -> Result<Ended> {
        let changes = Arc::new(Notify::new());
        let _watcher = self.watch(changes.clone())?;
        let mut last = self.begin(sink).await?;
        sink.expect(None);
        loop {
            let (mut due, mut young) = self.due(&last).await?;
            if !due.is_empty() && due.len() < self.batch.count && !self.batch.time.is_zero() {
                self.clock.sleep(self.batch.time).await;
                (due, young) = self.due(&last).await?;
            }
            let later = due.split_off(due.len().min(self.batch.count));
            if let Some(newest) = due.last() {
                last = newest.clone();
                sink.deliver(self.events(&due).await?).await?;
                sink.keep(json!(last)).await?;
            }
            sink.lag(later.len() as u64);
            if young {
                self.clock.sleep(self.rest).await;
            } else if later.is_empty() {
                select(pin!(changes.notified()), self.clock.sleep(LOOK)).await;
            }
        }
    }
}

impl Watch {
    /// Has it told that something changes, as long as the watcher lives.
    fn watch(&self, changes: Arc<Notify>) -> Result<impl Watcher> {
        let tell = move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                changes.notify_one();
            }
        };
        let mode = match self.folder.recursive {
            true => RecursiveMode::Recursive,
            false => RecursiveMode::NonRecursive,
        };
        let mut watcher = notify::recommended_watcher(tell).map_err(|error| self.folder.broken(error))?;
        let watched = watcher.watch(&self.folder.path, mode);
        watched.map_err(|error| self.folder.broken(error))?;
        Ok(watcher)
    }

    /// The file that was the last event, or stands for those that are none.
    async fn begin(&self, sink: &dyn EventSink) -> Result<Found> {
        let kept = sink.position().await?;
        if let Some(kept) = kept.and_then(|kept| serde_json::from_value(kept).ok()) {
            return Ok(kept);
        }
        let mut begun = Found::default();
        if !self.all {
            begun.at = Moment::of(self.clock.now());
            sink.keep(json!(begun)).await?;
        }
        Ok(begun)
    }

    /// The files after the last one that have rested, and whether there are others.
    async fn due(&self, last: &Found) -> Result<(Vec<Found>, bool)> {
        let mut found = self.folder.after(last).await?;
        let rest = self.rest.as_millis() as Millis;
        let rested = Moment::of(self.clock.now().saturating_sub(rest));
        let young = found.split_off(found.partition_point(|found| found.at <= rested));
        Ok((found, !young.is_empty()))
    }

    /// What the files say; those that have gone say nothing.
    async fn events(&self, files: &[Found]) -> Result<Vec<Event>> {
        let mut events = Vec::with_capacity(files.len());
        for file in files {
            events.extend(self.folder.event(file).await?);
        }
        Ok(events)
    }
}
