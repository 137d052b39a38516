use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::watch;
use wisp_core::{
    Code, Error, Result,
    model::{Fqn, Identity},
    ports::{Ended, FeedSettings, Listener, Remove, Subscription},
};

use super::{
    expression::Wanted,
    running::{Outlook, Running},
    sink::{Batch, Sink},
    stored::Stored,
};
use crate::control::Control;

/// The shortest and the longest pause after a source failed.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));

impl Control {
    /// Listens again to everything that was subscribed to in the previous run of this server; returns how much that is.
    pub async fn resume_feeds(&self) -> Result<usize> {
        let stored = self.inner.feeds.load_all("").await?;
        let active: Vec<Stored> = stored.into_iter().filter(|stored| stored.active).collect();
        for stored in &active {
            if let Err(error) = self.start_feed(stored) {
                tracing::error!(trigger = %stored.trigger, ?error, "a feed cannot be resumed");
            }
        }
        Ok(active.len())
    }

    /// Listens to nothing any more; what was acknowledged upstream is durable.
    pub fn stop_feeds(&self) {
        self.inner.feeds.end_all();
    }

    /// Lets a subscription run, in place of the one before.
    pub(super) fn start_feed(&self, stored: &Stored) -> Result<()> {
        let Some((source, feed)) = self.inner.feeds.source(&stored.source, &stored.feed) else {
            let message = format!("this server has no feed '{}/{}'", stored.feed.0, stored.feed.1);
            return Err(Error::bad_request(message));
        };
        let settings = stored.settings(&self.inner.seal)?;
        let sink = Arc::new(Sink {
            control: self.clone(),
            trigger: stored.trigger.clone(),
            source: source.name(),
            wanted: Arc::new(Wanted::new(&settings, &self.inner.limits, self.inner.clock.clone())?),
            batch: batch(&settings),
            outlook: Outlook::default(),
            refusal: Mutex::default(),
        });
        let (stop, stopped) = watch::channel(false);
        let (listener, receiver) = match source.open(feed, &settings)? {
            Subscription::Listener(listener) => (Some(listener), None),
            Subscription::Receiver(receiver) => (None, Some(receiver)),
        };
        let running = Arc::new(Running {
            stop,
            sink: sink.clone(),
            receiver,
        });
        self.inner.feeds.begin(stored.trigger.clone(), running);
        if let Some(listener) = listener {
            let control = self.clone();
            self.inner
                .tasks
                .spawn(Box::pin(async move { control.listen(listener, &sink, stopped).await }));
        }
        Ok(())
    }

    /// Listens until the subscription is stopped or ends by itself; a source that fails is tried again, ever more
    /// slowly.
    async fn listen(&self, listener: Box<dyn Listener>, sink: &Sink, mut stopped: watch::Receiver<bool>) {
        let (source, trigger) = (sink.source, sink.trigger.to_string());
        let backoff = metrics::gauge!("wisp_source_backoff_seconds", "source" => source, "trigger" => trigger.clone());
        let errors = metrics::counter!("wisp_source_errors_total", "source" => source, "trigger" => trigger);
        let mut pause = BACKOFF.0;
        loop {
            let begun = self.inner.clock.elapsed();
            backoff.set(0.0);
            let ended = tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => return,
                ended = listener.listen(sink) => ended,
            };
            let error = match ended {
                Ok(ended) => return self.settle_feed(&sink.trigger, ended).await,
                Err(error) => error,
            };
            if let Some(refusal) = sink.refusal() {
                let reason = format!("Automatically disabled: {}", refusal.message());
                let ended = Ended {
                    reason,
                    remove: Remove::Nothing,
                };
                return self.settle_feed(&sink.trigger, ended).await;
            }
            if self.inner.clock.elapsed() - begun > BACKOFF.1 {
                pause = BACKOFF.0;
            }
            errors.increment(1);
            sink.outlook.fails(Some(error.message().to_owned()));
            backoff.set(pause.as_secs_f64());
            tracing::warn!(trigger = %sink.trigger, source, ?pause, ?error, "an event source failed and is tried again");
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = self.inner.clock.sleep(pause) => {}
            }
            pause = (pause * 2).min(BACKOFF.1);
        }
    }

    /// Notes that a subscription will fire no more, and removes what shall go with it.
    async fn settle_feed(&self, trigger: &Fqn, ended: Ended) {
        tracing::info!(%trigger, reason = ended.reason, "a feed has ended");
        if let Err(error) = self.try_settle(trigger, ended).await {
            tracing::error!(%trigger, ?error, "the end of a feed was not noted; it begins again at the next start");
        }
    }

    /// On whose behalf a trigger is fired by its feed.
    pub(super) async fn feed_owner(&self, trigger: &Fqn) -> Result<Identity> {
        let gone = || {
            let namespace = trigger.namespace();
            let message = format!("the owner of namespace '{namespace}' is blocked or gone");
            Error::new(Code::Unauthenticated, message)
        };
        self.owner(trigger.namespace_name()).await?.ok_or_else(gone)
    }

    async fn try_settle(&self, trigger: &Fqn, ended: Ended) -> Result<()> {
        let feeds = &self.inner.feeds;
        let Some(mut stored) = feeds.load(trigger).await? else {
            return Ok(());
        };
        if ended.remove == Remove::Nothing {
            stored.active = false;
            stored.reason = Some(ended.reason);
            stored.changed = self.inner.clock.now();
            feeds.save(&stored, false).await?;
            feeds.end(trigger);
            return Ok(());
        }
        let owner = self.feed_owner(trigger).await?;
        let rules = self.get_trigger(&owner, trigger).await?.rules.clone();
        if ended.remove == Remove::TriggerAndRules {
            for rule in rules.keys() {
                self.delete_rule(&owner, rule).await?;
            }
        }
        self.delete_trigger(&owner, trigger).await.map(drop)
    }
}

/// The settings `batchSize` and `batchBytes`.
fn batch(settings: &FeedSettings) -> Option<Batch> {
    let number = |name: &str| {
        settings
            .get(name)?
            .as_u64()
            .and_then(|number| usize::try_from(number).ok())
    };
    let count = number("batchSize").filter(|count| *count > 1)?;
    Some(Batch {
        count,
        bytes: number("batchBytes").unwrap_or(256 << 10),
    })
}
