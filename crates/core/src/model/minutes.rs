use std::time::Duration;

/// Words of [`Minutes`].
const WORDS: usize = 8;

/// The last minutes, eight hours, each with whether something happened in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minutes {
    /// Bit 0 of the first word is the minute `latest`, the next bit the one before.
    bits: [u64; WORDS],
    latest: u64,
}

impl Minutes {
    /// Minutes that are remembered.
    pub const COUNT: usize = 64 * WORDS;

    /// Notes that something happened at this time, which is not before any noted earlier.
    pub fn add(&mut self, time: Duration) {
        let minute = time.as_secs() / 60;
        let passed = minute.saturating_sub(self.latest);
        self.latest = minute;
        self.bits = self.older(usize::try_from(passed).unwrap_or(usize::MAX)).bits;
        self.bits[0] |= 1;
    }

    /// The same, moved into the past by so many minutes.
    fn older(&self, by: usize) -> Self {
        let (words, bits) = (by / 64, by % 64);
        let word = |index: Option<usize>| index.map_or(0, |index| self.bits[index]);
        let moved = |index: usize| {
            let high = word(index.checked_sub(words)) << bits;
            let low = word(index.checked_sub(words + 1));
            high | if bits == 0 { 0 } else { low >> (64 - bits) }
        };
        Self {
            bits: std::array::from_fn(moved),
            latest: self.latest,
        }
    }

    /// How many are followed by another after just so many minutes.
    pub fn repeats(&self, after: usize) -> u32 {
        let older = self.older(after);
        let both = self.bits.iter().zip(older.bits);
        both.map(|(bits, older)| (bits & older).count_ones()).sum()
    }

    /// Those that are at least so many minutes old.
    pub fn count_from(&self, age: usize) -> u32 {
        let mut count = 0;
        for (index, word) in self.bits.iter().enumerate() {
            let skipped = age.saturating_sub(64 * index).min(64);
            count += if skipped == 64 {
                0
            } else {
                (word >> skipped).count_ones()
            };
        }
        count
    }

    /// Whether something happened so many minutes before the latest.
    pub fn has(&self, age: usize) -> bool {
        age < Self::COUNT && self.bits[age / 64] >> (age % 64) & 1 == 1
    }

    /// The latest minute in which something happened, counted from the clock's zero.
    pub fn latest(&self) -> u64 {
        self.latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(at: &[u64]) -> Minutes {
        let mut minutes = Minutes::default();
        at.iter()
            .for_each(|minute| minutes.add(Duration::from_secs(60 * minute + 7)));
        minutes
    }

    #[test]
    fn remembers_eight_hours() {
        let seen = minutes(&[3, 3, 70, 200]);
        assert_eq!((seen.latest(), seen.count_from(0)), (200, 3));
        assert!(seen.has(0) && seen.has(130) && seen.has(197) && !seen.has(196));
        assert_eq!(
            (seen.count_from(130), seen.count_from(131), seen.count_from(198)),
            (2, 1, 0)
        );
        assert_eq!(minutes(&[3, 3 + Minutes::COUNT as u64]).count_from(0), 1);
        assert_eq!(minutes(&[3, 1_000_000]).count_from(0), 1);
    }

    #[test]
    fn counts_repeats() {
        let two = minutes(&[0, 60, 65, 120, 130, 180, 195]);
        assert_eq!(
            (two.repeats(60), two.repeats(65), two.repeats(64), two.repeats(7)),
            (3, 3, 0, 0)
        );
    }
}
