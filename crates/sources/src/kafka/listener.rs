use std::{collections::HashMap, pin::pin, sync::Arc};

use async_trait::async_trait;
use futures_util::future::{Either, select};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{CommitMode, Consumer, StreamConsumer},
    message::{BorrowedMessage, Headers},
};
use serde_json::{Map, json};
use tokio::sync::mpsc;
use wisp_core::{
    Code, Error, Result,
    ports::{Clock, Ended, Event, EventSink, FeedSettings, Listener},
};

use super::watch::{News, Watch};
use crate::{
    Context,
    batch::Batch,
    json::data,
    payload::{Format, headers},
    reach,
    setting::{needed, text, word},
};

/// A member of a consumer group.
pub(super) struct Group {
    config: ClientConfig,
    topics: Vec<String>,
    format: Format,
    batch: Batch,
    clock: Arc<dyn Clock>,
}

impl Group {
    /// The member that a feed's settings describe.
    pub fn of(settings: &FeedSettings, context: &Context) -> Result<Self> {
        let brokers = needed(settings, "brokers")?;
        if brokers.contains("://") {
            let message = "the brokers parameter is host:port,…; there is no TLS: the client's would be OpenSSL, which this \
                           program does without";
            return Err(Error::bad_request(message));
        }
        for broker in brokers.split(',') {
            reach::check(&context.config, broker.trim())?;
        }
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", brokers)
            .set("client.id", "wisp")
            .set("group.id", text(settings, "group").unwrap_or("wisp"))
            .set(
                "auto.offset.reset",
                word(settings, "from", &[("all", "earliest"), ("new", "latest")])?,
            )
            .set("enable.auto.commit", "false")
            // How long the others of the group wait for a member that crashed.
            .set("session.timeout.ms", "10000")
            // The platform may have no room for long.
            .set("max.poll.interval.ms", "86400000")
            .set("queued.max.messages.kbytes", "16384")
            .set("statistics.interval.ms", "5000");
        if let Some(user) = text(settings, "user") {
            config
                .set("security.protocol", "sasl_plaintext")
                .set("sasl.mechanism", "PLAIN")
                .set("sasl.username", user)
                .set("sasl.password", text(settings, "password").unwrap_or_default());
        }
        Ok(Self {
            config,
            topics: needed(settings, "topic")?
                .split(',')
                .map(|topic| topic.trim().to_owned())
                .collect(),
            format: Format::of(settings)?,
            batch: Batch::of(settings, &context.config)?,
            clock: context.clock.clone(),
        })
    }
}

#[async_trait]
impl Listener for Group {
    async fn listen(&self, sink: &dyn EventSink) -> Result<Ended> {
        let (tell, news) = mpsc::channel(16);
        let consumer: StreamConsumer<Watch> = self.config.create_with_context(Watch(tell)).map_err(broken)?;
        let topics: Vec<&str> = self.topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics).map_err(broken)?;
        match select(pin!(self.consume(&consumer, sink)), pin!(watch(news, sink))).await {
            Either::Left((ended, _)) | Either::Right((ended, _)) => ended,
        }
    }
}

impl Group {
    /// Gives records to the sink, then commits that they were taken.
    async fn consume(&self, consumer: &StreamConsumer<Watch>, sink: &dyn EventSink) -> Result<Ended> {
        let mut records = consumer.stream();
        loop {
            let gathered = self.batch.gather(&mut records, &*self.clock).await;
            let gathered: Vec<BorrowedMessage<'_>> = gathered.into_iter().collect::<Result<_, _>>().map_err(broken)?;
            let events = gathered
                .iter()
                .map(|record| self.event(record))
                .collect::<Result<_>>()?;
            sink.deliver(events).await?;
            consumer.commit(&after(&gathered)?, CommitMode::Async).map_err(broken)?;
        }
    }

    fn event(&self, record: &BorrowedMessage<'_>) -> Result<Event> {
        let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
        let time = record.timestamp().to_millis();
        let mut values = Map::new();
        values.insert("topic".into(), json!(topic));
        values.insert("partition".into(), json!(partition));
        values.insert("offset".into(), json!(offset));
        values.insert("time".into(), json!(time));
        values.insert(
            "key".into(),
            json!(record.key().map(|key| String::from_utf8_lossy(key))),
        );
        values.insert(
            "value".into(),
            json!(record.payload().map(|bytes| self.format.value(bytes))),
        );
        if let Some(given) = record.headers() {
            let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
            let pairs = given.iter().map(|header| (header.key.to_owned(), text(header.value)));
            values.insert("headers".into(), json!(headers(pairs)));
        }
        Ok(Event {
            // A topic that is made anew counts anew.
            id: format!("{topic}-{partition}-{offset}-{}", time.unwrap_or_default()),
            data: data(&values)?,
        })
    }
}

/// Where the group goes on after these records.
fn after(records: &[BorrowedMessage<'_>]) -> Result<TopicPartitionList> {
    let mut next = HashMap::new();
    for record in records {
        next.insert((record.topic(), record.partition()), record.offset() + 1);
    }
    let mut offsets = TopicPartitionList::new();
    for ((topic, partition), offset) in next {
        let added = offsets.add_partition_offset(topic, partition, Offset::Offset(offset));
        added.map_err(broken)?;
    }
    Ok(offsets)
}

/// Passes on what the client tells, until the cluster cannot be used.
async fn watch(mut news: mpsc::Receiver<News>, sink: &dyn EventSink) -> Result<Ended> {
    loop {
        match news.recv().await {
            Some(News::Assigned) => sink.expect(None),
            Some(News::Lag(waiting)) => sink.lag(waiting),
            Some(News::Broken(why)) => return Err(broken(why)),
            None => return Err(broken("the client has ended")),
        }
    }
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::new(Code::Unavailable, format!("Kafka: {error}"))
}
