use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{
    future::{Either, select},
    stream::poll_fn,
};
use pgwire_replication::{PgWireError, ReplicationClient, ReplicationConfig, TlsConfig};
use tokio_rustls::rustls::ClientConfig;
use wisp_core::{
    Code, Error, Result,
    ports::{Clock, Ended, EventSink, Listener, MADE},
};

use super::{changes::Changes, tunnel::Tunnel};
use crate::{address::Address, batch::Batch};

/// How often and how long a slot is waited for that the connection before has not left yet.
const ATTEMPTS: usize = 50;
const PAUSE: Duration = Duration::from_millis(200);

/// How often the server is asked how far behind the slot is.
const WATCH: Duration = Duration::from_secs(10);

/// The reader of a replication slot.
pub(super) struct Slot {
    pub address: Address,
    pub tls: Option<Arc<ClientConfig>>,
    pub publication: String,
    pub slot: String,
    pub batch: Batch,
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Listener for Slot {
    async fn listen(&self, sink: &dyn EventSink) -> Result<Ended> {
        let tunnel = self.tunnel()?;
        let config = self.config(tunnel.as_ref());
        Tunnel::during(tunnel.as_ref(), async {
            match select(pin!(self.take(&config, sink)), pin!(self.watch(&config, sink))).await {
                Either::Left((ended, _)) => ended,
                Either::Right((never, _)) => match never {},
            }
        })
        .await
    }

    async fn leave(&self) -> Result<()> {
        let tunnel = self.tunnel()?;
        let config = self.config(tunnel.as_ref());
        Tunnel::during(tunnel.as_ref(), self.drop_slot(config)).await
    }
}

impl Slot {
    /// The way to the server, if it is reached by TLS.
    fn tunnel(&self) -> Result<Option<Tunnel>> {
        let open = |config| Tunnel::open(&self.address, config, self.clock.clone());
        self.tls.clone().map(open).transpose()
    }

    /// Whoever has listened before may not have left yet.
    async fn drop_slot(&self, config: ReplicationConfig) -> Result<()> {
        let mut client = ReplicationClient::connect_gated(config).await.map_err(broken)?;
        let drop_slot = format!("SELECT pg_drop_replication_slot('{}')", self.slot);
        for _ in 0..ATTEMPTS {
            match client.simple_query(&drop_slot).await {
                Ok(_) => return Ok(()),
                Err(PgWireError::Server(message)) if message.contains("is active for PID") => {}
                Err(error) => return Err(broken(error)),
            }
            self.clock.sleep(PAUSE).await;
        }
        Err(broken(format_args!("somebody else reads the slot '{}'", self.slot)))
    }

    async fn take(&self, config: &ReplicationConfig, sink: &dyn EventSink) -> Result<Ended> {
        let mut client = self.start(config, sink).await?;
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

    /// Tells how far behind the slot is. A server that does not say (a standby) says so with its next answer, or never.
    async fn watch(&self, config: &ReplicationConfig, sink: &dyn EventSink) -> Infallible {
        loop {
            self.clock.sleep(WATCH).await;
            if let Ok(Some(bytes)) = self.behind(config).await {
                sink.lag(bytes);
            }
        }
    }

    async fn behind(&self, config: &ReplicationConfig) -> Result<Option<u64>, PgWireError> {
        let mut client = ReplicationClient::connect_gated(config.clone()).await?;
        let behind = format!(
            "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn) FROM pg_replication_slots \
             WHERE slot_name = '{}'",
            self.slot
        );
        let rows = client.simple_query(&behind).await?;
        let bytes = rows.first().and_then(|row| row.first()).and_then(Option::as_deref);
        let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
        Ok(text.and_then(|text| text.parse().ok()))
    }

    /// A connection that sends what the slot has.
    async fn start(&self, config: &ReplicationConfig, sink: &dyn EventSink) -> Result<ReplicationClient> {
        for _ in 0..ATTEMPTS {
            let mut client = ReplicationClient::connect_gated(config.clone()).await.map_err(broken)?;
            let known = format!("SELECT 1 FROM pg_replication_slots WHERE slot_name = '{}'", self.slot);
            if client.simple_query(&known).await.map_err(broken)?.is_empty() {
                let make = format!("SELECT pg_create_logical_replication_slot('{}', 'pgoutput')", self.slot);
                client.simple_query(&make).await.map_err(broken)?;
                sink.keep(MADE.into()).await?;
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

    fn config(&self, tunnel: Option<&Tunnel>) -> ReplicationConfig {
        let host = tunnel.map_or_else(|| self.address.host.clone(), Tunnel::host);
        let Address {
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

pub(super) fn broken(error: impl std::fmt::Display) -> Error {
    Error::new(Code::Unavailable, format!("PostgreSQL: {error}"))
}
