use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
};

use wisp_core::ports::{Network, SandboxSpec};
use wisp_runtimes::sandboxes::process::Config;

use super::world::{python, root, run, sandbox_with};

/// Answers every connection to a loopback port of the host.
fn service() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let mut connection = connection;
            std::thread::spawn(move || {
                let mut line = String::new();
                let _ = BufReader::new(connection.try_clone().unwrap()).read_line(&mut line);
                let _ = write!(connection, "answer to {line}");
            });
        }
    });
    address
}

/// A script that tries to be answered by each address.
fn visit(addresses: &[String], network: Network) -> SandboxSpec {
    let script = format!(
        "
import socket
for address in {addresses:?}:
    host, port = address.rsplit(':', 1)
    try:
        with socket.create_connection((host, int(port)), timeout=5) as s:
            s.sendall(b'me\\n'); print(address, s.makefile().read().strip())
    except OSError as error: print(address, type(error).__name__)"
    );
    SandboxSpec {
        network,
        ..python(&script)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_network_nothing_is_reached() {
    let port = service().port();
    let sandbox = sandbox_with(Config::default(), Some(SocketAddr::from(([127, 0, 0, 1], port))));
    let addresses = ["127.0.0.1", "10.0.2.2", "192.0.2.1"].map(|host| format!("{host}:{port}"));
    let left = run(&sandbox, &visit(&addresses, Network::None)).await;
    assert_eq!(left.stdout.lines().count(), 3, "{left:?}");
    assert!(!left.stdout.contains("answer"), "{left:?}");
    assert!(
        left.stdout.contains("127.0.0.1") && left.stdout.contains("ConnectionRefusedError"),
        "{left:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_is_reached_and_nothing_else_of_the_host() {
    if std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/net/tun")
        .is_err()
    {
        return;
    }
    let (api, other) = (service(), service());
    let sandbox = sandbox_with(Config::default(), Some(api));
    let own = own_address();
    let addresses = [
        format!("10.0.2.2:{}", api.port()),
        format!("10.0.2.2:{}", other.port()),
        format!("127.0.0.1:{}", api.port()),
        format!("{own}:{}", api.port()),
        "169.254.169.254:80".into(),
        "10.0.2.100:80".into(),
    ];
    let left = run(&sandbox, &visit(&addresses, Network::Outbound)).await;
    let lines: Vec<_> = left.stdout.lines().collect();
    assert_eq!(lines.len(), 6, "{left:?}");
    assert_eq!(lines[0], format!("{} answer to me", addresses[0]));
    for line in &lines[1..] {
        assert!(line.ends_with("ConnectionRefusedError"), "{line}");
    }
}

/// An address of this machine that is not loopback, or loopback if it has no other.
fn own_address() -> String {
    let output = Command::new("hostname")
        .arg("-I")
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    let addresses = String::from_utf8_lossy(&output).into_owned();
    let v4 = addresses.split_whitespace().find(|address| address.contains('.'));
    v4.unwrap_or("127.0.0.2").into()
}

/// A peer at the other end of a cable: 192.0.2.2, with services, in a network namespace of its own.
struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const PEER: &str = "
import socket, threading, sys
sys.stdin.readline()
def tcp(port, serve):
    server = socket.create_server(('192.0.2.2', port), backlog=64)
    def loop():
        while True: threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
    threading.Thread(target=loop, daemon=True).start()
def echo(s):
    while chunk := s.recv(1 << 16): s.sendall(chunk)
    s.close()
def late(s):
    got = 0
    while chunk := s.recv(1 << 16): got += len(chunk)
    import time; time.sleep(0.3); s.sendall(str(got).encode()); s.close()
tcp(7, echo); tcp(8, late)
def udp(port, answer):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('192.0.2.2', port))
    def loop():
        while True:
            data, peer = s.recvfrom(65535); s.sendto(answer(data), peer)
    threading.Thread(target=loop, daemon=True).start()
udp(7, lambda data: data)
def dns(query):
    return query[:2] + b'\\x81\\x80\\0\\1\\0\\1\\0\\0\\0\\0' + query[12:query.index(b'\\0', 12) + 5] + \\
        b'\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\x3c\\0\\4' + bytes([192, 0, 2, 2]) if query[query.index(b'\\0', 12) + 2] == 1 else \\
        query[:2] + b'\\x81\\x80\\0\\1\\0\\0\\0\\0\\0\\0' + query[12:query.index(b'\\0', 12) + 5]
udp(53, dns)
print('ready', flush=True)
sys.stdin.read()
";

fn peer() -> Peer {
    let mut command = Command::new("unshare");
    command
        .args(["-n", "/usr/bin/python3", "-c", PEER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    let pid = child.id();
    let setup = format!(
        "ip link set lo up; ip link add here type veth peer name there netns {pid} && ip addr add 192.0.2.1/24 dev here && \
         ip link set here up && nsenter -t {pid} -n ip addr add 192.0.2.2/24 dev there && \
         nsenter -t {pid} -n ip link set there up"
    );
    assert!(Command::new("sh").args(["-c", &setup]).status().unwrap().success());
    child.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    let mut ready = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    Peer(child)
}

/// The outside, played in network namespaces.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "part of another test"]
async fn outside() {
    let _peer = peer();
    let mut config = Config::default();
    config.network.resolvers = vec!["192.0.2.2".parse().unwrap()];
    let sandbox = sandbox_with(config, None);
    let script = "
import socket, os, threading, time
assert socket.gethostbyname('somewhere.example') == '192.0.2.2'
def exchange(size):
    data = os.urandom(size)
    s = socket.create_connection(('192.0.2.2', 7), timeout=20)
    threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR))).start()
    got = b''
    while chunk := s.recv(1 << 18): got += chunk
    assert got == data, (len(got), len(data))
begin = time.time(); exchange(8 << 20); took = time.time() - begin
threads = [threading.Thread(target=exchange, args=(100000,)) for _ in range(20)]
[t.start() for t in threads]; [t.join() for t in threads]
s = socket.create_connection(('192.0.2.2', 8), timeout=20)
s.sendall(b'x' * 300000); s.shutdown(socket.SHUT_WR)
assert s.recv(100) == b'300000'
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.settimeout(10)
for size in (0, 1, 1400, 30000):
    u.sendto(b'y' * size, ('192.0.2.2', 7)); assert len(u.recv(65535)) == size
for port in (9, 22):
    try: socket.create_connection(('192.0.2.2', port), timeout=10); print('connected')
    except ConnectionRefusedError: pass
try: socket.create_connection(('192.0.2.1', 7), timeout=10); print('connected to the host')
except ConnectionRefusedError: pass
print('fine', round(16 / took), 'MB/s')";
    let mut wanted = SandboxSpec {
        network: Network::Outbound,
        ..python(script)
    };
    wanted.pids = 128;
    let left = run(&sandbox, &wanted).await;
    println!("{}", left.stdout);
    assert!(left.stdout.starts_with("fine"), "{left:?}");
}

#[test]
fn the_outside_is_reached_by_tcp_and_udp_and_name() {
    if !root() {
        return;
    }
    let exe = std::env::current_exe().unwrap();
    let inner = ["--ignored", "--exact", "--nocapture", "network::outside"];
    let output = Command::new("unshare").arg("-n").arg(exe).args(inner).output().unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
