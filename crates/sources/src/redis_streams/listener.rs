use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use redis::{
    AsyncCommands, AsyncConnectionConfig, RedisError, RedisResult,
    aio::MultiplexedConnection,
    streams::{StreamId, StreamInfoGroupsReply, StreamReadOptions, StreamReadReply},
};
use wisp_core::{
    Code, Error, Result,
    ports::{Clock, Ended, EventSink, Listener, MADE},
};

use super::entry::event;
use crate::batch::Batch;

/// The only consumer of the group: what it read before a crash is its own afterwards.
const CONSUMER: &str = "wisp";

/// The longest wait for entries in one command, in milliseconds.
const BLOCK: usize = 5_000;

/// The longest wait for a connection, and for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Reads a stream as a consumer group.
pub(super) struct Group {
    pub client: redis::Client,
    pub stream: String,
    pub group: String,
    pub from: String,
    pub json: Option<String>,
    pub batch: Batch,
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Listener for Group {
    async fn listen(&self, sink: &dyn EventSink) -> Result<Ended> {
        let mut connection = self.connect().await.map_err(broken)?;
        if self.make(&mut connection).await.map_err(broken)? {
            sink.keep(MADE.into()).await?;
        }
        sink.expect(None);
        // What was read and not acknowledged comes first.
        loop {
            let entries = self
                .read(&mut connection, "0", None, self.batch.count)
                .await
                .map_err(broken)?;
            if entries.is_empty() {
                break;
            }
            self.pass(&mut connection, entries, sink).await?;
        }
        loop {
            let entries = self.gather(&mut connection).await.map_err(broken)?;
            if !entries.is_empty() {
                self.pass(&mut connection, entries, sink).await?;
            }
            let groups: StreamInfoGroupsReply = connection.xinfo_groups(&self.stream).await.map_err(broken)?;
            let own = groups.groups.iter().find(|group| group.name == self.group);
            sink.lag(own.and_then(|group| group.lag).unwrap_or(0) as u64);
        }
    }

    async fn leave(&self) -> Result<()> {
        let mut connection = self.connect().await.map_err(broken)?;
        let left: RedisResult<bool> = connection.xgroup_destroy(&self.stream, &self.group).await;
        left.map(drop).map_err(broken)
    }
}

impl Group {
    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        self.client.get_multiplexed_async_connection_with_config(&config).await
    }

    /// Makes the group if it is not there; whether it did.
    async fn make(&self, connection: &mut MultiplexedConnection) -> RedisResult<bool> {
        let made: RedisResult<()> = connection
            .xgroup_create_mkstream(&self.stream, &self.group, &self.from)
            .await;
        match made {
            Ok(()) => Ok(true),
            Err(error) if error.code() == Some("BUSYGROUP") => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The next entries: what is there, and what comes within the time of a batch that is not full.
    async fn gather(&self, connection: &mut MultiplexedConnection) -> RedisResult<Vec<StreamId>> {
        let mut entries = self.read(connection, ">", Some(BLOCK), self.batch.count).await?;
        let missing = self.batch.count - entries.len().min(self.batch.count);
        if !entries.is_empty() && missing > 0 && !self.batch.time.is_zero() {
            self.clock.sleep(self.batch.time).await;
            entries.extend(self.read(connection, ">", None, missing).await?);
        }
        Ok(entries)
    }

    async fn read(
        &self,
        connection: &mut MultiplexedConnection,
        after: &str,
        block: Option<usize>,
        count: usize,
    ) -> RedisResult<Vec<StreamId>> {
        let mut options = StreamReadOptions::default().group(&self.group, CONSUMER).count(count);
        if let Some(block) = block {
            options = options.block(block);
        }
        let reply: Option<StreamReadReply> = connection.xread_options(&[&self.stream], &[after], &options).await?;
        let keys = reply.map(|reply| reply.keys).unwrap_or_default();
        Ok(keys.into_iter().flat_map(|key| key.ids).collect())
    }

    /// Gives entries to the sink, then acknowledges them. One without fields was deleted meanwhile.
    async fn pass(
        &self,
        connection: &mut MultiplexedConnection,
        entries: Vec<StreamId>,
        sink: &dyn EventSink,
    ) -> Result<()> {
        let there = entries.iter().filter(|entry| !entry.map.is_empty());
        let events = there
            .map(|entry| event(entry, self.json.as_deref()))
            .collect::<Result<_>>()?;
        sink.deliver(events).await?;
        let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        let _: usize = connection.xack(&self.stream, &self.group, &ids).await.map_err(broken)?;
        Ok(())
    }
}

fn broken(error: RedisError) -> Error {
    Error::new(Code::Unavailable, format!("Redis: {error}")).because(error)
}
