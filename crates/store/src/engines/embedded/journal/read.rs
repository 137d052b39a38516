//! Reads of the journal. A turn never changes two keys that a read here needs to be of one moment, but for those that
//! `counts` and `place` read for a commit, which no other commit comes between.

use bytes::Bytes;
use fjall::Guard;
use wisp_core::{
    Code, Error, Result,
    model::Millis,
    ports::journal::{Due, Effect, Execution, Listed, Page, Place, Timer},
};

use super::{keys, pages};
use crate::engines::embedded::{database::Database, error};

/// Turns and events of an execution.
pub(super) fn counts(database: &Database, name: &str) -> Result<Option<(u64, u64)>> {
    let value = get(database, &keys::state(name))?;
    let read = |value: fjall::UserValue| pages::counts(&value).map(|(turns, events, _)| (turns, events));
    value
        .map(|value| read(value).ok_or_else(|| corrupted(name)))
        .transpose()
}

/// Where an execution is listed.
pub(super) fn place(database: &Database, name: &str) -> Result<Option<Place>> {
    let value = get(database, &keys::place(name))?;
    value
        .map(|value| pages::read_place(&value).ok_or_else(|| corrupted(name)))
        .transpose()
}

pub(super) fn load(database: &Database, name: &str) -> Result<Option<Execution>> {
    let Some(value) = get(database, &keys::state(name))? else {
        return Ok(None);
    };
    let (turns, events, state) = pages::counts(&value).ok_or_else(|| corrupted(name))?;
    let place = place(database, name)?.ok_or_else(|| corrupted(name))?;
    let state = Bytes::copy_from_slice(state);
    Ok(Some(Execution {
        turns,
        events,
        place,
        state,
    }))
}

pub(super) fn payload(database: &Database, name: &str, payload: &str) -> Result<Option<Bytes>> {
    let value = get(database, &keys::payload(name, payload))?;
    Ok(value.map(|value| Bytes::copy_from_slice(&value)))
}

pub(super) fn effects(database: &Database, name: &str) -> Result<Vec<Effect>> {
    let prefix = keys::effects(name);
    let effect = |entry: Guard| {
        let (key, body) = pair(entry)?;
        let id = String::from_utf8(key[prefix.len()..].to_vec()).map_err(|_| corrupted(name))?;
        let body = Bytes::copy_from_slice(&body);
        Ok(Effect { id, body })
    };
    database.journal.prefix(&prefix).map(effect).collect()
}

pub(super) fn timers(database: &Database, name: &str) -> Result<Vec<Timer>> {
    let timer = |entry: Guard| {
        let (key, _) = pair(entry)?;
        keys::read_own_timer(name, &key).ok_or_else(|| corrupted(name))
    };
    database.journal.prefix(keys::own_timers(name)).map(timer).collect()
}

pub(super) fn events(database: &Database, name: &str, from: u64, limit: usize, backwards: bool) -> Result<Vec<Bytes>> {
    match backwards {
        false => forwards(database, name, from, limit),
        true => downwards(database, name, from, limit),
    }
}

fn forwards(database: &Database, name: &str, from: u64, limit: usize) -> Result<Vec<Bytes>> {
    let mut found = Vec::new();
    // The page that has number `from` begins at it or before it.
    let first = database
        .journal
        .range(keys::page(name, 0)..=keys::page(name, from))
        .next_back();
    let start = match first {
        Some(entry) => number(&pair(entry)?.0),
        None => from,
    };
    for entry in database
        .journal
        .range(keys::page(name, start)..=keys::page(name, u64::MAX))
    {
        let (key, value) = pair(entry)?;
        let skipped = usize::try_from(from.saturating_sub(number(&key))).unwrap_or(usize::MAX);
        let page = pages::split(&value).ok_or_else(|| corrupted(name))?;
        found.extend(page.into_iter().skip(skipped).take(limit - found.len()));
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

fn downwards(database: &Database, name: &str, from: u64, limit: usize) -> Result<Vec<Bytes>> {
    let mut found = Vec::new();
    for entry in database
        .journal
        .range(keys::page(name, 0)..=keys::page(name, from))
        .rev()
    {
        let (key, value) = pair(entry)?;
        let wanted = usize::try_from(from - number(&key))
            .unwrap_or(usize::MAX)
            .saturating_add(1);
        let page = pages::split(&value).ok_or_else(|| corrupted(name))?;
        let wanted = wanted.min(page.len());
        found.extend(page.into_iter().take(wanted).rev().take(limit - found.len()));
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// The number of the first event of a page, from its key.
fn number(key: &[u8]) -> u64 {
    key.last_chunk().map_or(0, |number| u64::from_be_bytes(*number))
}

pub(super) fn list(database: &Database, page: &Page) -> Result<Vec<Listed>> {
    let prefix = keys::list(&page.scope, page.status.as_deref());
    let end = keys::listed(prefix.clone(), 0, "\u{10ffff}");
    let start = match &page.after {
        // Nothing but this very key lies between it and the one with a NUL behind it.
        Some((started, name)) => keys::listed(prefix.clone(), *started, &format!("{name}\0")),
        None => prefix.clone(),
    };
    let mut listed = Vec::new();
    for entry in database.journal.range(start..=end) {
        if listed.len() >= page.limit {
            break;
        }
        let (key, _) = pair(entry)?;
        let execution = keys::name_in_list(&prefix, &key).ok_or_else(|| corrupted("a list"))?;
        // One that changes meanwhile may be gone, or have another status: it is shown as it is now.
        if let Some(place) = place(database, &execution)? {
            listed.push(Listed { execution, place });
        }
    }
    Ok(listed)
}

pub(super) fn census(database: &Database, status: &str) -> Result<Vec<(String, u64)>> {
    let prefix = keys::status(status);
    let mut counts: Vec<(String, u64)> = Vec::new();
    for entry in database.journal.prefix(&prefix) {
        let (key, _) = pair(entry)?;
        let scope = keys::scope_of(&prefix, &key).ok_or_else(|| corrupted("a list"))?;
        match counts.last_mut() {
            Some((last, count)) if *last == scope => *count += 1,
            _ => counts.push((scope, 1)),
        }
    }
    Ok(counts)
}

pub(super) fn pending(database: &Database, after: Option<&str>, limit: usize) -> Result<Vec<String>> {
    let (start, end) = keys::all_effects();
    let (mut start, mut names) = (after.map_or(start, keys::after_effects), Vec::new());
    while names.len() < limit {
        let Some(entry) = database.journal.range(start..end.clone()).next() else {
            break;
        };
        let name = keys::name_of_effect(&pair(entry)?.0).ok_or_else(|| corrupted("an effect"))?;
        start = keys::after_effects(&name);
        names.push(name);
    }
    Ok(names)
}

/// Timers due at `now`; there is none before `from`.
pub(super) fn due(database: &Database, from: Millis, now: Millis, limit: usize) -> Result<Vec<Due>> {
    let end = now.saturating_add(1);
    let range = keys::timers_from(from.min(end))..keys::timers_from(end);
    database.journal.range(range).take(limit).map(timer).collect()
}

pub(super) fn next_timer(database: &Database, now: Millis) -> Result<Option<Millis>> {
    let range = keys::timers_from(now.saturating_add(1))..keys::after_timers();
    let next = database.journal.range(range).next().map(timer).transpose()?;
    Ok(next.map(|due| due.timer.at))
}

fn timer(entry: Guard) -> Result<Due> {
    let (key, _) = pair(entry)?;
    let (execution, timer) = keys::read_timer(&key).ok_or_else(|| corrupted("a timer"))?;
    Ok(Due { execution, timer })
}

/// The keys of all pages of events of an execution.
pub(super) fn pages(database: &Database, name: &str) -> Result<Vec<Vec<u8>>> {
    let pages = database.journal.prefix(keys::events(name));
    pages.map(|entry| Ok(pair(entry)?.0.to_vec())).collect()
}

/// All keys that an execution has.
pub(super) fn all_keys(database: &Database, name: &str) -> Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    if let Some(place) = place(database, name)? {
        let listed = |status| keys::listed(keys::list(&place.scope, status), place.started, name);
        found.extend([keys::state(name), keys::place(name)]);
        found.extend([listed(None), listed(Some(place.status.as_str()))]);
    }
    for prefix in [
        keys::payloads(name),
        keys::events(name),
        keys::effects(name),
        keys::own_timers(name),
    ] {
        for entry in database.journal.prefix(&prefix) {
            found.push(pair(entry)?.0.to_vec());
        }
    }
    let timers = found.iter().filter_map(|key| keys::read_own_timer(name, key));
    let timers: Vec<Vec<u8>> = timers.map(|timer| keys::timer(name, &timer)).collect();
    found.extend(timers);
    Ok(found)
}

fn get(database: &Database, key: &[u8]) -> Result<Option<fjall::UserValue>> {
    let value = database.journal.get(key);
    value.map_err(|cause| error::database("read the journal", cause))
}

fn pair(entry: Guard) -> Result<(fjall::UserKey, fjall::UserValue)> {
    entry
        .into_inner()
        .map_err(|cause| error::database("read the journal", cause))
}

fn corrupted(what: &str) -> Error {
    Error::new(Code::Corrupted, format!("'{what}' in the journal cannot be read"))
}
