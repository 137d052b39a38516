use fjall::Keyspace;
use wisp_core::{
    Code, Error, Result,
    model::{Activation, ActivationId, Millis},
};

use super::keys;
use crate::{
    engines::embedded::{operation::Batch, tallies::Tally},
    names::names,
};

/// Bytes that a usual record has beside its result.
const FRAME: usize = 1024;

/// A record with all its keys, made by whoever finishes so that whoever commits need not.
pub(super) struct Entry {
    pub id: ActivationId,
    pub start: Millis,
    pub namespace: String,
    /// The key of the record.
    pub record: Vec<u8>,
    /// Its entries in the index of names.
    pub names: Vec<Vec<u8>>,
    /// The tallies that it counts in.
    tallies: Vec<Vec<u8>>,
    pub json: Vec<u8>,
}

impl Entry {
    pub fn new(activation: &Activation) -> Result<Self> {
        let mut json = Vec::with_capacity(FRAME + activation.response.result.get().len());
        serde_json::to_writer(&mut json, activation)
            .map_err(|error| Error::internal("an activation has no JSON").because(error))?;
        Ok(Self::with_json(activation, json))
    }

    /// The entry of a record as it is stored.
    pub fn read(json: &[u8]) -> Result<Self> {
        let activation = serde_json::from_slice::<Activation>(json).map_err(|error| {
            Error::new(Code::Corrupted, "the record of an activation cannot be read back").because(error)
        })?;
        Ok(Self::with_json(&activation, json.to_owned()))
    }

    fn with_json(activation: &Activation, json: Vec<u8>) -> Self {
        let (id, start, namespace) = (
            activation.activation_id,
            activation.start,
            activation.namespace.as_str(),
        );
        let names = names(activation);
        let by_name = names.iter().map(|name| keys::tally(namespace, Some(name), start));
        Self {
            id,
            start,
            namespace: namespace.to_owned(),
            record: keys::record(namespace, start, id),
            tallies: std::iter::once(keys::tally(namespace, None, start))
                .chain(by_name)
                .collect(),
            names: names
                .iter()
                .map(|name| keys::name(namespace, name, start, id))
                .collect(),
            json,
        }
    }

    /// Adds it to a commit.
    pub fn insert(self, bucket: &Keyspace, batch: &mut Batch<'_>) {
        let size = Tally::one(self.json.len());
        batch.insert(bucket, self.record, self.json);
        for name in self.names {
            batch.insert(bucket, name, []);
        }
        for tally in self.tallies {
            batch.tallies.add(bucket, tally, size);
        }
    }

    /// Takes it out by a commit, but for the keys that `next`, which takes its place, writes anew.
    pub fn remove(self, bucket: &Keyspace, next: Option<&Entry>, batch: &mut Batch<'_>) {
        let size = Tally::one(self.json.len());
        let stays = |key: &Vec<u8>| next.is_some_and(|next| *key == next.record || next.names.contains(key));
        for key in std::iter::once(self.record).chain(self.names).filter(|key| !stays(key)) {
            batch.remove(bucket, key);
        }
        for tally in self.tallies {
            batch.tallies.remove(bucket, tally, size);
        }
    }
}
