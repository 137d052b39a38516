//! The one way to write. Operations wait in a queue; whoever adds one and finds nobody committing commits all that
//! wait, where it stands: a quick commit costs no change of thread. A thread does what waits for the disk: it syncs once
//! for all that need it, so that the slower the disk, the more a sync serves.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use fjall::PersistMode;
use tokio::sync::oneshot;
use wisp_core::{Code, Error, Result};

use super::{
    database::Database,
    error,
    operation::{Batch, Operation, Reply, Settlement, State, Touch, Writes},
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
}

#[derive(Default)]
struct Queue {
    operations: VecDeque<Box<dyn Operation>>,
    /// Committed, and waiting for a sync.
    committed: Vec<(Settlement, Result<()>)>,
    flushes: Vec<Reply<()>>,
    close: Option<Reply<()>>,
    /// Bytes committed that the thread has not heard of.
    bytes: usize,
    /// When the oldest commit was made that no sync followed.
    unsynced: Option<Instant>,
    closed: bool,
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
        let quick = operation.is_quick() && !self.shared.interval.is_zero();
        {
            let mut queue = self.shared.queue();
            if queue.closed {
                return Err(closed());
            }
            queue.operations.push_back(operation);
        }
        if quick {
            // Whatever else is ready to run goes first, and may add its own: one commit then serves them all.
            tokio::task::yield_now().await;
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

impl Queue {
    /// Whether there is something that only the thread does, or when there will be.
    fn due(&self, interval: Duration) -> Due {
        let waiting = !self.operations.is_empty() || !self.committed.is_empty();
        if waiting || !self.flushes.is_empty() || self.close.is_some() {
            return Due::Now;
        }
        match self.unsynced.map(|since| interval.saturating_sub(since.elapsed())) {
            Some(Duration::ZERO) => Due::Now,
            Some(left) => Due::In(left),
            None => Due::Never,
        }
    }

    /// The operations of one commit: those that touch nothing in common, in the order in which they came. Without
    /// `all`, only quick ones.
    fn take(&mut self, all: bool) -> Vec<Box<dyn Operation>> {
        let (mut taken, mut touched) = (Vec::new(), HashSet::new());
        while let Some(next) = self.operations.front() {
            let alone = match next.touches() {
                Touch::These(keys) if keys.iter().any(|key| touched.contains(key)) => break,
                Touch::These(keys) => {
                    touched.extend(keys);
                    false
                }
                Touch::Everything => true,
            };
            if alone && (!all || !taken.is_empty()) {
                break;
            }
            taken.extend(self.operations.pop_front());
            if alone {
                break;
            }
        }
        taken
    }
}

enum Due {
    Now,
    In(Duration),
    Never,
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

    /// Commits what waits, unless somebody else does.
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
        }
        if !self.queue().operations.is_empty() {
            self.work.notify_one();
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
            if self.sync(&committer.database) {
                return;
            }
        }
    }

    fn wait(&self) {
        let mut queue = self.queue();
        loop {
            queue = match queue.due(self.interval) {
                Due::Now => return,
                Due::In(left) => {
                    self.work
                        .wait_timeout(queue, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                Due::Never => self.work.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Syncs if somebody waits for it or it is time, and answers those who wait; true when that was the last time.
    fn sync(&self, database: &Database) -> bool {
        let (committed, flushes, close, bytes, due) = {
            let mut queue = self.queue();
            let due = queue.unsynced.is_some_and(|since| since.elapsed() >= self.interval);
            let committed = std::mem::take(&mut queue.committed);
            let flushes = std::mem::take(&mut queue.flushes);
            (
                committed,
                flushes,
                queue.close.take(),
                std::mem::take(&mut queue.bytes),
                due,
            )
        };
        let written = database.write_out_large(bytes);
        if committed.is_empty() && flushes.is_empty() && close.is_none() && !due {
            return false;
        }
        let began = Instant::now();
        self.queue().unsynced = None;
        let synced = written.and_then(|()| {
            let synced = database.fjall.persist(PersistMode::SyncData);
            synced.map_err(|cause| error::database("sync the database", cause))
        });
        metrics::histogram!("wisp_store_sync_seconds").record(began.elapsed());
        if let (Err(error), true) = (&synced, due) {
            tracing::error!(?error, "finished activations may be lost if the power fails");
        }
        for (one, outcome) in committed {
            match &outcome {
                Ok(()) => one.settle(&synced),
                Err(_) => one.settle(&outcome),
            }
        }
        for flush in flushes {
            // One who no longer waits does not care.
            let _ = flush.send(synced.as_ref().copied().map_err(Error::copy));
        }
        match close {
            Some(close) => {
                let _ = close.send(synced.and_then(|()| database.write_out()));
                true
            }
            None => false,
        }
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
        let first = outcome.is_ok() && queue.unsynced.is_none();
        if first {
            queue.unsynced = Some(began);
        }
        let waiting = !durable.is_empty();
        queue.committed.extend(
            durable
                .into_iter()
                .map(|one| (one, outcome.as_ref().copied().map_err(Error::copy))),
        );
        if first || waiting {
            shared.work.notify_one();
        }
    }
}
