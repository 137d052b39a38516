use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use wisp_core::model::EntityName;

/// How many scopes there are in memory, and how much is in them.
#[derive(Default)]
pub(crate) struct Census {
    scopes: Mutex<HashMap<EntityName, usize>>,
    weight: AtomicU64,
}

/// A scope that is counted, until this is dropped.
pub(crate) struct Counted {
    census: Arc<Census>,
    namespace: EntityName,
    weight: u64,
}

impl Census {
    /// Counts a scope.
    pub fn count(self: &Arc<Self>, namespace: &EntityName) -> Counted {
        let mut scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        *scopes.entry(namespace.clone()).or_default() += 1;
        Counted {
            census: self.clone(),
            namespace: namespace.clone(),
            weight: 0,
        }
    }

    /// Scopes of a namespace.
    pub fn of(&self, namespace: &EntityName) -> usize {
        let scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        scopes.get(namespace).copied().unwrap_or(0)
    }

    /// Bytes of all values in memory.
    pub fn weight(&self) -> u64 {
        self.weight.load(Ordering::Relaxed)
    }
}

impl Counted {
    /// How much is in it now.
    pub fn weigh(&mut self, weight: u64) {
        let total = &self.census.weight;
        total.fetch_add(weight, Ordering::Relaxed);
        total.fetch_sub(self.weight, Ordering::Relaxed);
        self.weight = weight;
        metrics::gauge!("wisp_bucket_bytes").set(self.census.weight() as f64);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.weigh(0);
        let mut scopes = self.census.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = scopes.get_mut(&self.namespace) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                scopes.remove(&self.namespace);
            }
        }
    }
}
