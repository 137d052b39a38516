//! What waits for the writer.

use std::{
    collections::{HashSet, VecDeque},
    time::{Duration, Instant},
};

use wisp_core::{Error, Result};

use super::operation::{Operation, Reply, Settlement, Touch};

/// The thread, which writes sorted files, hears of so many bytes at once.
const MOST_BYTES: usize = 1 << 20;

/// Operations, and those that wait for a sync of theirs.
#[derive(Default)]
pub(super) struct Queue {
    pub operations: VecDeque<Box<dyn Operation>>,
    /// Committed, and waiting for a sync.
    pub committed: Vec<(Settlement, Result<()>)>,
    pub flushes: Vec<Reply<()>>,
    pub close: Option<Reply<()>>,
    /// Bytes committed that the thread has not heard of.
    pub bytes: usize,
    /// When the oldest commit was made that no sync followed.
    pub unsynced: Option<Instant>,
    pub closed: bool,
    /// Whether the thread sleeps until it is woken; if not, it looks again within an interval.
    pub resting: bool,
}

/// Those whose commits are made and who wait for a sync.
pub(super) struct Waiting {
    committed: Vec<(Settlement, Result<()>)>,
    flushes: Vec<Reply<()>>,
}

impl Queue {
    /// Whether there is something that only the thread does, or when there will be.
    pub fn due(&self, interval: Duration) -> Due {
        let waiting = !self.operations.is_empty() || !self.committed.is_empty();
        if waiting || !self.flushes.is_empty() || self.close.is_some() || self.bytes >= MOST_BYTES {
            return Due::Now;
        }
        match self.unsynced.map(|since| interval.saturating_sub(since.elapsed())) {
            Some(Duration::ZERO) => Due::Now,
            Some(left) => Due::In(left),
            None => Due::Never,
        }
    }

    /// Whether the thread must be woken for what is left here.
    pub fn wants_thread(&self) -> bool {
        let left = !self.operations.is_empty() || !self.committed.is_empty();
        left || self.bytes >= MOST_BYTES || (self.resting && self.unsynced.is_some())
    }

    /// Those who wait for a sync now.
    pub fn take_waiting(&mut self) -> Waiting {
        Waiting {
            committed: std::mem::take(&mut self.committed),
            flushes: std::mem::take(&mut self.flushes),
        }
    }

    /// The operations of one commit: those that touch nothing in common, in the order in which they came. Without
    /// `all`, only quick ones.
    pub fn take(&mut self, all: bool) -> Vec<Box<dyn Operation>> {
        let (mut taken, mut touched) = (Vec::new(), HashSet::new());
        while let Some(next) = self.operations.front() {
            let alone = match next.touches() {
                Touch::These(keys) if keys.iter().any(|key| touched.contains(key)) => break,
                Touch::These(keys) => {
                    touched.extend(keys);
                    false
                }
                Touch::Everything => true,
            };
            if alone && (!all || !taken.is_empty()) {
                break;
            }
            taken.extend(self.operations.pop_front());
            if alone {
                break;
            }
        }
        taken
    }
}

impl Waiting {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.committed.is_empty() && self.flushes.is_empty()
    }

    /// Tells them the outcome of the sync; those whose commits failed hear of that.
    pub fn settle(self, synced: &Result<()>) {
        for (one, outcome) in self.committed {
            match &outcome {
                Ok(()) => one.settle(synced),
                Err(_) => one.settle(&outcome),
            }
        }
        for flush in self.flushes {
            // One who no longer waits does not care.
            let _ = flush.send(synced.as_ref().copied().map_err(Error::copy));
        }
    }
}

/// When there is something that only the thread does.
pub(super) enum Due {
    Now,
    In(Duration),
    Never,
}
