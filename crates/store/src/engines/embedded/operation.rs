use std::sync::Arc;

use fjall::{Keyspace, OwnedWriteBatch, UserKey, UserValue};
use tokio::sync::oneshot;
use wisp_core::{Error, Result, ports::Revision};

use super::{
    database::{Database, REVISION},
    error,
    tallies::{Changes, Known, Tally},
};

/// Operations of one commit at most.
const MOST_OPERATIONS: usize = 1024;
/// A commit that has so many bytes takes no further operation.
const MOST_BYTES: usize = 4 << 20;

/// Where the outcome of an operation goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T>>;

/// Something to write.
pub(super) trait Operation: Send {
    /// What no other operation of the same commit may touch, as hashes: two writes of a commit to the same key would
    /// have no order, and a read would not see what the commit is about to write.
    fn touches(&self) -> Touch;

    /// Whether whoever asks for it may carry it out itself: it waits for no sync, and takes no long time.
    fn is_quick(&self) -> bool {
        false
    }

    /// Adds its writes and its settlement to the commit; if it cannot be done, replies so and adds nothing.
    fn stage(self: Box<Self>, batch: &mut Batch<'_>);
}

/// What an operation touches.
pub(super) enum Touch {
    /// The keys with these hashes.
    These(Vec<u64>),
    /// More than can be said: it is the only one of its commit.
    Everything,
}

/// What to do when an operation's commit is made, or has failed.
pub(super) struct Settlement {
    /// Whether it waits for the sync.
    pub durable: bool,
    settle: Box<dyn FnOnce(Result<()>) + Send>,
}

impl Settlement {
    /// Tells the outcome.
    pub fn settle(self, outcome: &Result<()>) {
        (self.settle)(outcome.as_ref().copied().map_err(Error::copy));
    }
}

/// What the writer remembers from commit to commit.
pub(super) struct State {
    revision: Revision,
    tallies: Known,
}

impl State {
    /// Reads it from the database.
    pub fn load(database: &Database) -> Result<Self> {
        let value = database
            .main
            .get(REVISION)
            .map_err(|cause| error::database("read the last revision", cause))?;
        let revision = value.and_then(|value| value.first_chunk().map(|last| u64::from_be_bytes(*last)));
        Ok(Self {
            revision: Revision(revision.unwrap_or(0)),
            tallies: Known::default(),
        })
    }
}

/// A commit in the making.
pub(super) struct Batch<'a> {
    pub database: &'a Arc<Database>,
    pub tallies: Changes,
    writes: OwnedWriteBatch,
    bytes: usize,
    state: &'a State,
    revision: Revision,
    /// Whether it gives space back, and so may be made on a full disk.
    frees: bool,
    /// Whether tallies went by another way than this commit.
    dropped: bool,
    staged: Vec<Settlement>,
}

impl<'a> Batch<'a> {
    pub fn new(database: &'a Arc<Database>, state: &'a State) -> Self {
        let (writes, tallies) = (database.fjall.batch(), Changes::default());
        let revision = state.revision;
        Self {
            database,
            writes,
            tallies,
            state,
            revision,
            frees: false,
            dropped: false,
            bytes: 0,
            staged: Vec::new(),
        }
    }

    /// Adds a write. No key may be written twice by a commit.
    pub fn insert(&mut self, keyspace: &Keyspace, key: impl Into<UserKey>, value: impl Into<UserValue>) {
        let (key, value) = (key.into(), value.into());
        self.bytes += key.len() + value.len();
        self.writes.insert(keyspace, key, value);
    }

    /// Adds a deletion.
    pub fn remove(&mut self, keyspace: &Keyspace, key: impl Into<UserKey>) {
        self.writes.remove(keyspace, key);
    }

    /// A new revision.
    pub fn next_revision(&mut self) -> Revision {
        self.revision.0 += 1;
        self.revision
    }

    /// Says what to do with the outcome; if `durable`, after a sync.
    pub fn then(&mut self, durable: bool, settle: impl FnOnce(Result<()>) + Send + 'static) {
        self.staged.push(Settlement {
            durable,
            settle: Box::new(settle),
        });
    }

    /// Lets the commit be made on a full disk.
    pub fn frees_space(&mut self) {
        self.frees = true;
    }

    /// Says that a bucket was dropped, with its tallies.
    pub fn dropped_bucket(&mut self) {
        self.dropped = true;
    }

    pub fn is_empty(&self) -> bool {
        self.staged.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.staged.len() >= MOST_OPERATIONS || self.bytes >= MOST_BYTES
    }

    /// All settlements, and the writes if they can be made.
    pub fn finish(mut self) -> (Vec<Settlement>, Result<Writes>) {
        if self.revision != self.state.revision {
            self.writes
                .insert(&self.database.main, REVISION, self.revision.0.to_be_bytes());
        }
        let room = if self.frees {
            Ok(())
        } else {
            self.database.directory.check_space()
        };
        let tallies = room.and_then(|()| self.tallies.write(&self.state.tallies, &mut self.writes));
        let (batch, revision, dropped, bytes) = (self.writes, self.revision, self.dropped, self.bytes);
        (
            self.staged,
            tallies.map(|tallies| Writes {
                batch,
                revision,
                tallies,
                dropped,
                bytes,
            }),
        )
    }
}

/// A commit, ready to be made.
pub(super) struct Writes {
    batch: OwnedWriteBatch,
    revision: Revision,
    tallies: Vec<(Vec<u8>, Tally)>,
    dropped: bool,
    /// Size of what is written, without the tallies.
    bytes: usize,
}

impl Writes {
    /// Makes it: when this returns, it survives the end of this process. Returns its size in bytes.
    pub fn commit(self, state: &mut State) -> Result<usize> {
        if let Err(cause) = self.batch.commit() {
            state.tallies.forget();
            return Err(error::database("write to the database", cause));
        }
        state.revision = self.revision;
        state.tallies.learn(self.tallies);
        if self.dropped {
            state.tallies.forget();
        }
        Ok(self.bytes)
    }
}
