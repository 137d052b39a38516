use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, http::Request};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::timeout,
};
use tower::ServiceExt;

use crate::{
    Settings,
    durable::Peer,
    listen::{Listener, Socket},
};

/// Pause after a failure to accept: the usual cause, too few file descriptors, passes when connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers requests from all listeners until `shutdown` is ready; then stops listening, lets running requests end for
/// as long as the settings say, and returns.
pub async fn serve(listeners: Vec<Listener>, router: Router, settings: Settings, shutdown: impl Future<Output = ()>) {
    let (stop, stopped) = watch::channel(());
    let server = Arc::new(Server {
        builder: builder(&settings),
        router,
        settings,
        room: Arc::new(Semaphore::new(settings.connections)),
    });
    let mut loops = JoinSet::new();
    for listener in listeners {
        loops.spawn(server.clone().listen(listener, stopped.clone()));
    }
    shutdown.await;
    drop(stop);
    while loops.join_next().await.is_some() {}
}

fn builder(settings: &Settings) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.head())
        .max_buf_size(settings.head_size)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.streams)
        .keep_alive_interval(settings.head());
    builder
}

struct Server {
    builder: auto::Builder<TokioExecutor>,
    router: Router,
    settings: Settings,
    room: Arc<Semaphore>,
}

impl Server {
    async fn listen(self: Arc<Self>, listener: Listener, mut stopped: watch::Receiver<()>) {
        let mut connections = JoinSet::new();
        // The semaphore is never closed.
        while let Ok(room) = self.room.clone().acquire_owned().await {
            while connections.try_join_next().is_some() {}
            let socket = tokio::select! {
                socket = listener.accept() => socket,
                _ = stopped.changed() => break,
            };
            match socket {
                Ok(socket) => {
                    let (server, stopped) = (self.clone(), stopped.clone());
                    connections.spawn(async move {
                        server.greet(socket, stopped).await;
                        drop(room);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        let ended = timeout(self.settings.drain(), async {
            while connections.join_next().await.is_some() {}
        });
        if ended.await.is_err() {
            tracing::warn!(
                connections = connections.len(),
                "the shutdown cuts off requests that are still running"
            );
        }
    }

    async fn greet(&self, socket: Socket, mut stopped: watch::Receiver<()>) {
        match socket {
            Socket::Unix(stream) => self.converse(stream, None, stopped).await,
            // A peer that says nothing is not waited for longer than for any other request's head.
            Socket::Tcp(stream) => match before(&mut stopped, self.settings.head(), stream.peek(&mut [0])).await {
                Some(Ok(1)) => {
                    let peer = stream.peer_addr().ok();
                    self.converse(stream, peer, stopped).await;
                }
                _ => tracing::debug!("a connection ended before its first request"),
            },
            Socket::Tls(stream, tls) => {
                let peer = stream.peer_addr().ok();
                match before(&mut stopped, self.settings.handshake(), tls.accept(stream)).await {
                    Some(Ok(stream)) => self.converse(stream, peer, stopped).await,
                    Some(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                    None => tracing::debug!("a TLS handshake took too long"),
                }
            }
        }
    }

    /// Answers the requests of one connection.
    async fn converse<S>(&self, stream: S, peer: Option<SocketAddr>, mut stopped: watch::Receiver<()>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = self.router.clone().map_request(move |mut request: Request<Incoming>| {
            if let Some(peer) = peer {
                request.extensions_mut().insert(Peer(peer));
            }
            request
        });
        let service = TowerToHyperService::new(router);
        let mut connection = pin!(self.builder.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            _ = stopped.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(error, "a connection broke off");
        }
    }
}

/// The outcome of what happens before the first request; none when the time is up or the server stops.
async fn before<T>(stopped: &mut watch::Receiver<()>, time: Duration, happening: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        outcome = timeout(time, happening) => outcome.ok(),
        _ = stopped.changed() => None,
    }
}
