use std::sync::Arc;

use wisp_core::{Result, ports::Sandbox};

use super::{super::Context, Process};

/// Starts this sandbox with its section of the configuration.
pub fn register(context: &Context) -> Result<Arc<dyn Sandbox>> {
    Ok(Arc::new(Process::start(
        context.config.process.clone(),
        context.api,
        context.clock.clone(),
    )?))
}
