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
pub(super) struct Promises(Arc<Mutex<HashMap<ActivationId, Open>>>);

/// What is known of an open promise without reading it.
#[derive(Clone, Copy)]
pub(super) struct Open {
    /// Its key.
    pub key: Key,
    /// Whether it is a delivery, which no failure settles.
    pub delivery: bool,
}

/// A promise in the form that it is stored in.
pub(super) struct Promise {
    pub id: ActivationId,
    open: Open,
    value: Vec<u8>,
}

impl Promise {
    pub fn new(accepted: &Accepted) -> Result<Self> {
        let mut key = [0; 26];
        key[..2].copy_from_slice(PROMISE);
        key[2..10].copy_from_slice(&accepted.at.to_be_bytes());
        key[10..].copy_from_slice(&accepted.id.to_bytes());
        let value = serde_json::to_vec(accepted);
        let value = value.map_err(|error| Error::internal("an accepted invocation has no JSON").because(error))?;
        let delivery = accepted.delivery.is_some();
        Ok(Self {
            id: accepted.id,
            open: Open { key, delivery },
            value,
        })
    }

    /// Adds it to a commit, in place of one of the same id.
    pub fn stage(self, batch: &mut Batch<'_>, promises: &Promises) -> (ActivationId, Open) {
        let Self { id, open, value } = self;
        let database = batch.database;
        if let Some(before) = promises.open(id).filter(|before| before.key != open.key) {
            batch.remove(&database.main, before.key);
        }
        batch.insert(&database.main, open.key, value);
        (id, open)
    }
}

impl Promises {
    /// Finds those that are open.
    pub fn load(database: &Database) -> Result<Self> {
        let promises = Self::default();
        for entry in database.main.prefix(PROMISE) {
            let (key, value) = entry
                .into_inner()
                .map_err(|cause| error::database("read the promises", cause))?;
            if let Ok(key) = Key::try_from(&key[..])
                && let Some(id) = key.last_chunk()
            {
                let id = ActivationId::from_bits(u128::from_be_bytes(*id));
                let delivery = read(&value)?.delivery.is_some();
                promises.made(id, Open { key, delivery });
            }
        }
        Ok(promises)
    }

    /// An open promise.
    pub fn open(&self, id: ActivationId) -> Option<Open> {
        self.lock().get(&id).copied()
    }

    /// Notes that a promise was made.
    pub fn made(&self, id: ActivationId, open: Open) {
        self.lock().insert(id, open);
    }

    /// Notes that a promise was settled.
    pub fn settled(&self, id: ActivationId) {
        self.lock().remove(&id);
    }

    /// Reads one that is open.
    pub fn read(&self, database: &Database, id: ActivationId) -> Result<Option<Accepted>> {
        let Some(open) = self.open(id) else { return Ok(None) };
        let value = database
            .main
            .get(open.key)
            .map_err(|cause| error::database("read a promise", cause))?;
        value.map(|value| read(&value)).transpose()
    }

    /// Those that are open, oldest first.
    pub fn oldest_first(&self) -> Vec<ActivationId> {
        let mut open: Vec<(Key, ActivationId)> = self.lock().iter().map(|(id, open)| (open.key, *id)).collect();
        open.sort_unstable();
        open.into_iter().map(|(_, id)| id).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ActivationId, Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(value: &[u8]) -> Result<Accepted> {
    serde_json::from_slice(value)
        .map_err(|error| Error::new(Code::Corrupted, "an accepted invocation cannot be read back").because(error))
}

/// The part of an id that stands for it among what a commit touches.
pub(super) fn touch(id: ActivationId) -> u64 {
    id.to_bytes().last_chunk().map_or(0, |low| u64::from_be_bytes(*low))
}

/// Writes a promise down.
pub(super) struct Accept {
    pub promise: Promise,
    pub promises: Promises,
    pub reply: Reply<()>,
}

impl Operation for Accept {
    fn touches(&self) -> Touch {
        Touch::These(vec![touch(self.promise.id)])
    }

    fn stage(self: Box<Self>, batch: &mut Batch<'_>) {
        let Self {
            promise,
            promises,
            reply,
        } = *self;
        let (id, open) = promise.stage(batch, &promises);
        batch.then(true, move |outcome| {
            if outcome.is_ok() {
                promises.made(id, open);
            }
            let _ = reply.send(outcome);
        });
    }
}
