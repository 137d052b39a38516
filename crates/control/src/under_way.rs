use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use wisp_core::model::ActivationId;

/// Events that are being taken, and work that is being done once: a second attempt at the same time would not yet find what the
/// first one leaves.
#[derive(Default)]
pub(crate) struct UnderWay(Mutex<HashSet<ActivationId>>);

/// An event that is being taken, until this is dropped.
pub(crate) struct Taking<'a>(&'a UnderWay, ActivationId);

impl UnderWay {
    /// Begins to take an event; none if somebody else is at it.
    pub fn begin(&self, fire: ActivationId) -> Option<Taking<'_>> {
        self.lock().insert(fire).then(|| Taking(self, fire))
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<ActivationId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taking<'_> {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_taken_by_one_at_a_time() {
        let (events, id) = (UnderWay::default(), ActivationId::from_bits(7));
        let first = events.begin(id);
        assert!(first.is_some() && events.begin(id).is_none());
        drop(first);
        assert!(events.begin(id).is_some());
    }
}
