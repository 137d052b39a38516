use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};
use wisp_core::{
    Code, Error, Result,
    ports::{Expect, Records, Revision, Table, Write},
};

/// Typed records of workflows.
pub(crate) struct Shelf {
    pub records: Arc<dyn Records>,
}

/// A record as it was read.
pub(crate) struct Kept<T> {
    pub revision: Revision,
    pub value: T,
}

impl Shelf {
    /// The record of a key.
    pub async fn get<T: DeserializeOwned>(&self, table: Table, key: &str) -> Result<Option<Kept<T>>> {
        let record = self.records.get(table, key).await?;
        let kept = |record: wisp_core::ports::Record| {
            let value = decode(key, &record.value)?;
            Ok(Kept {
                revision: record.revision,
                value,
            })
        };
        record.map(kept).transpose()
    }

    /// All records whose keys begin so, in their order.
    pub async fn scan<T: DeserializeOwned>(&self, table: Table, prefix: &str) -> Result<Vec<T>> {
        let records = self.records.scan(table, prefix).await?;
        records
            .iter()
            .map(|record| decode(&record.key, &record.value))
            .collect()
    }

    /// How many records have keys that begin so.
    pub async fn count(&self, table: Table, prefix: &str) -> Result<usize> {
        Ok(self.records.scan(table, prefix).await?.len())
    }

    /// Makes all writes or none; false if one of them expected something else.
    pub async fn commit(&self, writes: Vec<Write>) -> Result<bool> {
        match self.records.commit(writes).await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Code::Conflict => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The write of a record.
pub(crate) fn writing<T: Serialize>(table: Table, key: String, value: &T, expect: Expect) -> Result<Write> {
    let text = serde_json::to_vec(value);
    let text = text.map_err(|error| Error::internal(format!("'{key}' cannot be encoded")).because(error))?;
    Ok(Write {
        table,
        key,
        value: Some(text.into()),
        expect,
    })
}

/// The deletion of a record.
pub(crate) fn deleting(table: Table, key: String, expect: Expect) -> Write {
    Write {
        table,
        key,
        value: None,
        expect,
    }
}

fn decode<T: DeserializeOwned>(key: &str, value: &[u8]) -> Result<T> {
    serde_json::from_slice(value)
        .map_err(|error| Error::new(Code::Corrupted, format!("the record '{key}' cannot be read")).because(error))
}
