use std::sync::Arc;

use wisp_core::ports::Clock;

use crate::Config;

/// What sources stand on.
#[derive(Clone)]
pub struct Context {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Settings.
    pub config: Config,
}
