//! One execution does one thing at a time: what happens to it lies in an inbox until its driver takes all of it at once.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;
use wisp_core::Result;
use wisp_workflow::execution::EventKind;

use super::held::Held;

/// Something that happens to an execution.
pub(crate) struct Letter {
    /// What; none lets it go on where it was interrupted.
    pub kind: Option<EventKind>,
    /// Whether the server has just started: work that was begun and not answered is begun again.
    pub resumed: bool,
    /// Whether it is the end of work that the driver began, and knows of.
    pub own: bool,
    /// Hears when it is recorded.
    pub receipt: Option<oneshot::Sender<Result<()>>>,
}

impl Letter {
    /// Something that nobody waits for.
    pub fn new(kind: Option<EventKind>) -> Self {
        Self {
            kind,
            resumed: false,
            own: false,
            receipt: None,
        }
    }
}

/// Executions that something happens to, by their keys. The others cost no memory.
#[derive(Default)]
pub(crate) struct Actors(Mutex<HashMap<String, Actor>>);

#[derive(Default)]
struct Actor {
    inbox: Vec<Letter>,
    /// Whether somebody drives it.
    driven: bool,
    /// What its driver left here, because more is to come soon.
    held: Option<Box<Held>>,
}

impl Actors {
    /// Puts a letter into an inbox; true if the caller must drive the execution now.
    pub fn post(&self, key: &str, letter: Letter) -> bool {
        let mut actors = self.lock();
        let actor = actors.entry(key.to_owned()).or_default();
        actor.inbox.push(letter);
        !std::mem::replace(&mut actor.driven, true)
    }

    /// Puts a new execution with its first letter; false, and gives both back, if one of this key is here.
    pub fn found(&self, key: &str, held: Box<Held>, letter: Letter) -> Result<(), (Box<Held>, Letter)> {
        let mut actors = self.lock();
        if actors.contains_key(key) {
            return Err((held, letter));
        }
        let actor = Actor {
            inbox: vec![letter],
            driven: true,
            held: Some(held),
        };
        actors.insert(key.to_owned(), actor);
        Ok(())
    }

    /// What the last driver left.
    pub fn held(&self, key: &str) -> Option<Box<Held>> {
        self.lock().get_mut(key)?.held.take()
    }

    /// All letters. When there are none, the driver is let go: `held` stays if work is under way that will end soon.
    pub fn take(&self, key: &str, held: &mut Option<Box<Held>>) -> Option<Vec<Letter>> {
        let mut actors = self.lock();
        let actor = actors.get_mut(key)?;
        if !actor.inbox.is_empty() {
            return Some(std::mem::take(&mut actor.inbox));
        }
        actor.driven = false;
        actor.held = held.take().filter(|held| held.under_way > 0);
        if actor.held.is_none() {
            actors.remove(key);
        }
        None
    }

    /// Puts letters back, before those that came meanwhile.
    pub fn put_back(&self, key: &str, mut letters: Vec<Letter>) {
        let mut actors = self.lock();
        let actor = actors.entry(key.to_owned()).or_default();
        letters.append(&mut actor.inbox);
        actor.inbox = letters;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Actor>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
