use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Nested executions that are being started, by the execution and the task that ask for them, and whether one is to be
/// stopped as soon as it is there: a stop that came first would find nothing.
#[derive(Default)]
pub(crate) struct Starts(Mutex<HashMap<(String, u64), bool>>);

impl Starts {
    /// One is being started.
    pub fn begin(&self, execution: &str, task: u64) {
        self.lock().insert((execution.to_owned(), task), false);
    }

    /// One is to be stopped; true if whoever starts it will do that.
    pub fn stop(&self, execution: &str, task: u64) -> bool {
        let mut starts = self.lock();
        let stop = starts.get_mut(&(execution.to_owned(), task));
        stop.map(|stop| *stop = true).is_some()
    }

    /// One is there, or will never be; true if it is to be stopped now.
    pub fn done(&self, execution: &str, task: u64) -> bool {
        self.lock().remove(&(execution.to_owned(), task)).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, u64), bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_finds_what_is_being_started() {
        let starts = Starts::default();
        assert!(!starts.stop("a", 1));
        starts.begin("a", 1);
        assert!(starts.stop("a", 1) && !starts.stop("a", 2));
        assert!(starts.done("a", 1));
        assert!(!starts.stop("a", 1) && !starts.done("a", 1));
    }
}
