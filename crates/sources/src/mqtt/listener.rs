use std::{pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{
    future::{Either, select},
    stream::poll_fn,
};
use rumqttc::{
    Outgoing, TlsConfiguration, Transport,
    tokio_rustls::rustls::ClientConfig,
    v5::{
        AsyncClient, Event as Packet, EventLoop, Incoming, MqttOptions, MqttState,
        mqttbytes::{
            QoS,
            v5::{Filter, Packet as Contents, Publish, RetainForwardRule, SubscribeReasonCode},
        },
    },
};
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, watch};
use wisp_core::{
    Code, Error, Result,
    ports::{Clock, Ended, Event, EventSink, Listener},
};

use crate::{
    address::Address,
    batch::Batch,
    json::data,
    names::{Nameless, Names, mark},
    payload::{Format, headers},
};

/// How often a silent connection is tried.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The largest packet, in bytes; the broker leaves out messages that are larger.
const LARGEST: u32 = 8 << 20;

/// A session at a broker.
pub(super) struct Session {
    pub address: Address,
    pub tls: Option<Arc<ClientConfig>>,
    pub topic: String,
    pub client: String,
    pub qos: QoS,
    /// How long the broker keeps it, in seconds.
    pub expiry: u32,
    pub format: Format,
    pub batch: Batch,
    pub buffer: usize,
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Listener for Session {
    async fn listen(&self, sink: &dyn EventSink) -> Result<Ended> {
        let (client, mut connection) = AsyncClient::new(self.options(), self.batch.count + 1);
        expect_releases(&mut connection.state)?;
        client.try_subscribe_many([self.filter()]).map_err(broken)?;
        let (give, taken) = mpsc::channel(self.buffer.max(self.batch.count));
        let (sent, acknowledged) = watch::channel(0);
        let receive = receive(&mut connection, give, sent, sink);
        let pass = self.pass(&client, taken, acknowledged, sink);
        match select(pin!(receive), pin!(pass)).await {
            Either::Left((ended, _)) | Either::Right((ended, _)) => ended,
        }
    }

    /// The client's id is this subscription's alone, so its session is, too.
    fn has_made(&self, _: Option<&Value>) -> bool {
        true
    }

    /// Begins a session anew that ends with its connection.
    async fn leave(&self) -> Result<()> {
        let mut options = self.options();
        options.set_clean_start(true).set_session_expiry_interval(Some(0));
        let (client, mut connection) = AsyncClient::new(options, 1);
        while !matches!(
            connection.poll().await.map_err(broken)?,
            Packet::Incoming(Incoming::ConnAck(_))
        ) {}
        client.try_disconnect().map_err(broken)?;
        while !matches!(
            connection.poll().await.map_err(broken)?,
            Packet::Outgoing(Outgoing::Disconnect)
        ) {}
        Ok(())
    }
}

impl Session {
    fn options(&self) -> MqttOptions {
        let mut options = MqttOptions::new(&self.client, &self.address.host, self.address.port);
        options
            .set_keep_alive(KEEP_ALIVE)
            .set_clean_start(false)
            .set_manual_acks(true)
            .set_session_expiry_interval(Some(self.expiry))
            .set_max_packet_size(Some(LARGEST))
            // No more are on their way than go into a batch.
            .set_receive_maximum(Some(u16::try_from(self.batch.count).unwrap_or(u16::MAX)));
        if let Some(user) = &self.address.user {
            options.set_credentials(user, self.address.password.as_deref().unwrap_or_default());
        }
        if let Some(tls) = &self.tls {
            options.set_transport(Transport::Tls(TlsConfiguration::Rustls(tls.clone())));
        }
        options
    }

    fn filter(&self) -> Filter {
        let mut filter = Filter::new(&self.topic, self.qos);
        // Not with every connection.
        filter.retain_forward_rule = RetainForwardRule::OnNewSubscribe;
        filter
    }

    /// Gives messages to the sink, then acknowledges them.
    async fn pass(
        &self,
        client: &AsyncClient,
        mut taken: mpsc::Receiver<Publish>,
        mut acknowledged: watch::Receiver<usize>,
        sink: &dyn EventSink,
    ) -> Result<Ended> {
        let mut names = Names::load(sink).await?;
        let mut acknowledging = 0;
        let mut arrived = poll_fn(|context| taken.poll_recv(context));
        loop {
            let messages = self.batch.gather(&mut arrived, &*self.clock).await;
            if messages.is_empty() {
                return Err(broken("the connection is closed"));
            }
            let nameless: Vec<Nameless> = messages.iter().map(nameless).collect();
            let ids = names.name(&nameless, sink).await?;
            let events = ids
                .into_iter()
                .zip(&messages)
                .map(|(id, message)| self.event(id, message));
            sink.deliver(events.collect::<Result<_>>()?).await?;
            for message in messages.iter().filter(|message| message.qos != QoS::AtMostOnce) {
                client.ack(message).await.map_err(broken)?;
                acknowledging += 1;
            }
            let sent = acknowledged.wait_for(|sent| *sent >= acknowledging).await;
            sent.map(drop).map_err(broken)?;
            names.settle(sink).await?;
        }
    }

    fn event(&self, id: String, message: &Publish) -> Result<Event> {
        let mut values = Map::new();
        values.insert("topic".into(), json!(String::from_utf8_lossy(&message.topic)));
        values.insert("value".into(), self.format.value(&message.payload));
        values.insert("qos".into(), json!(message.qos as u8));
        values.insert("retain".into(), json!(message.retain));
        let properties = message
            .properties
            .iter()
            .flat_map(|properties| properties.user_properties.clone());
        let properties = headers(properties);
        if !properties.is_empty() {
            values.insert("headers".into(), json!(properties));
        }
        Ok(Event {
            id,
            data: data(&values)?,
        })
    }
}

/// What tells a message from others: its number, which the broker gives to others later, and what it says.
fn nameless(message: &Publish) -> Nameless {
    let marked = || mark(&[&message.pkid.to_be_bytes(), &message.topic, &message.payload]);
    Nameless {
        mark: (message.qos != QoS::AtMostOnce).then(marked),
        again: message.dup,
    }
}

/// Keeps the connection going, hands over what comes, and counts the acknowledgements that are `sent`.
async fn receive(
    connection: &mut EventLoop,
    give: mpsc::Sender<Publish>,
    sent: watch::Sender<usize>,
    sink: &dyn EventSink,
) -> Result<Ended> {
    loop {
        match connection.poll().await.map_err(broken)? {
            Packet::Incoming(Incoming::Publish(message)) => give
                .try_send(message)
                .map_err(|_| broken("messages were lost: they come faster than they can be taken"))?,
            Packet::Incoming(Incoming::SubAck(answer)) => {
                let refused = |code: &&SubscribeReasonCode| !matches!(code, SubscribeReasonCode::Success(_));
                if let Some(code) = answer.return_codes.iter().find(refused) {
                    return Err(broken(format_args!("the subscription is refused: {code:?}")));
                }
                sink.expect(None);
            }
            Packet::Outgoing(Outgoing::PubAck(_) | Outgoing::PubRec(_)) => sent.send_modify(|sent| *sent += 1),
            _ => {}
        }
    }
}

/// Makes the library take the broker's release of any message of quality 2. It takes that only for messages that it has
/// seen on the same connection; the broker also sends what it owes to the one before.
fn expect_releases(state: &mut MqttState) -> Result<()> {
    for number in 1..=u16::MAX {
        let mut message = Publish::new("", QoS::ExactlyOnce, Vec::new(), None);
        message.pkid = number;
        state
            .handle_incoming_packet(Contents::Publish(message))
            .map_err(broken)?;
        state.events.clear();
    }
    Ok(())
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::new(Code::Unavailable, format!("MQTT: {error}"))
}
