//! The network: by sockets, and by requests that the host sends.

use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

use wasip2::http::{
    outgoing_handler::handle,
    types::{ErrorCode, Fields, OutgoingRequest, Scheme},
};

use crate::{addresses, named};

const LOOPBACK: [&str; 3] = ["127.0.0.1", "[::1]", "0.0.0.0"];
const METADATA: &str = "169.254.169.254";

/// What could be reached by sockets.
pub fn sockets(port: &str, others: &[&str]) -> Vec<String> {
    let mut attempts = Vec::new();
    for host in LOOPBACK.iter().chain(others).chain([&METADATA]) {
        for address in addresses(host, port) {
            attempts.push((format!("connect {address}"), TcpStream::connect(address).map(drop)));
            let datagram = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"x", address));
            attempts.push((format!("send to {address}"), datagram.map(drop)));
        }
    }
    attempts.push(("listen".into(), TcpListener::bind("0.0.0.0:0").map(drop)));
    attempts.push(("resolve".into(), "localhost:80".to_socket_addrs().map(drop)));
    named(attempts)
}

/// Hosts that a request reached, whatever they made of it.
pub fn requests(port: &str, others: &[&str]) -> Vec<String> {
    let mut hosts: Vec<String> = LOOPBACK
        .iter()
        .chain(others)
        .map(|host| format!("{host}:{port}"))
        .collect();
    hosts.extend([METADATA, "2852039166", "0xa9fea9fe"].map(|host| format!("{host}:80")));
    // Names that look like another's.
    hosts.extend(others.iter().flat_map(|host| {
        [
            format!("{host}:{port}@127.0.0.1:{port}"),
            format!("127.0.0.1:{port}#{host}:{port}"),
        ]
    }));
    hosts.retain(|host| reached(host));
    hosts
}

fn reached(authority: &str) -> bool {
    let request = OutgoingRequest::new(Fields::new());
    let named = request
        .set_scheme(Some(&Scheme::Http))
        .and(request.set_authority(Some(authority)))
        .and(request.set_path_with_query(Some("/")));
    if named.is_err() {
        return false;
    }
    let Ok(response) = handle(request, None) else {
        return false;
    };
    response.subscribe().block();
    match response.get() {
        Some(Ok(Ok(_) | Err(ErrorCode::HttpProtocolError | ErrorCode::HttpResponseIncomplete))) => true,
        Some(Ok(Err(error))) => {
            eprintln!("{authority}: {error:?}");
            false
        }
        _ => false,
    }
}
