use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque, hash_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;
use wisp_core::model::{ActivationId, EntityName, Fqn, Millis};

use crate::control::Control;

/// Deliveries that are promised and do not run yet: for a time, or for the one before them. The ledger has the rest.
#[derive(Default)]
pub(crate) struct Waiting {
    state: Mutex<State>,
    earlier: Notify,
}

#[derive(Default)]
struct State {
    due: BinaryHeap<Reverse<(Millis, ActivationId, EntityName)>>,
    /// Of each lane the delivery that has its turn, and those after it.
    lanes: HashMap<Lane, VecDeque<ActivationId>>,
    counts: HashMap<EntityName, u64>,
    total: u64,
    place: u64,
}

/// Events of one rule with one key, which are delivered one after another.
pub(super) type Lane = (Fqn, String);

impl State {
    fn add(&mut self, namespace: &EntityName) {
        *self.counts.entry(namespace.clone()).or_default() += 1;
        self.total += 1;
        self.tell();
    }

    fn remove(&mut self, namespace: &EntityName) {
        if let Entry::Occupied(mut count) = self.counts.entry(namespace.clone()) {
            *count.get_mut() = count.get().saturating_sub(1);
            if *count.get() == 0 {
                count.remove();
            }
        }
        self.total = self.total.saturating_sub(1);
        self.tell();
    }

    fn tell(&self) {
        metrics::gauge!("wisp_deliveries_waiting").set(self.total as f64);
    }
}

impl Waiting {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are of a namespace.
    pub fn count(&self, namespace: &EntityName) -> u64 {
        self.state().counts.get(namespace).copied().unwrap_or(0)
    }

    /// Lets one wait until this time.
    pub fn until(&self, at: Millis, id: ActivationId, namespace: &EntityName) {
        let mut state = self.state();
        let earliest = state.due.peek().is_none_or(|Reverse((first, ..))| at < *first);
        state.due.push(Reverse((at, id, namespace.clone())));
        state.add(namespace);
        drop(state);
        if earliest {
            self.earlier.notify_one();
        }
    }

    /// Takes one whose time has come; else tells when the next one's will.
    fn take(&self, now: Millis) -> Result<ActivationId, Option<Millis>> {
        let mut state = self.state();
        match state.due.peek() {
            Some(Reverse((at, ..))) if *at <= now => {}
            next => return Err(next.map(|Reverse((at, ..))| *at)),
        }
        let Some(Reverse((_, id, namespace))) = state.due.pop() else {
            return Err(None);
        };
        state.remove(&namespace);
        Ok(id)
    }

    /// A place that is later than all before it.
    pub fn place(&self, now: Millis) -> u64 {
        let mut state = self.state();
        state.place = (state.place + 1).max(now << 20);
        state.place
    }

    /// Puts one at the end of its lane; whether it has its turn.
    pub fn enter(&self, lane: Lane, id: ActivationId, namespace: &EntityName) -> bool {
        let mut state = self.state();
        let queue = state.lanes.entry(lane).or_default();
        queue.push_back(id);
        let first = queue.len() == 1;
        if !first {
            state.add(namespace);
        }
        first
    }

    /// Lets the next attempt have the turn of the one before.
    pub fn succeed(&self, lane: &Lane, next: ActivationId) {
        if let Some(first) = self.state().lanes.get_mut(lane).and_then(VecDeque::front_mut) {
            *first = next;
        }
    }

    /// Ends the turn of the first in a lane; whose it is now.
    pub fn leave(&self, lane: &Lane, namespace: &EntityName) -> Option<ActivationId> {
        let mut state = self.state();
        let queue = state.lanes.get_mut(lane)?;
        queue.pop_front();
        match queue.front().copied() {
            Some(next) => {
                state.remove(namespace);
                Some(next)
            }
            None => {
                state.lanes.remove(lane);
                None
            }
        }
    }
}

impl Control {
    /// Runs what waits when its time has come, for as long as it is polled.
    pub async fn serve_waiting(&self) {
        let (waiting, clock) = (&self.inner.waiting, &self.inner.clock);
        loop {
            let now = clock.now();
            match waiting.take(now) {
                Ok(id) => {
                    let control = self.clone();
                    self.inner
                        .tasks
                        .spawn(Box::pin(async move { control.take_up(id).await }));
                }
                Err(None) => waiting.earlier.notified().await,
                Err(Some(at)) => tokio::select! {
                    () = waiting.earlier.notified() => {}
                    () = clock.sleep(Duration::from_millis(at - now)) => {}
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn id(bits: u128) -> ActivationId {
        ActivationId::from_bits(bits)
    }

    #[test]
    fn the_earliest_comes_first_and_all_are_counted() {
        let (waiting, me) = (Waiting::default(), EntityName::namespace("me").unwrap());
        for (at, bits) in [(30, 3), (10, 1), (20, 2)] {
            waiting.until(at, id(bits), &me);
        }
        assert_eq!(waiting.count(&me), 3);
        assert_eq!(waiting.take(9), Err(Some(10)));
        assert_eq!(waiting.take(25), Ok(id(1)));
        assert_eq!(waiting.take(25), Ok(id(2)));
        assert_eq!(waiting.take(25), Err(Some(30)));
        assert_eq!(waiting.take(30), Ok(id(3)));
        assert_eq!((waiting.take(99), waiting.count(&me)), (Err(None), 0));
    }

    #[test]
    fn one_of_a_lane_has_its_turn_at_a_time() {
        let (waiting, me) = (Waiting::default(), EntityName::namespace("me").unwrap());
        let lane = |key: &str| ("me/r".parse().unwrap(), key.to_owned());
        assert!(waiting.enter(lane("a"), id(1), &me));
        assert!(!waiting.enter(lane("a"), id(2), &me));
        assert!(waiting.enter(lane("b"), id(3), &me), "another key");
        assert_eq!(waiting.count(&me), 1);
        waiting.succeed(&lane("a"), id(11));
        assert_eq!(waiting.leave(&lane("a"), &me), Some(id(2)), "after the retry has ended");
        assert_eq!(waiting.leave(&lane("a"), &me), None);
        assert_eq!(waiting.leave(&lane("b"), &me), None);
        assert!(waiting.enter(lane("a"), id(4), &me), "an empty lane begins anew");
        assert_eq!(waiting.count(&me), 0);
    }

    #[test]
    fn places_grow_within_a_millisecond_and_over_a_restart() {
        let waiting = Waiting::default();
        let places = [waiting.place(1), waiting.place(1), waiting.place(2)];
        assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
        assert!(Waiting::default().place(3) > places[2]);
    }
}
