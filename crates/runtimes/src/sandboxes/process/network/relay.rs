use std::{io, os::fd::OwnedFd, sync::Arc, time::Duration};

use tokio::{
    io::{Interest, unix::AsyncFd},
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use wisp_core::ports::Clock;

use super::{
    Config, MTU, Policy,
    datagrams::Datagrams,
    flow,
    packet::{self, Kind},
    stack::Stack,
};

/// Packets read from a sandbox before what they cause is done.
const BATCH: usize = 16;
/// Datagrams that wait to be written to a sandbox.
const ANSWERS: usize = 64;

/// How long a device is kept for its sandbox's end.
const LINGER: Duration = Duration::from_secs(10);

/// The network of one sandbox; ends when dropped, with all its connections.
pub struct Relay {
    _ends: oneshot::Sender<()>,
}

impl Relay {
    /// Serves the sandbox at the other side of a TUN device.
    pub fn start(tun: OwnedFd, policy: Arc<Policy>, config: Arc<Config>, clock: Arc<dyn Clock>) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&tun, true)?;
        // SAFETY: the descriptor is owned, and stays the same until the watch is dropped.
        let tun = unsafe { AsyncFd::register(tun) }?;
        let tun = Arc::new(tun);
        let (ends, ended) = oneshot::channel();
        tokio::spawn(async move {
            tokio::select! {
                () = serve(tun.clone(), policy, config, clock.clone()) => {}
                _ = ended => {}
            }
            // Closing a live device makes the caller wait for all of the kernel's networking. It dies with its sandbox.
            tokio::select! {
                () = drain(&tun) => {}
                () = clock.sleep(LINGER) => {}
            }
        });
        Ok(Self { _ends: ends })
    }
}

/// Relays until the device is gone.
async fn serve(tun: Arc<AsyncFd<OwnedFd>>, policy: Arc<Policy>, config: Arc<Config>, clock: Arc<dyn Clock>) {
    if let Ok(mut work) = Work::begin(tun, policy, config, clock).await {
        while work.turn().await.is_ok() {}
    }
}

/// Throws away what still comes, until the device is gone.
async fn drain(tun: &AsyncFd<OwnedFd>) {
    let mut buffer = [0; 1];
    while tun
        .async_io(Interest::READABLE, |tun| Ok(rustix::io::read(tun, &mut buffer)?))
        .await
        .is_ok()
    {}
}

struct Work {
    tun: Arc<AsyncFd<OwnedFd>>,
    policy: Arc<Policy>,
    config: Arc<Config>,
    clock: Arc<dyn Clock>,
    stack: Arc<Stack>,
    flows: JoinSet<()>,
    datagrams: Datagrams,
    answers: mpsc::Receiver<Vec<u8>>,
}

impl Work {
    /// Waits for the sandbox's first packet before anything is made.
    async fn begin(
        tun: Arc<AsyncFd<OwnedFd>>,
        policy: Arc<Policy>,
        config: Arc<Config>,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        drop(tun.readable().await?);
        let (packets, answers) = mpsc::channel(ANSWERS);
        let idle = Duration::from_millis(config.idle_timeout_ms);
        let datagrams = Datagrams::new(packets, config.conversations, idle, clock.clone());
        let stack = Arc::new(Stack::new(clock.elapsed()));
        Ok(Self {
            tun,
            policy,
            config,
            clock,
            stack,
            flows: JoinSet::new(),
            datagrams,
            answers,
        })
    }

    /// Does what is due, then waits for the next event.
    async fn turn(&mut self) -> io::Result<()> {
        let (packets, delay) = self.stack.lock().work(self.clock.elapsed());
        packets.iter().try_for_each(|packet| self.write(packet))?;
        while self.flows.try_join_next().is_some() {}
        let due = async {
            match delay {
                Some(delay) => self.clock.sleep(delay).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.stack.changed.notified() => {}
            () = due => {}
            Some(packet) = self.answers.recv() => self.write(&packet)?,
            ready = self.tun.readable() => {
                drop(ready?);
                self.read().await?;
            }
        }
        Ok(())
    }

    async fn read(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; MTU];
        for _ in 0..BATCH {
            let mut ready = self.tun.readable().await?;
            let Ok(read) = ready.try_io(|tun| Ok(rustix::io::read(tun.get_ref(), buffer.as_mut_slice())?)) else {
                break;
            };
            drop(ready);
            let length = read?;
            self.take(&buffer[..length]).await;
        }
        Ok(())
    }

    async fn take(&mut self, bytes: &[u8]) {
        match packet::read(bytes) {
            Some(Kind::Udp(key, payload)) => {
                if let Some(to) = self.policy.route(key.1) {
                    self.datagrams.send(key, to, payload).await;
                }
            }
            Some(Kind::Syn(key)) => {
                let mut stack = self.stack.lock();
                // What is not permitted finds nobody listening, and is refused at once.
                if !stack.knows(&key)
                    && let Some(to) = self.policy.route(key.1)
                    && let Some(handle) = stack.open(key, self.config.connections, self.config.buffer << 10)
                {
                    let limit = Duration::from_millis(self.config.connect_timeout_ms);
                    self.flows.spawn(flow::run(
                        self.stack.clone(),
                        key,
                        handle,
                        to,
                        limit,
                        self.clock.clone(),
                    ));
                }
                stack.receive(bytes.to_vec());
            }
            Some(Kind::Tcp) => self.stack.lock().receive(bytes.to_vec()),
            None => {}
        }
    }

    /// Writes a packet to the sandbox; one that finds no room is lost, and TCP sends it again.
    fn write(&self, packet: &[u8]) -> io::Result<()> {
        match rustix::io::write(self.tun.get_ref(), packet) {
            Err(rustix::io::Errno::BADFD | rustix::io::Errno::NODEV) => Err(io::ErrorKind::BrokenPipe.into()),
            _ => Ok(()),
        }
    }
}
