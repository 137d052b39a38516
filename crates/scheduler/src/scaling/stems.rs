use std::time::Duration;

/// How many starts of one sort come close together: the most within one period, of which half is forgotten after each
/// half-life. What was needed at once lately is taken to be needed at once again.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Burst {
    /// The most of earlier periods, as it was at that time.
    peak: f64,
    peak_at: Duration,
    /// Starts of the period that began then.
    count: u32,
    since: Duration,
}

/// How a [`Burst`] is measured.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Starts within this time count as one burst: what it takes to replace a stem cell, and more.
    pub period: Duration,
    /// After this time half of a burst is forgotten.
    pub half_life: Duration,
}

impl Burst {
    /// Notes a start. Time never goes back.
    pub fn add(&mut self, now: Duration, memory: &Memory) {
        if now.saturating_sub(self.since) >= memory.period || self.count == 0 {
            *self = Self {
                peak: self.level(now, memory),
                peak_at: now,
                count: 0,
                since: now,
            };
        }
        self.count += 1;
    }

    /// How large a burst is to be expected.
    pub fn level(&self, now: Duration, memory: &Memory) -> f64 {
        let left = |value: f64, at: Duration| {
            let lives = now.saturating_sub(at).as_secs_f64() / memory.half_life.as_secs_f64().max(1e-3);
            value * (-lives).exp2()
        };
        left(self.peak, self.peak_at).max(left(self.count.into(), self.since))
    }
}

/// What one sort of stem cell is wanted for.
#[derive(Clone, Copy, Debug)]
pub struct Want {
    /// The burst to be expected.
    pub level: f64,
    /// How many are kept without any demand.
    pub least: usize,
    /// What one occupies, in bytes.
    pub memory: u64,
}

/// How many stem cells there may be.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Of one sort.
    pub most: usize,
    /// Of all sorts together, in bytes; it bounds what is kept beyond the least of each sort.
    pub memory: u64,
}

/// How many stem cells of each sort to keep, in the order of the wants.
///
/// Each gets as many as its next burst needs, between its least and the most. If memory does not suffice for all, one
/// after the other goes to the sort that has the most demand for each cell it would then have.
pub fn targets(wants: &[Want], room: &Room) -> Vec<usize> {
    let mut given: Vec<usize> = wants.iter().map(|want| want.least).collect();
    let mut left = wants.iter().fold(room.memory, |left, want| {
        left.saturating_sub(want.memory.saturating_mul(want.least as u64))
    });
    let need = |want: &Want| (want.level.round() as usize).min(room.most);
    let claim = |want: &Want, given: usize| want.level / (given + 1) as f64;
    loop {
        let next = wants
            .iter()
            .zip(&given)
            .enumerate()
            .filter(|(_, (want, given))| **given < need(want) && want.memory <= left)
            .map(|(index, (want, given))| (index, claim(want, *given)))
            .max_by(|(_, one), (_, other)| one.total_cmp(other));
        let Some((index, _)) = next else { return given };
        given[index] += 1;
        left -= wants[index].memory;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    const MEMORY: Memory = Memory {
        period: Duration::from_secs(1),
        half_life: Duration::from_secs(60),
    };

    fn secs(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn after(starts: &[f64]) -> Burst {
        let mut burst = Burst::default();
        starts.iter().for_each(|at| burst.add(secs(*at), &MEMORY));
        burst
    }

    #[test]
    fn a_burst_is_remembered_and_forgotten_by_half() {
        let five = after(&[10.0, 10.1, 10.2, 10.3, 10.4]);
        let thin: Vec<f64> = (0..20).map(|index| f64::from(index) * 5.0).collect();
        for (burst, now, expected, why) in [
            (after(&[]), 100.0, 0.0, "nothing was started"),
            (five, 10.5, 5.0, "the burst itself"),
            (five, 70.0, 2.5, "one half-life later"),
            (five, 610.0, 0.0, "long ago"),
            (after(&thin), 95.5, 1.0, "one every five seconds needs one"),
            (
                after(&[10.0, 10.1, 10.2, 12.0]),
                12.0,
                3.0,
                "a smaller burst does not hide a larger one",
            ),
        ] {
            let level = burst.level(secs(now), &MEMORY);
            assert!((level - expected).abs() < 0.12, "{why}: {level}");
        }
    }

    #[test]
    fn as_many_are_kept_as_the_next_burst_needs() {
        let want = |level, least| Want {
            level,
            least,
            memory: 10,
        };
        let room = Room { most: 16, memory: 1000 };
        for (wants, room, expected, why) in [
            (vec![], room, vec![], "nothing to keep"),
            (
                vec![want(0.0, 1), want(0.0, 0)],
                room,
                vec![1, 0],
                "without demand, the least",
            ),
            (
                vec![want(0.4, 0), want(0.6, 0)],
                room,
                vec![0, 1],
                "what is nearly forgotten is not kept",
            ),
            (vec![want(5.2, 1)], room, vec![5], "demand"),
            (vec![want(500.0, 1)], room, vec![16], "the most"),
            (
                vec![want(10.0, 0), want(5.0, 0)],
                Room { memory: 60, ..room },
                vec![4, 2],
                "shared by demand",
            ),
            (
                vec![want(9.0, 0), want(0.0, 3)],
                Room { memory: 20, ..room },
                vec![0, 3],
                "the least comes first",
            ),
            (
                vec![want(9.0, 1)],
                Room { memory: 0, ..room },
                vec![1],
                "the least is kept in any case",
            ),
        ] {
            assert_eq!(targets(&wants, &room), expected, "{why}");
        }
    }

    fn wants() -> impl Strategy<Value = Vec<Want>> {
        let want = (0.0..100.0f64, 0..4usize, 1..50u64);
        vec(
            want.prop_map(|(level, least, memory)| Want { level, least, memory }),
            0..6,
        )
    }

    proptest! {
        #[test]
        fn a_level_is_at_most_the_number_of_starts_and_never_falls_by_one(
            gaps in vec(0.0..30.0f64, 1..60), wait in 0.0..300.0f64
        ) {
            let (mut burst, mut now) = (Burst::default(), 0.0);
            for (index, gap) in gaps.iter().enumerate() {
                now += gap;
                let before = burst.level(secs(now), &MEMORY);
                burst.add(secs(now), &MEMORY);
                let level = burst.level(secs(now), &MEMORY);
                prop_assert!(level + 1e-9 >= before && level >= 0.9 && level <= index as f64 + 1.0 + 1e-9);
            }
            let (level, later) = (burst.level(secs(now), &MEMORY), burst.level(secs(now + wait), &MEMORY));
            prop_assert!(later <= level + 1e-9 && later >= 0.0);
        }

        #[test]
        fn targets_keep_to_the_room(wants in wants(), most in 1..40usize, memory in 0..4000u64) {
            let given = targets(&wants, &Room { most, memory });
            let mut beyond = 0;
            for (want, given) in wants.iter().zip(&given) {
                prop_assert!(*given >= want.least);
                prop_assert!(*given <= want.least.max(most.min(want.level.round() as usize)));
                beyond += (*given - want.least) as u64 * want.memory;
            }
            let least: u64 = wants.iter().map(|want| want.least as u64 * want.memory).sum();
            prop_assert!(beyond <= memory.saturating_sub(least));
        }

        #[test]
        fn more_memory_never_means_fewer_cells(wants in wants(), memory in 0..2000u64, more in 0..2000u64) {
            // Of one size, so that which fits does not depend on what is left over.
            let wants: Vec<Want> = wants.iter().map(|want| Want { memory: 7, ..*want }).collect();
            let less = targets(&wants, &Room { most: 40, memory });
            let more = targets(&wants, &Room { most: 40, memory: memory + more });
            prop_assert!(less.iter().zip(&more).all(|(less, more)| less <= more));
        }
    }
}
