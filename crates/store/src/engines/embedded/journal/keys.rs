//! Keys of the journal. The first byte says what a key is for; names end with NUL, so that none begins another's.

use wisp_core::{model::Millis, ports::journal::Timer};

/// Name → turns, events, state.
const STATE: u8 = b's';
/// Name → scope, status, start, summary.
const PLACE: u8 = b'p';
/// Name, number of its first event → events of a turn.
const EVENTS: u8 = b'e';
/// Name, id → an effect.
const EFFECT: u8 = b'f';
/// Name, name of a value → the value.
const PAYLOAD: u8 = b'v';
/// Time, name, id → nothing.
const TIMER: u8 = b't';
/// Name, time, id → nothing: what timers an execution has, for the end of it.
const OWN_TIMER: u8 = b'o';
/// Scope, start (latest first), name → nothing.
const LIST: u8 = b'l';
/// Status, scope, start (latest first), name → nothing.
const STATUS: u8 = b'u';

fn key(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
    key.push(kind);
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

pub(super) fn state(name: &str) -> Vec<u8> {
    key(STATE, &[name.as_bytes()])
}

pub(super) fn place(name: &str) -> Vec<u8> {
    key(PLACE, &[name.as_bytes()])
}

/// What all pages of events of an execution begin with; the number of their first event follows.
pub(super) fn events(name: &str) -> Vec<u8> {
    key(EVENTS, &[name.as_bytes(), &[0]])
}

pub(super) fn page(name: &str, first: u64) -> Vec<u8> {
    [events(name), first.to_be_bytes().to_vec()].concat()
}

/// What all effects of an execution begin with; their ids follow.
pub(super) fn effects(name: &str) -> Vec<u8> {
    key(EFFECT, &[name.as_bytes(), &[0]])
}

pub(super) fn effect(name: &str, id: &str) -> Vec<u8> {
    key(EFFECT, &[name.as_bytes(), &[0], id.as_bytes()])
}

/// What comes after all effects of this execution and before those of any later one.
pub(super) fn after_effects(name: &str) -> Vec<u8> {
    key(EFFECT, &[name.as_bytes(), &[1]])
}

/// The beginning and the end of all effects.
pub(super) fn all_effects() -> (Vec<u8>, Vec<u8>) {
    (vec![EFFECT], vec![EFFECT + 1])
}

/// The name in the key of an effect.
pub(super) fn name_of_effect(key: &[u8]) -> Option<String> {
    let end = key.iter().position(|byte| *byte == 0)?;
    text(key.get(1..end)?)
}

/// What all values of an execution begin with; their names follow.
pub(super) fn payloads(name: &str) -> Vec<u8> {
    key(PAYLOAD, &[name.as_bytes(), &[0]])
}

pub(super) fn payload(name: &str, payload: &str) -> Vec<u8> {
    key(PAYLOAD, &[name.as_bytes(), &[0], payload.as_bytes()])
}

pub(super) fn timer(name: &str, timer: &Timer) -> Vec<u8> {
    key(
        TIMER,
        &[&timer.at.to_be_bytes(), name.as_bytes(), &[0], timer.id.as_bytes()],
    )
}

/// Where timers begin that are due at this time or later.
pub(super) fn timers_from(at: Millis) -> Vec<u8> {
    key(TIMER, &[&at.to_be_bytes()])
}

pub(super) fn after_timers() -> Vec<u8> {
    vec![TIMER + 1]
}

/// Reads the key of a timer: the execution, and it.
pub(super) fn read_timer(key: &[u8]) -> Option<(String, Timer)> {
    let (at, rest) = key.get(1..)?.split_first_chunk()?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    let id = text(rest.get(end + 1..)?)?;
    let at = u64::from_be_bytes(*at);
    Some((text(&rest[..end])?, Timer { at, id }))
}

pub(super) fn own_timers(name: &str) -> Vec<u8> {
    key(OWN_TIMER, &[name.as_bytes(), &[0]])
}

pub(super) fn own_timer(name: &str, timer: &Timer) -> Vec<u8> {
    [
        own_timers(name),
        timer.at.to_be_bytes().to_vec(),
        timer.id.as_bytes().to_vec(),
    ]
    .concat()
}

/// Reads a key that may be one of an execution's own timers.
pub(super) fn read_own_timer(name: &str, key: &[u8]) -> Option<Timer> {
    let (at, id) = key.strip_prefix(&own_timers(name)[..])?.split_first_chunk()?;
    let at = u64::from_be_bytes(*at);
    Some(Timer { at, id: text(id)? })
}

/// What the keys of a list begin with: of one status, or of all.
pub(super) fn list(scope: &str, status: Option<&str>) -> Vec<u8> {
    match status {
        Some(status) => key(STATUS, &[status.as_bytes(), &[0], scope.as_bytes(), &[0]]),
        None => key(LIST, &[scope.as_bytes(), &[0]]),
    }
}

/// Where an execution stands in a list that begins so.
pub(super) fn listed(mut list: Vec<u8>, started: Millis, name: &str) -> Vec<u8> {
    list.extend_from_slice(&(u64::MAX - started).to_be_bytes());
    list.extend_from_slice(name.as_bytes());
    list
}

/// The name in the key of a list that begins so.
pub(super) fn name_in_list(list: &[u8], key: &[u8]) -> Option<String> {
    text(key.get(list.len() + 8..)?)
}

/// What the keys of all lists of a status begin with.
pub(super) fn status(status: &str) -> Vec<u8> {
    key(STATUS, &[status.as_bytes(), &[0]])
}

/// The scope in a key that begins with its status.
pub(super) fn scope_of(status: &[u8], key: &[u8]) -> Option<String> {
    let rest = key.get(status.len()..)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    text(&rest[..end])
}

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}
