//! The one thread that writes. It takes all operations that wait into one commit, and syncs once for all that need it:
//! the slower the disk, the larger its commits.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use fjall::PersistMode;
use tokio::sync::oneshot;
use wisp_core::{Code, Error, Result};

use super::{
    database::Database,
    error,
    operation::{Batch, Operation, Reply, Settlement, State, Touch},
};
use crate::Config;

/// The way to the thread.
pub(super) struct Writer {
    messages: Sender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

enum Message {
    Run(Box<dyn Operation>),
    Flush(Reply<()>),
    Close(Reply<()>),
}

impl Writer {
    /// Starts the thread.
    pub fn start(database: Arc<Database>, config: &Config) -> Result<Self> {
        let (messages, inbox) = mpsc::channel();
        let interval = Duration::from_millis(config.sync_interval);
        let state = State::load(&database)?;
        let thread = Thread {
            database,
            inbox,
            interval,
            state,
            carried: None,
            unsynced: None,
        };
        let started = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || thread.run());
        let started =
            started.map_err(|cause| Error::new(Code::Machine, "cannot start the store's thread").because(cause))?;
        Ok(Self {
            messages,
            thread: Mutex::new(Some(started)),
        })
    }

    /// Has an operation carried out.
    pub async fn run<T>(&self, operation: impl FnOnce(Reply<T>) -> Box<dyn Operation>) -> Result<T> {
        self.send(|reply| Message::Run(operation(reply))).await
    }

    /// Syncs everything committed so far.
    pub async fn flush(&self) -> Result<()> {
        self.send(Message::Flush).await
    }

    /// Syncs, and takes nothing any more.
    pub async fn close(&self) -> Result<()> {
        match self.send(Message::Close).await {
            Err(error) if error.code() == Code::Unavailable => Ok(()),
            other => other,
        }
    }

    async fn send<T>(&self, message: impl FnOnce(Reply<T>) -> Message) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.messages.send(message(reply)).map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

fn closed() -> Error {
    Error::new(Code::Unavailable, "the store is closed: the server is shutting down")
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.messages.send(Message::Close(oneshot::channel().0));
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A panic of the thread was reported when it happened; there is nobody to tell here.
        let _ = thread.map(JoinHandle::join);
    }
}

struct Thread {
    database: Arc<Database>,
    inbox: Receiver<Message>,
    /// Longest time without a sync; none if every commit is synced.
    interval: Duration,
    state: State,
    /// Taken from the inbox, but not for the commit at hand.
    carried: Option<Message>,
    /// When the oldest commit was made that no sync followed.
    unsynced: Option<Instant>,
}

impl Thread {
    fn run(mut self) {
        while let Some(message) = self.next() {
            match message {
                Message::Run(operation) => self.commit(operation),
                Message::Flush(reply) => {
                    let _ = reply.send(self.sync());
                }
                Message::Close(reply) => {
                    let _ = reply.send(self.sync().and_then(|()| self.database.write_out()));
                    return;
                }
            }
        }
        self.sync_in_time();
    }

    /// The next message, with a sync before it when it is time for one; none when nobody can send any more.
    fn next(&mut self) -> Option<Message> {
        loop {
            let left = self.unsynced.map(|since| self.interval.saturating_sub(since.elapsed()));
            // A steady stream of messages must not put the sync off.
            if left.is_some_and(|left| left.is_zero()) {
                self.sync_in_time();
                continue;
            }
            if let Some(message) = self.carried.take() {
                return Some(message);
            }
            let Some(left) = left else {
                return self.inbox.recv().ok();
            };
            match self.inbox.recv_timeout(left) {
                Ok(message) => return Some(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    fn commit(&mut self, first: Box<dyn Operation>) {
        let mut batch = Batch::new(&self.database, &self.state);
        let mut touched = HashSet::new();
        let mut next = Some(first);
        while let Some(operation) = next.take() {
            let alone = !claim(&mut touched, &*operation);
            operation.stage(&mut batch);
            if alone || batch.is_full() {
                break;
            }
            next = match self.inbox.try_recv() {
                Ok(Message::Run(operation)) if is_free(&touched, &*operation) => Some(operation),
                Ok(other) => {
                    self.carried = Some(other);
                    None
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
            };
        }
        if batch.is_empty() {
            return;
        }
        let began = Instant::now();
        let (staged, writes) = batch.finish();
        metrics::histogram!("wisp_store_commit_operations").record(staged.len() as f64);
        let outcome = writes.and_then(|writes| writes.commit(&mut self.state));
        metrics::histogram!("wisp_store_commit_seconds").record(began.elapsed());
        if outcome.is_ok() {
            self.unsynced.get_or_insert(began);
        }
        let outcome = outcome.and_then(|bytes| self.database.write_out_large(bytes));
        self.settle(staged, outcome);
    }

    /// Answers those who only wait for the commit, syncs if others need it, and answers them.
    fn settle(&mut self, staged: Vec<Settlement>, outcome: Result<()>) {
        let every = self.interval.is_zero();
        let (durable, quick): (Vec<_>, Vec<_>) = staged.into_iter().partition(|one| one.durable || every);
        quick.into_iter().for_each(|one| one.settle(&outcome));
        if durable.is_empty() {
            return;
        }
        let outcome = outcome.and_then(|()| self.sync());
        durable.into_iter().for_each(|one| one.settle(&outcome));
    }

    fn sync(&mut self) -> Result<()> {
        let began = Instant::now();
        let synced = self.database.fjall.persist(PersistMode::SyncData);
        metrics::histogram!("wisp_store_sync_seconds").record(began.elapsed());
        self.unsynced = None;
        synced.map_err(|cause| error::database("sync the database", cause))
    }

    fn sync_in_time(&mut self) {
        if self.unsynced.is_some()
            && let Err(error) = self.sync()
        {
            tracing::error!(?error, "finished activations may be lost if the power fails");
        }
    }
}

/// Notes what the operation touches; false if it must be the only one of its commit.
fn claim(touched: &mut HashSet<u64>, operation: &dyn Operation) -> bool {
    match operation.touches() {
        Touch::These(keys) => {
            touched.extend(keys);
            true
        }
        Touch::Everything => false,
    }
}

/// Whether no operation of the commit has touched what this one does: each sees the database as it was before.
fn is_free(touched: &HashSet<u64>, operation: &dyn Operation) -> bool {
    match operation.touches() {
        Touch::These(keys) => keys.iter().all(|key| !touched.contains(key)),
        Touch::Everything => false,
    }
}
