use std::{
    path::Path,
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
};

use async_nats::jetstream;
use async_trait::async_trait;
use serde_json::{Value, json};
use wisp_core::ports::Listener;
use wisp_testkit::conformance::source::{self, Sink, Upstream};

use crate::broker::Broker;

fn server(folder: &Path, port: u16) -> Command {
    let mut command = Command::new("nats-server");
    command.args(["--addr", "127.0.0.1", "--port", &port.to_string()]);
    command.args(["--jetstream", "--store_dir"]).arg(folder);
    command
}

fn url(broker: &Broker) -> String {
    format!("nats://127.0.0.1:{}", broker.port)
}

/// A stream of its own on the server.
struct Stream {
    url: String,
    name: String,
}

impl Stream {
    async fn made(broker: &Broker, name: &str) -> Self {
        let stream = Self {
            url: url(broker),
            name: name.to_owned(),
        };
        let config = jetstream::stream::Config {
            name: name.to_owned(),
            subjects: vec![format!("{name}.>")],
            ..Default::default()
        };
        stream.jetstream().await.create_stream(config).await.unwrap();
        stream
    }

    async fn jetstream(&self) -> jetstream::Context {
        jetstream::new(async_nats::connect(&self.url).await.unwrap())
    }
}

#[async_trait]
impl Upstream for Stream {
    async fn happen(&self, number: u64) {
        let payload = json!({ "n": number }).to_string();
        let jetstream = self.jetstream().await;
        let published = jetstream.publish(format!("{}.n", self.name), payload.into());
        published.await.unwrap().await.unwrap();
    }

    fn listener(&self) -> Box<dyn Listener> {
        crate::open("nats", "stream", &json!({"url": self.url, "stream": self.name}))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_keep_the_contract() {
    let Some(broker) = Broker::start(server).await else {
        return;
    };
    let mut streams = Vec::new();
    for name in ["a", "b", "c"] {
        streams.push(Stream::made(&broker, name).await);
    }
    let next = AtomicU64::new(0);
    source::listener(&|| {
        let Stream { url, name } = &streams[next.fetch_add(1, Ordering::Relaxed) as usize];
        Box::new(Stream {
            url: url.clone(),
            name: name.clone(),
        })
    })
    .await;
}

#[tokio::test]
async fn a_broken_server_ends_the_listening_and_nothing_is_lost_over_its_restart() {
    let Some(mut broker) = Broker::start(server).await else {
        return;
    };
    let stream = Stream::made(&broker, "s").await;
    let (sink, listener) = (Sink::default(), stream.listener());
    for number in 0..3 {
        stream.happen(number).await;
    }
    let (ended, ()) = tokio::join!(listener.listen(&sink), async {
        sink.wait_for(3).await;
        broker.kill();
    });
    assert!(ended.is_err(), "a server that goes is an error while it is listened to");
    assert!(listener.listen(&sink).await.is_err(), "one that is not there, too");
    broker.restart().await;
    stream.happen(3).await;
    tokio::select! {
        ended = listener.listen(&sink) => panic!("it listens again: {ended:?}"),
        () = sink.wait_for_different(4) => {}
    }
    let event: Value = serde_json::from_str(sink.last().data.get()).unwrap();
    assert_eq!((&event["subject"], &event["value"]), (&json!("s.n"), &json!({"n": 3})));
    assert_eq!((&event["stream"], &event["sequence"]), (&json!("s"), &json!(4)));
}

#[tokio::test]
async fn a_stream_that_is_not_there_is_an_error_that_names_it() {
    let Some(broker) = Broker::start(server).await else {
        return;
    };
    let listener = crate::open("nats", "stream", &json!({"url": url(&broker), "stream": "nowhere"}));
    let error = listener.listen(&Sink::default()).await.unwrap_err();
    assert!(error.message().contains("'nowhere'"), "{error}");
}

#[tokio::test]
async fn subjects_come_in_order_to_whoever_is_there() {
    let Some(broker) = Broker::start(server).await else {
        return;
    };
    let settings = json!({"url": url(&broker), "subject": "orders.*", "format": "text"});
    let listener = crate::open("nats", "subject", &settings);
    let sink = Sink::default();
    let publish = async {
        let client = async_nats::connect(url(&broker)).await.unwrap();
        // The server may hear of the subscription later than of a message on another connection.
        while sink.ids().is_empty() {
            client.publish("orders.first", "".into()).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let before = sink.different();
        for number in 0..5 {
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("Kind", "test");
            let subject = format!("orders.{number}");
            client
                .publish_with_headers(subject, headers, number.to_string().into())
                .await
                .unwrap();
        }
        client.flush().await.unwrap();
        sink.wait_for_different(before + 5).await;
    };
    tokio::select! {
        ended = listener.listen(&sink) => panic!("it listens: {ended:?}"),
        () = publish => {}
    }
    let event: Value = serde_json::from_str(sink.last().data.get()).unwrap();
    let expected = json!({"subject": "orders.4", "value": "4", "headers": {"Kind": "test"}});
    assert_eq!(event, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_was_made_is_removed() {
    let Some(broker) = Broker::start(server).await else {
        return;
    };
    source::leaves_nothing(&Stream::made(&broker, "s").await).await;
}
