use std::cell::Cell;

use serde_json::{Map, Value};

/// What the expressions of one field see.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// `$` in JSONPath: the effective input, or the raw result in a `ResultSelector`. In JSONata `$states.input`: the
    /// state's raw input.
    pub input: &'a Value,
    /// `$$`, or `$states.context`.
    pub context: &'a Value,
    /// `$name`.
    pub variables: &'a Map<String, Value>,
    /// `$states.result`, where a result is at hand.
    pub result: Option<&'a Value>,
    /// `$states.errorOutput`, in a catcher.
    pub error_output: Option<&'a Value>,
    /// Milliseconds since 1970 of the event that is handled: JSONata's `$now()` and `$millis()`.
    pub now_ms: i64,
    /// Where random numbers and UUIDs come from.
    pub chance: &'a Chance,
    /// What one expression may use.
    pub bounds: Bounds,
}

/// What one expression may use, so that a hostile one ends: beyond it, it fails.
///
/// All but the time are the same wherever an expression is evaluated; the time is the last resort against loops that
/// neither nest nor grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Milliseconds that a JSONata expression may take.
    pub time_ms: u64,
    /// How deep the functions of a JSONata expression may call each other, in levels of its evaluator (about three a
    /// call).
    pub depth: usize,
    /// How many items a sequence within a JSONata expression may have.
    pub sequence: usize,
    /// How many bytes the result of a JSONata expression may have, and what `$pad` makes.
    pub bytes: usize,
    /// How many bytes the values may have together that one field is made of, those of its expressions.
    pub together: usize,
    /// How many values a JSONPath may visit.
    pub visits: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            time_ms: 1000,
            depth: 3000,
            sequence: 262_144,
            bytes: 1 << 20,
            together: 16 << 20,
            visits: 4_000_000,
        }
    }
}

/// Randomness from a seed (SplitMix64): the same seed gives the same numbers in every build, so that a replayed step is
/// the same step. For decisions of workflows, not for secrets.
#[derive(Debug)]
pub struct Chance(Cell<u64>);

impl Chance {
    /// A sequence that this seed determines.
    pub fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// The next 64 bits.
    pub fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number of `0.0..1.0`, with 53 random bits.
    pub fn unit(&self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A UUID of version 4.
    pub fn uuid(&self) -> String {
        let high = (self.next() & !0xf000) | 0x4000;
        let low = (self.next() >> 2) | (0b10 << 62);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_sequence_of_uuids_of_version_4() {
        let (one, same, other) = (Chance::new(7), Chance::new(7), Chance::new(8));
        let uuid = one.uuid();
        assert_eq!(uuid, same.uuid());
        assert_ne!(uuid, other.uuid());
        assert_ne!(uuid, one.uuid());
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
        assert!("89ab".contains(&uuid[19..20]));
    }

    #[test]
    fn units_lie_between_zero_and_one() {
        let chance = Chance::new(0);
        assert!((0..1000).all(|_| (0.0..1.0).contains(&chance.unit())));
    }
}
