use std::collections::HashMap;

use pgwire_replication::{Lsn, ReplicationEvent};
use serde_json::{Map, Value, json};
use wisp_core::{Result, ports::Event};

use super::{decode::Reader, row::Table};
use crate::json::data;

/// Microseconds from 1970 to 2000, where PostgreSQL's time begins.
const EPOCH: i64 = 946_684_800_000_000;

/// Makes events of what the server sends.
#[derive(Default)]
pub(super) struct Changes {
    tables: HashMap<u32, Table>,
    transaction: Option<Transaction>,
    /// All before is in events that were made.
    pub complete: Lsn,
}

/// The transaction that is being sent.
struct Transaction {
    commit: Lsn,
    /// When it was committed, in microseconds since 1970.
    time: i64,
    count: u64,
}

impl Changes {
    /// The event of a message, if it is one.
    pub fn take(&mut self, message: ReplicationEvent) -> Result<Option<Event>> {
        match message {
            ReplicationEvent::Begin {
                final_lsn,
                commit_time_micros,
                ..
            } => {
                self.transaction = Some(Transaction {
                    commit: final_lsn,
                    time: commit_time_micros + EPOCH,
                    count: 0,
                });
            }
            ReplicationEvent::Commit { end_lsn, .. } => {
                self.transaction = None;
                self.complete = end_lsn;
            }
            // Between transactions, what the server has read of its log is done with.
            ReplicationEvent::KeepAlive { wal_end, .. } if self.transaction.is_none() => self.complete = wal_end,
            ReplicationEvent::XLogData { data, .. } => return self.change(&data),
            _ => {}
        }
        Ok(None)
    }

    fn change(&mut self, message: &[u8]) -> Result<Option<Event>> {
        let mut reader = Reader(message);
        let kind = reader.byte()?;
        let operation = match kind {
            b'R' => {
                let (number, table) = Table::read(&mut reader)?;
                self.tables.insert(number, table);
                return Ok(None);
            }
            b'I' => "insert",
            b'U' => "update",
            b'D' => "delete",
            _ => return Ok(None),
        };
        let number = reader.u32()?;
        let (Some(table), Some(transaction)) = (self.tables.get(&number), &mut self.transaction) else {
            return Ok(None);
        };
        transaction.count += 1;
        let mut values = Map::new();
        values.insert("operation".into(), json!(operation));
        values.insert("schema".into(), json!(table.schema));
        values.insert("table".into(), json!(table.name));
        values.insert("time".into(), json!(transaction.time / 1_000));
        values.insert("lsn".into(), json!(transaction.commit.to_pg_string()));
        while !reader.0.is_empty() {
            let name = if reader.byte()? == b'N' { "new" } else { "old" };
            values.insert(name.into(), Value::Object(table.row(&mut reader)?));
        }
        Ok(Some(Event {
            // A cluster that is made anew counts anew.
            id: format!("{}-{}-{}", transaction.commit, transaction.count, transaction.time),
            data: data(&values)?,
        }))
    }
}
