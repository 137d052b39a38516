use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// How many executions run, by namespace. Counted at the start of the server, kept up to date from then on.
#[derive(Default)]
pub(crate) struct Census(Mutex<HashMap<String, usize>>);

impl Census {
    /// So many more run.
    pub fn begun(&self, namespace: &str, count: usize) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(namespace.to_owned()).or_default() += count;
    }

    /// One has ended.
    pub fn ended(&self, namespace: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(namespace) {
            *count = count.saturating_sub(1);
        }
    }

    /// How many run.
    pub fn of(&self, namespace: &str) -> usize {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(namespace).copied().unwrap_or_default()
    }
}
