use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::broadcast;
use wisp_core::{
    Code, Error, Result,
    ports::{Change, Record, Records, Revision, Table, Write},
};

use super::{
    blocking,
    database::Database,
    error,
    operation::{Batch, Operation, Reply, Touch},
    writer::Writer,
};
use crate::conflict;

/// Records in a keyspace: the key is `table \0 key`, the value begins with the revision.
pub(super) struct Embedded {
    database: Arc<Database>,
    writer: Arc<Writer>,
    changes: broadcast::Sender<Change>,
}

impl Embedded {
    pub fn new(database: Arc<Database>, writer: Arc<Writer>, changes: broadcast::Sender<Change>) -> Self {
        Self {
            database,
            writer,
            changes,
        }
    }
}

#[async_trait]
impl Records for Embedded {
    async fn get(&self, table: Table, key: &str) -> Result<Option<Record>> {
        // Not worth another thread: a point read, most often from memory.
        read(&self.database, table, key)
    }

    async fn scan(&self, table: Table, prefix: &str) -> Result<Vec<Record>> {
        let (database, prefix) = (self.database.clone(), stored_key(table, prefix));
        blocking(move || {
            let found = database.main.prefix(&prefix);
            let record = |entry: fjall::Guard| {
                let (key, value) = entry
                    .into_inner()
                    .map_err(|cause| error::database("list records", cause))?;
                decode(table, &key[table.len() + 1..], &value)
            };
            found.map(record).collect()
        })
        .await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<Revision> {
        let writes = Writes::new(writes, self.changes.clone());
        self.writer.run(|reply| Box::new(Commit { writes, reply })).await
    }

    fn watch(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }
}

/// Writes of records as a part of a commit.
pub(super) struct Writes {
    writes: Vec<Write>,
    changes: broadcast::Sender<Change>,
}

impl Writes {
    pub fn new(writes: Vec<Write>, changes: broadcast::Sender<Change>) -> Self {
        Self { writes, changes }
    }

    /// The hashes of the keys.
    pub fn touched(&self) -> Vec<u64> {
        let hash = |write: &Write| {
            let mut hasher = DefaultHasher::new();
            (write.table, &write.key).hash(&mut hasher);
            hasher.finish()
        };
        self.writes.iter().map(hash).collect()
    }

    /// Refuses what is not as it is expected to be.
    pub fn check(&self, database: &Database) -> Result<()> {
        self.writes.iter().try_for_each(|write| check(database, write))
    }

    /// Adds them to a commit.
    pub fn stage(&self, batch: &mut Batch<'_>) -> Revision {
        let revision = batch.next_revision();
        for write in last_of_each_key(&self.writes) {
            put(batch, write, revision);
        }
        revision
    }

    /// Tells those who watch.
    pub fn announce(self, revision: Revision) {
        for Write { table, key, value, .. } in self.writes {
            // Nobody may be watching.
            let _ = self.changes.send(Change {
                table,
                key,
                revision,
                deleted: value.is_none(),
            });
        }
    }
}

struct Commit {
    writes: Writes,
    reply: Reply<Revision>,
}

impl Operation for Commit {
    fn touches(&self) -> Touch {
        Touch::These(self.writes.touched())
    }

    fn stage(self: Box<Self>, batch: &mut Batch<'_>) {
        let Self { writes, reply } = *self;
        if let Err(error) = writes.check(batch.database) {
            // Whoever asked may be gone.
            let _ = reply.send(Err(error));
            return;
        }
        let revision = writes.stage(batch);
        batch.then(true, move |outcome| {
            if outcome.is_ok() {
                writes.announce(revision);
            }
            let _ = reply.send(outcome.map(|()| revision));
        });
    }
}

fn check(database: &Database, write: &Write) -> Result<()> {
    let present = read(database, write.table, &write.key)?;
    conflict::expect(write, present.map(|record| record.revision))
}

/// A batch has no order among writes to one key, so that only the last of them goes in.
fn last_of_each_key(writes: &[Write]) -> impl Iterator<Item = &Write> {
    let mut seen = HashSet::new();
    writes
        .iter()
        .rev()
        .filter(move |write| seen.insert((write.table, &write.key)))
}

fn put(batch: &mut Batch<'_>, write: &Write, revision: Revision) {
    let key = stored_key(write.table, &write.key);
    let database = batch.database;
    match &write.value {
        Some(value) => batch.insert(&database.main, key, [&revision.0.to_be_bytes(), &value[..]].concat()),
        None => batch.remove(&database.main, key),
    }
}

fn read(database: &Database, table: Table, key: &str) -> Result<Option<Record>> {
    let value = database.main.get(stored_key(table, key));
    let value = value.map_err(|cause| error::database("read a record", cause))?;
    value.map(|value| decode(table, key.as_bytes(), &value)).transpose()
}

fn stored_key(table: Table, key: &str) -> Vec<u8> {
    [table.as_bytes(), &[0], key.as_bytes()].concat()
}

fn decode(table: Table, key: &[u8], value: &[u8]) -> Result<Record> {
    let key = String::from_utf8_lossy(key).into_owned();
    match value.split_first_chunk() {
        Some((revision, value)) => {
            let (revision, value) = (Revision(u64::from_be_bytes(*revision)), Bytes::copy_from_slice(value));
            Ok(Record { key, revision, value })
        }
        None => Err(Error::new(
            Code::Corrupted,
            format!("the record '{key}' in {table} has no revision"),
        )),
    }
}
