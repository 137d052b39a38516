//! A clock for tests.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use wisp_core::{
    model::Millis,
    ports::{BoxFuture, Clock},
};

/// A clock that stands still until it is [advanced](Self::advance). Clones are the same clock.
#[derive(Clone)]
pub struct Simulated(Arc<Mutex<State>>);

struct State {
    started: Millis,
    now: Millis,
    sleepers: Vec<(Millis, Waker)>,
}

impl Simulated {
    /// A clock that shows this time.
    pub fn at(now: Millis) -> Self {
        Self(Arc::new(Mutex::new(State {
            started: now,
            now,
            sleepers: Vec::new(),
        })))
    }

    /// Lets time pass, and wakes who has slept long enough.
    pub fn advance(&self, duration: Duration) {
        let mut state = self.lock();
        state.now += duration.as_millis() as Millis;
        let now = state.now;
        let (due, rest) = std::mem::take(&mut state.sleepers)
            .into_iter()
            .partition(|(until, _)| *until <= now);
        state.sleepers = rest;
        drop(state);
        let due: Vec<(Millis, Waker)> = due;
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for Simulated {
    fn now(&self) -> Millis {
        self.lock().now
    }

    fn elapsed(&self) -> Duration {
        let state = self.lock();
        Duration::from_millis(state.now - state.started)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let until = self.now() + duration.as_millis() as Millis;
        Box::pin(Sleep {
            clock: self.clone(),
            until,
        })
    }
}

struct Sleep {
    clock: Simulated,
    until: Millis,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.lock();
        if state.now >= self.until {
            return Poll::Ready(());
        }
        state.sleepers.push((self.until, context.waker().clone()));
        Poll::Pending
    }
}
