use std::{
    collections::VecDeque,
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Sender, channel},
    },
    thread::JoinHandle,
};

use tokio::sync::{Notify, oneshot};
use wisp_core::ports::Network;

use super::{
    Config,
    cgroup::{Group, Groups},
    link::Link,
    messages::Root,
    warden::Warden,
};

/// A keeper that waits for a program, in its control group.
pub struct Parked {
    /// Its process id.
    pub keeper: u32,
    /// For commands.
    pub commands: Link,
    /// For the report of the end.
    pub status: Link,
    /// The TUN device of its network, if it has one.
    pub tun: Option<OwnedFd>,
    /// What it occupies.
    pub place: Place,
    /// Which launcher it comes from: the first, the second …
    pub generation: usize,
    /// Held until its program runs.
    pub successor: Successor,
}

/// Has a keeper parked in the place of one that was taken, when dropped: not sooner than the taken one's program runs,
/// because the kernel makes groups and namespaces one after the other.
pub struct Successor(pub(super) Sender<Job>);

impl Drop for Successor {
    fn drop(&mut self) {
        // Nobody is left to park one only when the whole server goes.
        let _ = self.0.send(Job::Park);
    }
}

/// A slot and a control group; given back when dropped.
pub struct Place {
    /// The group.
    pub group: Group,
    pub(super) slot: u32,
    pub(super) jobs: Sender<Job>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let group = std::mem::replace(&mut self.group, Group::None);
        // Nobody is left to take it back only when the whole server goes.
        let _ = self.jobs.send(Job::Clear(self.slot, group));
    }
}

/// What the warden is asked for.
pub enum Job {
    /// Park keepers until there are enough.
    Park,
    /// Prepare a root.
    Root(Root, oneshot::Sender<Result<OwnedFd, String>>),
    /// Take a slot and its group back.
    Clear(u32, Group),
    /// End.
    End,
}

/// The stock of parked keepers, and the thread that makes them.
pub struct Yard {
    jobs: Sender<Job>,
    stock: Arc<Stock>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread and its callers share: a shelf for each kind of network.
#[derive(Default)]
pub struct Stock {
    outbound: Shelf,
    offline: Shelf,
}

#[derive(Default)]
struct Shelf {
    parked: Mutex<VecDeque<Parked>>,
    fault: Mutex<Option<String>>,
    changed: Notify,
    waiting: AtomicUsize,
}

impl Yard {
    /// Starts the launcher and parks the first keeper; says why if none can be.
    pub fn open(config: &Config, groups: Groups) -> Result<Self, String> {
        let (jobs, asked) = channel();
        let stock = Arc::new(Stock::default());
        let warden = (config.clone(), groups, stock.clone(), jobs.clone());
        let (opened, open) = std::sync::mpsc::sync_channel(1);
        // The launcher dies with the thread that started it, so that thread lives as long as the yard.
        let thread = std::thread::Builder::new()
            .name("sandboxes".into())
            .spawn(move || {
                let (config, groups, stock, jobs) = warden;
                match Warden::start(config, groups, stock, jobs) {
                    Ok(warden) => {
                        let _ = opened.send(Ok(()));
                        warden.work(&asked);
                    }
                    Err(reason) => drop(opened.send(Err(reason))),
                }
            })
            .map_err(|error| format!("start a thread: {error}"))?;
        open.recv().map_err(|_| "the sandboxes' thread has ended")??;
        let _ = jobs.send(Job::Park);
        Ok(Self {
            jobs,
            stock,
            thread: Some(thread),
        })
    }

    /// Takes a keeper, waiting for one if none is parked; an error says why there is none.
    pub async fn take(&self, network: Network) -> Result<Parked, String> {
        let shelf = self.stock.shelf(network);
        let _waiting = Waiting::new(&shelf.waiting);
        loop {
            let changed = shelf.changed.notified();
            if let Some(parked) = lock(&shelf.parked).pop_front() {
                return Ok(parked);
            }
            self.jobs
                .send(Job::Park)
                .map_err(|_| "the sandboxes' thread has ended")?;
            if let Some(fault) = lock(&shelf.fault).take() {
                return Err(fault);
            }
            changed.await;
        }
    }

    /// Prepares a root.
    pub async fn root(&self, root: Root) -> Result<OwnedFd, String> {
        let (answer, answered) = oneshot::channel();
        self.jobs
            .send(Job::Root(root, answer))
            .map_err(|_| "the sandboxes' thread has ended")?;
        answered.await.map_err(|_| "the sandboxes' thread has ended")?
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        let _ = self.jobs.send(Job::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Stock {
    fn shelf(&self, network: Network) -> &Shelf {
        match network {
            Network::Outbound => &self.outbound,
            Network::None => &self.offline,
        }
    }

    /// Whether a keeper is missing, if `wanted` should be parked beside those for whom callers wait.
    pub fn missing(&self, network: Network, wanted: usize) -> bool {
        let shelf = self.shelf(network);
        lock(&shelf.parked).len() < wanted + shelf.waiting.load(Ordering::Relaxed)
    }

    /// Adds a keeper, or says why there is none.
    pub fn add(&self, network: Network, parked: Result<Parked, String>) {
        let shelf = self.shelf(network);
        match parked {
            Ok(parked) => lock(&shelf.parked).push_back(parked),
            Err(reason) => *lock(&shelf.fault) = Some(reason),
        }
        shelf.changed.notify_waiters();
    }

    /// Forgets the keepers of a launcher that has died.
    pub fn clear(&self) {
        lock(&self.outbound.parked).clear();
        lock(&self.offline.parked).clear();
    }
}

/// Counts a caller that waits, so that enough keepers are made.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
