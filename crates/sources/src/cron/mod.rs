//! `cron`: alarms. The feeds `alarm` (a pattern), `interval` (minutes) and `once` (a date) of `/whisk.system/alarms`.
//!
//! The time that an alarm last fired for is kept as its position, so that after a restart it is known what was missed;
//! an event's id is the time that it was scheduled for, so that nothing fires twice.

mod alarm;
mod feeds;
mod listener;
mod schedule;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use wisp_core::{
    Result,
    ports::{EventSource, Feed, FeedSettings, Subscription},
};

use crate::Context;

/// The source.
struct Cron(Context);

/// The source `cron`.
pub fn register(context: &Context) -> Arc<dyn EventSource> {
    Arc::new(Cron(context.clone()))
}

impl EventSource for Cron {
    fn name(&self) -> &'static str {
        "cron"
    }

    fn feeds(&self) -> &'static [Feed] {
        feeds::FEEDS
    }

    fn check(&self, feed: &Feed, given: &FeedSettings, before: Option<&FeedSettings>) -> Result<FeedSettings> {
        feeds::check(feed, given, before, self.0.clock.now())
    }

    fn open(&self, feed: &Feed, settings: &FeedSettings) -> Result<Subscription> {
        let alarm = alarm::Alarm::new(feed, settings, &self.0.config)?;
        Ok(Subscription::Listener(Box::new(listener::Timer {
            alarm,
            clock: self.0.clock.clone(),
        })))
    }
}
