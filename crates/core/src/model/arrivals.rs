use std::{collections::VecDeque, time::Duration};

use super::Minutes;

/// Resolution of [`Gaps`].
pub const GAP_BIN: Duration = Duration::from_secs(30);

/// How many bins [`Gaps`] has at most; longer gaps are out of bounds. Four hours, as in "Serverless in the Wild".
pub const GAP_BINS: usize = 480;

/// How many of the latest gaps are remembered one by one.
pub const LATEST_GAPS: usize = 16;

/// A histogram of the times between arrivals.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gaps {
    /// Counts by bin of [`GAP_BIN`]; as long as the longest gap needs.
    bins: Vec<u32>,
    total: u64,
    /// Those that were longer than the histogram reaches.
    beyond: u64,
}

impl Gaps {
    /// Counts a gap.
    pub fn add(&mut self, gap: Duration) {
        self.total += 1;
        let bin = (gap.as_millis() / GAP_BIN.as_millis()) as usize;
        if bin >= GAP_BINS {
            self.beyond += 1;
            return;
        }
        if bin >= self.bins.len() {
            self.bins.resize(bin + 1, 0);
        }
        self.bins[bin] = self.bins[bin].saturating_add(1);
    }

    /// Counts by bin of [`GAP_BIN`], up to the last that is not empty.
    pub fn bins(&self) -> &[u32] {
        &self.bins
    }

    /// All gaps.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Gaps that were too long for the histogram.
    pub fn beyond(&self) -> u64 {
        self.beyond
    }
}

impl Extend<Duration> for Gaps {
    fn extend<T: IntoIterator<Item = Duration>>(&mut self, gaps: T) {
        gaps.into_iter().for_each(|gap| self.add(gap));
    }
}

/// When something has arrived so far. Times are on a clock that never goes back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arrivals {
    latest: Option<Duration>,
    gaps: Gaps,
    /// The latest gaps, oldest first.
    recent: VecDeque<Duration>,
    minutes: Minutes,
}

impl Arrivals {
    /// Notes an arrival; returns the time since the one before.
    pub fn add(&mut self, now: Duration) -> Option<Duration> {
        self.minutes.add(now);
        let gap = self.latest.replace(now).map(|latest| now.saturating_sub(latest))?;
        self.gaps.add(gap);
        if self.recent.len() == LATEST_GAPS {
            self.recent.pop_front();
        }
        self.recent.push_back(gap);
        Some(gap)
    }

    /// When the latest came; none before the first.
    pub fn latest(&self) -> Option<Duration> {
        self.latest
    }

    /// All gaps so far.
    pub fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// The latest gaps, oldest first; at most [`LATEST_GAPS`].
    pub fn recent(&self) -> &VecDeque<Duration> {
        &self.recent
    }

    /// The minutes in which something arrived.
    pub fn minutes(&self) -> &Minutes {
        &self.minutes
    }
}
