use std::{ops::Range, time::Duration};

use wisp_core::{
    model::{GAP_BIN, GAP_BINS, Gaps},
    ports::Candidate,
};

/// Bins by how long a gap is, each octave twice as long as the one before.
const OCTAVES: usize = GAP_BINS.ilog2() as usize + 1;
/// Weight of a gap's length being like any length, in gaps of all actions.
const ANY_LENGTH: f64 = 60.0;
/// Part of all actions that do not come back while the histogram reaches.
const NEVER: f64 = 0.2;
/// Gaps that tell whether an action is regular, and the part of them that must agree.
const ENOUGH: usize = 4;
const AGREED: f64 = 0.4;

/// How much of each gap's evidence goes to lengths that have not been seen, and how much there is before the first gap.
struct Doubt {
    discount: f64,
    first: f64,
}

const REGULAR: Doubt = Doubt {
    discount: 0.2,
    first: 0.2,
};
const IRREGULAR: Doubt = Doubt {
    discount: 0.9,
    first: 0.1,
};

/// The times since the latest arrival in which the next is likelier than `least`, each second.
///
/// The next gap's length is drawn from a Pitman-Yor process in three levels: the gaps of this action by their bin, by
/// their octave, and those of all actions. Where every gap so far had another length, the next probably will have too;
/// where all were the same, it hardly can be another.
pub(super) fn expected(view: &Candidate, least: f64) -> Vec<Range<Duration>> {
    let chances = chances(view.arrivals.gaps(), view.others, &doubt(view));
    let least = least * GAP_BIN.as_secs_f64();
    let mut left = 1.0_f64;
    let mut expected = Vec::new();
    for (bin, chance) in chances.into_iter().enumerate() {
        let now = (chance / left.max(chance).max(f64::MIN_POSITIVE)).min(1.0);
        left -= chance;
        // What comes in the middle of the bin ends the waste.
        if now > 0.0 && now >= least * (1.0 - now / 2.0) {
            let from = GAP_BIN * bin as u32;
            expected.push(from..from + GAP_BIN);
        }
    }
    expected
}

fn doubt(view: &Candidate) -> Doubt {
    let recent = view.arrivals.recent();
    let bin = |gap: &Duration| gap.as_millis() / GAP_BIN.as_millis();
    let agree = |gap| recent.iter().filter(|other| bin(other) == bin(gap)).count();
    let most = recent.iter().map(agree).max().unwrap_or(0);
    let regular = recent.len() >= ENOUGH && most as f64 >= AGREED * recent.len() as f64;
    if view.scheduled || regular { REGULAR } else { IRREGULAR }
}

fn octave(bin: usize) -> usize {
    (bin + 1).ilog2() as usize
}

/// How probable each length of the next gap is, by bin.
fn chances(own: &Gaps, others: &Gaps, doubt: &Doubt) -> Vec<f64> {
    let of = |gaps: &Gaps, bin: usize| f64::from(gaps.bins().get(bin).copied().unwrap_or(0));
    let total = own.total() as f64;
    let mut octaves = [0.0; OCTAVES];
    let mut distinct = f64::from(u8::from(own.beyond() > 0));
    for (bin, count) in own.bins().iter().enumerate().filter(|(_, count)| **count > 0) {
        octaves[octave(bin)] += f64::from(*count);
        distinct += 1.0;
    }
    let unseen = doubt.first + doubt.discount * distinct;
    let chance = |bin: usize| {
        let evenly = 1.0 / (1_u32 << octave(bin)) as f64;
        let any = ANY_LENGTH * (1.0 - NEVER) / OCTAVES as f64 * evenly;
        let all = (of(others, bin) + any) / (others.total() as f64 + ANY_LENGTH);
        let alike = (octaves[octave(bin)] * evenly + all) / (total + 1.0);
        ((of(own, bin) - doubt.discount).max(0.0) + unseen * alike) / (total + doubt.first)
    };
    (0..GAP_BINS).map(chance).collect()
}
