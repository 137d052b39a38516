use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// A sync that takes no longer costs less where it is asked for than the two changes of thread that it takes elsewhere.
const SWIFT: Duration = Duration::from_micros(400);

/// How much of what is known each measurement replaces: one in so many.
const WEIGHT: u64 = 8;

/// How long syncs take lately: a moving average. A disk that nobody has seen counts as slow.
pub(super) struct Swiftness(AtomicU64);

impl Default for Swiftness {
    fn default() -> Self {
        Self(AtomicU64::new(nanoseconds(4 * SWIFT)))
    }
}

impl Swiftness {
    /// A sync took so long.
    pub fn learn(&self, took: Duration) {
        let known = self.0.load(Ordering::Relaxed);
        let next = known - known / WEIGHT + nanoseconds(took) / WEIGHT;
        self.0.store(next, Ordering::Relaxed);
    }

    /// Whether a sync is over so soon that whoever wants one may wait for it where it stands.
    pub fn is_swift(&self) -> bool {
        self.0.load(Ordering::Relaxed) <= nanoseconds(SWIFT)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / WEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_must_be_swift_for_some_time_and_is_slow_at_once_when_it_stalls() {
        let swiftness = Swiftness::default();
        swiftness.learn(SWIFT / 2);
        assert!(!swiftness.is_swift(), "one sync says little");
        (0..50).for_each(|_| swiftness.learn(SWIFT / 2));
        assert!(swiftness.is_swift());
        swiftness.learn(Duration::from_millis(20));
        assert!(!swiftness.is_swift());
    }
}
