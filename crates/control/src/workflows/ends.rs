use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::oneshot;

/// Who waits for the end of an execution, by its key.
#[derive(Default)]
pub(crate) struct Ends(Mutex<HashMap<String, Vec<oneshot::Sender<()>>>>);

impl Ends {
    /// A receiver that hears of the end, if it comes after this call.
    pub fn watch(&self, key: &str) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = ends.entry(key.to_owned()).or_default();
        // Those who no longer wait make room for those who come.
        waiting.retain(|waiting| !waiting.is_closed());
        waiting.push(sender);
        receiver
    }

    /// Tells all who wait.
    pub fn tell(&self, key: &str) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        for sender in waiting.into_iter().flatten() {
            // One who no longer waits does not care.
            let _ = sender.send(());
        }
    }
}
