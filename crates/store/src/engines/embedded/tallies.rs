use std::collections::HashMap;

use fjall::{Keyspace, OwnedWriteBatch};
use wisp_core::Result;

use super::error;

/// Tallies remembered between commits; the current minutes of all that is busy.
const REMEMBERED: usize = 4096;

/// How many records a minute has, and their size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub count: u64,
    pub bytes: u64,
}

impl Tally {
    pub fn encode(self) -> [u8; 16] {
        (u128::from(self.count) << 64 | u128::from(self.bytes)).to_be_bytes()
    }

    /// An unreadable tally counts nothing.
    pub fn decode(value: &[u8]) -> Self {
        let both = value.first_chunk().map_or(0, |both| u128::from_be_bytes(*both));
        Self {
            count: (both >> 64) as u64,
            bytes: both as u64,
        }
    }

    /// One record of this size.
    pub fn one(bytes: usize) -> Self {
        Self {
            count: 1,
            bytes: bytes as u64,
        }
    }

    fn apply(self, change: &Change) -> Self {
        let bytes = (self.bytes + change.added.bytes).saturating_sub(change.removed.bytes);
        Self {
            count: (self.count + change.added.count).saturating_sub(change.removed.count),
            bytes,
        }
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.bytes += other.bytes;
    }
}

/// What a batch does to a tally.
struct Change {
    keyspace: Keyspace,
    added: Tally,
    removed: Tally,
}

/// The tallies that a batch changes. Each is written once, however many records of its minute the batch has.
#[derive(Default)]
pub(super) struct Changes(HashMap<Vec<u8>, Change>);

impl Changes {
    pub fn add(&mut self, keyspace: &Keyspace, key: Vec<u8>, tally: Tally) {
        self.change(keyspace, key).added += tally;
    }

    pub fn remove(&mut self, keyspace: &Keyspace, key: Vec<u8>, tally: Tally) {
        self.change(keyspace, key).removed += tally;
    }

    fn change(&mut self, keyspace: &Keyspace, key: Vec<u8>) -> &mut Change {
        let new = || Change {
            keyspace: keyspace.clone(),
            added: Tally::default(),
            removed: Tally::default(),
        };
        self.0.entry(key).or_insert_with(new)
    }

    /// Adds the changed tallies to a batch, and returns them.
    pub fn write(self, known: &Known, batch: &mut OwnedWriteBatch) -> Result<Vec<(Vec<u8>, Tally)>> {
        let mut written = Vec::with_capacity(self.0.len());
        for (key, change) in self.0 {
            let before = known.get(&change.keyspace, &key)?;
            let tally = before.apply(&change);
            match tally.count {
                0 => batch.remove(&change.keyspace, key.as_slice()),
                _ => batch.insert(&change.keyspace, key.as_slice(), tally.encode()),
            }
            written.push((key, tally));
        }
        Ok(written)
    }
}

/// Tallies as they stand, the busy ones without a look into the database.
#[derive(Default)]
pub(super) struct Known(HashMap<Vec<u8>, Tally>);

impl Known {
    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> Result<Tally> {
        if let Some(tally) = self.0.get(key) {
            return Ok(*tally);
        }
        let value = keyspace
            .get(key)
            .map_err(|cause| error::database("read a tally", cause))?;
        Ok(value.map_or(Tally::default(), |value| Tally::decode(&value)))
    }

    /// Takes over what was committed.
    pub fn learn(&mut self, written: Vec<(Vec<u8>, Tally)>) {
        if self.0.len() + written.len() > REMEMBERED {
            self.0.clear();
        }
        self.0.extend(written);
    }

    /// Needed after a failed commit, and when a bucket is dropped.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}
