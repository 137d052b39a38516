use std::{
    path::Path,
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use redis::AsyncCommands;
use serde_json::json;
use wisp_core::ports::Listener;
use wisp_testkit::conformance::source::{self, Sink, Upstream};

use crate::broker::Broker;

fn server(folder: &Path, port: u16) -> Command {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
    command.args(["--appendonly", "yes", "--appendfsync", "always", "--dir"]);
    command.arg(folder);
    command
}

/// A stream of its own on the server.
struct Stream {
    url: String,
    name: String,
}

impl Stream {
    fn new(broker: &Broker, name: String) -> Self {
        let url = format!("redis://127.0.0.1:{}", broker.port);
        Self { url, name }
    }
}

#[async_trait]
impl Upstream for Stream {
    async fn happen(&self, number: u64) {
        let client = redis::Client::open(self.url.as_str()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        // A server that has just started refuses until it has read its file.
        while connection
            .xadd::<_, _, _, _, String>(&self.name, "*", &[("n", number)])
            .await
            .is_err()
        {}
    }

    fn listener(&self) -> Box<dyn Listener> {
        let settings = json!({"url": self.url, "stream": self.name});
        crate::open("redis_streams", "stream", &settings)
    }
}

#[tokio::test]
async fn streams_keep_the_contract() {
    let Some(broker) = Broker::start(server).await else {
        return;
    };
    let streams = AtomicU64::new(0);
    source::listener(&|| {
        let name = format!("stream-{}", streams.fetch_add(1, Ordering::Relaxed));
        Box::new(Stream::new(&broker, name))
    })
    .await;
}

#[tokio::test]
async fn a_broken_server_is_an_error_and_nothing_is_lost_over_its_restart() {
    let Some(mut broker) = Broker::start(server).await else {
        return;
    };
    let stream = Stream::new(&broker, "s".into());
    let sink = Sink::default();
    for number in 0..3 {
        stream.happen(number).await;
    }
    let listener = stream.listener();
    tokio::select! {
        _ = listener.listen(&sink) => panic!("it listens while the server lives"),
        () = sink.wait_for(3) => {}
    }
    broker.kill();
    assert!(
        stream.listener().listen(&sink).await.is_err(),
        "a server that is not there is an error"
    );
    broker.restart().await;
    stream.happen(3).await;
    tokio::select! {
        ended = listener.listen(&sink) => panic!("it listens again: {ended:?}"),
        () = sink.wait_for_different(4) => {}
    }
}

#[tokio::test]
async fn a_group_that_was_made_is_removed() {
    let Some(broker) = Broker::start(server).await else {
        return;
    };
    source::leaves_nothing(&Stream::new(&broker, "s".into())).await;
}
