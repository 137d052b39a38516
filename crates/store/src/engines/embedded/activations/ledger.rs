use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::broadcast;
use wisp_core::{
    Result,
    model::{Accepted, Activation, ActivationId, EntityName, Millis},
    ports::{Activations, Change, FollowUp, Query, Retention, Scope, Swept},
};

use super::{
    entry::Entry,
    finish::{Finish, locate},
    follow::Follow,
    keys,
    promises::{Accept, Promise, Promises},
    sweep, window,
};
use crate::engines::embedded::{
    blocking, buckets::minute_of, database::Database, error, records::Writes, writer::Writer,
};

/// What the ledger stands on.
pub(super) struct Ledger {
    pub database: Arc<Database>,
    pub writer: Arc<Writer>,
    pub promises: Promises,
    pub changes: broadcast::Sender<Change>,
}

/// The ledger of invocations in the database.
pub(in crate::engines::embedded) struct Embedded(Ledger);

impl Embedded {
    /// Opens it, with the promises that are open.
    pub fn open(database: Arc<Database>, writer: Arc<Writer>, changes: broadcast::Sender<Change>) -> Result<Self> {
        let promises = Promises::load(&database)?;
        Ok(Self(Ledger {
            database,
            writer,
            promises,
            changes,
        }))
    }
}

#[async_trait]
impl Activations for Embedded {
    async fn accept(&self, accepted: &Accepted) -> Result<()> {
        let (promise, promises) = (Promise::new(accepted)?, self.0.promises.clone());
        self.0
            .writer
            .run(|reply| {
                Box::new(Accept {
                    promise,
                    promises,
                    reply,
                })
            })
            .await
    }

    async fn unfinished(&self) -> Result<Vec<ActivationId>> {
        Ok(self.0.promises.oldest_first())
    }

    async fn is_promised(&self, id: ActivationId) -> Result<bool> {
        Ok(self.0.promises.open(id).is_some())
    }

    async fn promise(&self, id: ActivationId) -> Result<Option<Accepted>> {
        // Not worth another thread: a point read, most often from memory.
        self.0.promises.read(&self.0.database, id)
    }

    async fn follow(&self, what: FollowUp) -> Result<()> {
        let promise = what.promised.as_ref().map(Promise::new).transpose()?;
        let (promises, changes) = (self.0.promises.clone(), self.0.changes.clone());
        self.0
            .writer
            .run(|reply| {
                Box::new(Follow {
                    settled: what.settled,
                    promise,
                    writes: Writes::new(what.writes, changes),
                    promises,
                    reply,
                })
            })
            .await
    }

    async fn finish(&self, activation: Arc<Activation>) -> Result<()> {
        let (entry, promises) = (Entry::new(&activation)?, self.0.promises.clone());
        let success = activation.response.success;
        self.0
            .writer
            .run(|reply| {
                Box::new(Finish {
                    entry,
                    success,
                    promises,
                    reply,
                })
            })
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
