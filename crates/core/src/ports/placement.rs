use std::{ops::Range, time::Duration};

use crate::model::{Arrivals, Gaps};

/// Decides how long an idle instance is kept, when one is started ahead, and which is given up first.
///
/// Pure: the same view gives the same answer. All times are on one clock that never goes back.
pub trait KeepAlive: Send + Sync {
    /// When an idle instance of the candidate shall be there.
    fn windows(&self, view: &Candidate) -> Windows;

    /// What an idle instance is worth when memory is short: the least is given up first. Only the order matters.
    fn worth(&self, view: &Candidate) -> f64;
}

/// What a decision about one action knows: about its n-th instance, for those that come while n-1 others are busy.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Since when this instance has had nothing to do.
    pub idle_since: Duration,
    /// What has arrived for it.
    pub arrivals: &'a Arrivals,
    /// Gaps between the first arrivals of all actions, for one that has had few.
    pub others: &'a Gaps,
    /// Whether a schedule fires the action.
    pub scheduled: bool,
    /// What a start takes, until the function's code is ready.
    pub start_cost: Duration,
    /// What an idle instance occupies, in MB.
    pub memory: f64,
    /// How often the action has been used since its first instance came.
    pub uses: u64,
    /// The worth of the latest instance that was given up when the action was last used.
    pub floor: f64,
}

/// Intervals of time since an instance became idle: within them it is kept, or started ahead; between them it is not.
/// Sorted, and none touches the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Windows(Vec<Range<Duration>>);

impl Windows {
    /// No time at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// One interval.
    pub fn one(range: Range<Duration>) -> Self {
        let mut windows = Self::default();
        windows.push(range);
        windows
    }

    /// Adds an interval that starts no earlier than all before it; one that touches the last lengthens it.
    pub fn push(&mut self, range: Range<Duration>) {
        if range.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => self.0.push(range),
        }
    }

    /// Whether this time is in an interval, and for how long that stays so; for ever when there is no later change.
    pub fn at(&self, time: Duration) -> (bool, Duration) {
        let next = self.0.iter().find(|range| time < range.end);
        match next {
            Some(range) if range.start <= time => (true, range.end),
            Some(range) => (false, range.start),
            None => (false, Duration::MAX),
        }
    }

    /// The intervals.
    pub fn ranges(&self) -> &[Range<Duration>] {
        &self.0
    }
}
