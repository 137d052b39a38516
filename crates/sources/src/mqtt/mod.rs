//! `mqtt`: messages of an MQTT 5 broker, by a session that the broker keeps. The feed `topic` of `/whisk.system/mqtt`.
//!
//! A message of quality of service 1 or 2 is acknowledged when the sink has taken it; the broker sends the others again
//! when the session goes on. MQTT's messages have no ids, only numbers that the broker uses again and again: the ids given
//! to those that are on their way are kept, so that a message that comes again has the same one.

mod listener;

use std::sync::Arc;

use rumqttc::v5::mqttbytes::QoS;
use wisp_core::{
    Error, Result,
    ports::{EventSource, Feed, FeedSettings, KEEP, Subscription},
};

use crate::{
    Context,
    address::Address,
    batch::Batch,
    payload::Format,
    setting::{needed, number, optional, required, secret},
    tls,
};

/// How long the broker keeps the session while nobody is there, in seconds: a week.
const SESSION: u32 = 7 * 24 * 60 * 60;

const FEEDS: &[Feed] = &[Feed {
    package: "mqtt",
    name: "topic",
    description: "Fires a trigger for each message of a topic",
    parameters: &[
        secret(required(
            "url",
            "mqtt://[user:password@]host[:port], or mqtts:// for TLS",
        )),
        required("topic", "The topic, + and # allowed"),
        required(
            "client",
            "The client's id: nobody else at the broker may have it, and the session goes by it",
        ),
        optional("qos", "Quality of service: 0 (may be lost), 1 or 2; 1"),
        optional(
            "sessionSeconds",
            "How long the broker keeps messages while nobody is there; 604800",
        ),
        KEEP,
        Format::PARAMETER,
        tls::AUTHORITY,
    ],
}];

/// The source.
struct Mqtt(Context);

/// The source `mqtt`.
pub fn register(context: &Context) -> Arc<dyn EventSource> {
    Arc::new(Mqtt(context.clone()))
}

impl EventSource for Mqtt {
    fn name(&self) -> &'static str {
        "mqtt"
    }

    fn feeds(&self) -> &'static [Feed] {
        FEEDS
    }

    fn open(&self, _: &Feed, settings: &FeedSettings) -> Result<Subscription> {
        let config = &self.0.config;
        let schemes = [("mqtt", 1883, false), ("mqtts", 8883, true)];
        let address = Address::read(needed(settings, "url")?, &schemes, config)?;
        let expiry = number(settings, "sessionSeconds")?
            .map(u32::try_from)
            .unwrap_or(Ok(SESSION));
        let qos = match number(settings, "qos")? {
            Some(0) => QoS::AtMostOnce,
            None | Some(1) => QoS::AtLeastOnce,
            Some(2) => QoS::ExactlyOnce,
            Some(_) => return Err(Error::bad_request("the qos parameter must be 0, 1 or 2")),
        };
        Ok(Subscription::Listener(Box::new(listener::Session {
            tls: address.tls.then(|| tls::client(settings)).transpose()?,
            address,
            topic: needed(settings, "topic")?.to_owned(),
            client: needed(settings, "client")?.to_owned(),
            qos,
            expiry: expiry
                .map_err(|_| Error::bad_request("the sessionSeconds parameter must be from 0 to 4294967295"))?,
            format: Format::of(settings)?,
            batch: Batch::of(settings, config)?,
            buffer: config.buffer.max(1),
            clock: self.0.clock.clone(),
        })))
    }
}
