use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use wisp_core::{
    Result,
    model::{EntityName, Millis},
    ports::{Retention, Swept},
};

use super::{entry::Entry, keys, ledger::Ledger, surplus};
use crate::engines::embedded::{
    blocking,
    buckets::{Bucket, MINUTE},
    database::Database,
    error,
    operation::{Batch, Operation, Reply, Touch},
    tallies::Tally,
};

/// Records that one commit deletes at most: others wait meanwhile.
const AT_ONCE: usize = 128;

/// Removes what the policies do not keep.
pub(super) async fn sweep(
    ledger: &Ledger,
    now: Millis,
    policy: &(dyn for<'a> Fn(&'a str) -> Retention + Sync),
) -> Result<Swept> {
    let database = ledger.database.clone();
    let namespaces = blocking(move || all_namespaces(&database)).await?;
    let mut cuts = BTreeMap::new();
    for namespace in namespaces {
        let (database, keep) = (ledger.database.clone(), policy(&namespace));
        let name = EntityName::namespace(&namespace)?;
        let cut = blocking(move || surplus::cut(&database, &name, now, keep)).await?;
        cuts.insert(namespace, cut);
    }
    let mut swept = Swept::default();
    for bucket in ledger.database.buckets.within(0, u64::MAX).into_iter().rev() {
        let part = clear(ledger, bucket, &cuts).await?;
        swept.records += part.records;
        swept.bytes += part.bytes;
    }
    Ok(swept)
}

/// Clears a bucket of what was started before the cuts: at once if that is all it has, else record by record.
async fn clear(ledger: &Ledger, bucket: Bucket, cuts: &BTreeMap<String, Millis>) -> Result<Swept> {
    let there = bucket.clone();
    let present = blocking(move || namespaces(&there)).await?;
    let end = bucket.to.saturating_mul(MINUTE);
    let cut = |namespace: &String| cuts.get(namespace).copied().unwrap_or(0);
    if present.iter().all(|namespace| cut(namespace) >= end) {
        return ledger
            .writer
            .run(|reply| {
                Box::new(Drop {
                    bucket,
                    namespaces: present,
                    reply,
                })
            })
            .await;
    }
    let mut swept = Swept::default();
    for namespace in present.iter().filter(|namespace| cut(namespace) > bucket.from * MINUTE) {
        let part = delete(ledger, &bucket, namespace, cut(namespace)).await?;
        swept.records += part.records;
        swept.bytes += part.bytes;
    }
    Ok(swept)
}

/// Deletes a namespace's records in a bucket that started before a time, oldest first.
async fn delete(ledger: &Ledger, bucket: &Bucket, namespace: &str, before: Millis) -> Result<Swept> {
    let (newest, mut oldest) = keys::between(&keys::records(namespace), 0, before.saturating_sub(1)).into_inner();
    let mut swept = Swept::default();
    loop {
        // Goes on where it was: what was deleted just now is still in the way.
        let (from, range) = (bucket.clone(), newest.clone()..=oldest);
        let keys = blocking(move || last_keys(&from, range)).await?;
        let Some(reached) = keys.last().cloned() else {
            return Ok(swept);
        };
        let bucket = bucket.clone();
        let part = ledger
            .writer
            .run(|reply| Box::new(Delete { bucket, keys, reply }))
            .await?;
        swept.records += part.records;
        swept.bytes += part.bytes;
        oldest = reached;
    }
}

/// The namespaces that have records.
fn all_namespaces(database: &Database) -> Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for bucket in database.buckets.within(0, u64::MAX) {
        all.extend(namespaces(&bucket)?);
    }
    Ok(all)
}

/// The namespaces that have records in a bucket: one look for each, from the first tally of one to that of the next.
fn namespaces(bucket: &Bucket) -> Result<BTreeSet<String>> {
    let (mut found, mut from) = (BTreeSet::new(), keys::first_tally());
    while let Some(entry) = bucket.keyspace.range(from.clone()..).next() {
        let key = entry.key().map_err(|cause| error::database("find namespaces", cause))?;
        let Some(namespace) = keys::namespace_of_tally(&key) else {
            break;
        };
        from = keys::after_tallies(namespace);
        found.insert(namespace.to_owned());
    }
    Ok(found)
}

/// The last keys of a range, from its end on.
fn last_keys(bucket: &Bucket, range: RangeInclusive<Vec<u8>>) -> Result<Vec<Vec<u8>>> {
    let entries = bucket.keyspace.range(range).rev().take(AT_ONCE);
    let key = |entry: fjall::Guard| entry.key().map(|key| key.to_vec());
    entries
        .map(|entry| key(entry).map_err(|cause| error::database("find old activations", cause)))
        .collect()
}

/// Drops a bucket, unless a namespace has come into it that the policies were not asked about.
struct Drop {
    bucket: Bucket,
    namespaces: BTreeSet<String>,
    reply: Reply<Swept>,
}

impl Operation for Drop {
    fn touches(&self) -> Touch {
        Touch::Everything
    }

    fn stage(self: Box<Self>, batch: &mut Batch<'_>) {
        let outcome = self.drop_bucket(batch.database);
        batch.dropped_bucket();
        batch.frees_space();
        let reply = self.reply;
        batch.then(false, move |committed| {
            let _ = reply.send(committed.and(outcome));
        });
    }
}

impl Drop {
    fn drop_bucket(&self, database: &Database) -> Result<Swept> {
        let present = namespaces(&self.bucket)?;
        if !present.is_subset(&self.namespaces) {
            return Ok(Swept::default());
        }
        let mut swept = Swept::default();
        for namespace in &present {
            for entry in self.bucket.keyspace.prefix(keys::tallies(namespace, None)) {
                let tally = entry.value().map_err(|cause| error::database("read tallies", cause))?;
                let tally = Tally::decode(&tally);
                swept.records += tally.count;
                swept.bytes += tally.bytes;
            }
        }
        database.buckets.drop(&database.fjall, &self.bucket)?;
        Ok(swept)
    }
}

/// Deletes records, as many as are still there.
struct Delete {
    bucket: Bucket,
    keys: Vec<Vec<u8>>,
    reply: Reply<Swept>,
}

impl Operation for Delete {
    fn touches(&self) -> Touch {
        Touch::Everything
    }

    fn stage(self: Box<Self>, batch: &mut Batch<'_>) {
        let Self { bucket, keys, reply } = *self;
        let entries: Result<Vec<Entry>> = keys.iter().filter_map(|key| read(&bucket, key).transpose()).collect();
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => return drop(reply.send(Err(error))),
        };
        let bytes = entries.iter().map(|entry| entry.json.len() as u64).sum();
        let swept = Swept {
            records: entries.len() as u64,
            bytes,
        };
        let database = batch.database;
        for entry in entries {
            batch.remove(&database.ids, entry.id.to_bytes());
            entry.remove(&bucket.keyspace, None, batch);
        }
        batch.frees_space();
        batch.then(false, move |outcome| {
            let _ = reply.send(outcome.map(|()| swept));
        });
    }
}

fn read(bucket: &Bucket, key: &[u8]) -> Result<Option<Entry>> {
    let json = bucket
        .keyspace
        .get(key)
        .map_err(|cause| error::database("read an activation", cause))?;
    json.map(|json| Entry::read(&json)).transpose()
}
