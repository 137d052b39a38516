use std::sync::{Arc, atomic::Ordering};

use fjall::{
    Keyspace, KeyspaceCreateOptions,
    compaction::filter::{CompactionFilter, CompactionFilterResult, Context, Factory, ItemAccessor, Verdict},
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
/// Tables that hold little: entities, promises, the index of ids.
const SMALL_MEMTABLE: u64 = 8 << 20;
/// The keyspace whose stale entries go by themselves.
const IDS: &str = "ids";

/// fjall's database, its keyspaces open.
pub(super) struct Database {
    pub fjall: fjall::Database,
    /// `table \0 key` → revision, value.
    pub records: Keyspace,
    /// Single values of the store itself.
    pub meta: Keyspace,
    /// Acceptance time, id → promise.
    pub accepted: Keyspace,
    /// Activation id → start, namespace.
    pub ids: Keyspace,
    /// Records of activations, by time.
    pub buckets: Buckets,
    /// Held longer than the files it guards.
    pub directory: Arc<Directory>,
}

impl Database {
    /// Opens it, or makes it.
    pub fn open(directory: Arc<Directory>, config: &Config) -> Result<Self> {
        let horizon = Horizon::default();
        let fjall = open(&directory, config, horizon.clone()).map_err(|cause| {
            let doing = format!("open the database {}", directory.database().display());
            error::database(&doing, cause)
        })?;
        let small = |name: &str| {
            let made = fjall.keyspace(name, || {
                KeyspaceCreateOptions::default().max_memtable_size(SMALL_MEMTABLE)
            });
            made.map_err(|cause| error::database("open a table of the database", cause))
        };
        let database = Self {
            records: small("records")?,
            meta: small("meta")?,
            accepted: small("accepted")?,
            ids: small(IDS)?,
            buckets: Buckets::open(&fjall, config, horizon)?,
            fjall,
            directory,
        };
        // What the journal brought back would stay in memory, and be read again by every start, until it is written.
        database.begin_write_out()?;
        Ok(database)
    }

    /// Writes what is in memory to sorted files, so that the next start need not read it from the journal.
    pub fn write_out(&self) -> Result<()> {
        for keyspace in self.keyspaces() {
            // Hidden in fjall's documentation, but the only way to ask for this.
            let written = keyspace.rotate_memtable_and_wait();
            written.map_err(|cause| error::database("write sorted files", cause))?;
        }
        Ok(())
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
        let others = [&self.records, &self.meta, &self.accepted, &self.ids].map(Clone::clone);
        others.into_iter().chain(buckets).collect()
    }
}

/// Has what a keyspace holds in memory written to a sorted file, in the background.
pub(super) fn write_out(keyspace: &Keyspace) -> Result<()> {
    let begun = keyspace.rotate_memtable();
    begun
        .map(drop)
        .map_err(|cause| error::database("write sorted files", cause))
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
