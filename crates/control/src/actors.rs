//! One execution does one thing at a time: what happens to it lies in an inbox until its driver takes all of it at once.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What a driver holds of an execution.
pub(crate) trait Held {
    /// Whether it stays in memory when nothing happens, because something will soon.
    fn stays(&self) -> bool;

    /// Whether it goes on though nothing happens, because its last turn was cut.
    fn goes_on(&self) -> bool {
        false
    }
}

/// Executions that something happens to, by their keys. The others cost no memory.
pub(crate) struct Actors<L, H>(Mutex<HashMap<String, Actor<L, H>>>);

struct Actor<L, H> {
    inbox: Vec<L>,
    /// Whether somebody drives it.
    driven: bool,
    /// What its driver left here, because more is to come soon.
    held: Option<Box<H>>,
}

impl<L, H> Default for Actors<L, H> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<L, H> Default for Actor<L, H> {
    fn default() -> Self {
        Self {
            inbox: Vec::new(),
            driven: false,
            held: None,
        }
    }
}

impl<L, H: Held> Actors<L, H> {
    /// Puts a letter into an inbox; true if the caller must drive the execution now.
    pub fn post(&self, key: &str, letter: L) -> bool {
        let mut actors = self.lock();
        let actor = actors.entry(key.to_owned()).or_default();
        actor.inbox.push(letter);
        !std::mem::replace(&mut actor.driven, true)
    }

    /// Puts a new execution with its first letter; false if one of this key is here.
    pub fn found(&self, key: &str, held: Box<H>, letter: L) -> bool {
        let mut actors = self.lock();
        if actors.contains_key(key) {
            return false;
        }
        let actor = Actor {
            inbox: vec![letter],
            driven: true,
            held: Some(held),
        };
        actors.insert(key.to_owned(), actor);
        true
    }

    /// What the last driver left.
    pub fn held(&self, key: &str) -> Option<Box<H>> {
        self.lock().get_mut(key)?.held.take()
    }

    /// All letters, none if it goes on without. Otherwise the driver is let go: `held` stays, or is parked before anybody else can drive.
    pub fn take(&self, key: &str, held: &mut Option<Box<H>>, park: impl FnOnce(Box<H>)) -> Option<Vec<L>> {
        let mut actors = self.lock();
        let actor = actors.get_mut(key)?;
        if !actor.inbox.is_empty() || held.as_ref().is_some_and(|held| held.goes_on()) {
            return Some(std::mem::take(&mut actor.inbox));
        }
        actor.driven = false;
        match held.take() {
            Some(held) if held.stays() => actor.held = Some(held),
            rest => {
                rest.map(park);
                actors.remove(key);
            }
        }
        None
    }

    /// Puts letters back, before those that came meanwhile.
    pub fn put_back(&self, key: &str, mut letters: Vec<L>) {
        let mut actors = self.lock();
        let actor = actors.entry(key.to_owned()).or_default();
        letters.append(&mut actor.inbox);
        actor.inbox = letters;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Actor<L, H>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
