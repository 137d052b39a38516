//! `webhook`: requests of other services, whose signatures are checked. The feeds `github`, `gitlab`, `stripe` and
//! `generic` of `/whisk.system/webhook`.
//!
//! An event's id is the sender's own, where it has one, so that a delivery that the sender repeats fires nothing twice.

mod dialect;
mod event;
mod feeds;

use std::sync::Arc;

use wisp_core::{
    Error, Result,
    model::Millis,
    ports::{Delivery, Event, EventSource, Feed, FeedSettings, Receiver, Subscription},
};

use crate::{Context, setting::text};
use dialect::Dialect;

/// The source.
struct Webhook;

/// The source `webhook`.
pub fn register(_: &Context) -> Arc<dyn EventSource> {
    Arc::new(Webhook)
}

impl EventSource for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn feeds(&self) -> &'static [Feed] {
        feeds::FEEDS
    }

    fn open(&self, feed: &Feed, settings: &FeedSettings) -> Result<Subscription> {
        let secret =
            text(settings, "secret").ok_or_else(|| Error::bad_request("the secret parameter must be a text"))?;
        Ok(Subscription::Receiver(Box::new(Hook {
            dialect: Dialect::new(feed.name, settings)?,
            secret: secret.to_owned(),
        })))
    }
}

/// One subscription.
struct Hook {
    dialect: Dialect,
    secret: String,
}

impl Receiver for Hook {
    fn receive(&self, request: &Delivery<'_>, now: Millis, _trusted: bool) -> Result<Vec<Event>> {
        self.dialect.verify(request, &self.secret, now)?;
        Ok(vec![event::of(request, self.dialect.id(request))?])
    }
}

#[cfg(test)]
mod tests;
