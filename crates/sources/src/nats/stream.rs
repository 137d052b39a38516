use std::{sync::Arc, time::Duration};

use async_nats::{
    Client,
    jetstream::{
        self, AckKind, Message,
        consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull},
    },
};
use async_trait::async_trait;
use futures_util::{
    TryStreamExt,
    future::{Either, join_all, select},
};
use serde_json::json;
use wisp_core::{
    Result,
    ports::{Clock, Ended, Event, EventSink, Listener, MADE},
};

use super::{
    message::values,
    server::{Server, broken},
};
use crate::{batch::Batch, json::data, payload::Format};

/// How long the server waits for a message's acknowledgement before it sends the message again.
const ACK_WAIT: Duration = Duration::from_secs(10);

/// The longest wait for a message in one request.
const BLOCK: Duration = Duration::from_secs(5);

/// Messages of a stream, by a durable consumer.
pub(super) struct Stream {
    pub server: Server,
    pub stream: String,
    pub durable: String,
    pub subject: Option<String>,
    pub from: DeliverPolicy,
    pub format: Format,
    pub batch: Batch,
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Listener for Stream {
    async fn listen(&self, sink: &dyn EventSink) -> Result<Ended> {
        let (client, mut faults) = self.server.connect().await?;
        faults.during(self.consume(client, sink)).await
    }

    async fn leave(&self) -> Result<()> {
        let (client, _faults) = self.server.connect().await?;
        let stream = self.stream(&client).await?;
        stream.delete_consumer(&self.durable).await.map(drop).map_err(broken)
    }
}

impl Stream {
    async fn consume(&self, client: Client, sink: &dyn EventSink) -> Result<Ended> {
        let mut consumer = self.consumer(&client, sink).await?;
        sink.expect(None);
        let known = consumer.cached_info();
        if known.num_ack_pending > 0 {
            // What was sent to whoever listened before has its turn before what is newer, once it is due again.
            self.clock.sleep(known.config.ack_wait).await;
        }
        loop {
            let messages = self.gather(&consumer).await?;
            if !messages.is_empty() {
                self.pass(&client, &messages, sink).await?;
            }
            sink.lag(consumer.info().await.map_err(broken)?.num_pending);
        }
    }

    /// The consumer, made if it is not there.
    async fn consumer(&self, client: &Client, sink: &dyn EventSink) -> Result<PullConsumer> {
        let stream = self.stream(client).await?;
        if let Ok(there) = stream.get_consumer(&self.durable).await {
            return Ok(there);
        }
        let wanted = pull::Config {
            durable_name: Some(self.durable.clone()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            deliver_policy: self.from,
            filter_subject: self.subject.clone().unwrap_or_default(),
            ..Default::default()
        };
        let consumer = stream.get_or_create_consumer(&self.durable, wanted).await;
        let consumer = consumer.map_err(|error| broken(format_args!("consumer '{}': {error}", self.durable)))?;
        sink.keep(MADE.into()).await?;
        Ok(consumer)
    }

    async fn stream(&self, client: &Client) -> Result<jetstream::stream::Stream> {
        let stream = jetstream::new(client.clone()).get_stream(&self.stream).await;
        stream.map_err(|error| broken(format_args!("stream '{}': {error}", self.stream)))
    }

    /// The next messages: what is there, and what comes within the time of a batch that is not full.
    async fn gather(&self, consumer: &PullConsumer) -> Result<Vec<Message>> {
        let mut messages = self.fetch(consumer, self.batch.count).await?;
        if messages.is_empty() {
            let one = consumer.batch().max_messages(1).expires(BLOCK);
            messages = one
                .messages()
                .await
                .map_err(broken)?
                .try_collect()
                .await
                .map_err(broken)?;
        }
        let missing = self.batch.count - messages.len().min(self.batch.count);
        if !messages.is_empty() && missing > 0 && !self.batch.time.is_zero() {
            self.clock.sleep(self.batch.time).await;
            messages.extend(self.fetch(consumer, missing).await?);
        }
        Ok(messages)
    }

    /// What is there.
    async fn fetch(&self, consumer: &PullConsumer, count: usize) -> Result<Vec<Message>> {
        let there = consumer.fetch().max_messages(count).expires(BLOCK).messages().await;
        there.map_err(broken)?.try_collect().await.map_err(broken)
    }

    /// Gives messages to the sink, then acknowledges them; those that it does not take are sent again at once.
    async fn pass(&self, client: &Client, messages: &[Message], sink: &dyn EventSink) -> Result<()> {
        let events = messages
            .iter()
            .map(|message| self.event(message))
            .collect::<Result<_>>()?;
        let mut delivery = sink.deliver(events);
        let delivered = loop {
            match select(delivery, self.clock.sleep(ACK_WAIT / 2)).await {
                Either::Left((delivered, _)) => break delivered,
                Either::Right(((), unfinished)) => delivery = unfinished,
            }
            answer(messages, AckKind::Progress).await?;
        };
        let kind = if delivered.is_ok() {
            AckKind::Ack
        } else {
            AckKind::Nak(None)
        };
        answer(messages, kind).await?;
        client.flush().await.map_err(broken)?;
        delivered
    }

    fn event(&self, message: &Message) -> Result<Event> {
        let info = message.info().map_err(broken)?;
        let published = info.published.unix_timestamp_nanos();
        let mut values = values(message, self.format);
        values.insert("stream".into(), json!(info.stream));
        values.insert("sequence".into(), json!(info.stream_sequence));
        values.insert("time".into(), json!(published / 1_000_000));
        Ok(Event {
            // A stream that is made anew counts anew.
            id: format!("{}-{published}", info.stream_sequence),
            data: data(&values)?,
        })
    }
}

async fn answer(messages: &[Message], kind: AckKind) -> Result<()> {
    let answers = messages.iter().map(|message| message.ack_with(kind));
    let answered: Result<Vec<()>, _> = join_all(answers).await.into_iter().collect();
    answered.map(drop).map_err(broken)
}
