//! `kafka`: records of topics of Kafka, by a consumer group. The feed `topic` of `/whisk.system/kafka`.
//!
//! Offsets are committed when the sink has taken what is before them. A record's id is its topic, partition and offset with
//! its time. The client is librdkafka, which takes long to compile: the cargo feature `kafka` asks for it.

#[cfg(feature = "kafka")]
mod listener;
#[cfg(feature = "kafka")]
mod watch;

use std::sync::Arc;

use wisp_core::{
    Result,
    ports::{EventSource, Feed, FeedSettings, Subscription},
};

use crate::{
    Context,
    payload::Format,
    setting::{optional, required, secret},
};

const FEEDS: &[Feed] = &[Feed {
    package: "kafka",
    name: "topic",
    description: "Fires a trigger for each record of a topic",
    parameters: &[
        required(
            "brokers",
            "host:port of some brokers of the cluster, with commas between",
        ),
        required("topic", "The topic, or several with commas between"),
        optional("group", "The consumer group; wisp"),
        optional(
            "from",
            "Where a new group begins: all (the oldest record) or new (the next one); all",
        ),
        optional("user", "The user, for SASL PLAIN"),
        secret(optional("password", "The user's password")),
        Format::PARAMETER,
    ],
}];

/// The source.
struct Kafka(#[cfg_attr(not(feature = "kafka"), expect(dead_code))] Context);

/// The source `kafka`.
pub fn register(context: &Context) -> Arc<dyn EventSource> {
    Arc::new(Kafka(context.clone()))
}

impl EventSource for Kafka {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn feeds(&self) -> &'static [Feed] {
        FEEDS
    }

    #[cfg(feature = "kafka")]
    fn open(&self, _: &Feed, settings: &FeedSettings) -> Result<Subscription> {
        let listener = listener::Group::of(settings, &self.0)?;
        Ok(Subscription::Listener(Box::new(listener)))
    }

    #[cfg(not(feature = "kafka"))]
    fn open(&self, _: &Feed, _: &FeedSettings) -> Result<Subscription> {
        let message = "this build of Wisp listens to no Kafka: build it with --features kafka";
        Err(wisp_core::Error::bad_request(message))
    }
}
