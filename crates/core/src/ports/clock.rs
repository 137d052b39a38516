use std::{future::Future, pin::Pin, time::Duration};

use crate::model::Millis;

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The only source of time and of sleep. The real one is in `wisp`, a simulated one in `wisp-testkit`.
pub trait Clock: Send + Sync {
    /// Wall-clock time.
    fn now(&self) -> Millis;

    /// Time since some fixed moment; never goes back.
    fn elapsed(&self) -> Duration;

    /// Waits.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The only way to start work that goes on by itself.
pub trait Tasks: Send + Sync {
    /// Starts a task; a clean shutdown waits for it.
    fn spawn(&self, task: BoxFuture<'static, ()>);

    /// Does work here and now that may compute for long; what else waits for this thread goes on elsewhere.
    fn occupy(&self, work: &mut (dyn FnMut() + Send)) {
        work();
    }

    /// Starts work that computes for long, where no other task waits for it; a clean shutdown waits for it too.
    fn compute(&self, work: Box<dyn FnOnce() + Send>) {
        self.spawn(Box::pin(async move { work() }));
    }
}
