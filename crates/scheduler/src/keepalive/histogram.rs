//! `histogram`: the hybrid policy of Shahrad et al., "Serverless in the Wild", ATC 2020. A histogram of the gaps between
//! arrivals, in minutes, tells when an action comes back: before that its instance is ended, then started ahead.

use std::{sync::Arc, time::Duration};

use wisp_core::{
    model::Gaps,
    ports::{Candidate, KeepAlive, Windows},
};

use super::{Config, greedy_dual};

/// Bins of [`Gaps`] in one of the paper's.
const BINS_A_MINUTE: usize = 2;
/// Percentiles of the head and tail.
const HEAD: f64 = 0.05;
const TAIL: f64 = 0.99;
/// Part by which the windows are widened.
const MARGIN: f64 = 0.10;
/// Gaps before the histogram says anything, and how uneven its bins must be for that.
const FEW: u64 = 2;
const REPRESENTATIVE: f64 = 2.0;
/// Part of the gaps that must be out of bounds for a forecast instead of the histogram.
const MOSTLY: f64 = 0.5;
/// Part of a forecast by which it may be wrong.
const FORECAST_MARGIN: f64 = 0.15;

struct Histogram {
    bins: usize,
}

/// `histogram`
pub fn register(config: &Config) -> Arc<dyn KeepAlive> {
    let bins = config.histogram_minutes.clamp(1, 240) as usize;
    Arc::new(Histogram { bins })
}

impl KeepAlive for Histogram {
    fn windows(&self, view: &Candidate) -> Windows {
        let gaps = view.arrivals.gaps();
        let minutes = by_minute(gaps, self.bins);
        let within: u64 = minutes.iter().map(|count| u64::from(*count)).sum();
        let beyond = gaps.total() - within;
        if gaps.total() > FEW && beyond as f64 > MOSTLY * gaps.total() as f64 {
            return forecast(view);
        }
        if within <= FEW || variation(&minutes, self.bins) < REPRESENTATIVE {
            return Windows::one(Duration::ZERO..minute(self.bins));
        }
        let head = percentile(&minutes, within, HEAD);
        let tail = percentile(&minutes, within, TAIL) + 1;
        let prewarm = minute(head).mul_f64(1.0 - MARGIN);
        Windows::one(prewarm..minute(tail).mul_f64(1.0 + MARGIN))
    }

    fn worth(&self, view: &Candidate) -> f64 {
        greedy_dual::priority(view)
    }
}

fn minute(bin: usize) -> Duration {
    Duration::from_secs(60 * bin as u64)
}

fn by_minute(gaps: &Gaps, bins: usize) -> Vec<u32> {
    gaps.bins()
        .chunks(BINS_A_MINUTE)
        .take(bins)
        .map(|bins| bins.iter().sum())
        .collect()
}

/// The bin in which this part of the gaps is reached.
fn percentile(minutes: &[u32], total: u64, part: f64) -> usize {
    let mut left = part * total as f64;
    for (bin, count) in minutes.iter().enumerate() {
        left -= f64::from(*count);
        if left <= 0.0 {
            return bin;
        }
    }
    minutes.len().saturating_sub(1)
}

/// Coefficient of variation of the bins' counts: high when a few bins have most.
fn variation(minutes: &[u32], bins: usize) -> f64 {
    let count = bins as f64;
    let mean = minutes.iter().map(|count| f64::from(*count)).sum::<f64>() / count;
    let squares: f64 = minutes.iter().map(|count| f64::from(*count).powi(2)).sum();
    (squares / count - mean * mean).max(0.0).sqrt() / mean
}

/// For gaps longer than the histogram: the next is forecast from the latest by exponential smoothing, where the paper
/// has ARIMA.
fn forecast(view: &Candidate) -> Windows {
    let mut recent = view.arrivals.recent().iter().map(Duration::as_secs_f64);
    let Some(first) = recent.next() else {
        return Windows::none();
    };
    let next = Duration::from_secs_f64(recent.fold(first, |level, gap| 0.5 * level + 0.5 * gap));
    let busy = view
        .idle_since
        .saturating_sub(view.arrivals.latest().unwrap_or_default());
    let from = next.mul_f64(1.0 - FORECAST_MARGIN).saturating_sub(busy);
    Windows::one(from..next.mul_f64(1.0 + FORECAST_MARGIN).saturating_sub(busy))
}
