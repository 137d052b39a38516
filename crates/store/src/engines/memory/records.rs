use std::{collections::BTreeMap, sync::Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::broadcast;
use wisp_core::{
    Result,
    ports::{Change, Record, Records, Revision, Table, Write},
};

use super::lock;
use crate::conflict;

type Tables = BTreeMap<(Table, String), (Revision, Bytes)>;

/// Records in a map.
pub(super) struct Memory {
    state: Mutex<(Revision, Tables)>,
    changes: broadcast::Sender<Change>,
}

impl Memory {
    pub fn new(watch_backlog: usize) -> Self {
        Self {
            state: Mutex::default(),
            changes: broadcast::channel(watch_backlog).0,
        }
    }
}

#[async_trait]
impl Records for Memory {
    async fn get(&self, table: Table, key: &str) -> Result<Option<Record>> {
        let key = key.to_owned();
        let state = lock(&self.state);
        let found = state.1.get(&(table, key.clone())).cloned();
        Ok(found.map(|(revision, value)| Record { key, revision, value }))
    }

    async fn scan(&self, table: Table, prefix: &str) -> Result<Vec<Record>> {
        let state = lock(&self.state);
        let from = state.1.range((table, prefix.to_owned())..);
        let within = from.take_while(|((in_table, key), _)| *in_table == table && key.starts_with(prefix));
        let record = |((_, key), (revision, value)): (&(Table, String), &(Revision, Bytes))| Record {
            key: key.clone(),
            revision: *revision,
            value: value.clone(),
        };
        Ok(within.map(record).collect())
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<Revision> {
        let mut state = lock(&self.state);
        let (last, tables) = &mut *state;
        for write in &writes {
            let present = tables
                .get(&(write.table, write.key.clone()))
                .map(|(revision, _)| *revision);
            conflict::expect(write, present)?;
        }
        last.0 += 1;
        let revision = *last;
        for Write { table, key, value, .. } in writes {
            let deleted = value.is_none();
            match value {
                Some(value) => tables.insert((table, key.clone()), (revision, value)),
                None => tables.remove(&(table, key.clone())),
            };
            // Nobody may be watching. Sent under the lock, so that commits are seen in order.
            let _ = self.changes.send(Change {
                table,
                key,
                revision,
                deleted,
            });
        }
        Ok(revision)
    }

    fn watch(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }
}
