//! How long idle instances are kept, and when they are started ahead.

mod config;
mod demand;

use std::sync::Arc;

pub use config::{Config, policy};
pub use demand::{Cost, Demand, SETTLE, Wanted};
use wisp_core::ports::KeepAlive;

wisp_core::register! {
    /// The policies by name: how to make each.
    pub POLICIES: fn(&Config) -> Arc<dyn KeepAlive> => fixed, histogram, greedy_dual, adaptive
}
