use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddrV4,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use smoltcp::{
    iface::{self, Interface, SocketHandle, SocketSet},
    phy::{self, Checksum, DeviceCapabilities, Medium},
    socket::tcp,
    time::Instant,
    wire::{HardwareAddress, IpCidr},
};
use tokio::sync::Notify;

use super::{GATEWAY, MTU, packet::Key};

/// The TCP of one sandbox's gateway, shared by its relay and its flows.
pub struct Stack {
    inner: Mutex<Inner>,
    /// Told when a flow has changed something that may have to be sent.
    pub changed: Notify,
}

/// What is behind the lock.
pub struct Inner {
    interface: Interface,
    sockets: SocketSet<'static>,
    wire: Wire,
    flows: HashMap<Key, SocketHandle>,
    /// Sockets whose flows have ended, and which go when TCP is done with them.
    leaving: Vec<(Key, SocketHandle)>,
}

impl Stack {
    /// One that knows no connection yet.
    pub fn new(now: Duration) -> Self {
        let mut wire = Wire::default();
        let mut interface = Interface::new(iface::Config::new(HardwareAddress::Ip), &mut wire, at(now));
        interface.update_ip_addrs(|addresses| {
            let _ = addresses.push(IpCidr::new(GATEWAY.into(), 24));
        });
        // Whatever the destination, this gateway answers in its name.
        interface.set_any_ip(true);
        let _ = interface.routes_mut().add_default_ipv4_route(GATEWAY);
        let inner = Inner {
            interface,
            sockets: SocketSet::new(Vec::new()),
            wire,
            flows: HashMap::new(),
            leaving: Vec::new(),
        };
        Self {
            inner: Mutex::new(inner),
            changed: Notify::new(),
        }
    }

    /// The stack for a moment.
    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Makes a socket for a connection that is being opened. The sandbox gets no answer before [`accept`](Self::accept).
    /// None if the connection is known, or there are `most` already.
    pub fn open(&mut self, key: Key, most: usize, buffer: usize) -> Option<SocketHandle> {
        if self.flows.contains_key(&key) || self.flows.len() >= most {
            return None;
        }
        let ring = || tcp::SocketBuffer::new(vec![0; buffer]);
        let mut socket = tcp::Socket::new(ring(), ring());
        socket.set_nagle_enabled(false);
        socket.set_ack_delay(None);
        socket.pause_synack(true);
        let to: SocketAddrV4 = key.1;
        socket
            .listen((smoltcp::wire::IpAddress::from(*to.ip()), to.port()))
            .ok()?;
        let handle = self.sockets.add(socket);
        self.flows.insert(key, handle);
        Some(handle)
    }

    /// Whether a connection is known.
    pub fn knows(&self, key: &Key) -> bool {
        self.flows.contains_key(key)
    }

    /// Answers a connection that is being opened.
    pub fn accept(&mut self, handle: SocketHandle) {
        self.socket(handle).pause_synack(false);
    }

    /// A connection's socket.
    pub fn socket(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    /// Lets TCP end a connection in its own time.
    pub fn leave(&mut self, key: Key, handle: SocketHandle) {
        self.leaving.push((key, handle));
    }

    /// Takes a packet from the sandbox.
    pub fn receive(&mut self, packet: Vec<u8>) {
        self.wire.received.push_back(packet);
    }

    /// Does what is due; returns packets for the sandbox and the time until more is.
    pub fn work(&mut self, now: Duration) -> (VecDeque<Vec<u8>>, Option<Duration>) {
        self.interface.poll(at(now), &mut self.wire, &mut self.sockets);
        let (sockets, flows) = (&mut self.sockets, &mut self.flows);
        self.leaving.retain(|(key, handle)| {
            let state = sockets.get::<tcp::Socket>(*handle).state();
            let done = matches!(state, tcp::State::Closed | tcp::State::TimeWait);
            if done {
                sockets.remove(*handle);
                flows.remove(key);
            }
            !done
        });
        let delay = self.interface.poll_delay(at(now), &self.sockets);
        (std::mem::take(&mut self.wire.sent), delay.map(Into::into))
    }
}

fn at(now: Duration) -> Instant {
    Instant::from_micros(i64::try_from(now.as_micros()).unwrap_or(i64::MAX))
}

/// The wire between relay and stack: two queues.
#[derive(Default)]
struct Wire {
    received: VecDeque<Vec<u8>>,
    sent: VecDeque<Vec<u8>>,
}

impl phy::Device for Wire {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sent<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sent<'_>)> {
        let packet = self.received.pop_front()?;
        Some((Received(packet), Sent(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sent<'_>> {
        Some(Sent(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = MTU;
        // Packets come from the same machine's memory: what the kernel wrote needs no second look.
        capabilities.checksum.ipv4 = Checksum::Tx;
        capabilities.checksum.tcp = Checksum::Tx;
        capabilities
    }
}

struct Received(Vec<u8>);

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

struct Sent<'a>(&'a mut VecDeque<Vec<u8>>);

impl phy::TxToken for Sent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = vec![0; len];
        let result = f(&mut packet);
        self.0.push_back(packet);
        result
    }
}
