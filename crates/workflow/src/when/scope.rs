use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{Effect, Event, Fire, Firing, Given, Hint, Object, Rerun, Tally, Trigger};

const SECOND: i64 = 1000;

/// The objects that triggers see together, and what the triggers are waiting for. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Scope {
    kept: Stored,
    /// Numbers of the objects, by session and key.
    numbers: HashMap<(String, String), u64>,
    /// Bytes of the objects' values.
    weight: u64,
}

/// What of a scope is stored: the rest follows from it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Stored {
    /// How long objects are kept.
    life: i64,
    /// The number of the next object.
    next: u64,
    /// Calls that were made.
    fired: u64,
    objects: BTreeMap<u64, Arc<Object>>,
    watches: BTreeMap<String, Watch>,
    /// Producers whose object is not there yet.
    producers: Vec<Producer>,
}

/// A trigger at work.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Watch {
    trigger: Trigger,
    tally: Tally,
    /// Until when it waits, if it was set for one firing only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    once: Option<i64>,
}

/// A run whose object is awaited.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Producer {
    run: Rerun,
    hint: Hint,
    /// When the object is overdue.
    due: i64,
    /// How often it may be run again.
    left: u32,
}

impl From<Stored> for Scope {
    fn from(kept: Stored) -> Self {
        let objects = kept.objects.iter();
        let numbers = objects.map(|(number, object)| (name_of(object), *number)).collect();
        let weight = kept.objects.values().map(|object| object.weight()).sum();
        Self { kept, numbers, weight }
    }
}

impl From<Scope> for Stored {
    fn from(scope: Scope) -> Self {
        scope.kept
    }
}

fn name_of(object: &Object) -> (String, String) {
    (object.session.clone(), object.key.clone())
}

impl Scope {
    /// An object.
    pub fn get(&self, session: &str, key: &str) -> Option<&Arc<Object>> {
        let number = self.numbers.get(&(session.to_owned(), key.to_owned()))?;
        self.kept.objects.get(number)
    }

    /// All objects, the first first.
    pub fn objects(&self) -> impl ExactSizeIterator<Item = &Arc<Object>> {
        self.kept.objects.values()
    }

    /// Producers and waits: what it keeps beside objects.
    pub fn pending(&self) -> usize {
        let waits = self.kept.watches.values().filter(|watch| watch.once.is_some());
        self.kept.producers.len() + waits.count()
    }

    /// Whether there is nothing in it that anybody could ask for or wait for.
    pub fn is_empty(&self) -> bool {
        self.kept.objects.is_empty() && self.pending() == 0
    }

    /// Bytes of values in it.
    pub fn weight(&self) -> u64 {
        let producers = self.kept.producers.iter().map(|producer| producer.run.payload.weight());
        producers.fold(self.weight, u64::saturating_add)
    }

    /// A call as it is stored, with those of its objects that are still there.
    pub fn given(&self, fire: Fire) -> Given {
        let objects = fire.objects.iter().filter_map(|number| self.kept.objects.get(number));
        Given {
            objects: objects.cloned().collect(),
            fire,
        }
    }

    /// When something happens by itself.
    pub fn deadline(&self) -> Option<i64> {
        let first = self.kept.objects.values().next();
        // Many objects go at once: a second more does not matter.
        let expiry = first.map(|object| whole_second(object.at.saturating_add(self.kept.life)));
        let watches = self.kept.watches.values();
        let watches = watches.flat_map(|watch| [watch.tally.until(), watch.once]).flatten();
        let overdue = self.kept.producers.iter().map(|producer| producer.due);
        expiry.into_iter().chain(watches).chain(overdue).min()
    }

    /// Takes an event in; what follows from it.
    pub fn apply(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Defined { triggers, life } => {
                self.define(triggers, life);
                Vec::new()
            }
            Event::Put(object) => self.put(object),
            Event::Removed { session, key } => {
                if let Some(number) = self.numbers.get(&(session, key)).copied() {
                    self.drop_object(number);
                    self.forget(|gone| gone == number);
                }
                Vec::new()
            }
            Event::Awaited { name, trigger, at } => self.wait(name, trigger, at),
            Event::Began { run, at } => {
                self.begin(&run, at);
                Vec::new()
            }
            Event::Passed { at } => self.pass(at),
        }
    }

    fn define(&mut self, triggers: BTreeMap<String, Trigger>, life: i64) {
        self.kept.life = life;
        let watches = &mut self.kept.watches;
        watches.retain(|name, watch| watch.once.is_some() || triggers.get(name) == Some(&watch.trigger));
        for (name, trigger) in triggers {
            watches.entry(name).or_insert_with(|| Watch {
                trigger,
                tally: Tally::default(),
                once: None,
            });
        }
        let watches = &self.kept.watches;
        self.kept.producers.retain(|producer| {
            let mut hints = watches.values().flat_map(|watch| &watch.trigger.hints);
            hints.any(|hint| *hint == producer.hint)
        });
    }

    fn put(&mut self, object: Object) -> Vec<Effect> {
        let name = name_of(&object);
        if self.numbers.contains_key(&name) {
            return Vec::new();
        }
        let number = self.kept.next;
        self.kept.next += 1;
        self.numbers.insert(name, number);
        self.kept
            .producers
            .retain(|producer| producer.run.session != object.session || producer.hint.source_key != object.key);
        self.weight += object.weight();
        let (key, at) = (object.key.clone(), object.at);
        self.kept.objects.insert(number, Arc::new(object));
        let mut fired = Vec::new();
        for (name, watch) in &mut self.kept.watches {
            let firings = watch.tally.arrive(&watch.trigger.when, number, &key, at);
            fired.extend(firings.into_iter().map(|firing| (name.clone(), firing)));
        }
        self.fire(fired)
    }

    fn wait(&mut self, name: String, trigger: Trigger, at: i64) -> Vec<Effect> {
        if self.kept.watches.contains_key(&name) {
            return Vec::new();
        }
        let (mut tally, mut fired) = (Tally::default(), Vec::new());
        for (number, object) in &self.kept.objects {
            if fired.is_empty() {
                fired = tally.pass(object.at);
                fired.extend(tally.arrive(&trigger.when, *number, &object.key, object.at));
            }
        }
        let once = Some(at.saturating_add(self.kept.life));
        self.kept.watches.insert(name.clone(), Watch { trigger, tally, once });
        self.fire(fired.into_iter().map(|firing| (name.clone(), firing)).collect())
    }

    /// Calls what firings are for. One who waited for one firing has had it.
    fn fire(&mut self, fired: Vec<(String, Firing)>) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (name, Firing { group, objects }) in fired {
            let Some(watch) = self.kept.watches.get(&name) else {
                continue;
            };
            let fire = Fire {
                trigger: name.clone(),
                target: watch.trigger.target.clone(),
                pass: watch.trigger.pass,
                group,
                objects,
            };
            if watch.once.is_some() {
                self.kept.watches.remove(&name);
            }
            effects.push(Effect::Fire(self.number(), self.given(fire)));
        }
        effects
    }

    fn begin(&mut self, run: &Rerun, at: i64) {
        let watches = self.kept.watches.values().flat_map(|watch| &watch.trigger.hints);
        let hints: Vec<Hint> = watches
            .filter(|hint| hint.source_function == run.function)
            .filter(|hint| self.get(&run.session, &hint.source_key).is_none())
            .cloned()
            .collect();
        for hint in hints {
            let mut producers = self.kept.producers.iter();
            if producers.any(|producer| producer.run.session == run.session && producer.hint == hint) {
                continue;
            }
            self.kept.producers.push(Producer {
                run: run.clone(),
                due: after(at, hint.timeout),
                left: hint.retries,
                hint,
            });
        }
    }

    fn pass(&mut self, at: i64) -> Vec<Effect> {
        let mut fired = Vec::new();
        for (name, watch) in &mut self.kept.watches {
            let firings = watch.tally.pass(at);
            fired.extend(firings.into_iter().map(|firing| (name.clone(), firing)));
        }
        let mut effects = self.fire(fired);
        effects.extend(self.overdue(at));
        effects.extend(self.lapse(at));
        self.expire(at);
        effects
    }

    fn overdue(&mut self, at: i64) -> Vec<Effect> {
        let mut again = Vec::new();
        self.kept.producers.retain_mut(|producer| {
            if producer.due > at {
                return true;
            }
            let Some(left) = producer.left.checked_sub(1) else {
                return false;
            };
            again.push(producer.run.clone());
            (producer.left, producer.due) = (left, after(at, producer.hint.timeout));
            true
        });
        again.into_iter().map(|run| Effect::Rerun(self.number(), run)).collect()
    }

    fn lapse(&mut self, at: i64) -> Vec<Effect> {
        let mut lapsed = Vec::new();
        self.kept.watches.retain(|_, watch| {
            let stays = watch.once.is_none_or(|until| until > at);
            if !stays {
                lapsed.push(watch.trigger.target.clone());
            }
            stays
        });
        lapsed
            .into_iter()
            .map(|who| Effect::Lapsed(self.number(), who))
            .collect()
    }

    fn expire(&mut self, at: i64) {
        let life = self.kept.life;
        let mut gone = None;
        while let Some((number, first)) = self.kept.objects.first_key_value() {
            if first.at.saturating_add(life) > at {
                break;
            }
            let number = *number;
            self.drop_object(number);
            gone = Some(number);
        }
        if let Some(last) = gone {
            self.forget(|number| number <= last);
        }
    }

    fn drop_object(&mut self, number: u64) {
        if let Some(object) = self.kept.objects.remove(&number) {
            self.numbers.remove(&name_of(&object));
            self.weight = self.weight.saturating_sub(object.weight());
        }
    }

    fn forget(&mut self, gone: impl Fn(u64) -> bool) {
        let watches = self.kept.watches.values_mut();
        watches.for_each(|watch| watch.tally.forget(&gone));
    }

    fn number(&mut self) -> u64 {
        self.kept.fired += 1;
        self.kept.fired
    }
}

/// The end of the second that a time is in.
fn whole_second(at: i64) -> i64 {
    at.div_euclid(SECOND).saturating_add(1).saturating_mul(SECOND)
}

fn after(at: i64, timeout: u64) -> i64 {
    at.saturating_add(i64::try_from(timeout).unwrap_or(i64::MAX))
}
