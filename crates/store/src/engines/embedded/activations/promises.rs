use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use wisp_core::{
    Code, Error, Result,
    model::{Accepted, ActivationId},
};

use crate::engines::embedded::{
    database::{Database, PROMISE},
    error,
    operation::{Batch, Operation, Reply, Touch},
};

/// The key of a promise: after [`PROMISE`] when it was made, and its id, so that the oldest comes first.
pub(super) type Key = [u8; 26];

/// The promises that are open, so that an end without a promise need not look for one, nor leave a tombstone.
#[derive(Clone, Default)]
pub(super) struct Promises(Arc<Mutex<HashMap<ActivationId, Key>>>);

impl Promises {
    /// Finds those that are open.
    pub fn load(database: &Database) -> Result<Self> {
        let promises = Self::default();
        for entry in database.main.prefix(PROMISE) {
            let key = entry
                .key()
                .map_err(|cause| error::database("read the promises", cause))?;
            if let Ok(key) = Key::try_from(&key[..])
                && let Some(id) = key.last_chunk()
            {
                promises
                    .open()
                    .insert(ActivationId::from_bits(u128::from_be_bytes(*id)), key);
            }
        }
        Ok(promises)
    }

    /// The key of an open promise.
    pub fn key(&self, id: ActivationId) -> Option<Key> {
        self.open().get(&id).copied()
    }

    /// Notes that a promise was settled.
    pub fn settled(&self, id: ActivationId) {
        self.open().remove(&id);
    }

    /// Reads all that are open, oldest first.
    pub fn read(&self, database: &Database) -> Result<Vec<Accepted>> {
        let mut keys: Vec<Key> = self.open().values().copied().collect();
        keys.sort_unstable();
        let mut promises = Vec::with_capacity(keys.len());
        for key in keys {
            let value = database
                .main
                .get(key)
                .map_err(|cause| error::database("read a promise", cause))?;
            // One may have been settled meanwhile.
            if let Some(value) = value {
                promises.push(serde_json::from_slice(&value).map_err(unreadable)?);
            }
        }
        Ok(promises)
    }

    fn open(&self) -> MutexGuard<'_, HashMap<ActivationId, Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::new(Code::Corrupted, "an accepted invocation cannot be read back").because(error)
}

/// The part of an id that stands for it among what a commit touches.
pub(super) fn touch(id: ActivationId) -> u64 {
    id.to_bytes().last_chunk().map_or(0, |low| u64::from_be_bytes(*low))
}

/// Writes a promise down.
pub(super) struct Accept {
    id: ActivationId,
    key: Key,
    value: Vec<u8>,
    promises: Promises,
    reply: Reply<()>,
}

impl Accept {
    /// The promise in the form that it is stored in.
    pub fn encode(accepted: &Accepted) -> Result<(Key, Vec<u8>)> {
        let mut key = [0; 26];
        key[..2].copy_from_slice(PROMISE);
        key[2..10].copy_from_slice(&accepted.at.to_be_bytes());
        key[10..].copy_from_slice(&accepted.id.to_bytes());
        let value = serde_json::to_vec(accepted);
        let value = value.map_err(|error| Error::internal("an accepted invocation has no JSON").because(error))?;
        Ok((key, value))
    }

    pub fn new(id: ActivationId, (key, value): (Key, Vec<u8>), promises: Promises, reply: Reply<()>) -> Self {
        Self {
            id,
            key,
            value,
            promises,
            reply,
        }
    }
}

impl Operation for Accept {
    fn touches(&self) -> Touch {
        Touch::These(vec![touch(self.id)])
    }

    fn stage(self: Box<Self>, batch: &mut Batch<'_>) {
        let Self {
            id,
            key,
            value,
            promises,
            reply,
        } = *self;
        let database = batch.database;
        if let Some(before) = promises.key(id).filter(|before| *before != key) {
            batch.remove(&database.main, before);
        }
        batch.insert(&database.main, key, value);
        batch.then(true, move |outcome| {
            if outcome.is_ok() {
                promises.open().insert(id, key);
            }
            let _ = reply.send(outcome);
        });
    }
}
