use std::sync::{Mutex, MutexGuard, PoisonError};

use wisp_core::model::Millis;

/// A time before which there is no timer. Timers that have fired leave tombstones at the beginning of their index,
/// which every look for the next would have to pass.
#[derive(Default)]
pub(super) struct Floor(Mutex<State>);

#[derive(Default)]
struct State {
    at: Millis,
    /// How often a timer was set: who has looked raises the floor only if none was meanwhile.
    sets: u64,
}

impl Floor {
    /// A timer was committed.
    pub fn set(&self, at: Millis) {
        let mut state = self.state();
        state.at = state.at.min(at);
        state.sets += 1;
    }

    /// The floor, and what [`raise`](Self::raise) wants to see.
    pub fn get(&self) -> (Millis, u64) {
        let state = self.state();
        (state.at, state.sets)
    }

    /// There was no timer before this time, when the floor was read with `seen`.
    pub fn raise(&self, at: Millis, seen: u64) {
        let mut state = self.state();
        if state.sets == seen {
            state.at = state.at.max(at);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
