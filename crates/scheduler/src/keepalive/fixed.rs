//! `fixed`: an idle instance is kept for the same time always, as OpenWhisk and most platforms do.

use std::{sync::Arc, time::Duration};

use wisp_core::ports::{Candidate, KeepAlive, Windows};

use super::Config;

struct Fixed {
    keep: Duration,
}

/// `fixed`
pub fn register(config: &Config) -> Arc<dyn KeepAlive> {
    Arc::new(Fixed {
        keep: Duration::from_secs(config.fixed_seconds),
    })
}

impl KeepAlive for Fixed {
    fn windows(&self, _view: &Candidate) -> Windows {
        Windows::one(Duration::ZERO..self.keep)
    }

    /// Least recently used.
    fn worth(&self, view: &Candidate) -> f64 {
        view.idle_since.as_secs_f64()
    }
}
