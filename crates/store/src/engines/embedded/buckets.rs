use std::{
    collections::BTreeMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use fjall::{Keyspace, KeyspaceCreateOptions};
use wisp_core::{Result, model::Millis};

use super::{
    database::{NEVER, write_out},
    error,
};
use crate::Config;

/// Milliseconds of a minute, the unit of buckets and of tallies.
pub(super) const MINUTE: u64 = 60_000;

/// The first minute that may have a bucket. Nothing refers to an earlier one but what is to be forgotten.
pub(super) type Horizon = Arc<AtomicU64>;

/// The minute that a time is in.
pub(super) fn minute_of(time: Millis) -> u64 {
    time / MINUTE
}

/// Records of activations that started in one span of time, in a keyspace of their own.
#[derive(Clone)]
pub(super) struct Bucket {
    /// Its first minute.
    pub from: u64,
    /// The first minute that is not in it any more.
    pub to: u64,
    pub keyspace: Keyspace,
}

/// All buckets, by their first minute. They never overlap, also when their configured length has changed.
pub(super) struct Buckets {
    map: RwLock<BTreeMap<u64, Bucket>>,
    horizon: Horizon,
    minutes: u64,
}

impl Buckets {
    /// Finds the buckets that are there.
    pub fn open(fjall: &fjall::Database, config: &Config, horizon: Horizon) -> Result<Self> {
        let buckets = Self {
            map: RwLock::default(),
            horizon,
            minutes: config.bucket_minutes,
        };
        for name in fjall.list_keyspace_names() {
            if let Some((from, to)) = span(&name) {
                buckets.insert(from, to, buckets.keyspace(fjall, from, to)?);
            }
        }
        buckets.raise_horizon();
        Ok(buckets)
    }

    /// The bucket that a minute is in.
    pub fn holding(&self, minute: u64) -> Option<Bucket> {
        self.find(minute)
    }

    /// The bucket that a minute is in, made if need be. Called by the writer alone.
    pub fn make(&self, fjall: &fjall::Database, minute: u64) -> Result<Bucket> {
        if let Some(bucket) = self.find(minute) {
            return Ok(bucket);
        }
        let (from, to) = self.free_span(minute);
        self.horizon.fetch_min(from, Ordering::AcqRel);
        let keyspace = self.keyspace(fjall, from, to)?;
        // The others are hardly written to any more: they need not keep in memory what they got last.
        self.within(0, u64::MAX)
            .iter()
            .try_for_each(|other| write_out(&other.keyspace))?;
        Ok(self.insert(from, to, keyspace))
    }

    /// The buckets with minutes in a range, newest first.
    pub fn within(&self, first: u64, last: u64) -> Vec<Bucket> {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        let below = map.range(..=last).rev().map(|(_, bucket)| bucket);
        below.take_while(|bucket| bucket.to > first).cloned().collect()
    }

    /// Drops a bucket with all that is in it.
    pub fn drop(&self, fjall: &fjall::Database, bucket: &Bucket) -> Result<()> {
        let dropped = fjall.delete_keyspace(bucket.keyspace.clone());
        dropped.map_err(|cause| error::database("drop old activations", cause))?;
        self.map
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&bucket.from);
        self.raise_horizon();
        Ok(())
    }

    fn find(&self, minute: u64) -> Option<Bucket> {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        let (_, bucket) = map.range(..=minute).next_back()?;
        (minute < bucket.to).then(|| bucket.clone())
    }

    /// The span of a new bucket: aligned to its length, and cut where its neighbours are.
    fn free_span(&self, minute: u64) -> (u64, u64) {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        let from = minute - minute % self.minutes;
        let before = map.range(..=minute).next_back().map_or(0, |(_, bucket)| bucket.to);
        let after = map.range(minute..).next().map_or(u64::MAX, |(_, bucket)| bucket.from);
        (from.max(before), from.saturating_add(self.minutes).min(after))
    }

    fn insert(&self, from: u64, to: u64, keyspace: Keyspace) -> Bucket {
        let bucket = Bucket { from, to, keyspace };
        self.map
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(from, bucket.clone());
        bucket
    }

    fn keyspace(&self, fjall: &fjall::Database, from: u64, to: u64) -> Result<Keyspace> {
        let options = || KeyspaceCreateOptions::default().max_memtable_size(NEVER);
        let keyspace = fjall.keyspace(&format!("{PREFIX}{from}-{to}"), options);
        keyspace.map_err(|cause| error::database("open a bucket of activations", cause))
    }

    fn raise_horizon(&self) {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(oldest) = map.keys().next() {
            self.horizon.store(*oldest, Ordering::Release);
        }
    }
}

/// How names of buckets' keyspaces begin; their span follows.
const PREFIX: &str = "activations-";

fn span(name: &str) -> Option<(u64, u64)> {
    let (from, to) = name.strip_prefix(PREFIX)?.split_once('-')?;
    Some((from.parse().ok()?, to.parse().ok()?))
}
