//! The one way to write. Operations wait in a queue; whoever adds one and finds nobody committing commits all that
//! wait, where it stands: a quick commit costs no change of thread. A thread does what waits for the disk: it syncs once
//! for all that need it, so that the slower the disk, the more a sync serves.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use fjall::PersistMode;
use tokio::sync::oneshot;
use wisp_core::{Code, Error, Result};

use super::{
    company::Company,
    database::Database,
    error,
    operation::{Batch, Operation, Reply, Settlement, State, Writes},
    queue::{Due, Queue, Waiting},
    swiftness::Swiftness,
};
use crate::Config;

/// Commits that one caller makes for others at most, before it leaves the rest to the thread.
const MOST_COMMITS: usize = 8;

/// The way in.
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    queue: Mutex<Queue>,
    /// Wakes the thread.
    work: Condvar,
    /// Held while something is committed or synced. Whoever lets go of it looks at the queue once more, since nobody
    /// else does for what was added meanwhile.
    committer: Mutex<Committer>,
    /// Longest time without a sync; none if every commit is synced.
    interval: Duration,
    swiftness: Swiftness,
    company: Company,
}

struct Committer {
    database: Arc<Database>,
    state: State,
}

impl Writer {
    /// Starts the thread.
    pub fn start(database: Arc<Database>, config: &Config) -> Result<Self> {
        let state = State::load(&database)?;
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            work: Condvar::new(),
            committer: Mutex::new(Committer { database, state }),
            interval: Duration::from_millis(config.sync_interval),
            swiftness: Swiftness::default(),
            company: Company::default(),
        });
        let of_thread = shared.clone();
        let started = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || of_thread.serve());
        let started =
            started.map_err(|cause| Error::new(Code::Machine, "cannot start the store's thread").because(cause))?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(started)),
        })
    }

    /// Has an operation carried out.
    pub async fn run<T>(&self, operation: impl FnOnce(Reply<T>) -> Box<dyn Operation>) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let operation = operation(reply);
        let quick = operation.is_quick() || self.shared.swiftness.is_swift();
        let here = quick && !self.shared.interval.is_zero();
        {
            let mut queue = self.shared.queue();
            if queue.closed {
                return Err(closed());
            }
            queue.operations.push_back(operation);
        }
        if here {
            self.shared.gather().await;
            self.shared.help();
        } else {
            self.shared.work.notify_one();
        }
        answer.await.map_err(|_| closed())?
    }

    /// Syncs everything committed so far.
    pub async fn flush(&self) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        {
            let mut queue = self.shared.queue();
            if queue.closed {
                return Err(closed());
            }
            queue.flushes.push(reply);
        }
        self.shared.work.notify_one();
        answer.await.map_err(|_| closed())?
    }

    /// Carries out what was added, syncs, and takes nothing any more.
    pub async fn close(&self) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        if !self.shared.close(reply) {
            return Ok(());
        }
        answer.await.map_err(|_| closed())?
    }
}

fn closed() -> Error {
    Error::new(Code::Unavailable, "the store is closed: the server is shutting down")
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.close(oneshot::channel().0);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A panic of the thread was reported when it happened; there is nobody to tell here.
        let _ = thread.map(JoinHandle::join);
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses operations from now on; false if that was so already.
    fn close(&self, reply: Reply<()>) -> bool {
        let mut queue = self.queue();
        let first = !std::mem::replace(&mut queue.closed, true);
        if first {
            queue.close = Some(reply);
            self.work.notify_one();
        }
        first
    }

    /// Lets whatever else is ready to run go first, if it is likely to add its own: one commit then serves them all.
    async fn gather(&self) {
        if self.company.is_likely() {
            tokio::task::yield_now().await;
            // None is left if somebody has committed it already.
            self.company.learn(self.queue().operations.len() != 1);
        }
    }

    /// Commits what waits, unless somebody else does, and syncs if that takes no time.
    fn help(&self) {
        for _ in 0..MOST_COMMITS {
            let mut committer = match self.committer.try_lock() {
                Ok(committer) => committer,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            let operations = self.queue().take(false);
            if operations.is_empty() {
                break;
            }
            committer.commit(operations, self);
            if self.swiftness.is_swift() {
                self.sync_waiting(&committer.database);
            }
        }
        if self.queue().wants_thread() {
            self.work.notify_one();
        }
    }

    /// Syncs for those whose commits are made.
    fn sync_waiting(&self, database: &Database) {
        let waiting = self.queue().take_waiting();
        if !waiting.is_empty() {
            // Those who wait are told of a failure; the log tells of it too.
            let _ = self.sync(database, waiting, Ok(()));
        }
    }

    /// The thread: commits and syncs until it is closed.
    fn serve(&self) {
        loop {
            self.wait();
            let mut committer = self.committer.lock().unwrap_or_else(PoisonError::into_inner);
            loop {
                let operations = self.queue().take(true);
                if operations.is_empty() {
                    break;
                }
                committer.commit(operations, self);
            }
            if self.sync_due(&committer.database) {
                return;
            }
        }
    }

    /// Waits until there is something that only the thread does. After a sync it looks once more an interval later, so that
    /// nobody need wake it for a commit that can wait as long.
    fn wait(&self) {
        let mut queue = self.queue();
        let mut rested = self.interval.is_zero();
        loop {
            let pause = match queue.due(self.interval) {
                Due::Now => return,
                Due::In(left) => left,
                Due::Never if rested => {
                    queue.resting = true;
                    queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
                    queue.resting = false;
                    continue;
                }
                Due::Never => {
                    rested = true;
                    self.interval
                }
            };
            let woken = self.work.wait_timeout(queue, pause);
            queue = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Syncs if somebody waits for it or it is time; true when that was the last time.
    fn sync_due(&self, database: &Database) -> bool {
        let (waiting, close, bytes, due) = {
            let mut queue = self.queue();
            let due = queue.unsynced.is_some_and(|since| since.elapsed() >= self.interval);
            (
                queue.take_waiting(),
                queue.close.take(),
                std::mem::take(&mut queue.bytes),
                due,
            )
        };
        let written = database.write_out_large(bytes);
        if waiting.is_empty() && close.is_none() && !due {
            return false;
        }
        let synced = self.sync(database, waiting, written);
        match close {
            Some(close) => {
                let _ = close.send(synced.and_then(|()| database.write_out()));
                true
            }
            None => false,
        }
    }

    /// Syncs all that is committed, unless something has failed before, and tells those who wait.
    fn sync(&self, database: &Database, waiting: Waiting, before: Result<()>) -> Result<()> {
        let began = Instant::now();
        self.queue().unsynced = None;
        let synced = before.and_then(|()| {
            let synced = database.fjall.persist(PersistMode::SyncData);
            synced.map_err(|cause| error::database("sync the database", cause))
        });
        let took = began.elapsed();
        self.swiftness.learn(took);
        metrics::histogram!("wisp_store_sync_seconds").record(took);
        if let Err(error) = &synced {
            tracing::error!(?error, "finished activations may be lost if the power fails");
        }
        waiting.settle(&synced);
        synced
    }
}

impl Committer {
    /// Commits all operations, in as few commits as their size allows.
    fn commit(&mut self, operations: Vec<Box<dyn Operation>>, shared: &Shared) {
        let database = self.database.clone();
        let mut operations = operations.into_iter().peekable();
        while operations.peek().is_some() {
            let mut batch = Batch::new(&database, &self.state);
            for operation in operations.by_ref() {
                operation.stage(&mut batch);
                if batch.is_full() {
                    break;
                }
            }
            if !batch.is_empty() {
                let (staged, writes) = batch.finish();
                self.make(staged, writes, shared);
            }
        }
    }

    /// Makes a commit, answers those who only wait for that, and leaves the others to the thread.
    fn make(&mut self, staged: Vec<Settlement>, writes: Result<Writes>, shared: &Shared) {
        let began = Instant::now();
        metrics::histogram!("wisp_store_commit_operations").record(staged.len() as f64);
        let outcome = writes.and_then(|writes| writes.commit(&mut self.state));
        metrics::histogram!("wisp_store_commit_seconds").record(began.elapsed());
        let (durable, quick): (Vec<_>, Vec<_>) = staged
            .into_iter()
            .partition(|one| one.durable || shared.interval.is_zero());
        let bytes = *outcome.as_ref().unwrap_or(&0);
        let outcome = outcome.map(drop);
        quick.into_iter().for_each(|one| one.settle(&outcome));
        let mut queue = shared.queue();
        queue.bytes += bytes;
        if outcome.is_ok() {
            queue.unsynced.get_or_insert(began);
        }
        queue.committed.extend(
            durable
                .into_iter()
                .map(|one| (one, outcome.as_ref().copied().map_err(Error::copy))),
        );
    }
}
