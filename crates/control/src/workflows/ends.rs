use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// Who waits for the end of an execution, by its key.
#[derive(Default)]
pub(crate) struct Ends(Mutex<HashMap<String, Vec<oneshot::Sender<()>>>>);

/// Somebody who waits; forgotten when it is dropped.
pub(crate) struct Watch<'a> {
    ends: &'a Ends,
    key: &'a str,
    told: oneshot::Receiver<()>,
}

impl Ends {
    /// Waits for the end, if it comes after this call.
    pub fn watch<'a>(&'a self, key: &'a str) -> Watch<'a> {
        let (sender, told) = oneshot::channel();
        self.lock().entry(key.to_owned()).or_default().push(sender);
        Watch { ends: self, key, told }
    }

    /// Tells all who wait.
    pub fn tell(&self, key: &str) {
        let waiting = self.lock().remove(key);
        for sender in waiting.into_iter().flatten() {
            // One who no longer waits does not care.
            let _ = sender.send(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<oneshot::Sender<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch<'_> {
    /// Returns when the execution has ended.
    pub async fn told(&mut self) {
        // The sender is dropped only after it was sent to.
        let _ = (&mut self.told).await;
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.told.close();
        let mut ends = self.ends.lock();
        if let Some(waiting) = ends.get_mut(self.key) {
            waiting.retain(|waiting| !waiting.is_closed());
            if waiting.is_empty() {
                ends.remove(self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_no_longer_waits_is_forgotten() {
        let ends = Ends::default();
        let (mut first, second) = (ends.watch("a"), ends.watch("a"));
        drop(second);
        assert_eq!(ends.lock()["a"].len(), 1);
        ends.tell("a");
        first.told().await;
        drop((first, ends.watch("b")));
        assert!(ends.lock().is_empty());
    }
}
