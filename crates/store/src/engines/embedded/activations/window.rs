use fjall::{Readable, Snapshot};
use wisp_core::{
    Result,
    model::{EntityName, Millis},
    ports::{Query, Scope},
};

use super::keys;
use crate::engines::embedded::{
    buckets::{Bucket, MINUTE, minute_of},
    database::Database,
    error,
    tallies::Tally,
};

/// Records of a namespace, or of one name in it, that started in a span of time, as one moment shows them.
pub(super) struct Window<'a> {
    namespace: &'a str,
    name: Option<&'a str>,
    since: Millis,
    upto: Millis,
    snapshot: Snapshot,
    /// Newest first.
    buckets: Vec<Bucket>,
}

impl<'a> Window<'a> {
    /// Opens a scope.
    pub fn of(database: &Database, scope: &'a Scope) -> Self {
        let name = scope.name.as_deref();
        let (since, upto) = (scope.since.unwrap_or(0), scope.upto.unwrap_or(Millis::MAX));
        Self::open(database, &scope.namespace, name, since, upto)
    }

    /// Opens all of a namespace.
    pub fn whole(database: &Database, namespace: &'a EntityName) -> Self {
        Self::open(database, namespace, None, 0, Millis::MAX)
    }

    fn open(
        database: &Database,
        namespace: &'a EntityName,
        name: Option<&'a str>,
        since: Millis,
        upto: Millis,
    ) -> Self {
        let snapshot = database.fjall.snapshot();
        // No record has an empty name, and the tallies of all stand where those of it would.
        let buckets = match since > upto || name == Some("") {
            true => Vec::new(),
            false => database.buckets.within(minute_of(since), minute_of(upto)),
        };
        Self {
            namespace: namespace.as_str(),
            name,
            since,
            upto,
            snapshot,
            buckets,
        }
    }

    /// The buckets that it reaches into, newest first.
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// How many records there are.
    pub fn count(&self) -> Result<u64> {
        let mut count = 0;
        for bucket in &self.buckets {
            for minute in self.minutes(bucket) {
                count += self.records_in(bucket, minute?, u64::MAX)?;
            }
        }
        Ok(count)
    }

    /// The minutes of a bucket that have records, newest first.
    pub fn minutes(&self, bucket: &Bucket) -> impl Iterator<Item = Result<(u64, Tally)>> {
        let prefix = keys::tallies(self.namespace, self.name);
        let (first, last) = (
            minute_of(self.since).max(bucket.from),
            minute_of(self.upto).min(bucket.to - 1),
        );
        let newest = [&prefix[..], &(!last).to_be_bytes()].concat();
        let oldest = [&prefix[..], &(!first).to_be_bytes()].concat();
        self.snapshot.range(&bucket.keyspace, newest..=oldest).map(|entry| {
            let (key, value) = entry
                .into_inner()
                .map_err(|cause| error::database("read tallies", cause))?;
            Ok((keys::minute_of_tally(&key), Tally::decode(&value)))
        })
    }

    /// How many records of a minute are in the window; `enough` is as good as more.
    pub fn records_in(&self, bucket: &Bucket, (minute, tally): (u64, Tally), enough: u64) -> Result<u64> {
        let (first, last) = (minute * MINUTE, (minute * MINUTE).saturating_add(MINUTE - 1));
        if self.since <= first && last <= self.upto {
            return Ok(tally.count);
        }
        let mut count = 0;
        for entry in self.entries(bucket, first, last) {
            entry
                .key()
                .map_err(|cause| error::database("count activations", cause))?;
            count += 1;
            if count == enough {
                break;
            }
        }
        Ok(count)
    }

    /// The index entries of records that are in the window and started from `first` to `last`, newest first.
    pub fn entries(&self, bucket: &Bucket, first: Millis, last: Millis) -> fjall::Iter {
        let prefix = match self.name {
            Some(name) => keys::names(self.namespace, name),
            None => keys::records(self.namespace),
        };
        let (since, upto) = (first.max(self.since), last.min(self.upto));
        self.snapshot
            .range(&bucket.keyspace, keys::between(&prefix, since, upto))
    }

    /// The record of an index entry.
    fn record(&self, bucket: &Bucket, entry: fjall::Guard) -> Result<Option<Vec<u8>>> {
        let failed = |cause| error::database("read an activation", cause);
        if self.name.is_none() {
            return entry.value().map(|value| Some(value.to_vec())).map_err(failed);
        }
        let key = keys::record_of_name(self.namespace, &entry.key().map_err(failed)?);
        let value = self.snapshot.get(&bucket.keyspace, key).map_err(failed)?;
        Ok(value.map(|value| value.to_vec()))
    }
}

/// A page of records, newest first.
pub(super) fn page(database: &Database, query: &Query) -> Result<Vec<bytes::Bytes>> {
    let window = Window::of(database, &query.scope);
    let (mut skip, mut page) = (query.skip, Vec::new());
    for bucket in window.buckets() {
        let wanted = query.limit - page.len() as u64;
        if wanted == 0 {
            break;
        }
        let Some(stretch) = stretch(&window, bucket, &mut skip, wanted)? else {
            continue;
        };
        let entries = window.entries(bucket, stretch.first, stretch.last);
        for entry in entries
            .skip(stretch.skip as usize)
            .take(wanted.min(stretch.count) as usize)
        {
            page.extend(window.record(bucket, entry)?.map(bytes::Bytes::from));
        }
        skip = 0;
    }
    Ok(page)
}

/// A part of a bucket in which a page's records are.
struct Stretch {
    first: Millis,
    last: Millis,
    /// Records to leave out, all of them in the newest minute.
    skip: u64,
    /// Records after those.
    count: u64,
}

/// Finds the minutes of a bucket that the next `wanted` records are in, after `skip` ones that are left out. Minutes
/// that are left out whole are not looked at.
fn stretch(window: &Window<'_>, bucket: &Bucket, skip: &mut u64, wanted: u64) -> Result<Option<Stretch>> {
    let mut found: Option<Stretch> = None;
    for minute in window.minutes(bucket) {
        let minute = minute?;
        let (first, last) = (minute.0 * MINUTE, (minute.0 * MINUTE).saturating_add(MINUTE - 1));
        let count = window.records_in(bucket, minute, skip.saturating_add(wanted))?;
        match &mut found {
            None if count <= *skip => *skip -= count,
            None => {
                found = Some(Stretch {
                    first,
                    last,
                    skip: *skip,
                    count: count - *skip,
                })
            }
            Some(stretch) => {
                stretch.first = first;
                stretch.count += count;
            }
        }
        if found.as_ref().is_some_and(|stretch| stretch.count >= wanted) {
            break;
        }
    }
    Ok(found)
}
