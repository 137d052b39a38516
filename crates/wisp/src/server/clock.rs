use std::time::{Duration, Instant, SystemTime};

use tokio_util::task::TaskTracker;
use wisp_core::{
    model::Millis,
    ports::{BoxFuture, Clock, Tasks},
};

/// The machine's clock.
pub(crate) struct Machine {
    started: Instant,
}

impl Machine {
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Clock for Machine {
    fn now(&self) -> Millis {
        // A clock before 1970 counts as 1970.
        SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis() as Millis
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// Tasks on the runtime, counted so that a shutdown can wait for them.
#[derive(Clone, Default)]
pub(crate) struct Tracked(TaskTracker);

impl Tracked {
    /// Waits until no task is left, or the time is up; false if some are.
    pub async fn finish(&self, most: Duration) -> bool {
        self.0.close();
        tokio::time::timeout(most, self.0.wait()).await.is_ok()
    }
}

impl Tasks for Tracked {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.spawn(task);
    }

    fn occupy(&self, work: &mut (dyn FnMut() + Send)) {
        tokio::task::block_in_place(work);
    }

    fn compute(&self, work: Box<dyn FnOnce() + Send>) {
        self.0.spawn_blocking(work);
    }
}
