//! Everything in maps: for tests, and for servers whose data may go with them.

mod activations;
mod blobs;
mod journal;
mod records;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use wisp_core::Result;

use crate::{Config, Engine, engine::Lifecycle};

/// Opens an empty store.
pub fn register(config: &Config) -> Result<Engine> {
    let records = Arc::new(records::Memory::new(config.watch_backlog));
    Ok(Engine {
        records: records.clone(),
        blobs: Arc::new(blobs::Memory::default()),
        journal: Arc::new(journal::Memory::default()),
        activations: Arc::new(activations::Memory::new(records)),
        lifecycle: Arc::new(Forgetful),
    })
}

/// Nothing outlives the process, so there is nothing to flush.
struct Forgetful;

#[async_trait]
impl Lifecycle for Forgetful {
    async fn flush(&self) -> Result<()> {
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

/// Every critical section leaves its map whole, even one that panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
