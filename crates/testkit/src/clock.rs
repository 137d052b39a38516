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
    /// What the clock on the wall showed, or would have if it had been right.
    started: Millis,
    /// Milliseconds since then.
    passed: Millis,
    sleepers: Vec<(Millis, Waker)>,
}

impl Simulated {
    /// A clock that shows this time.
    pub fn at(now: Millis) -> Self {
        Self(Arc::new(Mutex::new(State {
            started: now,
            passed: 0,
            sleepers: Vec::new(),
        })))
    }

    /// Lets time pass, and wakes who has slept long enough.
    pub fn advance(&self, duration: Duration) {
        let mut state = self.lock();
        state.passed += duration.as_millis() as Millis;
        let now = state.passed;
        let (due, rest) = std::mem::take(&mut state.sleepers)
            .into_iter()
            .partition(|(until, _)| *until <= now);
        state.sleepers = rest;
        drop(state);
        let due: Vec<(Millis, Waker)> = due;
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Sets the clock on the wall forward, or back, by milliseconds. No time passes.
    pub fn set(&self, by: i64) {
        let mut state = self.lock();
        state.started = state.started.saturating_add_signed(by);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for Simulated {
    fn now(&self) -> Millis {
        let state = self.lock();
        state.started + state.passed
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.lock().passed)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let until = self.lock().passed + duration.as_millis() as Millis;
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
        if state.passed >= self.until {
            return Poll::Ready(());
        }
        state.sleepers.push((self.until, context.waker().clone()));
        Poll::Pending
    }
}
