use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use fjall::{
    AbstractTree, CompressionType, Keyspace, KeyspaceCreateOptions, PersistMode,
    compaction::filter::{CompactionFilter, CompactionFilterResult, Context, Factory, ItemAccessor, Verdict},
    config::CompressionPolicy,
};
use wisp_core::Result;

use super::{
    buckets::{Buckets, Horizon, minute_of},
    directory::Directory,
    error,
};
use crate::Config;

/// Files that fjall keeps open at most: the usual limit of a process is 1024, and most of them are for others.
const OPEN_FILES: usize = 256;
/// One thread writes sorted files and merges them. With two, fjall 3.1 keeps one of them spinning while the other
/// merges.
const THREADS: usize = 1;
/// fjall is told never to write a keyspace out by itself: every commit that finds it too large asks for that, and when
/// its one thread asks too, while its queue of 1000 is full of such requests, it waits for itself for ever.
pub(super) const NEVER: u64 = u64::MAX;
/// How often a clean end looks whether all is written.
const WRITE_OUT_POLL: Duration = Duration::from_millis(2);
/// Bytes that are written between two looks at how much the keyspaces hold in memory.
const LOOK_AFTER: usize = 1 << 20;
/// The key of the last revision. No table's name is empty, so that no record is near.
pub(super) const REVISION: &[u8] = b"\0revision";
/// How the keys of promises begin.
pub(super) const PROMISE: &[u8; 2] = b"\0p";
/// The keyspace whose stale entries go by themselves.
const IDS: &str = "ids";

/// fjall's database, its keyspaces open.
pub(super) struct Database {
    pub fjall: fjall::Database,
    /// What there is little of, together, since each keyspace takes several syncs to make: `table \0 key` → revision,
    /// value; with no table but a [`REVISION`] or a [`PROMISE`] in its place, what the store keeps for itself.
    pub main: Keyspace,
    /// Activation id → start, namespace.
    pub ids: Keyspace,
    /// Durable executions.
    pub journal: Keyspace,
    /// Records of activations, by time.
    pub buckets: Buckets,
    /// Held longer than the files it guards.
    pub directory: Arc<Directory>,
    /// Most that a keyspace holds in memory, in bytes.
    memtable: u64,
    /// Bytes written since the last look at that.
    unlooked: AtomicUsize,
}

impl Database {
    /// Opens it, or makes it.
    pub fn open(directory: Arc<Directory>, config: &Config) -> Result<Self> {
        let horizon = Horizon::default();
        let fjall = open(&directory, config, horizon.clone()).map_err(|cause| {
            let doing = format!("open the database {}", directory.database().display());
            error::database(&doing, cause)
        })?;
        let with = |name: &str, options: KeyspaceCreateOptions| {
            let made = fjall.keyspace(name, || options.max_memtable_size(NEVER));
            made.map_err(|cause| error::database("open a table of the database", cause))
        };
        let small = |name| with(name, KeyspaceCreateOptions::default());
        let database = Self {
            main: small("main")?,
            ids: small(IDS)?,
            journal: with("journal", compressed())?,
            buckets: Buckets::open(&fjall, config, horizon)?,
            memtable: config.memtable_size << 20,
            unlooked: AtomicUsize::new(0),
            fjall,
            directory,
        };
        // What the journal brought back would stay in memory, and be read again by every start, until it is written.
        database.begin_write_out()?;
        Ok(database)
    }

    /// Writes what is in memory to sorted files, so that the next start need not read it from the journal. Leaves it
    /// there when the disk has no room for that.
    pub fn write_out(&self) -> Result<()> {
        if self.directory.check_space().is_err() {
            return Ok(());
        }
        self.begin_write_out()?;
        let keyspaces = self.keyspaces();
        while keyspaces.iter().any(|keyspace| keyspace.sealed_memtable_count() > 0) {
            // Fails when fjall's thread has failed: nobody would end this wait.
            let alive = self.fjall.persist(PersistMode::Buffer);
            alive.map_err(|cause| error::database("write sorted files", cause))?;
            std::thread::sleep(WRITE_OUT_POLL);
        }
        Ok(())
    }

    /// Begins to write out the keyspaces that hold more than is configured, from time to time. The writer calls this
    /// after each commit, with its size.
    pub fn write_out_large(&self, bytes: usize) -> Result<()> {
        if self.unlooked.fetch_add(bytes, Ordering::Relaxed) < LOOK_AFTER {
            return Ok(());
        }
        self.unlooked.store(0, Ordering::Relaxed);
        let large = |keyspace: &Keyspace| keyspace.tree.active_memtable().size() > self.memtable;
        self.keyspaces()
            .iter()
            .filter(|keyspace| large(keyspace))
            .try_for_each(write_out)
    }

    fn begin_write_out(&self) -> Result<()> {
        self.keyspaces().iter().try_for_each(write_out)
    }

    fn keyspaces(&self) -> Vec<Keyspace> {
        let buckets = self
            .buckets
            .within(0, u64::MAX)
            .into_iter()
            .map(|bucket| bucket.keyspace);
        [self.main.clone(), self.ids.clone(), self.journal.clone()]
            .into_iter()
            .chain(buckets)
            .collect()
    }
}

/// Has what a keyspace holds in memory written to a sorted file, in the background. Hidden in fjall's documentation, but
/// the only way to ask for this.
pub(super) fn write_out(keyspace: &Keyspace) -> Result<()> {
    let begun = keyspace.rotate_memtable();
    begun
        .map(drop)
        .map_err(|cause| error::database("write sorted files", cause))
}

/// What is alike from entry to entry, and lies there long, as executions that wait do: compressed from its first file on.
fn compressed() -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default().data_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4))
}

fn open(directory: &Directory, config: &Config, horizon: Horizon) -> fjall::Result<fjall::Database> {
    let forget = move |keyspace: &str| -> Option<Arc<dyn Factory>> {
        (keyspace == IDS).then(|| Arc::new(Forget(horizon.clone())) as Arc<dyn Factory>)
    };
    fjall::Database::builder(directory.database())
        .cache_size(config.cache_size << 20)
        .max_cached_files(Some(OPEN_FILES))
        .max_journaling_size(config.journal_size << 20)
        .worker_threads(THREADS)
        .with_compaction_filter_factories(Arc::new(forget))
        .open()
}

/// Drops ids of records whose bucket is gone, whenever fjall merges them: no scan, no tombstones.
struct Forget(Horizon);

impl Factory for Forget {
    fn name(&self) -> &str {
        "forget"
    }

    fn make_filter(&self, _: &Context) -> Box<dyn CompactionFilter> {
        Box::new(Forget(self.0.clone()))
    }
}

impl CompactionFilter for Forget {
    fn filter_item(&mut self, item: ItemAccessor<'_>, _: &Context) -> CompactionFilterResult {
        let horizon = self.0.load(Ordering::Acquire);
        let start = item.value()?.first_chunk().map(|start| u64::from_be_bytes(*start));
        let gone = start.is_some_and(|start| minute_of(start) < horizon);
        Ok(if gone { Verdict::Remove } else { Verdict::Keep })
    }
}
