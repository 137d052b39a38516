use std::{pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::stream::poll_fn;
use pgwire_replication::{PgWireError, ReplicationClient, ReplicationConfig, TlsConfig};
use wisp_core::{
    Code, Error, Result,
    ports::{Clock, Ended, EventSink, Listener},
};

use super::changes::Changes;
use crate::{address::Address, batch::Batch};

/// How often and how long a slot is waited for that the connection before has not left yet.
const ATTEMPTS: usize = 50;
const PAUSE: Duration = Duration::from_millis(200);

/// The reader of a replication slot.
pub(super) struct Slot {
    pub address: Address,
    pub publication: String,
    pub slot: String,
    pub batch: Batch,
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Listener for Slot {
    async fn listen(&self, sink: &dyn EventSink) -> Result<Ended> {
        let mut client = self.start().await?;
        sink.expect(None);
        let mut changes = Changes::default();
        loop {
            let mut messages = poll_fn(|context| {
                let received = pin!(client.recv()).poll(context);
                received.map(Result::transpose)
            });
            let gathered = self.batch.gather(&mut messages, &*self.clock).await;
            if gathered.is_empty() {
                return Err(broken("the server has ended the replication"));
            }
            let mut events = Vec::new();
            for message in gathered {
                events.extend(changes.take(message.map_err(broken)?)?);
            }
            if !events.is_empty() {
                sink.deliver(events).await?;
            }
            client.update_applied_lsn(changes.complete);
        }
    }
}

impl Slot {
    /// A connection that sends what the slot has.
    async fn start(&self) -> Result<ReplicationClient> {
        for _ in 0..ATTEMPTS {
            let mut client = ReplicationClient::connect_gated(self.config()).await.map_err(broken)?;
            let known = format!("SELECT 1 FROM pg_replication_slots WHERE slot_name = '{}'", self.slot);
            if client.simple_query(&known).await.map_err(broken)?.is_empty() {
                let make = format!("SELECT pg_create_logical_replication_slot('{}', 'pgoutput')", self.slot);
                client.simple_query(&make).await.map_err(broken)?;
            }
            client.start().await.map_err(broken)?;
            match client.wait_started().await {
                Ok(()) => return Ok(client),
                Err(PgWireError::Server(message)) if message.contains("is active for PID") => {}
                Err(error) => return Err(broken(error)),
            }
            self.clock.sleep(PAUSE).await;
        }
        Err(broken(format_args!("somebody else reads the slot '{}'", self.slot)))
    }

    fn config(&self) -> ReplicationConfig {
        let Address {
            host,
            port,
            user,
            password,
            path,
            ..
        } = &self.address;
        let (user, password) = (
            user.as_deref().unwrap_or("postgres"),
            password.as_deref().unwrap_or_default(),
        );
        let database = if path.is_empty() { user } else { path };
        ReplicationConfig::new(host, user, password, database, &self.slot, self.publication.as_str())
            .with_port(*port)
            .with_tls(TlsConfig::disabled())
            .with_application_name("wisp")
            .with_status_interval(Duration::from_secs(1))
            .with_buffer_size(self.batch.count.max(16))
    }
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::new(Code::Unavailable, format!("PostgreSQL: {error}"))
}
