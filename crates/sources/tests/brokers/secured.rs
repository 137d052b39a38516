//! Brokers that are reached by TLS: only those that the feed's authorities, or the machine's, vouch for.

use std::{path::Path, process::Command};

use serde_json::{Value, json};
use wisp_testkit::conformance::source::Sink;

use crate::{amqp, broker::Broker, mqtt, postgres};

/// A feed, and its settings for a broker at this port.
type Feed = (&'static str, &'static str, fn(u16) -> Value);

async fn only_who_is_vouched_for_is_listened_to(server: fn(&Path, u16) -> Command, (source, feed, settings): Feed) {
    let Some(broker) = Broker::start(server).await else {
        return;
    };
    let mut settings = settings(broker.port);
    let unknown = crate::open(source, feed, &settings).listen(&Sink::default()).await;
    let error = unknown.unwrap_err();
    assert!(error.message().to_lowercase().contains("certificate"), "{error}");
    settings["ca"] = json!(broker.certificate());
    let (sink, listener) = (Sink::default(), crate::open(source, feed, &settings));
    let listen = async {
        loop {
            let error = listener.listen(&sink).await.unwrap_err();
            match error.message() {
                // A queue that is not there says so by TLS, too.
                message if message.contains("no queue") => break,
                message => assert!(message.contains("starting up"), "{error}"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = listen => {}
        () = sink.ready() => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amqp_by_tls() {
    if amqp::is_there() {
        let settings = |port| json!({"url": format!("amqps://localhost:{port}"), "queue": "q"});
        only_who_is_vouched_for_is_listened_to(amqp::secure_server, ("amqp", "queue", settings)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mqtt_by_tls() {
    let settings = |port| json!({"url": format!("mqtts://localhost:{port}"), "topic": "t", "client": "c"});
    only_who_is_vouched_for_is_listened_to(mqtt::secure_server, ("mqtt", "topic", settings)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_by_tls() {
    let settings = |port| {
        let url = format!("postgres://wisp@127.0.0.1:{port}/postgres?sslmode=verify-full");
        json!({"url": url, "publication": "p", "slot": "secured"})
    };
    only_who_is_vouched_for_is_listened_to(postgres::secure_server, ("postgres_changes", "changes", settings)).await;
}
