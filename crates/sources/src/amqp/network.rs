use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    os::fd::{AsFd, AsRawFd},
    sync::Arc,
    time::{Duration, Instant},
};

use async_compat::Compat;
use async_rs::{Runtime, Tokio, traits::Reactor, util::RuntimeParts};
use futures_util::Stream;
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};

/// What the driver runs on: tokio, with connections by our TLS instead of its own.
pub(super) fn runtime(tls: Option<Secured>) -> Runtime<RuntimeParts<Tokio, Network>> {
    let tokio = Tokio::current();
    Runtime::new(RuntimeParts::new(tokio.clone(), Network { tokio, tls }))
}

/// How a server is reached by TLS.
#[derive(Clone, Debug)]
pub(super) struct Secured {
    pub config: Arc<ClientConfig>,
    pub server: ServerName<'static>,
}

/// Connections to one server.
#[derive(Clone, Debug)]
pub(super) struct Network {
    tokio: Tokio,
    tls: Option<Secured>,
}

/// The bytes of a connection.
pub(super) trait Bytes: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Bytes for T {}

impl Reactor for Network {
    type TcpStream = Compat<Box<dyn Bytes>>;
    type Sleep = <Tokio as Reactor>::Sleep;

    fn register<H: Read + Write + AsFd + AsRawFd + Send + 'static>(
        &self,
        socket: H,
    ) -> io::Result<impl futures_io::AsyncRead + futures_io::AsyncWrite + Send + Unpin + 'static> {
        self.tokio.register(socket)
    }

    fn sleep(&self, time: Duration) -> Self::Sleep {
        self.tokio.sleep(time)
    }

    fn interval(&self, time: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.tokio.interval(time)
    }

    fn tcp_connect_addr(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        let (connecting, tls) = (self.tokio.tcp_connect_addr(address), self.tls.clone());
        async move {
            let plain = connecting.await?.into_inner();
            let stream: Box<dyn Bytes> = match tls {
                Some(Secured { config, server }) => Box::new(TlsConnector::from(config).connect(server, plain).await?),
                None => Box::new(plain),
            };
            Ok(Compat::new(stream))
        }
    }
}
