use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use rdkafka::{
    ClientConfig,
    message::{Header, OwnedHeaders},
    mocking::MockCluster,
    producer::{DefaultProducerContext, FutureProducer, FutureRecord},
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use serde_json::{Value, json};
use wisp_core::ports::Listener;
use wisp_testkit::conformance::source::{self, Sink, Upstream};

type Cluster = MockCluster<'static, DefaultProducerContext>;

/// A topic of its own of the cluster.
struct Topic {
    servers: String,
    name: String,
}

impl Topic {
    fn made(cluster: &Cluster, name: String, partitions: i32) -> Self {
        cluster.create_topic(&name, partitions, 1).unwrap();
        Self {
            servers: cluster.bootstrap_servers(),
            name,
        }
    }
}

#[async_trait]
impl Upstream for Topic {
    async fn happen(&self, number: u64) {
        let producer: FutureProducer = ClientConfig::new()
            .set("bootstrap.servers", &self.servers)
            .create()
            .unwrap();
        let (key, payload) = ((number % 2).to_string(), json!({ "n": number }).to_string());
        let header = Header {
            key: "kind",
            value: Some("test"),
        };
        let record = FutureRecord::to(&self.name).key(&key).payload(&payload);
        let record = record.headers(OwnedHeaders::new().insert(header));
        producer.send(record, Duration::from_secs(30)).await.unwrap();
    }

    fn listener(&self) -> Box<dyn Listener> {
        let settings = json!({"brokers": self.servers, "topic": self.name, "group": self.name});
        crate::open("kafka", "topic", &settings)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn topics_keep_the_contract() {
    let cluster = MockCluster::new(1).unwrap();
    let topics = AtomicU64::new(0);
    source::listener(&|| {
        let name = format!("topic-{}", topics.fetch_add(1, Ordering::Relaxed));
        Box::new(Topic::made(&cluster, name, 1))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn the_order_of_a_key_is_kept_over_partitions() {
    let cluster = MockCluster::new(1).unwrap();
    let topic = Topic::made(&cluster, "orders".into(), 4);
    for number in 0..20 {
        topic.happen(number).await;
    }
    let (sink, listener) = (Sink::default(), topic.listener());
    tokio::select! {
        ended = listener.listen(&sink) => panic!("it listens: {ended:?}"),
        () = sink.wait_for_different(20) => {}
    }
    let events = sink.said();
    for key in ["0", "1"] {
        let of_key = events.iter().filter(|event| event["key"] == key);
        let numbers: Vec<u64> = of_key.map(|event| event["value"]["n"].as_u64().unwrap()).collect();
        assert!(numbers.is_sorted() && numbers.len() == 10, "{numbers:?}");
    }
    let event: &Value = events.last().unwrap();
    assert_eq!(
        (&event["topic"], &event["headers"]),
        (&json!("orders"), &json!({"kind": "test"}))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_cluster_that_refuses_the_group_or_is_gone_is_an_error() {
    let cluster = MockCluster::new(1).unwrap();
    let topic = Topic::made(&cluster, "t".into(), 1);
    let refused = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED; 3];
    cluster.request_errors(RDKafkaApiKey::JoinGroup, &refused);
    let error = topic.listener().listen(&Sink::default()).await.unwrap_err();
    assert!(error.message().contains("GroupAuthorizationFailed"), "{error}");
    drop(cluster);
    assert!(topic.listener().listen(&Sink::default()).await.is_err());
}
