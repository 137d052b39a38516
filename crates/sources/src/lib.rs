//! Event sources: a folder each, all behind [`EventSource`](wisp_core::ports::EventSource).
//!
//! A source offers feeds, which are actions in `/whisk.system`; a trigger that is connected with one is fired by it. This
//! crate must never know what a trigger or a rule is, nor where events go: it knows a sink.
//!
//! To add a source: a folder with `pub fn register(&Context) -> Arc<dyn EventSource>`, and one word in the table.

mod address;
mod batch;
mod config;
mod context;
mod json;
mod names;
mod payload;
mod reach;
mod setting;
mod signature;
mod tls;

pub use config::Config;
pub use context::Context;

wisp_core::register! {
    /// Every source, by its name.
    pub SOURCES: fn(&Context) -> std::sync::Arc<dyn wisp_core::ports::EventSource> =>
        cron, webhook, cloudevents, redis_streams, nats, files, mqtt, amqp, kafka, postgres_changes
}
