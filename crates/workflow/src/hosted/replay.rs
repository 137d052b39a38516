use std::{collections::HashMap, sync::Arc};

use serde_json::Value;

use super::{
    attempt::{Attempt, numbered},
    told,
};
use crate::orchestration::{
    Action, Ask, Decision, Event, Kind,
    event::{FROM_OUTSIDE, Micros},
};

/// What a history means to the code that it is the history of.
///
/// Numbers are given in the order in which the packages give them: in a turn, first to the attempts that are made again, then to
/// what the code asks for. So that this is also their order, the code is told first of what leads to another attempt.
#[derive(Default)]
pub struct Replay<'a> {
    /// What the code is told, oldest first.
    told: Vec<Value>,
    /// What the code has asked for before, in order.
    pub(super) known: Vec<&'a Kind>,
    /// The first number that is free.
    pub(super) next: i32,
    /// Calls that are tried again when they fail, by their numbers.
    attempts: HashMap<i32, Attempt>,
    /// What they wait for between two attempts, by the numbers of the timers.
    pauses: HashMap<i32, Attempt>,
    /// What this turn does again.
    again: Vec<Ask>,
    /// Whether this turn has something for the code.
    awake: bool,
    /// Events from outside, in order of arrival.
    pub(super) raised: Vec<&'a Event>,
}

/// What an attempt that has failed leads to.
enum Again {
    Pause(Attempt),
    Repeat(Ask),
}

impl<'a> Replay<'a> {
    /// A history, and what is new: a turn that has not ended yet.
    pub fn new(past: &'a [Arc<Event>], new: &'a [Event]) -> Self {
        let mut replay = Self::default();
        let mut rest: Vec<&Event> = past.iter().map(|event| &**event).collect();
        while !rest.is_empty() {
            let later = rest.iter().skip(1).position(|event| event.kind == Kind::TurnStarted);
            let after = rest.split_off(later.map_or(rest.len(), |at| at + 1));
            replay.turn(&rest, true);
            rest = after;
        }
        replay.turn(&new.iter().collect::<Vec<_>>(), false);
        replay
    }

    /// What the instance does though the code has nothing to say about it: another attempt begins or is waited for.
    pub fn alone(&self) -> Option<Decision> {
        let alone = !self.awake && !self.again.is_empty();
        alone.then(|| Decision {
            actions: self.attempts_again(),
            custom_status: None,
        })
    }

    /// What the code is told: its whole history, oldest first.
    pub fn history(&self) -> &[Value] {
        &self.told
    }

    /// Whether the code runs for the first time.
    pub fn is_first(&self) -> bool {
        self.next == 0
    }

    /// Attempts that are made again, before all that the code asks for.
    pub(super) fn attempts_again(&self) -> Vec<Action> {
        numbered(self.next, self.again.iter().cloned())
    }

    fn turn(&mut self, events: &[&'a Event], past: bool) {
        let now = events.first().map_or(0, |event| event.at);
        let (told, asked): (Vec<&Event>, Vec<&Event>) = events.iter().partition(|event| event.id == FROM_OUTSIDE);
        let mut first = Vec::new();
        let mut others = Vec::new();
        for event in told {
            match self.again(event) {
                Some(again) => first.push((event, again)),
                None => others.push(event),
            }
        }
        let (start, others) = others.split_at(usize::from(others.first().is_some_and(|event| starts(event))));
        let repeated = first.iter().map(|(event, _)| *event);
        for event in start.iter().copied().chain(repeated).chain(others.iter().copied()) {
            self.tell(event, past);
        }
        self.awake = !others.is_empty() || first.is_empty();
        self.ask(first.into_iter().map(|(_, again)| again), &asked, now, past);
    }

    fn tell(&mut self, event: &'a Event, past: bool) {
        if matches!(event.kind, Kind::EventRaised { .. }) {
            self.raised.push(event);
        }
        self.told.extend(told::told(event, past));
    }

    /// Gives numbers, or finds those that were given.
    fn ask(&mut self, first: impl Iterator<Item = Again>, asked: &[&'a Event], now: Micros, past: bool) {
        let mut asked = asked.iter().copied().filter(|event| is_numbered(&event.kind));
        for again in first {
            let event = asked.next();
            let timer = event.map_or(self.next, |event| event.id);
            match again {
                Again::Pause(attempt) => {
                    let fire_at = attempt.pause_until(now);
                    self.pauses.insert(timer, attempt);
                    self.again.extend((!past).then_some(Ask::Timer { fire_at }));
                }
                Again::Repeat(ask) => self.again.extend((!past).then_some(ask)),
            }
            self.found(event, past);
        }
        for event in asked {
            self.known.push(&event.kind);
            self.found(Some(event), past);
        }
    }

    /// Something that was asked for.
    fn found(&mut self, event: Option<&'a Event>, past: bool) {
        let Some(event) = event else { return };
        self.next = self.next.max(event.id + 1);
        if let Some(attempt) = repeated(&event.kind).and_then(Attempt::of) {
            self.attempts.insert(event.id, attempt);
        }
        self.told.extend(told::told(event, past));
    }

    /// Whether an event leads to another attempt, or to the pause before it.
    fn again(&mut self, event: &Event) -> Option<Again> {
        match &event.kind {
            Kind::TaskFailed { task, .. } | Kind::ChildFailed { task, .. } => {
                self.attempts.remove(task).map(Again::Pause)
            }
            Kind::TimerFired { timer, .. } => self.pauses.remove(timer)?.next().map(Again::Repeat),
            _ => None,
        }
    }
}

fn starts(event: &Event) -> bool {
    event.kind == Kind::TurnStarted
}

/// Whether the packages have given it a number.
fn is_numbered(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::TaskScheduled(_)
            | Kind::ChildCreated { .. }
            | Kind::TimerCreated { .. }
            | Kind::EntityCalled(_)
            | Kind::EntitySignaled(_)
            | Kind::LockRequested(_)
            | Kind::UnlockSent { .. }
    )
}

fn repeated(kind: &Kind) -> Option<Ask> {
    match kind {
        Kind::TaskScheduled(call) => Some(Ask::Task(call.clone())),
        Kind::ChildCreated { instance, call } => Some(Ask::Child {
            instance: instance.clone(),
            call: call.clone(),
        }),
        _ => None,
    }
}
