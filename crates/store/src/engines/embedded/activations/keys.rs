use wisp_core::model::{ActivationId, Millis};

use crate::engines::embedded::buckets::minute_of;

/// First byte of the key of a record: `1 namespace 0 !start id`.
const RECORD: u8 = 1;
/// First byte of an entry of the names' index: `2 namespace 0 name 0 !start id`.
const NAME: u8 = 2;
/// First byte of the key of a tally: `3 namespace 0 name 0 !minute`, with an empty name for all records.
const TALLY: u8 = 3;

/// Length of the end of a key that places a record: its start, inverted so that the newest comes first, and its id.
const PLACE: usize = 8 + 16;

/// Key of a record.
pub(super) fn record(namespace: &str, start: Millis, id: ActivationId) -> Vec<u8> {
    placed(records(namespace), start, id)
}

/// Key of an entry of the names' index.
pub(super) fn name(namespace: &str, name: &str, start: Millis, id: ActivationId) -> Vec<u8> {
    placed(names(namespace, name), start, id)
}

/// Key of the tally of the minute that `start` is in.
pub(super) fn tally(namespace: &str, name: Option<&str>, start: Millis) -> Vec<u8> {
    let mut key = tallies(namespace, name);
    key.extend((!minute_of(start)).to_be_bytes());
    key
}

/// What the keys of a namespace's records begin with.
pub(super) fn records(namespace: &str) -> Vec<u8> {
    prefix(RECORD, &[namespace])
}

/// What the entries of a name begin with.
pub(super) fn names(namespace: &str, name: &str) -> Vec<u8> {
    prefix(NAME, &[namespace, name])
}

/// What the keys of a name's tallies begin with.
pub(super) fn tallies(namespace: &str, name: Option<&str>) -> Vec<u8> {
    prefix(TALLY, &[namespace, name.unwrap_or_default()])
}

/// The first key that a tally of any namespace can have.
pub(super) fn first_tally() -> Vec<u8> {
    vec![TALLY]
}

/// A key after all tallies of a namespace, and before those of the next.
pub(super) fn after_tallies(namespace: &str) -> Vec<u8> {
    let mut key = prefix(TALLY, &[namespace]);
    // The byte after the namespace; no name contains one as small as 1.
    if let Some(end) = key.last_mut() {
        *end = 1;
    }
    key
}

/// The namespace of a tally's key.
pub(super) fn namespace_of_tally(key: &[u8]) -> Option<&str> {
    let rest = key.strip_prefix(&[TALLY])?;
    std::str::from_utf8(rest.split(|byte| *byte == 0).next()?).ok()
}

/// The minute of a tally's key.
pub(super) fn minute_of_tally(key: &[u8]) -> u64 {
    key.last_chunk().map_or(0, |minute| !u64::from_be_bytes(*minute))
}

/// The range of keys of a prefix whose records start from `since` to `upto`: newest first.
pub(super) fn between(prefix: &[u8], since: u64, upto: u64) -> std::ops::RangeInclusive<Vec<u8>> {
    let newest = [prefix, &(!upto).to_be_bytes()].concat();
    let oldest = [prefix, &(!since).to_be_bytes(), &[0xff; 16]].concat();
    newest..=oldest
}

/// The start that a key of a record or of a name's entry ends with.
pub(super) fn start(key: &[u8]) -> Millis {
    place(key).first_chunk().map_or(0, |start| !u64::from_be_bytes(*start))
}

/// The key of the record that an entry of the names' index stands for.
pub(super) fn record_of_name(namespace: &str, entry: &[u8]) -> Vec<u8> {
    [&records(namespace), place(entry)].concat()
}

fn place(key: &[u8]) -> &[u8] {
    &key[key.len().saturating_sub(PLACE)..]
}

fn placed(mut key: Vec<u8>, start: Millis, id: ActivationId) -> Vec<u8> {
    key.extend((!start).to_be_bytes());
    key.extend(id.to_bytes());
    key
}

/// Neither namespaces nor names contain a zero, so that no key is in the range of another's prefix.
fn prefix(kind: u8, parts: &[&str]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + parts.iter().map(|part| part.len() + 1).sum::<usize>() + PLACE);
    key.push(kind);
    for part in parts {
        key.extend(part.as_bytes());
        key.push(0);
    }
    key
}
