//! A program that tries what its input, a JSON string, names.

use std::{
    collections::HashMap,
    fs, io,
    net::{TcpListener, TcpStream, ToSocketAddrs},
    sync::atomic::{AtomicU32, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

static COUNT: AtomicU32 = AtomicU32::new(0);

fn tried<T>(result: io::Result<T>) -> String {
    result.map_or("denied", |_| "allowed").into()
}

fn deep(n: u64) -> u64 {
    let place = std::hint::black_box([n; 64]);
    if n == u64::MAX { 0 } else { 1 + deep(n + 1) + place[3] }
}

fn main() {
    let mut input = String::new();
    io::stdin().read_line(&mut input).unwrap();
    let seen = match input.trim().trim_matches('"') {
        "files" => tried(
            fs::read_dir("/")
                .map(drop)
                .or_else(|_| fs::read("/etc/passwd").map(drop)),
        ),
        "write" => tried(fs::write("/tmp/x", "x").or_else(|_| fs::write("x", "x"))),
        "connect" => tried(TcpStream::connect("127.0.0.1:80").map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => panic!("it came as far as the network"),
            _ => error,
        })),
        "resolve" => tried("localhost:80".to_socket_addrs()),
        "listen" => tried(TcpListener::bind("127.0.0.1:0")),
        "clock" => {
            let begun = Instant::now();
            sleep(Duration::from_millis(2));
            (begun.elapsed() >= Duration::from_millis(2)).to_string()
        }
        "random" => {
            // Maps are seeded with randomness.
            let hasher = || std::hash::BuildHasher::hash_one(HashMap::<u8, u8>::new().hasher(), 1);
            (hasher() != 0).to_string()
        }
        "arguments" => std::env::args().collect::<Vec<_>>().join(" "),
        "count" => (1 + COUNT.fetch_add(1, Ordering::Relaxed)).to_string(),
        "trap" => std::process::abort(),
        "deep" => deep(0).to_string(),
        "memory" => {
            let mut kept = Vec::new();
            loop {
                kept.push(std::hint::black_box(vec![1_u8; 1 << 20]));
            }
        }
        "spin" => loop {
            std::hint::black_box(COUNT.load(Ordering::Relaxed));
        },
        "sleep" => {
            sleep(Duration::from_secs(100));
            "awake".into()
        }
        "shout" => loop {
            println!("{}", "x".repeat(10_000));
        },
        other => panic!("cannot try {other}"),
    };
    println!("{{\"seen\":\"{seen}\"}}");
}
