use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    mem,
};

use serde::{Deserialize, Serialize};

use super::Primitive;

/// What one trigger has seen, and is still waiting for. Objects go by their numbers, which grow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Objects that wait: by their key where that matters, by their group, else all under the empty name.
    waiting: BTreeMap<String, VecDeque<u64>>,
    /// Objects since the last `n` of a redundant set.
    arrived: u64,
    /// Keys of a control group that are there.
    done: BTreeSet<String>,
    /// When the window ends.
    until: Option<i64>,
}

/// A call that is to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Firing {
    /// The group of its objects, if they have one.
    pub group: Option<String>,
    /// Its objects, in the order in which they are given.
    pub objects: Vec<u64>,
}

impl Firing {
    fn of(objects: impl IntoIterator<Item = u64>) -> Vec<Self> {
        vec![Self {
            group: None,
            objects: objects.into_iter().collect(),
        }]
    }
}

impl Tally {
    /// An object has come.
    pub fn arrive(&mut self, when: &Primitive, number: u64, key: &str, now: i64) -> Vec<Firing> {
        match when {
            Primitive::Immediate {} => Firing::of([number]),
            Primitive::ByName { key_name } if key_name == key => Firing::of([number]),
            Primitive::ByName { .. } => Vec::new(),
            Primitive::BySet { key_set } => self.complete(key_set, number, key),
            Primitive::ByBatchSize { count } => {
                let batch = self.keep("", number);
                match batch as u64 >= *count {
                    true => self.all(),
                    false => Vec::new(),
                }
            }
            Primitive::Redundant { k, n } => self.race(*k, *n, number),
            Primitive::ByTime { time_window } => {
                let window = i64::try_from(*time_window).unwrap_or(i64::MAX);
                self.until.get_or_insert(now.saturating_add(window));
                self.keep("", number);
                Vec::new()
            }
            Primitive::DynamicGroup { control_group } => self.shuffle(control_group, number, key),
        }
    }

    /// Time has passed.
    pub fn pass(&mut self, now: i64) -> Vec<Firing> {
        match self.until {
            Some(until) if until <= now => {
                self.until = None;
                self.all()
            }
            _ => Vec::new(),
        }
    }

    /// When it fires by itself.
    pub fn until(&self) -> Option<i64> {
        self.until
    }

    /// Objects are no more.
    pub fn forget(&mut self, gone: impl Fn(u64) -> bool) {
        self.waiting.retain(|_, numbers| {
            numbers.retain(|number| !gone(*number));
            !numbers.is_empty()
        });
        if self.waiting.is_empty() {
            self.until = None;
        }
    }

    /// Keeps an object under a name; how many are there now.
    fn keep(&mut self, name: &str, number: u64) -> usize {
        let numbers = self.waiting.entry(name.to_owned()).or_default();
        numbers.push_back(number);
        numbers.len()
    }

    /// All that wait.
    fn all(&mut self) -> Vec<Firing> {
        let waiting = mem::take(&mut self.waiting);
        match waiting.is_empty() {
            true => Vec::new(),
            false => Firing::of(waiting.into_values().flatten()),
        }
    }

    fn complete(&mut self, key_set: &[String], number: u64, key: &str) -> Vec<Firing> {
        if !key_set.iter().any(|wanted| wanted == key) {
            return Vec::new();
        }
        self.keep(key, number);
        // Nothing is kept but what is in the set, and no empty queue.
        if self.waiting.len() < key_set.len() {
            return Vec::new();
        }
        let mut first = |key: &String| self.waiting.get_mut(key)?.pop_front();
        let objects: Vec<u64> = key_set.iter().filter_map(&mut first).collect();
        self.waiting.retain(|_, numbers| !numbers.is_empty());
        Firing::of(objects)
    }

    fn race(&mut self, k: u64, n: u64, number: u64) -> Vec<Firing> {
        self.arrived += 1;
        if self.arrived <= k {
            self.keep("", number);
        }
        let fired = match self.arrived == k {
            true => self.all(),
            false => Vec::new(),
        };
        if self.arrived >= n {
            self.arrived = 0;
        }
        fired
    }

    fn shuffle(&mut self, control_group: &BTreeSet<String>, number: u64, key: &str) -> Vec<Firing> {
        if !control_group.contains(key) {
            let group = key.split_once(':').map_or(key, |(group, _)| group);
            self.keep(group, number);
            return Vec::new();
        }
        self.done.insert(key.to_owned());
        if self.done.len() < control_group.len() {
            return Vec::new();
        }
        self.done.clear();
        let groups = mem::take(&mut self.waiting).into_iter();
        groups
            .map(|(group, numbers)| Firing {
                group: Some(group),
                objects: numbers.into(),
            })
            .collect()
    }
}
