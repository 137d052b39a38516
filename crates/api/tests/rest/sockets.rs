//! The server on real sockets.

use std::time::Duration;

use tokio::{
    net::{TcpStream, UnixStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};
use wisp_api::{Listener, Settings};

use crate::platform::Platform;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(5);

fn serve(listener: Listener, router: axum::Router) -> (oneshot::Sender<()>, JoinHandle<()>) {
    serve_with(listener, router, Settings::default())
}

fn serve_with(listener: Listener, router: axum::Router, settings: Settings) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = oneshot::channel();
    let stopped = async { stopped.await.unwrap_or_default() };
    let serving = tokio::spawn(wisp_api::serve(vec![listener], router, settings, stopped));
    (stop, serving)
}

/// What comes back for some bytes, as far as it came at once.
macro_rules! exchange {
    ($stream:expr, $request:expr) => {{
        $stream.writable().await.unwrap();
        $stream.try_write($request).unwrap();
        timeout(PATIENCE, $stream.readable()).await.unwrap().unwrap();
        let mut reply = [0; 4096];
        let length = $stream.try_read(&mut reply).unwrap();
        String::from_utf8_lossy(&reply[..length]).into_owned()
    }};
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_connections_that_are_idle() {
    let listener = Listener::tcp("127.0.0.1:0").await.unwrap();
    let address = listener.address().unwrap();
    let (stop, serving) = serve(listener, Platform::start().api);
    let silent = TcpStream::connect(address).await.unwrap();
    let kept = TcpStream::connect(address).await.unwrap();
    let reply = exchange!(
        kept,
        b"GET http://example.test/ping HTTP/1.1\r\nhost: example.test\r\n\r\n"
    );
    assert!(
        reply.starts_with("HTTP/1.1 200 OK") && reply.ends_with("pong"),
        "{reply}"
    );
    stop.send(()).unwrap();
    timeout(PATIENCE, serving)
        .await
        .expect("the server stops at once")
        .unwrap();
    assert!(TcpStream::connect(address).await.is_err());
    drop(silent);
}

#[tokio::test]
async fn the_operators_socket_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let path = std::env::temp_dir().join(format!("wisp-api-{}.sock", std::process::id()));
    std::fs::write(&path, "left by an earlier server").unwrap();
    let listener = Listener::unix(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let (_stop, _serving) = serve(listener, Platform::start().admin);
    let stream = UnixStream::connect(&path).await.unwrap();
    let reply = exchange!(stream, b"GET /admin/users HTTP/1.1\r\nhost: wisp\r\n\r\n");
    assert!(reply.starts_with("HTTP/1.1 200 OK") && reply.ends_with("[]"), "{reply}");
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn a_peer_that_says_nothing_is_hung_up_on() {
    let listener = Listener::tcp("127.0.0.1:0").await.unwrap();
    let address = listener.address().unwrap();
    let settings = Settings {
        head_seconds: 1,
        ..Settings::default()
    };
    let (_stop, _serving) = serve_with(listener, Platform::start().api, settings);
    let silent = TcpStream::connect(address).await.unwrap();
    let heard = timeout(PATIENCE, silent.peek(&mut [0]))
        .await
        .expect("the server hangs up");
    assert_eq!(heard.unwrap(), 0);
}
