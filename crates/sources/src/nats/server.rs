use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use futures_util::future::{Either, select};
use std::pin::pin;
use tokio::sync::mpsc;
use wisp_core::{Code, Error, Result, ports::FeedSettings};

use crate::{
    Config, reach,
    setting::{needed, text},
};

/// The longest wait for a connection, and for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where NATS is, and who comes.
pub(super) struct Server {
    addresses: Vec<ServerAddr>,
    credentials: Option<String>,
    token: Option<String>,
    buffer: usize,
}

impl Server {
    /// The server of a feed.
    pub fn of(settings: &FeedSettings, config: &Config) -> Result<Self> {
        let addresses = needed(settings, "url")?.split(',').map(|url| url.trim().parse());
        let addresses: Vec<ServerAddr> = addresses.collect::<Result<_, _>>().map_err(|error: std::io::Error| {
            Error::bad_request("the url parameter is not a URL of NATS: nats://host:port is one").because(error)
        })?;
        for address in &addresses {
            reach::check(config, format_args!("{}:{}", address.host(), address.port()))?;
        }
        let credentials = text(settings, "credentials").map(str::to_owned);
        if let Some(credentials) = &credentials {
            ConnectOptions::with_credentials(credentials)
                .map_err(|error| Error::bad_request("the credentials parameter is no file of nsc").because(error))?;
        }
        Ok(Self {
            addresses,
            credentials,
            token: text(settings, "token").map(str::to_owned),
            buffer: config.buffer.max(1),
        })
    }

    /// A connection that ends with its first fault: whoever listens begins again then, and the fault is seen.
    pub async fn connect(&self) -> Result<(Client, Faults)> {
        let (tell, faults) = mpsc::channel(1);
        let mut options = ConnectOptions::new()
            .name("wisp")
            .connection_timeout(PATIENCE)
            .request_timeout(Some(PATIENCE))
            .subscription_capacity(self.buffer)
            // Only hosts that were named are reached.
            .ignore_discovered_servers()
            .event_callback(move |event| {
                if is_fault(&event) {
                    let _ = tell.try_send(event);
                }
                async {}
            });
        if let Some(credentials) = &self.credentials {
            options = options.credentials(credentials).map_err(broken)?;
        }
        if let Some(token) = &self.token {
            options = options.token(token.clone());
        }
        let client = options.connect(&self.addresses[..]).await.map_err(broken)?;
        Ok((client, Faults(faults)))
    }
}

/// What goes wrong with a connection.
pub(super) struct Faults(mpsc::Receiver<Event>);

impl Faults {
    /// What the work comes to, or the fault that comes before.
    pub async fn during<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let fault = async {
            match self.0.recv().await {
                Some(Event::SlowConsumer(_)) => broken("messages were lost: they come faster than they can be taken"),
                Some(event) => broken(event),
                None => broken("the connection is closed"),
            }
        };
        match select(pin!(work), pin!(fault)).await {
            Either::Left((result, _)) => result,
            Either::Right((fault, _)) => Err(fault),
        }
    }
}

fn is_fault(event: &Event) -> bool {
    !matches!(event, Event::Connected | Event::LameDuckMode | Event::Draining)
}

/// The error of a server that does not do what it should.
pub(super) fn broken(error: impl std::fmt::Display) -> Error {
    Error::new(Code::Unavailable, format!("NATS: {error}"))
}
