use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use wisp_core::{
    Result,
    model::{Accepted, Activation, ActivationId, EntityName, Millis},
    ports::{Activations, Query, Retention, Scope, Swept},
};

use super::{
    entry::Entry,
    finish::{Finish, locate},
    keys,
    promises::{Accept, Promises},
    sweep, window,
};
use crate::engines::embedded::{blocking, buckets::minute_of, database::Database, error, writer::Writer};

/// What the ledger stands on.
pub(super) struct Ledger {
    pub database: Arc<Database>,
    pub writer: Arc<Writer>,
    pub promises: Promises,
}

/// The ledger of invocations in the database.
pub(in crate::engines::embedded) struct Embedded(Ledger);

impl Embedded {
    /// Opens it, with the promises that are open.
    pub fn open(database: Arc<Database>, writer: Arc<Writer>) -> Result<Self> {
        let promises = Promises::load(&database)?;
        Ok(Self(Ledger {
            database,
            writer,
            promises,
        }))
    }
}

#[async_trait]
impl Activations for Embedded {
    async fn accept(&self, accepted: &Accepted) -> Result<()> {
        let (id, promises) = (accepted.id, self.0.promises.clone());
        let encoded = Accept::encode(accepted)?;
        self.0
            .writer
            .run(|reply| Box::new(Accept::new(id, encoded, promises, reply)))
            .await
    }

    async fn unfinished(&self) -> Result<Vec<Accepted>> {
        let (database, promises) = (self.0.database.clone(), self.0.promises.clone());
        blocking(move || promises.read(&database)).await
    }

    async fn is_promised(&self, id: ActivationId) -> Result<bool> {
        Ok(self.0.promises.key(id).is_some())
    }

    async fn finish(&self, activation: Arc<Activation>) -> Result<()> {
        let (entry, promises) = (Entry::new(&activation)?, self.0.promises.clone());
        self.0
            .writer
            .run(|reply| Box::new(Finish { entry, promises, reply }))
            .await
    }

    async fn get(&self, namespace: &EntityName, id: ActivationId) -> Result<Option<Bytes>> {
        // Not worth another thread: two point reads, most often from memory.
        let database = &self.0.database;
        let located = locate(database, id)?.filter(|located| located.namespace == namespace.as_str());
        let Some(located) = located else { return Ok(None) };
        let Some(bucket) = database.buckets.holding(minute_of(located.start)) else {
            return Ok(None);
        };
        let record = bucket.keyspace.get(keys::record(namespace.as_str(), located.start, id));
        let record = record.map_err(|cause| error::database("read an activation", cause))?;
        Ok(record.map(|record| Bytes::copy_from_slice(&record)))
    }

    async fn list(&self, query: &Query) -> Result<Vec<Bytes>> {
        let (database, query) = (self.0.database.clone(), query.clone());
        blocking(move || window::page(&database, &query)).await
    }

    async fn count(&self, scope: &Scope) -> Result<u64> {
        let (database, scope) = (self.0.database.clone(), scope.clone());
        blocking(move || window::Window::of(&database, &scope).count()).await
    }

    async fn sweep(&self, now: Millis, policy: &(dyn for<'a> Fn(&'a str) -> Retention + Sync)) -> Result<Swept> {
        sweep::sweep(&self.0, now, policy).await
    }
}
