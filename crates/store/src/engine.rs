use std::sync::Arc;

use async_trait::async_trait;
use wisp_core::{
    Code, Error, Result,
    ports::{Activations, Blobs, Journal, Records},
};

use crate::{Config, ENGINES};

/// An open store: the four ports, and the end of them.
#[derive(Clone)]
pub struct Engine {
    /// Entities, subjects, settings.
    pub records: Arc<dyn Records>,
    /// Code and large payloads.
    pub blobs: Arc<dyn Blobs>,
    /// Promises and records of invocations.
    pub activations: Arc<dyn Activations>,
    /// Durable executions.
    pub journal: Arc<dyn Journal>,
    pub(crate) lifecycle: Arc<dyn Lifecycle>,
}

impl Engine {
    /// Makes everything written so far survive power loss.
    pub async fn flush(&self) -> Result<()> {
        self.lifecycle.flush().await
    }

    /// Carries out what was begun, flushes, and refuses writes from then on with [`Code::Unavailable`]. Another
    /// server can open the data when the last clone of the ports is gone.
    pub async fn close(&self) -> Result<()> {
        self.lifecycle.close().await
    }
}

/// What an engine does beside its ports.
#[async_trait]
pub(crate) trait Lifecycle: Send + Sync {
    async fn flush(&self) -> Result<()>;
    async fn close(&self) -> Result<()>;
}

/// Opens the engine of this name.
pub fn open(name: &str, config: &Config) -> Result<Engine> {
    config.check()?;
    match ENGINES.iter().find(|(known, _)| *known == name) {
        Some((_, register)) => register(config),
        None => {
            let available: Vec<&str> = ENGINES.iter().map(|(name, _)| *name).collect();
            let available = available.join(", ");
            Err(Error::new(
                Code::Config,
                format!("there is no storage engine '{name}'; available: {available}"),
            ))
        }
    }
}
