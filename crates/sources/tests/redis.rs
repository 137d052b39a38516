//! `redis_streams` against a real server, which each test starts.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    collections::HashSet,
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use redis::AsyncCommands;
use serde_json::json;
use wisp_core::ports::{Listener, Subscription};
use wisp_sources::{Config, Context, SOURCES};
use wisp_testkit::{
    clock::Simulated,
    conformance::source::{self, Sink, Upstream},
};

/// A Redis of the test's own, ended with it.
struct Server {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Starts one; none if this machine has no Redis.
    fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let process = run(folder.path(), port)?;
        Some(Self {
            process,
            port,
            _folder: folder,
        })
    }

    fn client(&self) -> redis::Client {
        redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap()
    }

    async fn ready(&self) {
        while self.client().get_multiplexed_async_connection().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn run(folder: &std::path::Path, port: u16) -> Option<Child> {
    let mut command = Command::new("redis-server");
    command.args([
        "--port",
        &port.to_string(),
        "--bind",
        "127.0.0.1",
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
    ]);
    command.arg("--dir").arg(folder).stdout(Stdio::null());
    match command.spawn() {
        Ok(process) => Some(process),
        Err(error) => {
            eprintln!("SKIPPED: redis-server cannot be started: {error}");
            None
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A stream of its own on the server.
struct Stream {
    client: redis::Client,
    name: String,
}

#[async_trait]
impl Upstream for Stream {
    async fn happen(&self, number: u64) {
        let mut connection = self.client.get_multiplexed_async_connection().await.unwrap();
        let _: String = connection.xadd(&self.name, "*", &[("n", number)]).await.unwrap();
    }

    fn listener(&self) -> Box<dyn Listener> {
        let (_, register) = SOURCES.iter().find(|(name, _)| *name == "redis_streams").unwrap();
        let source = register(&Context {
            clock: Arc::new(Simulated::at(0)),
            config: Config::default(),
        });
        let settings =
            json!({"url": format!("redis://{}", self.client.get_connection_info().addr()), "stream": self.name});
        match source.open(&source.feeds()[0], settings.as_object().unwrap()).unwrap() {
            Subscription::Listener(listener) => listener,
            Subscription::Receiver(_) => panic!("streams are listened to"),
        }
    }
}

#[tokio::test]
async fn streams_keep_the_contract() {
    let Some(server) = Server::start() else { return };
    server.ready().await;
    let streams = AtomicU64::new(0);
    source::listener(&|| {
        let name = format!("stream-{}", streams.fetch_add(1, Ordering::Relaxed));
        let client = server.client();
        Box::new(Stream { client, name })
    })
    .await;
}

#[tokio::test]
async fn a_broken_server_is_an_error_and_nothing_is_lost_over_its_restart() {
    let Some(mut server) = Server::start() else { return };
    server.ready().await;
    let stream = Stream {
        client: server.client(),
        name: "s".into(),
    };
    let sink = Sink::default();
    for number in 0..3 {
        stream.happen(number).await;
    }
    let listener = stream.listener();
    tokio::select! {
        _ = listener.listen(&sink) => panic!("it listens while the server lives"),
        () = sink.wait_for(3) => {}
    }
    server.kill();
    assert!(
        stream.listener().listen(&sink).await.is_err(),
        "a server that is not there is an error"
    );
    server.process = run(server._folder.path(), server.port).unwrap();
    server.ready().await;
    stream.happen(3).await;
    tokio::select! {
        ended = listener.listen(&sink) => panic!("it listens again: {ended:?}"),
        () = different(&sink, 4) => {}
    }
}

/// Waits for so many different events. What was taken and not yet acknowledged when the server ended comes again.
async fn different(sink: &Sink, wanted: usize) {
    for count in wanted.. {
        sink.wait_for(count).await;
        if sink.ids().iter().collect::<HashSet<_>>().len() >= wanted {
            return;
        }
    }
}
