use std::{fs, io, net::SocketAddr, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};
use wisp_core::{Code, Error, Result};

/// A socket that requests come from.
pub enum Listener {
    /// Plain TCP.
    Tcp(TcpListener),
    /// TLS over TCP.
    Tls(TcpListener, TlsAcceptor),
    /// A Unix socket.
    Unix(UnixListener),
}

impl Listener {
    /// A TCP socket at `address`, such as `127.0.0.1:3233`.
    pub async fn tcp(address: &str) -> Result<Self> {
        TcpListener::bind(address)
            .await
            .map(Self::Tcp)
            .map_err(|error| unusable(address, error))
    }

    /// A TCP socket for TLS.
    pub async fn tls(address: &str, config: Arc<ServerConfig>) -> Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| unusable(address, error))?;
        Ok(Self::Tls(listener, config.into()))
    }

    /// A Unix socket at `path` that its owner alone may open. Replaces one that an earlier server left.
    pub fn unix(path: &Path) -> Result<Self> {
        let unusable = |error| unusable(&path.display().to_string(), error);
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unusable(error)),
            _ => {}
        }
        let listener = UnixListener::bind(path).map_err(unusable)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(unusable)?;
        Ok(Self::Unix(listener))
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> io::Result<Socket> {
        match self {
            Listener::Tcp(listener) => Ok(Socket::Tcp(prompt(listener.accept().await?.0)?)),
            Listener::Tls(listener, tls) => Ok(Socket::Tls(prompt(listener.accept().await?.0)?, tls.clone())),
            Listener::Unix(listener) => Ok(Socket::Unix(listener.accept().await?.0)),
        }
    }

    /// The address of a TCP socket.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Listener::Tcp(listener) | Listener::Tls(listener, _) => listener.local_addr().ok(),
            Listener::Unix(_) => None,
        }
    }
}

fn unusable(address: &str, error: io::Error) -> Error {
    Error::new(Code::Config, format!("cannot listen on {address}: {error}")).because(error)
}

/// An accepted connection that has not spoken yet.
pub(crate) enum Socket {
    Tcp(TcpStream),
    Tls(TcpStream, TlsAcceptor),
    Unix(UnixStream),
}

/// A reply leaves at once: it is written whole, and nothing will follow that could share its packet.
fn prompt(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    Ok(stream)
}
