use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use async_trait::async_trait;
use bytes::Bytes;
use wisp_core::{
    Code, Error, Result,
    model::Millis,
    ports::{
        Journal,
        journal::{Due, Effect, Execution, Listed, Page, Timer, Turn},
    },
};

use super::lock;
use crate::conflict;

/// Executions in maps.
#[derive(Default)]
pub(super) struct Memory {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    executions: BTreeMap<String, Stored>,
    /// By execution, which need not be there, and id.
    effects: BTreeMap<String, BTreeMap<String, Bytes>>,
    timers: BTreeSet<(Timer, String)>,
    /// By execution and name.
    payloads: BTreeMap<(String, String), Bytes>,
}

struct Stored {
    execution: Execution,
    events: Vec<Bytes>,
}

impl State {
    fn commit(&mut self, turn: Turn) -> Result<()> {
        let turns = self
            .executions
            .get(&turn.execution)
            .map_or(0, |stored| stored.execution.turns);
        conflict::follow(&turn.execution, turn.after, turns)?;
        let known = self.executions.remove(&turn.execution);
        let (before, mut events) = match known {
            Some(Stored { execution, events }) => (Some(execution.place), events),
            None => Default::default(),
        };
        let place = turn.place.or(before).ok_or_else(|| unplaced(&turn.execution))?;
        if turn.afresh {
            events.clear();
        }
        events.extend(turn.events);
        for effect in turn.effects {
            self.leave(&turn.execution, effect);
        }
        self.settle(&turn.execution, &turn.settled);
        for post in turn.posts {
            self.leave(&post.execution, post.effect);
        }
        for payload in turn.payloads {
            self.payloads
                .insert((turn.execution.clone(), payload.name), payload.body);
        }
        for timer in turn.timers {
            self.timers.insert((timer, turn.execution.clone()));
        }
        for timer in turn.cancelled {
            self.timers.remove(&(timer, turn.execution.clone()));
        }
        let execution = Execution {
            turns: turns + 1,
            events: events.len() as u64,
            place,
            state: turn.state,
        };
        self.executions.insert(turn.execution, Stored { execution, events });
        Ok(())
    }

    fn leave(&mut self, execution: &str, Effect { id, body }: Effect) {
        self.effects.entry(execution.to_owned()).or_default().insert(id, body);
    }

    fn settle(&mut self, execution: &str, settled: &[String]) {
        if let Some(effects) = self.effects.get_mut(execution) {
            settled.iter().for_each(|id| drop(effects.remove(id)));
            if effects.is_empty() {
                self.effects.remove(execution);
            }
        }
    }
}

/// The refusal of a first turn that does not say where the execution is listed.
fn unplaced(execution: &str) -> Error {
    Error::new(Code::Internal, format!("the first turn of '{execution}' has no place"))
}

#[async_trait]
impl Journal for Memory {
    async fn commit(&self, turn: Turn) -> Result<()> {
        lock(&self.state).commit(turn)
    }

    async fn load(&self, execution: &str) -> Result<Option<Execution>> {
        let state = lock(&self.state);
        Ok(state.executions.get(execution).map(|stored| stored.execution.clone()))
    }

    async fn payload(&self, execution: &str, name: &str) -> Result<Option<Bytes>> {
        let key = (execution.to_owned(), name.to_owned());
        Ok(lock(&self.state).payloads.get(&key).cloned())
    }

    async fn effects(&self, execution: &str) -> Result<Vec<Effect>> {
        let state = lock(&self.state);
        let effects = state.effects.get(execution).into_iter().flatten();
        let effect = |(id, body): (&String, &Bytes)| Effect {
            id: id.clone(),
            body: body.clone(),
        };
        Ok(effects.map(effect).collect())
    }

    async fn timers(&self, execution: &str) -> Result<Vec<Timer>> {
        let state = lock(&self.state);
        let own = state.timers.iter().filter(|(_, owner)| owner == execution);
        Ok(own.map(|(timer, _)| timer.clone()).collect())
    }

    async fn events(&self, execution: &str, from: u64, limit: usize, backwards: bool) -> Result<Vec<Bytes>> {
        let state = lock(&self.state);
        let events = state.executions.get(execution).map_or(&[][..], |stored| &stored.events);
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        Ok(match backwards {
            false => events.iter().skip(from).take(limit).cloned().collect(),
            true => events
                .iter()
                .take(from.saturating_add(1))
                .rev()
                .take(limit)
                .cloned()
                .collect(),
        })
    }

    async fn list(&self, page: &Page) -> Result<Vec<Listed>> {
        let state = lock(&self.state);
        let within = state.executions.iter().filter(|(_, stored)| {
            let place = &stored.execution.place;
            place.scope == page.scope && page.status.as_ref().is_none_or(|status| place.status == *status)
        });
        let mut listed: Vec<Listed> = within
            .map(|(name, stored)| Listed {
                execution: name.clone(),
                place: stored.execution.place.clone(),
            })
            .collect();
        let position = |started: Millis, name: &str| (Reverse(started), name.to_owned());
        listed.sort_by_key(|one| position(one.place.started, &one.execution));
        let after = page.after.as_ref().map(|(started, name)| position(*started, name));
        let rest = listed.into_iter().filter(|one| {
            let own = position(one.place.started, &one.execution);
            after.as_ref().is_none_or(|after| own > *after)
        });
        Ok(rest.take(page.limit).collect())
    }

    async fn census(&self, status: &str) -> Result<Vec<(String, u64)>> {
        let mut counts = BTreeMap::new();
        for stored in lock(&self.state).executions.values() {
            let place = &stored.execution.place;
            if place.status == status {
                *counts.entry(place.scope.clone()).or_default() += 1;
            }
        }
        Ok(counts.into_iter().collect())
    }

    async fn pending(&self, after: Option<&str>, limit: usize) -> Result<Vec<String>> {
        let state = lock(&self.state);
        let pending = state.effects.keys();
        let later = pending.filter(|name| after.is_none_or(|after| name.as_str() > after));
        Ok(later.take(limit).cloned().collect())
    }

    async fn due(&self, now: Millis, limit: usize) -> Result<Vec<Due>> {
        let state = lock(&self.state);
        let due = state.timers.iter().take_while(|(timer, _)| timer.at <= now);
        let due = due.map(|(timer, execution)| Due {
            execution: execution.clone(),
            timer: timer.clone(),
        });
        Ok(due.take(limit).collect())
    }

    async fn next_timer(&self, now: Millis) -> Result<Option<Millis>> {
        let state = lock(&self.state);
        Ok(state.timers.iter().map(|(timer, _)| timer.at).find(|at| *at > now))
    }

    async fn delete(&self, execution: &str) -> Result<()> {
        let mut state = lock(&self.state);
        state.executions.remove(execution);
        state.effects.remove(execution);
        state.payloads.retain(|(owner, _), _| owner != execution);
        state.timers.retain(|(_, owner)| owner != execution);
        Ok(())
    }
}
