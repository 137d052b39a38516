use std::{fmt, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

/// How a client connects.
#[derive(Clone, Debug)]
pub struct Options {
    /// Accept any certificate of the server.
    pub insecure: bool,
    /// PEM file of certificates that are trusted besides the machine's.
    pub ca_certificate: Option<PathBuf>,
    /// PEM files of a certificate and its key that the client presents.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Where to connect, for whoever has looked the host's name up; its addresses if there are none.
    pub addresses: Vec<SocketAddr>,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for a reply, from the start of the request.
    pub reply_timeout: Duration,
    /// Longest reply that is read, in bytes.
    pub reply_size: usize,
    /// Told how much of a request's body was handed to the network.
    pub progress: Option<Progress>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            insecure: false,
            ca_certificate: None,
            identity: None,
            addresses: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            reply_timeout: Duration::from_secs(600),
            // Code of 48 MiB in base64, and room for the rest.
            reply_size: 128 << 20,
            progress: None,
        }
    }
}

/// A watcher of uploads: called with bytes sent so far and bytes in all.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(u64, u64) + Send + Sync>);

impl Progress {
    /// Calls `watch` after every piece.
    pub fn new(watch: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        Self(Arc::new(watch))
    }

    pub(super) fn report(&self, sent: u64, total: u64) {
        (self.0)(sent, total);
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}
