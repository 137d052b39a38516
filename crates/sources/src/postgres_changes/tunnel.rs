use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::{
    StreamExt,
    future::{Either, select},
    stream::FuturesUnordered,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpStream, UnixListener, UnixStream},
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, pki_types::ServerName},
};
use wisp_core::{Error, Result, ports::Clock};

use super::listener::broken;
use crate::address::Address;

/// Asks the server for TLS: the length of the message and its code.
const ASK_FOR_TLS: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// The longest wait for a connection.
const PATIENCE: Duration = Duration::from_secs(15);

/// A socket in a folder of its own, which nobody else may enter, whose connections go on to the server by TLS. The driver's
/// own TLS would bring a second library of ciphers.
pub(super) struct Tunnel {
    folder: TempDir,
    listener: UnixListener,
    address: Address,
    config: Arc<ClientConfig>,
    clock: Arc<dyn Clock>,
}

impl Tunnel {
    pub fn open(address: &Address, config: Arc<ClientConfig>, clock: Arc<dyn Clock>) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(broken)?;
        let path = folder.path().join(format!(".s.PGSQL.{}", address.port));
        let listener = UnixListener::bind(path).map_err(broken)?;
        let address = address.clone();
        Ok(Self {
            folder,
            listener,
            address,
            config,
            clock,
        })
    }

    /// The host of the server, as the driver is told.
    pub fn host(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// Does something, and carries connections meanwhile.
    pub async fn during<T>(tunnel: Option<&Self>, work: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let Some(tunnel) = tunnel else { return work.await };
        match select(pin!(work), pin!(tunnel.serve())).await {
            Either::Left((done, _)) => done,
            Either::Right((error, _)) => Err(error),
        }
    }

    /// Carries connections until one cannot be made.
    async fn serve(&self) -> Error {
        let mut open = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    match accepted {
                        Ok((local, _)) => open.push(self.carry(local)),
                        Err(error) => return broken(error),
                    }
                }
                Some(carried) = open.next() => {
                    if let Err(error) = carried {
                        return error;
                    }
                }
            }
        }
    }

    async fn carry(&self, mut local: UnixStream) -> Result<()> {
        let mut server = match select(pin!(self.connect()), self.clock.sleep(PATIENCE)).await {
            Either::Left((server, _)) => server?,
            Either::Right(_) => return Err(broken("no connection by TLS is made in time")),
        };
        // Whoever reads from it sees that it has ended, and why it matters.
        let _ = copy_bidirectional(&mut local, &mut server).await;
        Ok(())
    }

    async fn connect(&self) -> Result<TlsStream<TcpStream>> {
        let Address { host, port, .. } = &self.address;
        let mut plain = TcpStream::connect((host.as_str(), *port)).await.map_err(broken)?;
        plain.set_nodelay(true).map_err(broken)?;
        plain.write_all(&ASK_FOR_TLS).await.map_err(broken)?;
        if plain.read_u8().await.map_err(broken)? != b'S' {
            return Err(broken("the server speaks no TLS"));
        }
        let server = ServerName::try_from(host.clone()).map_err(broken)?;
        let connecting = TlsConnector::from(self.config.clone()).connect(server, plain);
        connecting.await.map_err(broken)
    }
}
