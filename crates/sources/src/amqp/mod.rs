//! `amqp`: messages of a queue of an AMQP 0-9-1 broker, such as RabbitMQ. The feed `queue` of `/whisk.system/amqp`.
//!
//! A message is acknowledged when the sink has taken it; the broker sends the others again, to this consumer or another.
//! A message's id is the one that its publisher gave it, if any. Others get one here, which is kept until the broker is known
//! to have the acknowledgement, so that a message that comes again has the same one.

mod listener;
mod message;
mod network;

use std::sync::Arc;

use lapin::types::ShortString;
use wisp_core::{
    Error, Result,
    ports::{EventSource, Feed, FeedSettings, Subscription},
};

use crate::{
    Context,
    address::Address,
    batch::Batch,
    payload::Format,
    setting::{needed, required, secret},
    tls,
};

const FEEDS: &[Feed] = &[Feed {
    package: "amqp",
    name: "queue",
    description: "Fires a trigger for each message of a queue",
    parameters: &[
        secret(required(
            "url",
            "amqp://[user:password@]host[:port][/virtual-host], or amqps:// for TLS",
        )),
        required("queue", "The queue, which must be there"),
        Format::PARAMETER,
        tls::AUTHORITY,
    ],
}];

/// The source.
struct Amqp(Context);

/// The source `amqp`.
pub fn register(context: &Context) -> Arc<dyn EventSource> {
    Arc::new(Amqp(context.clone()))
}

impl EventSource for Amqp {
    fn name(&self) -> &'static str {
        "amqp"
    }

    fn feeds(&self) -> &'static [Feed] {
        FEEDS
    }

    fn open(&self, _: &Feed, settings: &FeedSettings) -> Result<Subscription> {
        let config = &self.0.config;
        let schemes = [("amqp", 5672, false), ("amqps", 5671, true)];
        let address = Address::read(needed(settings, "url")?, &schemes, config)?;
        let too_long = |_| Error::bad_request("the queue parameter is longer than 255 bytes");
        Ok(Subscription::Listener(Box::new(listener::Queue {
            tls: address.tls.then(|| tls::client(settings)).transpose()?,
            address,
            queue: ShortString::try_new(needed(settings, "queue")?).map_err(too_long)?,
            format: Format::of(settings)?,
            batch: Batch::of(settings, config)?,
            clock: self.0.clock.clone(),
        })))
    }
}
