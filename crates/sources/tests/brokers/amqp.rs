use std::{
    net::TcpListener,
    path::Path,
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use serde_json::{Value, json};
use wisp_core::ports::Listener;
use wisp_testkit::conformance::source::{self, Sink, Upstream};

use crate::broker::{Broker, certify};

/// RabbitMQ with its own registrar of Erlang's nodes, all in this folder and on the loopback interface.
fn server(folder: &Path, port: u16) -> Command {
    command(folder, port, "tcp")
}

/// The same, by TLS.
pub fn secure_server(folder: &Path, port: u16) -> Command {
    let (certificate, key) = certify(folder);
    let command = command(folder, port, "ssl");
    let mut settings = std::fs::read_to_string(folder.join("rabbitmq.conf")).unwrap();
    for (name, path) in [
        ("certfile", &certificate),
        ("keyfile", &key),
        ("cacertfile", &certificate),
    ] {
        settings += &format!("\nssl_options.{name} = {}", path.display());
    }
    // No listener without TLS.
    settings += "\nlisteners.tcp = none\nssl_options.verify = verify_none\nssl_options.fail_if_no_peer_cert = false\n";
    std::fs::write(folder.join("rabbitmq.conf"), settings).unwrap();
    command
}

/// Whether this machine has the broker.
pub fn is_there() -> bool {
    let there = Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server").exists();
    if !there {
        eprintln!("SKIPPED: there is no rabbitmq-server");
    }
    there
}

fn command(folder: &Path, port: u16, listeners: &str) -> Command {
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (registrar, nodes) = (free(), free());
    let settings = [
        format!("listeners.{listeners}.1 = 127.0.0.1:{port}"),
        // Whoever may write to this folder's disk may fill it.
        "disk_free_limit.absolute = 1MB".into(),
    ];
    std::fs::write(folder.join("rabbitmq.conf"), settings.join("\n")).unwrap();
    std::fs::write(folder.join("plugins"), "[].").unwrap();
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(
        "epmd -address 127.0.0.1 -port $ERL_EPMD_PORT &
         exec /usr/lib/rabbitmq/bin/rabbitmq-server",
    );
    command
        .env("HOME", folder)
        .env("ERL_EPMD_PORT", registrar.to_string())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
        .env("RABBITMQ_NODENAME", "wisp@localhost")
        .env("RABBITMQ_DIST_PORT", nodes.to_string())
        .env(
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
            "-kernel inet_dist_use_interface {127,0,0,1}",
        )
        .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
        .env("RABBITMQ_MNESIA_BASE", folder.join("data"))
        .env("RABBITMQ_LOG_BASE", folder.join("log"))
        .env("RABBITMQ_PID_FILE", folder.join("pid"));
    command
}

async fn start() -> Option<Broker> {
    match is_there() {
        true => Broker::start(server).await,
        false => None,
    }
}

/// A queue of its own on the broker.
struct Queue {
    port: u16,
    name: String,
    /// Whether messages have names.
    named: bool,
}

impl Queue {
    fn of(broker: &Broker, name: &str, named: bool) -> Self {
        Self {
            port: broker.port,
            name: name.to_owned(),
            named,
        }
    }

    fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    async fn made(self) -> Self {
        let (_connection, channel) = self.channel().await;
        let lasting = QueueDeclareOptions::durable();
        let declared = channel.queue_declare(self.name.as_str().into(), lasting, FieldTable::default());
        declared.await.unwrap();
        self
    }

    async fn channel(&self) -> (Connection, Channel) {
        let connection = Connection::connect(&self.url(), ConnectionProperties::default()).await;
        let connection = connection.unwrap();
        let channel = connection.create_channel().await.unwrap();
        (connection, channel)
    }

    async fn publish(&self, payload: &str, properties: BasicProperties) {
        let (_connection, channel) = self.channel().await;
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        let (key, options) = (self.name.as_str().into(), BasicPublishOptions::default());
        // Of the kind that a broker writes down.
        let properties = properties.with_delivery_mode(2);
        let published = channel.basic_publish("".into(), key, options, payload.as_bytes(), properties);
        published.await.unwrap().await.unwrap();
    }
}

#[async_trait]
impl Upstream for Queue {
    async fn happen(&self, number: u64) {
        let properties = match self.named {
            true => BasicProperties::default().with_message_id(format!("m{number}").as_str().into()),
            false => BasicProperties::default(),
        };
        self.publish(&json!({ "n": number }).to_string(), properties).await;
    }

    fn listener(&self) -> Box<dyn Listener> {
        crate::open("amqp", "queue", &json!({"url": self.url(), "queue": self.name}))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queues_keep_the_contract() {
    let Some(broker) = start().await else { return };
    for named in [true, false] {
        let mut queues = Vec::new();
        for number in 0..3 {
            queues.push(Queue::of(&broker, &format!("q{named}{number}"), named).made().await);
        }
        let next = AtomicU64::new(0);
        source::listener(&|| {
            let queue = &queues[next.fetch_add(1, Ordering::Relaxed) as usize];
            Box::new(Queue::of(&broker, &queue.name, named))
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_over_a_restart_of_the_broker() {
    let Some(mut broker) = start().await else { return };
    let queue = Queue::of(&broker, "s", false).made().await;
    let (sink, listener) = (Sink::default(), queue.listener());
    let (ended, ()) = tokio::join!(listener.listen(&sink), async {
        sink.ready().await;
        queue.happen(0).await;
        sink.wait_for_different(1).await;
        broker.kill();
    });
    assert!(ended.is_err(), "a broker that goes is an error while it is listened to");
    assert!(listener.listen(&sink).await.is_err(), "one that is not there, too");
    broker.restart().await;
    for number in 1..10 {
        queue.happen(number).await;
    }
    broker.kill();
    broker.restart().await;
    tokio::select! {
        ended = listener.listen(&sink) => panic!("it listens again: {ended:?}"),
        () = sink.wait_for_different(10) => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_says_what_the_message_does() {
    let Some(broker) = start().await else { return };
    let queue = Queue::of(&broker, "orders", true).made().await;
    let mut headers = FieldTable::default();
    headers.insert("kind".into(), AMQPValue::LongString("test".into()));
    headers.insert("weight".into(), AMQPValue::LongInt(7));
    let properties = BasicProperties::default()
        .with_message_id("m-1".into())
        .with_content_type("application/json".into())
        .with_type("order".into())
        .with_correlation_id("c-1".into())
        .with_timestamp(1_795_280_000)
        .with_headers(headers);
    let (sink, listener) = (Sink::default(), queue.listener());
    tokio::select! {
        ended = listener.listen(&sink) => panic!("it listens: {ended:?}"),
        () = async {
            sink.ready().await;
            queue.publish(r#"{"n": 1}"#, properties).await;
            sink.wait_for(1).await;
        } => {}
    }
    let event = sink.last();
    assert_eq!(event.id, "m-1");
    let expected = json!({
        "exchange": "", "routingKey": "orders", "value": {"n": 1}, "messageId": "m-1", "type": "order",
        "contentType": "application/json", "correlationId": "c-1", "time": 1_795_280_000_000_u64,
        "headers": {"kind": "test", "weight": 7},
    });
    assert_eq!(serde_json::from_str::<Value>(event.data.get()).unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_not_there_and_a_wrong_password_are_errors() {
    let Some(broker) = start().await else { return };
    let queue = Queue::of(&broker, "missing", true);
    let error = queue.listener().listen(&Sink::default()).await.unwrap_err();
    assert!(error.message().contains("missing"), "{error}");
    let url = queue.url().replace(":guest@", ":wrong@");
    let listener = crate::open("amqp", "queue", &json!({"url": url, "queue": "missing"}));
    let error = listener.listen(&Sink::default()).await.unwrap_err();
    assert!(error.message().contains("ACCESS"), "{error}");
}
