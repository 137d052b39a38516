use std::io;

use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_rustls::rustls::pki_types::ServerName;

use super::{Endpoint, Error, Options, Result, body::Upload, tls};

/// An open connection; its driver runs as a task and ends with it.
pub(super) type Connection = SendRequest<Upload>;

/// Connects within the options' time.
pub(super) async fn open(endpoint: &Endpoint, options: &Options) -> Result<Connection> {
    let late = || {
        io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no connection within {:?}", options.connect_timeout),
        )
    };
    let attempt = timeout(options.connect_timeout, connect(endpoint, options)).await;
    attempt.unwrap_or_else(|_| Err(unreachable(endpoint, late())))
}

async fn connect(endpoint: &Endpoint, options: &Options) -> Result<Connection> {
    match endpoint {
        Endpoint::Unix(path) => {
            let stream = UnixStream::connect(path)
                .await
                .map_err(|error| unreachable(endpoint, error))?;
            drive(endpoint, stream).await
        }
        Endpoint::Tcp { host, port, tls } => {
            let connected = match options.addresses.as_slice() {
                [] => TcpStream::connect((host.as_str(), *port)).await,
                known => TcpStream::connect(known).await,
            };
            let stream = connected.map_err(|error| unreachable(endpoint, error))?;
            stream.set_nodelay(true).map_err(|error| unreachable(endpoint, error))?;
            if !tls {
                return drive(endpoint, stream).await;
            }
            let name = ServerName::try_from(host.clone()).map_err(|error| unreachable(endpoint, error))?;
            let connector = tls::connector(options)?;
            let stream = connector
                .connect(name, stream)
                .await
                .map_err(|error| unreachable(endpoint, error))?;
            drive(endpoint, stream).await
        }
    }
}

async fn drive<S>(endpoint: &Endpoint, stream: S) -> Result<Connection>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, driver) = handshake(TokioIo::new(stream))
        .await
        .map_err(|error| unreachable(endpoint, error))?;
    // The driver's failure reaches the call that waits on the sender.
    tokio::spawn(driver);
    Ok(sender)
}

/// The error of a connection that is not there, or broke.
pub(super) fn unreachable(endpoint: &Endpoint, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Unreachable {
        endpoint: endpoint.to_string(),
        source: Box::new(source),
    }
}
