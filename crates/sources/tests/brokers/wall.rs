use std::time::{Duration, Instant};

use wisp_core::{
    model::Millis,
    ports::{BoxFuture, Clock},
};

/// The time of the brokers.
pub struct Wall(Instant);

impl Default for Wall {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Wall {
    fn now(&self) -> Millis {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        since.as_millis() as Millis
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
