//! Every source of the table, held to the port's contract.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::{Value, json};
use wisp_core::ports::{EventSource, Feed, Listener, Subscription};
use wisp_sources::{Config, Context, SOURCES};
use wisp_testkit::{
    clock::Simulated,
    conformance::source::{self, Upstream},
};

const NOW: u64 = 1_700_000_000_000;

fn context(clock: &Simulated) -> Context {
    Context {
        clock: Arc::new(clock.clone()),
        config: Config {
            folders: vec![std::env::temp_dir().display().to_string()],
            ..Config::default()
        },
    }
}

/// Settings that a feed accepts.
fn accepted(feed: &Feed) -> Value {
    match (feed.package, feed.name) {
        ("alarms", "alarm") => json!({"cron": "0 3 * * *", "timezone": "Europe/Vienna"}),
        ("alarms", "interval") => json!({"minutes": 5}),
        ("alarms", "once") => json!({"date": NOW + 1}),
        ("webhook", _) => json!({"secret": "sesame"}),
        ("redis", _) => json!({"url": "redis://127.0.0.1", "stream": "s"}),
        ("files", _) => json!({"folder": std::env::temp_dir()}),
        ("kafka", _) => json!({"brokers": "127.0.0.1:9092", "topic": "t"}),
        ("postgres", _) => json!({"url": "postgres://me@127.0.0.1/shop", "publication": "p"}),
        ("amqp", _) => json!({"url": "amqp://127.0.0.1", "queue": "q"}),
        ("mqtt", _) => json!({"url": "mqtt://127.0.0.1", "topic": "t", "client": "c"}),
        ("nats", "stream") => json!({"url": "nats://127.0.0.1", "stream": "s"}),
        ("nats", "subject") => json!({"url": "nats://127.0.0.1", "subject": "s"}),
        ("cloudevents", _) => json!({"token": "sesame"}),
        (package, name) => panic!("there are no settings here for {package}/{name}"),
    }
}

#[test]
fn every_feed_keeps_the_contract() {
    // A build without Kafka refuses its feed.
    let there = |name: &str| cfg!(feature = "kafka") || name != "kafka";
    for (name, register) in SOURCES.iter().filter(|(name, _)| there(name)) {
        let source = register(&context(&Simulated::at(NOW)));
        assert_eq!(source.name(), *name);
        source::feeds(&*source, &accepted);
    }
}

/// Alarms: an event happens when a second passes.
struct Seconds {
    clock: Simulated,
    cron: Arc<dyn EventSource>,
}

#[async_trait]
impl Upstream for Seconds {
    async fn happen(&self, _: u64) {
        self.clock.advance(Duration::from_secs(1));
    }

    fn listener(&self) -> Box<dyn Listener> {
        let settings = json!({"cron": "* * * * * *", "missed": "all"});
        let feed = self.cron.feeds().iter().find(|feed| feed.name == "alarm").unwrap();
        match self.cron.open(feed, settings.as_object().unwrap()).unwrap() {
            Subscription::Listener(listener) => listener,
            Subscription::Receiver(_) => panic!("alarms are listened to"),
        }
    }
}

#[tokio::test]
async fn alarms_keep_the_contract() {
    source::listener(&|| {
        // Between two seconds.
        let clock = Simulated::at(NOW + 500);
        let (_, register) = SOURCES.iter().find(|(name, _)| *name == "cron").unwrap();
        let cron = register(&context(&clock));
        Box::new(Seconds { clock, cron })
    })
    .await;
}
