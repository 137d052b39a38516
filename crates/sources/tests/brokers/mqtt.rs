use std::{
    path::Path,
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use rumqttc::v5::{
    AsyncClient, Event, Incoming, MqttOptions,
    mqttbytes::{QoS, v5::PublishProperties},
};
use serde_json::{Value, json};
use wisp_core::ports::Listener;
use wisp_testkit::conformance::source::{self, Sink, Upstream};

use crate::broker::{Broker, certify};

fn server(folder: &Path, port: u16) -> Command {
    let settings = [
        format!("listener {port} 127.0.0.1"),
        "allow_anonymous true".into(),
        "user root".into(),
        "persistence true".into(),
        format!("persistence_location {}/", folder.display()),
        // It writes down every change before a test can end it.
        "autosave_on_changes true".into(),
        "autosave_interval 1".into(),
    ];
    std::fs::write(folder.join("settings"), settings.join("\n")).unwrap();
    let mut command = Command::new("mosquitto");
    command.arg("-c").arg(folder.join("settings"));
    command
}

/// The same, by TLS.
pub fn secure_server(folder: &Path, port: u16) -> Command {
    let (certificate, key) = certify(folder);
    let command = server(folder, port);
    let settings = std::fs::read_to_string(folder.join("settings")).unwrap();
    let (certificate, key) = (certificate.display(), key.display());
    let settings = format!("{settings}\ncertfile {certificate}\nkeyfile {key}\n");
    std::fs::write(folder.join("settings"), settings).unwrap();
    command
}

/// A topic of its own on the broker.
struct Topic {
    port: u16,
    name: String,
    qos: u8,
}

#[async_trait]
impl Upstream for Topic {
    async fn happen(&self, number: u64) {
        let options = MqttOptions::new(format!("publisher-{}", self.name), "127.0.0.1", self.port);
        let (client, mut connection) = AsyncClient::new(options, 8);
        let properties = PublishProperties {
            user_properties: vec![("kind".into(), "test".into())],
            ..Default::default()
        };
        let payload = json!({ "n": number }).to_string();
        let published = client.publish_with_properties(&self.name, QoS::AtLeastOnce, false, payload, properties);
        published.await.unwrap();
        while !matches!(connection.poll().await.unwrap(), Event::Incoming(Incoming::PubAck(_))) {}
    }

    fn listener(&self) -> Box<dyn Listener> {
        let url = format!("mqtt://127.0.0.1:{}", self.port);
        let settings =
            json!({"url": url, "topic": self.name, "client": format!("wisp-{}", self.name), "qos": self.qos});
        crate::open("mqtt", "topic", &settings)
    }
}

#[tokio::test]
async fn topics_keep_the_contract() {
    let Some(broker) = Broker::start(server).await else {
        return;
    };
    for qos in [1, 2] {
        let topics = AtomicU64::new(0);
        source::listener(&|| {
            let name = format!("topic-{qos}-{}", topics.fetch_add(1, Ordering::Relaxed));
            Box::new(Topic {
                port: broker.port,
                name,
                qos,
            })
        })
        .await;
    }
}

#[tokio::test]
async fn a_session_that_is_left_is_gone() {
    let Some(broker) = Broker::start(server).await else {
        return;
    };
    let topic = Topic {
        port: broker.port,
        name: "left".into(),
        qos: 1,
    };
    for number in [1, 2] {
        let (sink, listener) = (Sink::default(), topic.listener());
        tokio::select! {
            ended = listener.listen(&sink) => panic!("it listens: {ended:?}"),
            () = async {
                sink.ready().await;
                topic.happen(number).await;
                sink.wait_for_different(1).await;
            } => {}
        }
        assert_eq!(sink.said()[0]["value"]["n"], number, "nobody kept what came in between");
        assert!(listener.has_made(None));
        listener.leave().await.unwrap();
        topic.happen(100).await;
    }
}

#[tokio::test]
async fn nothing_is_lost_over_a_restart_of_the_broker_while_nobody_listens() {
    for qos in [1, 2] {
        let Some(mut broker) = Broker::start(server).await else {
            return;
        };
        let topic = Topic {
            port: broker.port,
            name: "a/b".into(),
            qos,
        };
        let (sink, listener) = (Sink::default(), topic.listener());
        let (ended, ()) = tokio::join!(listener.listen(&sink), async {
            sink.ready().await;
            topic.happen(0).await;
            sink.wait_for_different(1).await;
            broker.kill();
        });
        assert!(ended.is_err(), "a broker that goes is an error while it is listened to");
        assert!(listener.listen(&sink).await.is_err(), "one that is not there, too");
        broker.restart().await;
        topic_again(&topic, &sink).await;
        for number in 1..20 {
            topic.happen(number).await;
        }
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        broker.kill();
        broker.restart().await;
        let before = sink.different();
        tokio::select! {
            ended = listener.listen(&sink) => panic!("it listens again: {ended:?}"),
            () = sink.wait_for_different(before + 19) => {}
        }
        let event: Value = serde_json::from_str(sink.last().data.get()).unwrap();
        let expected =
            json!({"topic": "a/b", "value": {"n": 19}, "qos": 1, "retain": false, "headers": {"kind": "test"}});
        assert_eq!(event, expected);
    }
}

/// Makes sure that the broker knows the session, which it may have forgotten when it was ended.
async fn topic_again(topic: &Topic, sink: &Sink) {
    let known = Sink::default();
    let listener = topic.listener();
    tokio::select! {
        ended = listener.listen(&known) => panic!("it listens: {ended:?}"),
        () = known.ready() => {}
    }
    assert!(known.ids().len() <= sink.ids().len());
}

#[tokio::test]
async fn a_subscription_that_is_refused_is_an_error() {
    let Some(broker) = Broker::start(server).await else {
        return;
    };
    let settings = json!({"url": format!("mqtt://127.0.0.1:{}", broker.port), "topic": "a/#/b", "client": "c"});
    let listener = crate::open("mqtt", "topic", &settings);
    assert!(listener.listen(&Sink::default()).await.is_err());
}
