use std::time::Duration;

use wisp_core::{
    model::{Arrivals, Gaps},
    ports::{Candidate, KeepAlive, Windows},
};

/// Instances of one action whose arrivals are followed one by one. Of those beyond, as many are kept as were needed
/// within [`LATELY`].
const LEVELS: usize = 32;
const LATELY: Duration = Duration::from_secs(60);

/// Nothing is decided about an instance before it has been idle for so long.
pub const SETTLE: Duration = Duration::from_secs(1);

/// What keeping an instance costs and what it saves.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// What a start takes, until the function's code is ready.
    pub start: Duration,
    /// What an idle instance occupies, in MB.
    pub memory: f64,
}

/// How many instances an action has had work for, and when: what a policy decides on.
///
/// The n-th level stands for the n-th instance: it is busy while at least n are. So each level has arrivals of its own,
/// and what is kept for a burst is decided by how often such bursts come.
#[derive(Clone, Debug, Default)]
pub struct Demand {
    levels: Vec<Level>,
    busy: usize,
    /// The most that were busy lately, and when.
    peak: (usize, Duration),
    uses: u64,
    floor: f64,
    scheduled: bool,
}

#[derive(Clone, Debug, Default)]
struct Level {
    arrivals: Arrivals,
    idle_since: Duration,
    windows: Option<Windows>,
}

/// How many idle instances there shall be, and until when that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Idle instances.
    pub idle: usize,
    /// When the answer changes even if nothing happens.
    pub until: Duration,
}

impl Demand {
    /// An action of which nothing is known but whether a schedule fires it.
    pub fn new(scheduled: bool) -> Self {
        Self {
            scheduled,
            ..Self::default()
        }
    }

    /// One more instance is busy. `floor` is the worth of the latest instance that was given up for want of memory.
    /// Returns the gap to the arrival before, if it tells something about actions in general.
    pub fn begin(&mut self, now: Duration, floor: f64) -> Option<Duration> {
        if self.busy == self.levels.len() && self.levels.len() < LEVELS {
            self.levels.push(Level::default());
        }
        let first = self.busy == 0;
        self.busy += 1;
        if self.busy >= self.peak.0 {
            self.peak = (self.busy, now);
        }
        self.uses += 1;
        self.floor = floor;
        let level = self.levels.get_mut(self.busy - 1)?;
        level.windows = None;
        let gap = level.arrivals.add(now);
        gap.filter(|_| first && level.arrivals.gaps().total() <= super::config::LEARNT)
    }

    /// One instance less is busy.
    pub fn end(&mut self, now: Duration) {
        if let Some(level) = self.busy.checked_sub(1).and_then(|level| self.levels.get_mut(level)) {
            level.idle_since = now;
            level.windows = None;
        }
        self.busy = self.busy.saturating_sub(1);
    }

    /// So many instances are busy now. As [`begin`](Self::begin) and [`end`](Self::end).
    pub fn set_busy(&mut self, count: usize, now: Duration, floor: f64) -> Option<Duration> {
        while self.busy > count {
            self.end(now);
        }
        let mut told = None;
        while self.busy < count {
            let gap = self.begin(now, floor);
            told = told.or(gap);
        }
        told
    }

    /// How often it was used.
    pub fn uses(&self) -> u64 {
        self.uses
    }

    /// Nothing is busy any more: what is known passes on to the next revision of the action.
    pub fn rest(&mut self) {
        self.busy = 0;
        self.levels
            .iter_mut()
            .for_each(|level| level.windows = Some(Windows::none()));
    }

    /// How many idle instances the policy wants.
    pub fn wanted(&mut self, policy: &dyn KeepAlive, others: &Gaps, cost: Cost, now: Duration) -> Wanted {
        let mut wanted = Wanted {
            idle: 0,
            until: Duration::MAX,
        };
        if self.peak.0 > self.levels.len() {
            if now >= self.peak.1 + LATELY {
                self.peak = (self.busy, now);
            }
            wanted.idle = self.peak.0.saturating_sub(self.busy.max(self.levels.len()));
            wanted.until = self.peak.1 + LATELY;
        }
        for index in self.busy..self.levels.len() {
            let (idle_since, decided) = (self.levels[index].idle_since, self.levels[index].windows.is_some());
            if !decided && now.saturating_sub(idle_since) < SETTLE {
                wanted.idle += 1;
                wanted.until = wanted.until.min(idle_since + SETTLE);
                continue;
            }
            let known = self.levels[index].windows.take();
            let windows = known.unwrap_or_else(|| policy.windows(&self.candidate(index, others, cost)));
            let level = &mut self.levels[index];
            let (warm, until) = windows.at(now.saturating_sub(level.idle_since));
            let since = level.idle_since;
            level.windows = Some(windows);
            wanted.idle += usize::from(warm);
            wanted.until = wanted.until.min(since.saturating_add(until));
        }
        wanted
    }

    /// What the next idle instance to be given up is worth.
    pub fn worth(&self, policy: &dyn KeepAlive, others: &Gaps, cost: Cost, idle: usize) -> f64 {
        let index = (self.busy + idle).min(self.levels.len()).saturating_sub(1);
        if self.levels.is_empty() {
            return self.floor;
        }
        policy.worth(&self.candidate(index, others, cost))
    }

    /// Notes that the last of so many idle instances was given up: it is not wanted again before it has been used.
    pub fn give_up(&mut self, idle: usize) {
        if let Some(level) = (self.busy + idle)
            .checked_sub(1)
            .and_then(|level| self.levels.get_mut(level))
        {
            level.windows = Some(Windows::none());
        }
    }

    fn candidate<'a>(&'a self, index: usize, others: &'a Gaps, cost: Cost) -> Candidate<'a> {
        let level = &self.levels[index];
        Candidate {
            idle_since: level.idle_since,
            arrivals: &level.arrivals,
            others,
            scheduled: self.scheduled,
            start_cost: cost.start,
            memory: cost.memory,
            uses: self.uses,
            floor: self.floor,
        }
    }
}
