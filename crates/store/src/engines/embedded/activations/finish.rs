use wisp_core::{
    Error, Result,
    model::{ActivationId, Millis},
};

use super::{
    entry::Entry,
    keys,
    promises::{Open, Promises, touch},
};
use crate::engines::embedded::{
    buckets::{Bucket, minute_of},
    database::Database,
    error,
    operation::{Batch, Operation, Reply, Touch},
};

/// Where a record is: what the index of ids says.
pub(super) struct Located {
    pub start: Millis,
    pub namespace: String,
}

/// Looks an id up.
pub(super) fn locate(database: &Database, id: ActivationId) -> Result<Option<Located>> {
    let value = database
        .ids
        .get(id.to_bytes())
        .map_err(|cause| error::database("look up an activation", cause))?;
    let parts = value.as_ref().and_then(|value| value.split_first_chunk());
    Ok(parts.map(|(start, namespace)| Located {
        start: u64::from_be_bytes(*start),
        namespace: String::from_utf8_lossy(namespace).into_owned(),
    }))
}

/// Writes down how an activation ended.
pub(super) struct Finish {
    pub entry: Entry,
    /// Whether the function did not fail.
    pub success: bool,
    pub promises: Promises,
    pub reply: Reply<()>,
}

impl Operation for Finish {
    fn touches(&self) -> Touch {
        Touch::These(vec![touch(self.entry.id)])
    }

    fn is_quick(&self) -> bool {
        true
    }

    fn stage(self: Box<Self>, batch: &mut Batch<'_>) {
        match prepare(batch.database, self.entry.id, self.entry.start) {
            Ok((bucket, before)) => write(batch, *self, bucket, before),
            Err(error) => drop(self.reply.send(Err(error))),
        }
    }
}

/// Finds the bucket for a record, and the record that it replaces.
fn prepare(database: &Database, id: ActivationId, start: Millis) -> Result<(Bucket, Option<(Bucket, Entry)>)> {
    let before = match locate(database, id)? {
        Some(located) => stored(database, id, &located)?,
        None => None,
    };
    Ok((database.buckets.make(&database.fjall, minute_of(start))?, before))
}

fn stored(database: &Database, id: ActivationId, located: &Located) -> Result<Option<(Bucket, Entry)>> {
    let Some(bucket) = database.buckets.holding(minute_of(located.start)) else {
        return Ok(None);
    };
    let json = bucket.keyspace.get(keys::record(&located.namespace, located.start, id));
    let json = json.map_err(|cause| error::database("read an activation", cause))?;
    Ok(json
        .map(|json| Entry::read(&json))
        .transpose()?
        .map(|entry| (bucket, entry)))
}

fn write(batch: &mut Batch<'_>, finish: Finish, bucket: Bucket, before: Option<(Bucket, Entry)>) {
    let Finish {
        entry,
        success,
        promises,
        reply,
    } = finish;
    let (id, database) = (entry.id, batch.database);
    if let Some((old_bucket, old)) = before {
        // Keys of another bucket are another keyspace's, and never written anew.
        let next = (old_bucket.from == bucket.from).then_some(&entry);
        old.remove(&old_bucket.keyspace, next, batch);
    }
    let location = [&entry.start.to_be_bytes(), entry.namespace.as_bytes()].concat();
    batch.insert(&database.ids, id.to_bytes(), location);
    entry.insert(&bucket.keyspace, batch);
    let promise = promises.open(id).filter(|open| success || !open.delivery);
    if let Some(Open { key, .. }) = promise {
        batch.remove(&database.main, key);
    }
    batch.then(false, move |outcome: Result<(), Error>| {
        if outcome.is_ok() && promise.is_some() {
            promises.settled(id);
        }
        let _ = reply.send(outcome);
    });
}
