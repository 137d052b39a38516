use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    Result,
    model::{Accepted, Activation, ActivationId, EntityName, Millis},
    ports::Write,
};

/// Which activations of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The namespace.
    pub namespace: EntityName,
    /// Only those of this action: `name`, or `package/name` as the record's `path` has it.
    pub name: Option<String>,
    /// Started at or after this time.
    pub since: Option<Millis>,
    /// Started at or before this time.
    pub upto: Option<Millis>,
}

/// A page of activations, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Which.
    pub scope: Scope,
    /// How many of the newest are left out.
    pub skip: u64,
    /// How many at most.
    pub limit: u64,
}

/// How long records are kept: whatever bound is reached first. By age they may be kept somewhat longer, up to a named
/// setting of the engine; of records that started in the same millisecond, none is kept when there is no room for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Greatest age, in milliseconds.
    pub age: u64,
    /// Greatest number, in one namespace.
    pub count: u64,
    /// Greatest size of the records of one namespace together, in bytes.
    pub bytes: u64,
}

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Records.
    pub records: u64,
    /// Their size, in bytes.
    pub bytes: u64,
}

/// What becomes of a promise that its end has not settled: one commit.
#[derive(Clone, Debug, Default)]
pub struct FollowUp {
    /// The promise that is settled by it.
    pub settled: Option<ActivationId>,
    /// What is promised instead.
    pub promised: Option<Accepted>,
    /// Records that are written with it.
    pub writes: Vec<Write>,
}

/// The ledger of invocations: what was promised, and how it ended.
///
/// * What [`accept`](Self::accept) returned for survives `kill -9` and power loss until [`finish`](Self::finish) with
///   the same id; the end is recorded and the promise settled in one commit, so that it is in exactly one of the two.
///   Only a delivery that failed ([`Accepted::is_settled_by`]) stays promised, until [`follow`](Self::follow).
/// * A finished record survives `kill -9` of this process when `finish` returns; it survives power loss after the
///   engine's next sync, a named setting of at most a second. One whose invocation was accepted is synced like it.
/// * A read that starts after `finish` returned sees the record: in `get`, in every list and in every count.
/// * Lists and counts are indexed: their cost does not grow with the number of records outside the page.
#[async_trait]
pub trait Activations: Send + Sync {
    /// Promises that this invocation will run.
    async fn accept(&self, accepted: &Accepted) -> Result<()>;

    /// The ids of all that is promised and not finished, oldest first.
    async fn unfinished(&self) -> Result<Vec<ActivationId>>;

    /// Whether this id is promised and not finished.
    async fn is_promised(&self, id: ActivationId) -> Result<bool>;

    /// What is promised under this id.
    async fn promise(&self, id: ActivationId) -> Result<Option<Accepted>>;

    /// Settles a promise, makes another and writes records, durably: all or nothing. A write whose expectation does not
    /// hold fails it with [`Code::Conflict`](crate::Code::Conflict). What is no longer promised is settled.
    async fn follow(&self, what: FollowUp) -> Result<()>;

    /// Records how an activation ended. Recording an id again replaces its record.
    async fn finish(&self, activation: Arc<Activation>) -> Result<()>;

    /// The record of an id, as the JSON text of an [`Activation`].
    async fn get(&self, namespace: &EntityName, id: ActivationId) -> Result<Option<Bytes>>;

    /// A page of records, newest start first, each as the JSON text of an [`Activation`].
    async fn list(&self, query: &Query) -> Result<Vec<Bytes>>;

    /// How many there are.
    async fn count(&self, scope: &Scope) -> Result<u64>;

    /// Removes what the policy of its namespace no longer keeps.
    async fn sweep(&self, now: Millis, policy: &(dyn for<'a> Fn(&'a str) -> Retention + Sync)) -> Result<Swept>;
}
