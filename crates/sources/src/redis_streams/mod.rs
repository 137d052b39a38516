//! `redis_streams`: entries of a stream of Redis, by a consumer group. The feed `stream` of `/whisk.system/redis`.
//!
//! An entry is acknowledged when the sink has taken it; what was read and not acknowledged is read again first. An
//! event's id is its entry's.

mod entry;
mod listener;

use std::sync::Arc;

use wisp_core::{
    Error, Result,
    ports::{EventSource, Feed, FeedSettings, KEEP, Subscription},
};

use crate::{
    Context,
    batch::Batch,
    reach,
    setting::{needed, optional, required, secret, text},
};

const FEEDS: &[Feed] = &[Feed {
    package: "redis",
    name: "stream",
    description: "Fires a trigger for each entry of a stream",
    parameters: &[
        secret(required(
            "url",
            "redis://[user:password@]host[:port][/database], or rediss:// for TLS",
        )),
        required("stream", "The stream's key"),
        optional("group", "The consumer group, which is made if it is not there; wisp"),
        optional(
            "from",
            "Where a new group begins: 0 (the oldest entry) or $ (the next one); 0",
        ),
        optional(
            "json",
            "The field whose JSON value is the event; without it, the event has all fields as texts",
        ),
        KEEP,
    ],
}];

/// The source.
struct RedisStreams(Context);

/// The source `redis_streams`.
pub fn register(context: &Context) -> Arc<dyn EventSource> {
    Arc::new(RedisStreams(context.clone()))
}

impl EventSource for RedisStreams {
    fn name(&self) -> &'static str {
        "redis_streams"
    }

    fn feeds(&self) -> &'static [Feed] {
        FEEDS
    }

    fn open(&self, _: &Feed, settings: &FeedSettings) -> Result<Subscription> {
        let client = redis::Client::open(needed(settings, "url")?)
            .map_err(|error| Error::bad_request("the url parameter is not a URL of Redis").because(error))?;
        reach::check(&self.0.config, client.get_connection_info().addr())?;
        Ok(Subscription::Listener(Box::new(listener::Group {
            client,
            stream: needed(settings, "stream")?.to_owned(),
            group: text(settings, "group").unwrap_or("wisp").to_owned(),
            from: text(settings, "from").unwrap_or("0").to_owned(),
            json: text(settings, "json").map(str::to_owned),
            batch: Batch::of(settings, &self.0.config)?,
            clock: self.0.clock.clone(),
        })))
    }
}
