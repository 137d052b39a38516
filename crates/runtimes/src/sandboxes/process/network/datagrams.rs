use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::net::SendFlags;
use tokio::{net::UdpSocket, sync::mpsc, task::JoinSet};
use wisp_core::ports::Clock;

use super::{
    GUEST, MTU,
    packet::{Key, datagram},
};

/// Greatest payload of a datagram that fits in a packet.
const GREATEST: usize = MTU - 28;

/// The UDP conversations of a sandbox, each with a socket of the host.
pub struct Datagrams {
    open: HashMap<Key, (Arc<UdpSocket>, Arc<AtomicU64>)>,
    tasks: JoinSet<Key>,
    packets: mpsc::Sender<Vec<u8>>,
    most: usize,
    idle: Duration,
    clock: Arc<dyn Clock>,
}

impl Datagrams {
    /// None yet. Answers go to `packets`.
    pub fn new(packets: mpsc::Sender<Vec<u8>>, most: usize, idle: Duration, clock: Arc<dyn Clock>) -> Self {
        Self {
            open: HashMap::new(),
            tasks: JoinSet::new(),
            packets,
            most,
            idle,
            clock,
        }
    }

    /// Sends a datagram on. Like any network, this one loses what it has no room for.
    pub async fn send(&mut self, key: Key, to: SocketAddr, payload: &[u8]) {
        while let Some(ended) = self.tasks.try_join_next() {
            if let Ok(key) = ended {
                self.open.remove(&key);
            }
        }
        if !self.open.contains_key(&key) && self.open.len() < self.most {
            let Some(socket) = connect(to).await else { return };
            let last = Arc::new(AtomicU64::new(0));
            self.open.insert(key, (socket.clone(), last.clone()));
            self.tasks.spawn(answer(
                key,
                socket,
                last,
                self.packets.clone(),
                self.idle,
                self.clock.clone(),
            ));
        }
        if let Some((socket, sent)) = self.open.get(&key) {
            sent.fetch_add(1, Ordering::Relaxed);
            // Straight to the kernel: the runtime does not know yet that a new socket can be written.
            let _ = rustix::net::send(socket, payload, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
        }
    }
}

async fn connect(to: SocketAddr) -> Option<Arc<UdpSocket>> {
    let any = if to.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        std::net::Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await.ok()?;
    socket.connect(to).await.ok()?;
    Some(Arc::new(socket))
}

/// Passes answers on until neither side has said anything for a while.
async fn answer(
    key: Key,
    socket: Arc<UdpSocket>,
    sent: Arc<AtomicU64>,
    packets: mpsc::Sender<Vec<u8>>,
    idle: Duration,
    clock: Arc<dyn Clock>,
) -> Key {
    loop {
        let before = sent.load(Ordering::Relaxed);
        tokio::select! {
            readable = socket.readable() => if readable.is_err() { return key },
            () = clock.sleep(idle) => {
                if sent.load(Ordering::Relaxed) == before {
                    return key;
                }
                continue;
            }
        }
        let mut payload = vec![0; GREATEST];
        // An error is the outside's refusal of an earlier datagram; the conversation may go on.
        if let Ok(length) = socket.try_recv(&mut payload)
            && packets
                .send(datagram(key.1, (GUEST, key.0), &payload[..length]))
                .await
                .is_err()
        {
            return key;
        }
    }
}
