use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use crate::Result;

/// A table of records: a name, so that new ones need no change here.
pub type Table = &'static str;

/// Grows with every commit of the store; no two writes of a record have the same one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// A stored value with its revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its key.
    pub key: String,
    /// The revision of the commit that wrote it.
    pub revision: Revision,
    /// Its bytes.
    pub value: Bytes,
}

/// What a write requires of the record as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It does not exist.
    Absent,
    /// It has this revision.
    At(Revision),
    /// Anything.
    Any,
}

/// One write of a commit.
#[derive(Clone, Debug)]
pub struct Write {
    /// The table.
    pub table: Table,
    /// The key.
    pub key: String,
    /// The new value; none deletes.
    pub value: Option<Bytes>,
    /// What the record must be for the commit to happen.
    pub expect: Expect,
}

/// A committed write, as a watch sees it.
#[derive(Clone, Debug)]
pub struct Change {
    /// The table.
    pub table: Table,
    /// The key.
    pub key: String,
    /// The commit's revision.
    pub revision: Revision,
    /// Whether the record was deleted.
    pub deleted: bool,
}

/// Small records under revisions: entities, subjects, settings.
///
/// * A commit happens whole or not at all, and is durable (survives `kill -9` and power loss) when it returns.
/// * A write whose [`Expect`] does not hold fails the whole commit with [`Code::Conflict`](crate::Code::Conflict).
/// * A read that starts after a commit returned sees it.
/// * A watch sees every commit in order; one that lags is told so by its channel and must read again.
#[async_trait]
pub trait Records: Send + Sync {
    /// The record of a key.
    async fn get(&self, table: Table, key: &str) -> Result<Option<Record>>;

    /// All records whose keys begin with `prefix`, in the order of their keys' bytes.
    async fn scan(&self, table: Table, prefix: &str) -> Result<Vec<Record>>;

    /// Carries out all writes, or none; returns the commit's revision.
    async fn commit(&self, writes: Vec<Write>) -> Result<Revision>;

    /// Every commit from now on.
    fn watch(&self) -> broadcast::Receiver<Change>;
}
