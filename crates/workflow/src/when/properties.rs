//! Every primitive against an interpreter that knows the whole past, and finds the firings in it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Firing, Primitive, Tally};

/// An arrival: when, and of which key. Its number is its place.
type Past = Vec<(i64, &'static str)>;

fn numbered<'a>(past: &'a Past, wanted: impl Fn(&str) -> bool + 'a) -> impl Iterator<Item = u64> + 'a {
    let numbers = past.iter().enumerate().filter(move |(_, (_, key))| wanted(key));
    numbers.map(|(number, _)| number as u64)
}

fn plain(objects: &[u64]) -> Firing {
    Firing {
        group: None,
        objects: objects.to_vec(),
    }
}

/// All firings that a past leads to, found without any state.
fn naive(when: &Primitive, past: &Past, end: i64) -> Vec<Firing> {
    let all: Vec<u64> = numbered(past, |_| true).collect();
    match when {
        Primitive::Immediate {} => all.iter().map(|number| plain(&[*number])).collect(),
        Primitive::ByName { key_name } => numbered(past, |key| key == key_name)
            .map(|number| plain(&[number]))
            .collect(),
        Primitive::BySet { key_set } => {
            let columns: Vec<Vec<u64>> = key_set
                .iter()
                .map(|wanted| numbered(past, |key| key == wanted).collect())
                .collect();
            let rounds = columns.iter().map(Vec::len).min().unwrap_or(0);
            let round = |n: usize| columns.iter().map(|column| column[n]).collect::<Vec<u64>>();
            (0..rounds).map(|n| plain(&round(n))).collect()
        }
        Primitive::ByBatchSize { count } => all.chunks_exact(*count as usize).map(plain).collect(),
        Primitive::Redundant { k, n } => all
            .chunks(*n as usize)
            .filter(|chunk| chunk.len() >= *k as usize)
            .map(|chunk| plain(&chunk[..*k as usize]))
            .collect(),
        Primitive::ByTime { time_window } => windows(past, *time_window as i64, end),
        Primitive::DynamicGroup { control_group } => rounds(past, control_group),
    }
}

fn windows(past: &Past, length: i64, end: i64) -> Vec<Firing> {
    let mut windows: Vec<(i64, Vec<u64>)> = Vec::new();
    for (number, (at, _)) in past.iter().enumerate() {
        match windows.last_mut() {
            Some((until, objects)) if at < until => objects.push(number as u64),
            _ => windows.push((at + length, vec![number as u64])),
        }
    }
    let over = windows.into_iter().filter(|(until, _)| *until <= end);
    over.map(|(_, objects)| plain(&objects)).collect()
}

fn rounds(past: &Past, control: &BTreeSet<String>) -> Vec<Firing> {
    let (mut firings, mut from) = (Vec::new(), 0);
    for to in 0..past.len() {
        let done: BTreeSet<&str> = past[from..=to].iter().map(|(_, key)| *key).collect();
        if !control.iter().all(|key| done.contains(key.as_str())) {
            continue;
        }
        let mut groups: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (number, (_, key)) in past.iter().enumerate().take(to + 1).skip(from) {
            if !control.contains(*key) {
                let group = key.split(':').next().unwrap_or_default();
                groups.entry(group.to_owned()).or_default().push(number as u64);
            }
        }
        firings.extend(groups.into_iter().map(|(group, objects)| Firing {
            group: Some(group),
            objects,
        }));
        from = to + 1;
    }
    firings
}

fn primitive() -> impl Strategy<Value = Primitive> {
    let keys = || proptest::sample::subsequence(vec!["a", "b", "x:1", "y:1"], 1..=3);
    prop_oneof![
        Just(Primitive::Immediate {}),
        Just(Primitive::ByName { key_name: "a".into() }),
        keys().prop_map(|keys| Primitive::BySet {
            key_set: keys.into_iter().map(str::to_owned).collect()
        }),
        (1..5_u64).prop_map(|count| Primitive::ByBatchSize { count }),
        (1..4_u64, 0..3_u64).prop_map(|(k, more)| Primitive::Redundant { k, n: k + more }),
        (1..20_u64).prop_map(|time_window| Primitive::ByTime { time_window }),
        keys().prop_map(|keys| Primitive::DynamicGroup {
            control_group: keys.into_iter().map(str::to_owned).collect()
        }),
    ]
}

fn past() -> impl Strategy<Value = Past> {
    let key = proptest::sample::select(vec!["a", "b", "x:1", "x:2", "y:1", "z"]);
    proptest::collection::vec((0..8_i64, key), 0..40).prop_map(|steps| {
        let mut now = 0;
        let step = |(pause, key)| {
            now += pause;
            (now, key)
        };
        steps.into_iter().map(step).collect()
    })
}

proptest! {
    #[test]
    fn a_tally_fires_as_the_whole_past_says(when in primitive(), past in past(), store in any::<bool>()) {
        let end = past.last().map_or(0, |(at, _)| at + 10);
        let (mut tally, mut fired) = (Tally::default(), Vec::new());
        for (number, (at, key)) in past.iter().enumerate() {
            fired.extend(tally.pass(*at));
            fired.extend(tally.arrive(&when, number as u64, key, *at));
            if store {
                let written = serde_json::to_vec(&tally).expect("a tally is JSON");
                tally = serde_json::from_slice(&written).expect("it is read again");
            }
        }
        fired.extend(tally.pass(end));
        prop_assert_eq!(fired, naive(&when, &past, end));
    }

    #[test]
    fn what_is_gone_is_given_to_nobody(when in primitive(), past in past(), gone in 0..40_u64) {
        let mut tally = Tally::default();
        let (before, after) = past.split_at(past.len() / 2);
        for (number, (at, key)) in before.iter().enumerate() {
            tally.arrive(&when, number as u64, key, *at);
        }
        tally.forget(|number| number <= gone);
        let later = after.iter().enumerate().flat_map(|(number, (at, key))| {
            let number = (before.len() + number) as u64;
            tally.arrive(&when, number, key, *at)
        });
        let old = later.flat_map(|firing| firing.objects).find(|number| *number <= gone && *number < before.len() as u64);
        prop_assert_eq!(old, None);
    }
}
