use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use wisp_core::{
    Code, Error, Result,
    model::{Fqn, Millis, RuleLink},
    ports::{Event, EventSink},
};

use super::{expression::Wanted, running::Outlook};
use crate::{control::Control, invoke::json as to_json, unstoppable::Unstoppable};

/// Events of one delivery that are on their way at the same time.
const CONCURRENT: usize = 256;

/// The shortest and the longest wait before an event is tried again that the platform had no room for.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(30));

/// Where the events of one subscription go: through its expressions to its trigger.
pub(super) struct Sink {
    pub control: Control,
    pub trigger: Fqn,
    pub source: &'static str,
    pub wanted: Arc<Wanted>,
    pub batch: Option<Batch>,
    pub outlook: Outlook,
    /// Why no event can be taken any more.
    pub refusal: Mutex<Option<Error>>,
}

/// How many events go into one fire, at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    pub count: usize,
    pub bytes: usize,
}

#[async_trait]
impl EventSink for Sink {
    async fn deliver(&self, events: Vec<Event>) -> Result<()> {
        let mut wanted = Vec::with_capacity(events.len());
        let mut seen = HashSet::new();
        for (id, applied) in self.apply(events).await? {
            match applied {
                Ok(Some(event)) if seen.insert(id.clone()) => wanted.push(event),
                Ok(Some(_)) => self.count("duplicate", 1),
                Ok(None) => self.count("filtered", 1),
                Err(error) => self.reject(&id, &error),
            }
        }
        if let Some(batch) = self.batch {
            wanted = batch.pack(wanted)?;
        }
        let delivered = stream::iter(wanted)
            .map(|event| self.fire(event))
            .buffered(self.concurrency().await);
        let delivered: Result<()> = delivered.try_collect().await;
        if let Err(error) = &delivered {
            *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.copy());
        }
        delivered
    }

    async fn position(&self) -> Result<Option<Value>> {
        self.control.inner.feeds.position(&self.trigger).await
    }

    async fn keep(&self, position: Value) -> Result<()> {
        self.control.inner.feeds.keep(&self.trigger, &position).await
    }

    fn expect(&self, next: Option<Millis>) {
        self.outlook.expect(next);
    }

    fn lag(&self, waiting: u64) {
        self.outlook.waits(waiting);
        let trigger = self.trigger.to_string();
        metrics::gauge!("wisp_source_lag", "source" => self.source, "trigger" => trigger).set(waiting as f64);
    }
}

impl Sink {
    /// Why no event can be taken any more, if that is so.
    pub fn refusal(&self) -> Option<Error> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What the expressions make of events, by the events' ids. Whoever wrote them decides how much that computes.
    async fn apply(&self, events: Vec<Event>) -> Result<Vec<(String, Result<Option<Event>>)>> {
        let wanted = self.wanted.clone();
        let apply = move || {
            let apply = |event: Event| (event.id.clone(), wanted.apply(event));
            events.into_iter().map(apply).collect()
        };
        if self.wanted.is_everything() {
            return Ok(apply());
        }
        let (done, applied) = oneshot::channel();
        let work = move || {
            // Nobody waits for it when the subscription has ended.
            let _ = done.send(apply());
        };
        self.control.inner.tasks.compute(Box::new(work));
        applied
            .await
            .map_err(|error| Error::internal("the expressions of a feed were not evaluated").because(error))
    }

    /// How many events may be on their way at the same time: where a rule keeps an order, each is durable before the next
    /// is taken.
    async fn concurrency(&self) -> usize {
        let trigger = self.control.inner.catalog.trigger(&self.trigger).await;
        let ordered = |link: &RuleLink| link.order_by.is_some();
        match trigger {
            Ok(trigger) if trigger.entity.rules.values().any(ordered) => 1,
            _ => CONCURRENT,
        }
    }

    /// Fires the trigger, once, for however long it takes.
    async fn fire(&self, event: Event) -> Result<()> {
        let mut pause = PATIENCE.0;
        loop {
            // What has begun to become durable is not left half done when the subscription ends.
            let (control, trigger, event) = (self.control.clone(), self.trigger.clone(), event.clone());
            let id = event.id.clone();
            let attempt = Unstoppable::new(self.control.inner.tasks.clone(), async move {
                let owner = control.feed_owner(&trigger).await?;
                control.fire_event(&owner, &trigger, &event).await
            });
            let error = match attempt.await {
                Ok(fired) => {
                    self.count(fired.as_str(), 1);
                    return Ok(());
                }
                Err(error) => error,
            };
            match error.code() {
                code if code.retry() => {}
                Code::Unauthenticated | Code::Forbidden | Code::NotFound | Code::Conflict => return Err(error),
                _ => {
                    self.reject(&id, &error);
                    return Ok(());
                }
            }
            self.count("deferred", 1);
            tracing::debug!(trigger = %self.trigger, event = id, ?error, "an event is tried again");
            self.control
                .inner
                .clock
                .sleep(retry_after(&error).unwrap_or(pause))
                .await;
            pause = (pause * 2).min(PATIENCE.1);
        }
    }

    /// Gives up an event that can never be taken.
    fn reject(&self, id: &str, error: &Error) {
        tracing::warn!(trigger = %self.trigger, event = id, ?error, "an event was rejected");
        self.count("rejected", 1);
    }

    fn count(&self, outcome: &'static str, events: u64) {
        let (source, trigger) = (self.source, self.trigger.to_string());
        let counter = metrics::counter!("wisp_source_events_total", "source" => source, "trigger" => trigger, "outcome" => outcome);
        counter.increment(events);
    }
}

impl Batch {
    /// Puts events together, in order; an event that is larger than a batch may be is one of its own.
    fn pack(self, events: Vec<Event>) -> Result<Vec<Event>> {
        let mut batches: Vec<Vec<Event>> = Vec::new();
        let mut bytes = 0;
        for event in events {
            let size = event.data.get().len();
            match batches.last_mut() {
                Some(last) if last.len() < self.count && bytes + size <= self.bytes => {
                    bytes += size;
                    last.push(event);
                }
                _ => {
                    bytes = size;
                    batches.push(vec![event]);
                }
            }
        }
        batches.into_iter().map(whole).collect()
    }
}

/// The event that a batch is; its id is made of those in it.
fn whole(batch: Vec<Event>) -> Result<Event> {
    let ids: Vec<&str> = batch.iter().map(|event| event.id.as_str()).collect();
    let events: Vec<Value> = batch
        .iter()
        .map(|event| serde_json::from_str(event.data.get()).unwrap_or_default())
        .collect();
    Ok(Event {
        id: ids.join("\n"),
        data: to_json(&json!({ "events": events }))?,
    })
}

/// How long a refusal asks to wait.
fn retry_after(error: &Error) -> Option<Duration> {
    let (_, seconds) = error.context().iter().find(|(key, _)| *key == "retryAfter")?;
    seconds.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_batch_ends_where_it_would_have_too_many_events_or_bytes() {
        let event = |size: usize| {
            let text = "x".repeat(size - 2);
            let (id, data) = (size.to_string(), to_json(&json!(text)).unwrap());
            Event { id, data }
        };
        let packed = |count, bytes, sizes: &[usize]| -> Vec<String> {
            let batches = Batch { count, bytes }.pack(sizes.iter().map(|size| event(*size)).collect());
            let ids = batches.unwrap().into_iter().map(|batch| batch.id.replace('\n', " "));
            ids.collect()
        };
        assert_eq!(packed(2, 100, &[3, 4, 5]), ["3 4", "5"]);
        assert_eq!(packed(9, 12, &[3, 4, 5, 6]), ["3 4 5", "6"]);
        assert_eq!(
            packed(9, 12, &[3, 40, 5]),
            ["3", "40", "5"],
            "one that is too large is alone"
        );
        assert!(packed(9, 12, &[]).is_empty());
    }
}
