//! The engine in this process: fjall for records and activations, files for blobs.
//!
//! ```text
//! <directory>/lock       held while the server runs, with its process id
//!             format     version of this layout
//!             database/  fjall's
//!             blobs/ab/abcd…
//! ```
//! All writes go through one queue (`writer`), which makes what waits one commit and one sync. Activations are in one
//! keyspace per span of time (`buckets`), so that old ones go by dropping a keyspace.

mod activations;
mod blobs;
mod buckets;
mod company;
mod database;
mod directory;
mod error;
mod journal;
mod operation;
mod queue;
mod records;
mod swiftness;
mod tallies;
mod writer;

use std::sync::Arc;

use async_trait::async_trait;
use wisp_core::Result;

use crate::{Config, Engine, engine::Lifecycle};

/// Opens the data directory, or makes it.
pub fn register(config: &Config) -> Result<Engine> {
    let directory = Arc::new(directory::Directory::open(&config.directory, config.reserve)?);
    let database = Arc::new(database::Database::open(directory.clone(), config)?);
    let writer = Arc::new(writer::Writer::start(database.clone(), config)?);
    let changes = tokio::sync::broadcast::channel(config.watch_backlog).0;
    Ok(Engine {
        records: Arc::new(records::Embedded::new(
            database.clone(),
            writer.clone(),
            changes.clone(),
        )),
        blobs: Arc::new(blobs::Files::open(directory)?),
        journal: Arc::new(journal::Embedded::new(database.clone(), writer.clone())),
        activations: Arc::new(activations::Embedded::open(database, writer.clone(), changes)?),
        lifecycle: Arc::new(Embedded(writer)),
    })
}

struct Embedded(Arc<writer::Writer>);

#[async_trait]
impl Lifecycle for Embedded {
    async fn flush(&self) -> Result<()> {
        self.0.flush().await
    }

    async fn close(&self) -> Result<()> {
        self.0.close().await
    }
}

/// Runs what may wait for the disk away from the threads that answer requests.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(wisp_core::Error::internal("reading the store failed").because(error)))
}
