use std::hash::{DefaultHasher, Hash, Hasher};

use wisp_core::{
    Code, Error, Result,
    ports::journal::{Place, Turn},
};

use super::{keys, pages, read};
use crate::{
    conflict,
    engines::embedded::operation::{Batch, Operation, Reply, Touch},
};

/// A turn on its way to the journal.
pub(super) struct Commit {
    pub turn: Turn,
    pub reply: Reply<()>,
}

impl Operation for Commit {
    fn touches(&self) -> Touch {
        Touch::These(vec![hash(&self.turn.execution)])
    }

    fn is_quick(&self) -> bool {
        !self.turn.synced
    }

    fn stage(self: Box<Self>, batch: &mut Batch<'_>) {
        let Self { turn, reply } = *self;
        match check(batch, &turn) {
            Ok((events, before)) => {
                let old = match turn.afresh {
                    true => read::pages(batch.database, &turn.execution),
                    false => Ok(Vec::new()),
                };
                let old = match old {
                    Ok(old) => old,
                    Err(error) => return drop(reply.send(Err(error))),
                };
                forget(batch, &turn, old);
                let synced = turn.synced;
                write(batch, turn, events, before);
                batch.then(synced, move |outcome| drop(reply.send(outcome)));
            }
            // Whoever asked may be gone.
            Err(error) => drop(reply.send(Err(error))),
        }
    }
}

pub(super) fn hash(execution: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    ("journal", execution).hash(&mut hasher);
    hasher.finish()
}

/// How many events there are before this turn, and where the execution was listed; an error unless the turn follows.
fn check(batch: &Batch<'_>, turn: &Turn) -> Result<(u64, Option<Place>)> {
    let (turns, events) = read::counts(batch.database, &turn.execution)?.unwrap_or_default();
    conflict::follow(&turn.execution, turn.after, turns)?;
    if turns == 0 && turn.place.is_none() {
        let message = format!("the first turn of '{}' has no place", turn.execution);
        return Err(Error::new(Code::Internal, message));
    }
    let before = match &turn.place {
        Some(_) => read::place(batch.database, &turn.execution)?,
        None => None,
    };
    Ok((events, before))
}

fn write(batch: &mut Batch<'_>, turn: Turn, events: u64, before: Option<Place>) {
    let journal = &batch.database.journal.clone();
    let name = &turn.execution;
    let events = if turn.afresh { 0 } else { events };
    let count = events + turn.events.len() as u64;
    batch.insert(
        journal,
        keys::state(name),
        pages::state(turn.after + 1, count, &turn.state),
    );
    if !turn.events.is_empty() {
        let page = pages::join(turn.events.iter().map(AsRef::as_ref));
        batch.insert(journal, keys::page(name, events), page);
    }
    for payload in &turn.payloads {
        batch.insert(journal, keys::payload(name, &payload.name), payload.body.as_ref());
    }
    if let Some(place) = &turn.place {
        relist(batch, name, before.as_ref(), place);
    }
    let effects = turn.effects.iter().filter(|effect| !turn.settled.contains(&effect.id));
    for effect in effects {
        batch.insert(journal, keys::effect(name, &effect.id), effect.body.as_ref());
    }
    for id in &turn.settled {
        batch.remove(journal, keys::effect(name, id));
    }
    for post in &turn.posts {
        let key = keys::effect(&post.execution, &post.effect.id);
        batch.insert(journal, key, post.effect.body.as_ref());
    }
    for timer in turn.timers.iter().filter(|timer| !turn.cancelled.contains(timer)) {
        batch.insert(journal, keys::timer(name, timer), []);
        batch.insert(journal, keys::own_timer(name, timer), []);
    }
    for timer in &turn.cancelled {
        batch.remove(journal, keys::timer(name, timer));
        batch.remove(journal, keys::own_timer(name, timer));
    }
}

/// Forgets pages of events, but for one that this turn writes anew.
fn forget(batch: &mut Batch<'_>, turn: &Turn, pages: Vec<Vec<u8>>) {
    let journal = &batch.database.journal.clone();
    let first = keys::page(&turn.execution, 0);
    let old = pages
        .into_iter()
        .filter(|page| turn.events.is_empty() || *page != first);
    old.for_each(|page| batch.remove(journal, page));
}

/// Lists an execution where it stands now.
fn relist(batch: &mut Batch<'_>, name: &str, before: Option<&Place>, place: &Place) {
    let journal = &batch.database.journal.clone();
    batch.insert(journal, keys::place(name), pages::place(place));
    let standing = |place: &Place| {
        [None, Some(place.status.as_str())]
            .map(|status| keys::listed(keys::list(&place.scope, status), place.started, name))
    };
    let old = before.map(standing).unwrap_or_default();
    for (old, new) in old.into_iter().zip(standing(place)) {
        if old == new {
            continue;
        }
        if before.is_some() {
            batch.remove(journal, old);
        }
        batch.insert(journal, new, []);
    }
}

/// The end of an execution's stay in the journal.
pub(super) struct Delete {
    pub execution: String,
    pub reply: Reply<()>,
}

impl Operation for Delete {
    fn touches(&self) -> Touch {
        Touch::These(vec![hash(&self.execution)])
    }

    fn is_quick(&self) -> bool {
        true
    }

    fn stage(self: Box<Self>, batch: &mut Batch<'_>) {
        match read::all_keys(batch.database, &self.execution) {
            Ok(keys) => {
                let journal = &batch.database.journal.clone();
                keys.into_iter().for_each(|key| batch.remove(journal, key));
                batch.frees_space();
                batch.then(false, move |outcome| drop(self.reply.send(outcome)));
            }
            Err(error) => drop(self.reply.send(Err(error))),
        }
    }
}
