//! One execution does one thing at a time: what happens to it lies in an inbox until its driver takes all of it at once.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use wisp_core::{Error, ports::Clock};

/// Pause after a turn that could not be made, before it is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Longest pause between turns that panic one after another.
const LONGEST: Duration = Duration::from_secs(60);

/// What makes the turns of executions of one sort.
pub(crate) trait Driver: Send + Sync {
    /// What happens to them.
    type Letter: Letter;
    /// What is held of one.
    type Held: Held;

    /// All of them.
    fn actors(&self) -> &Actors<Self::Letter, Self::Held>;

    /// Where a driver pauses.
    fn clock(&self) -> &dyn Clock;

    /// Whether the server ends: what cannot be done now is done by its next run.
    fn is_stopping(&self) -> bool;

    /// What an execution was parked with, if it is still there.
    fn unpark(&self, _key: &str) -> Option<Box<Self::Held>> {
        None
    }

    /// Keeps an execution that nothing happens to, or not.
    fn park(&self, held: Box<Self::Held>) {
        drop(held);
    }

    /// Tells others again what a turn that panicked may have left unsaid.
    fn revive(&self, _key: &str) {}

    /// One turn. It takes the letters that are done with; those that it leaves with an error are tried again.
    fn turn(
        &self,
        key: &str,
        held: Option<Box<Self::Held>>,
        letters: &mut Vec<Self::Letter>,
    ) -> impl Future<Output = Result<Option<Box<Self::Held>>, Again>> + Send;

    /// Takes an execution from turn to turn, until nothing more has happened to it. A turn that panics is a fault of ours, and
    /// none of those that come after it: what is held of the execution is read again, its work begun again, and what
    /// happened to it told again, one thing at a time and what was at fault last, so that everything else is heard.
    fn drive(&self, key: &str) -> impl Future<Output = ()> + Send {
        async move {
            let actors = self.actors();
            let mut held = actors.held(key).or_else(|| self.unpark(key));
            let mut panics = 0;
            while let Some(mut letters) = actors.take(key, &mut held, panics > 0, |held| self.park(held)) {
                let turn = AssertUnwindSafe(self.turn(key, held.take(), &mut letters)).catch_unwind();
                let pause = match turn.await {
                    Ok(Ok(next)) => {
                        held = next;
                        continue;
                    }
                    Ok(Err(Again)) => {
                        actors.put_back(key, letters);
                        PAUSE
                    }
                    Err(_) => {
                        tracing::error!(execution = key, "a turn of an execution panicked; it is made again");
                        metrics::counter!("wisp_turns_panicked_total").increment(1);
                        panics += 1;
                        actors.survive(key, letters);
                        self.revive(key);
                        PAUSE.saturating_mul(1 << (panics - 1).min(6)).min(LONGEST)
                    }
                };
                if self.is_stopping() {
                    return;
                }
                self.clock().sleep(pause).await;
            }
        }
    }
}

/// A turn cannot be made now; it has been said why.
#[derive(Debug)]
pub(crate) struct Again;

/// Something that happens to an execution.
pub(crate) trait Letter: Send + Sized {
    /// Has work begun again that an execution was left with.
    fn resumed() -> Self;

    /// Tells whoever waits for it that it could not be done; what nobody waits for and may be told again is kept.
    fn survive(self, error: &Error) -> Option<Self>;
}

/// What a driver holds of an execution.
pub(crate) trait Held: Send {
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

impl<L: Letter, H: Held> Actors<L, H> {
    /// Puts a letter into an inbox; true if the caller must drive the execution now.
    pub fn post(&self, key: &str, letter: L) -> bool {
        let mut actors = self.lock();
        let actor = actors.entry(key.to_owned()).or_default();
        actor.inbox.push(letter);
        !std::mem::replace(&mut actor.driven, true)
    }

    /// Puts a new execution with its first letter; gives it back if one of this key is here.
    pub fn found(&self, key: &str, held: Box<H>, letter: L) -> Result<(), Box<H>> {
        let mut actors = self.lock();
        if actors.contains_key(key) {
            return Err(held);
        }
        let actor = Actor {
            inbox: vec![letter],
            driven: true,
            held: Some(held),
        };
        actors.insert(key.to_owned(), actor);
        Ok(())
    }

    /// The keys that begin so.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let actors = self.lock();
        let mine = actors.keys().filter(|key| key.starts_with(prefix));
        mine.cloned().collect()
    }

    /// What the last driver left.
    pub fn held(&self, key: &str) -> Option<Box<H>> {
        self.lock().get_mut(key)?.held.take()
    }

    /// All letters, or the first; none if it goes on without. Otherwise the driver is let go: `held` stays, or is parked before
    /// anybody else can drive.
    fn take(&self, key: &str, held: &mut Option<Box<H>>, first: bool, park: impl FnOnce(Box<H>)) -> Option<Vec<L>> {
        let mut actors = self.lock();
        let actor = actors.get_mut(key)?;
        if !actor.inbox.is_empty() || held.as_ref().is_some_and(|held| held.goes_on()) {
            let rest = match first && !actor.inbox.is_empty() {
                true => actor.inbox.split_off(1),
                false => Vec::new(),
            };
            return Some(std::mem::replace(&mut actor.inbox, rest));
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
    fn put_back(&self, key: &str, mut letters: Vec<L>) {
        let mut actors = self.lock();
        let actor = actors.entry(key.to_owned()).or_default();
        letters.append(&mut actor.inbox);
        actor.inbox = letters;
    }

    /// Puts letters of a turn that panicked back, behind those that came meanwhile, and what was begun before it first.
    fn survive(&self, key: &str, letters: Vec<L>) {
        let error = Error::internal("a turn of the execution panicked");
        let letters = letters.into_iter().filter_map(|letter| letter.survive(&error));
        let mut actors = self.lock();
        let actor = actors.entry(key.to_owned()).or_default();
        actor.inbox.insert(0, L::resumed());
        actor.inbox.extend(letters);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Actor<L, H>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
