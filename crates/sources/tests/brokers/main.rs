//! Sources against real brokers, which each test starts for itself.

#![allow(clippy::unwrap_used, clippy::panic)]

mod amqp;
mod broker;
mod files;
#[cfg(feature = "kafka")]
mod kafka;
mod mqtt;
mod nats;
mod postgres;
mod redis;
mod secured;
mod wall;

use std::sync::Arc;

use serde_json::Value;
use wisp_core::ports::{Listener, Subscription};
use wisp_sources::{Config, Context, SOURCES};

/// What a feed listens with.
fn open(source: &str, feed: &str, settings: &Value) -> Box<dyn Listener> {
    let (_, register) = SOURCES.iter().find(|(name, _)| *name == source).unwrap();
    let source = register(&Context {
        clock: Arc::new(wall::Wall::default()),
        config: Config {
            folders: vec![std::env::temp_dir().display().to_string()],
            ..Config::default()
        },
    });
    let feed = source.feeds().iter().find(|known| known.name == feed).unwrap();
    match source.open(feed, settings.as_object().unwrap()).unwrap() {
        Subscription::Listener(listener) => listener,
        Subscription::Receiver(_) => panic!("brokers are listened to"),
    }
}
