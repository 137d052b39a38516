use std::{pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::{Either, select};
use lapin::{
    Channel, Connection, ConnectionProperties, Consumer,
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions},
    tcp::OwnedTLSConfig,
    types::{FieldTable, ShortString},
    uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo},
};
use tokio_rustls::rustls::{ClientConfig, pki_types::ServerName};
use wisp_core::{
    Code, Error, Result,
    ports::{Clock, Ended, EventSink, Listener},
};

use super::{
    message::{event, name, nameless},
    network::{self, Secured},
};
use crate::{
    address::Address,
    batch::Batch,
    names::{Nameless, Names},
    payload::Format,
};

/// The longest wait for a connection.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often a silent connection is tried, in seconds.
const HEARTBEAT: u16 = 15;

/// A consumer of a queue.
pub(super) struct Queue {
    pub address: Address,
    pub tls: Option<Arc<ClientConfig>>,
    pub queue: ShortString,
    pub format: Format,
    pub batch: Batch,
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Listener for Queue {
    async fn listen(&self, sink: &dyn EventSink) -> Result<Ended> {
        let connection = match select(pin!(self.connect()), self.clock.sleep(PATIENCE)).await {
            Either::Left((connection, _)) => connection?,
            Either::Right(_) => return Err(broken("no connection is made in time")),
        };
        let channel = connection.create_channel().await.map_err(broken)?;
        sink.lag(self.waiting(&channel).await?);
        let mut consumer = self.consume(&channel).await?;
        let mut names = Names::load(sink).await?;
        sink.expect(None);
        loop {
            let gathered = self.batch.gather(&mut consumer, &*self.clock).await;
            let messages: Vec<Delivery> = gathered.into_iter().collect::<Result<_, _>>().map_err(broken)?;
            let Some(last) = messages.last() else {
                return Err(broken("the broker sends no more of this queue"));
            };
            self.pass(&messages, &mut names, sink).await?;
            let all = BasicAckOptions { multiple: true };
            last.acker.ack(all).await.map_err(broken)?;
            // The answer says that the broker has the acknowledgement, too: it was sent before, on the same channel.
            sink.lag(self.waiting(&channel).await?);
            if messages.iter().any(|message| name(message).is_none()) {
                names.settle(sink).await?;
            }
        }
    }
}

impl Queue {
    async fn connect(&self) -> Result<Connection> {
        let Address {
            host,
            port,
            user,
            password,
            path,
            ..
        } = &self.address;
        let or = |given: &Option<String>| given.clone().unwrap_or_else(|| "guest".into());
        let uri = AMQPUri {
            // TLS is ours, and below what the driver sees.
            scheme: AMQPScheme::AMQP,
            authority: AMQPAuthority {
                userinfo: AMQPUserInfo {
                    username: or(user),
                    password: or(password),
                },
                host: host.clone(),
                port: *port,
            },
            vhost: if path.is_empty() { "/".into() } else { path.clone() },
            query: AMQPQueryString {
                heartbeat: Some(HEARTBEAT),
                ..Default::default()
            },
        };
        let tls = self.tls.clone().map(|config| self.secured(config)).transpose()?;
        let properties = ConnectionProperties::default().with_connection_name("wisp".into());
        let connecting =
            Connection::connect_uri_with_config(uri, properties, OwnedTLSConfig::default(), network::runtime(tls));
        connecting.await.map_err(broken)
    }

    fn secured(&self, config: Arc<ClientConfig>) -> Result<Secured> {
        let server = ServerName::try_from(self.address.host.clone()).map_err(broken)?;
        Ok(Secured { config, server })
    }

    async fn consume(&self, channel: &Channel) -> Result<Consumer> {
        // No more are on their way than go into a batch.
        let most = u16::try_from(self.batch.count).unwrap_or(u16::MAX);
        channel
            .basic_qos(most, BasicQosOptions::default())
            .await
            .map_err(broken)?;
        let options = BasicConsumeOptions::default();
        let consumer = channel.basic_consume(
            self.queue.clone(),
            ShortString::default(),
            options,
            FieldTable::default(),
        );
        consumer.await.map_err(broken)
    }

    /// Gives messages to the sink.
    async fn pass(&self, messages: &[Delivery], names: &mut Names, sink: &dyn EventSink) -> Result<()> {
        let without: Vec<Nameless> = messages
            .iter()
            .filter(|message| name(message).is_none())
            .map(nameless)
            .collect();
        let mut given = match without.is_empty() {
            true => Vec::new(),
            false => names.name(&without, sink).await?,
        }
        .into_iter();
        let events = messages.iter().filter_map(|message| {
            let id = name(message).map(str::to_owned).or_else(|| given.next())?;
            Some(event(id, message, self.format))
        });
        sink.deliver(events.collect::<Result<_>>()?).await
    }

    /// How many messages wait in the queue, which must be there.
    async fn waiting(&self, channel: &Channel) -> Result<u64> {
        let passive = QueueDeclareOptions {
            passive: true,
            ..Default::default()
        };
        let queue = channel.queue_declare(self.queue.clone(), passive, FieldTable::default());
        Ok(queue.await.map_err(broken)?.message_count().into())
    }
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::new(Code::Unavailable, format!("AMQP: {error}"))
}
