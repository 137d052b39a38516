//! `nats`: messages of NATS. The feeds `stream` (JetStream, by a durable consumer) and `subject` (core NATS) of
//! `/whisk.system/nats`.
//!
//! A message of a stream is acknowledged when the sink has taken it, and comes again otherwise, under the same id: its
//! sequence number with the time that it was published. What core NATS sends while nobody listens is lost: it has no
//! memory.

mod message;
mod server;
mod stream;
mod subject;

use std::sync::Arc;

use async_nats::jetstream::consumer::DeliverPolicy;
use wisp_core::{
    Result,
    ports::{EventSource, Feed, FeedParameter, FeedSettings, KEEP, Listener, Subscription},
};

use crate::{
    Context,
    batch::Batch,
    payload::Format,
    setting::{needed, optional, required, secret, text, word},
};

const URL: FeedParameter = secret(required(
    "url",
    "nats://[user:password@]host[:port], or tls:// for TLS; several servers of a cluster with commas between",
));
const CREDENTIALS: FeedParameter = secret(optional(
    "credentials",
    "The content of a credentials file, as nsc makes it",
));
const TOKEN: FeedParameter = secret(optional("token", "The token that the server asks for"));

const FEEDS: &[Feed] = &[
    Feed {
        package: "nats",
        name: "stream",
        description: "Fires a trigger for each message of a stream of JetStream",
        parameters: &[
            URL,
            required("stream", "The stream, which must be there"),
            optional(
                "durable",
                "The durable consumer, which is made if it is not there; wisp",
            ),
            optional(
                "subject",
                "Only messages of this subject, * and > allowed, for a new consumer",
            ),
            optional(
                "from",
                "Where a new consumer begins: all (the oldest message) or new (the next one); all",
            ),
            KEEP,
            Format::PARAMETER,
            CREDENTIALS,
            TOKEN,
        ],
    },
    Feed {
        package: "nats",
        name: "subject",
        description: "Fires a trigger for each message of a subject that arrives while the server listens",
        parameters: &[
            URL,
            required("subject", "The subject, * and > allowed"),
            optional("queue", "The queue group, whose members share the messages"),
            Format::PARAMETER,
            CREDENTIALS,
            TOKEN,
        ],
    },
];

/// The source.
struct Nats(Context);

/// The source `nats`.
pub fn register(context: &Context) -> Arc<dyn EventSource> {
    Arc::new(Nats(context.clone()))
}

impl EventSource for Nats {
    fn name(&self) -> &'static str {
        "nats"
    }

    fn feeds(&self) -> &'static [Feed] {
        FEEDS
    }

    fn open(&self, feed: &Feed, settings: &FeedSettings) -> Result<Subscription> {
        let server = server::Server::of(settings, &self.0.config)?;
        let (format, batch) = (Format::of(settings)?, Batch::of(settings, &self.0.config)?);
        let clock = self.0.clock.clone();
        let subject = text(settings, "subject").map(str::to_owned);
        let listener: Box<dyn Listener> = match feed.name {
            "stream" => Box::new(stream::Stream {
                server,
                stream: needed(settings, "stream")?.to_owned(),
                durable: text(settings, "durable").unwrap_or("wisp").to_owned(),
                subject,
                from: word(
                    settings,
                    "from",
                    &[("all", DeliverPolicy::All), ("new", DeliverPolicy::New)],
                )?,
                format,
                batch,
                clock,
            }),
            _ => Box::new(subject::Subject {
                server,
                subject: needed(settings, "subject")?.to_owned(),
                queue: text(settings, "queue").map(str::to_owned),
                format,
                batch,
                clock,
            }),
        };
        Ok(Subscription::Listener(listener))
    }
}
