//! Values of the journal: fields one after the other, those of variable length with their length before them.

use bytes::Bytes;
use wisp_core::ports::journal::Place;

/// Joins fields, each with its length before it.
pub(super) fn join<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut joined = Vec::new();
    for field in fields {
        // No field is longer than a commit, which is far below 4 GB.
        joined.extend_from_slice(&(field.len() as u32).to_be_bytes());
        joined.extend_from_slice(field);
    }
    joined
}

/// The fields that [`join`] joined; none if the value is not one of its.
pub(super) fn split(value: &[u8]) -> Option<Vec<Bytes>> {
    let (mut fields, mut rest) = (Vec::new(), value);
    while !rest.is_empty() {
        let (length, tail) = rest.split_first_chunk()?;
        let (field, tail) = tail.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        fields.push(Bytes::copy_from_slice(field));
        rest = tail;
    }
    Some(fields)
}

/// Turns, events and state.
pub(super) fn state(turns: u64, events: u64, state: &[u8]) -> Vec<u8> {
    [&turns.to_be_bytes(), &events.to_be_bytes(), state].concat()
}

/// Reads turns and events; the state follows.
pub(super) fn counts(value: &[u8]) -> Option<(u64, u64, &[u8])> {
    let (turns, rest) = value.split_first_chunk()?;
    let (events, state) = rest.split_first_chunk()?;
    Some((u64::from_be_bytes(*turns), u64::from_be_bytes(*events), state))
}

pub(super) fn place(place: &Place) -> Vec<u8> {
    let started = place.started.to_be_bytes();
    join([
        place.scope.as_bytes(),
        place.status.as_bytes(),
        &started,
        &place.summary,
    ])
}

pub(super) fn read_place(value: &[u8]) -> Option<Place> {
    let fields: [Bytes; 4] = split(value)?.try_into().ok()?;
    let [scope, status, started, summary] = fields;
    Some(Place {
        scope: String::from_utf8(scope.into()).ok()?,
        status: String::from_utf8(status.into()).ok()?,
        started: u64::from_be_bytes(started.as_ref().try_into().ok()?),
        summary,
    })
}
