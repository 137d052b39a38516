use std::{future::Future, sync::Arc};

use quick_cache::sync::Cache;
use tokio::sync::RwLock;
use wisp_core::Result;

/// Decoded records, kept in memory and forgotten when they change.
///
/// A reader that misses holds the gate from its read to its insertion, and a writer passes the gate after its commit,
/// before it forgets: so no value that was read before a commit can stay after it.
pub(crate) struct Cached<T> {
    values: Cache<String, Arc<T>>,
    gate: RwLock<()>,
}

impl<T> Cached<T> {
    pub fn new(entries: usize) -> Self {
        Self {
            values: Cache::new(entries),
            gate: RwLock::new(()),
        }
    }

    /// The value of a key, from memory or by `load`.
    pub async fn get<F>(&self, key: &str, load: impl FnOnce() -> F) -> Result<Option<Arc<T>>>
    where
        F: Future<Output = Result<Option<T>>>,
    {
        if let Some(value) = self.values.get(key) {
            return Ok(Some(value));
        }
        let _reading = self.gate.read().await;
        let value = load().await?.map(Arc::new);
        if let Some(value) = &value {
            self.values.insert(key.to_owned(), value.clone());
        }
        Ok(value)
    }

    /// Forgets keys whose records a commit has changed.
    pub async fn forget<'a>(&self, keys: impl Iterator<Item = &'a str>) {
        let _writing = self.gate.write().await;
        for key in keys {
            self.values.remove(key);
        }
    }
}
