use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use wisp_core::{Error, Result};

use super::mocks::Deck;
use super::{Case, Report, answer};
use crate::execution::{Child, Effect, Event, EventKind, Execution, Identity, Start, Status};
use crate::history::HistoryEvent;
use crate::machine::Machine;
use crate::{Limits, Turn, advance};

/// When every simulation begins: 2026-01-01T00:00:00Z.
const BEGINNING_MS: i64 = 1_767_225_600_000;
/// What a turn of an Express execution takes: its history has no end, so that a loop must come to its deadline.
const TURN_MS: i64 = 10;
/// What a turn takes that was cut.
const CUT_MS: i64 = 10_000;
/// What a simulation may take before it is given up.
const MOST_TURNS: u32 = 1_000_000;

/// Runs a case to its end.
///
/// # Errors
/// `BadRequest` when its definition cannot run.
pub fn run(case: &Case) -> Result<Report> {
    let definition = match &case.definition {
        Value::String(text) => serde_json::from_str(text).map_err(|error| Error::bad_request(error.to_string()))?,
        definition => definition.clone(),
    };
    let machine = Machine::parse(&definition)?;
    let mut world = World {
        deck: Deck::new(case.mocks.clone(), &definition),
        machine: &machine,
        limits: Limits::default(),
        lives: Vec::new(),
        pending: BTreeMap::new(),
        sequence: 0,
        now_ms: BEGINNING_MS,
    };
    world.start(root(case, &machine), None);
    world.run();
    let Some(life) = world.lives.first() else {
        return Err(Error::internal("the simulation has no execution"));
    };
    Ok(Report::of(&case.id, &life.execution, &life.history))
}

fn root(case: &Case, machine: &Machine) -> Start {
    let kind = if case.is_express() { "express" } else { "execution" };
    let identity = Identity {
        arn: format!("arn:aws:states:us-east-1:111111111111:{kind}:test:test"),
        name: "test".to_owned(),
        machine_arn: "arn:aws:states:us-east-1:111111111111:stateMachine:test".to_owned(),
        machine_name: "test".to_owned(),
        role_arn: "arn:aws:iam::111111111111:role/test".to_owned(),
        version_arn: None,
        alias_arn: None,
    };
    Start {
        identity,
        input: Arc::new(case.input.clone()),
        start: machine.start(),
        express: case.is_express(),
        entry: None,
        seed: [0; 16],
    }
}

/// Names an execution within a simulation.
type LifeId = usize;

struct Life {
    execution: Execution,
    history: Vec<HistoryEvent>,
    /// Whose child it is, and by which effect.
    parent: Option<(LifeId, u64)>,
}

struct World<'m> {
    machine: &'m Machine,
    limits: Limits,
    deck: Deck,
    lives: Vec<Life>,
    /// What will happen: by moment, then in the order of asking.
    pending: BTreeMap<(i64, u64), (LifeId, EventKind)>,
    sequence: u64,
    now_ms: i64,
}

impl World<'_> {
    fn start(&mut self, start: Start, parent: Option<(LifeId, u64)>) {
        let life = self.lives.len();
        self.lives.push(Life {
            execution: Execution::new(start),
            history: Vec::new(),
            parent,
        });
        self.expect(self.now_ms, life, EventKind::Started);
    }

    fn expect(&mut self, at_ms: i64, life: LifeId, kind: EventKind) {
        self.sequence += 1;
        self.pending.insert((at_ms, self.sequence), (life, kind));
    }

    fn run(&mut self) {
        for _ in 0..MOST_TURNS {
            let over = self
                .lives
                .first()
                .is_none_or(|root| root.execution.status != Status::Running);
            let Some((life, events)) = self.next().filter(|_| !over) else {
                return;
            };
            self.advance(life, &events);
        }
    }

    /// Events of one execution that come at one moment, one after the other.
    fn next(&mut self) -> Option<(LifeId, Vec<Event>)> {
        let mut events = Vec::new();
        let mut of = None;
        while let Some(entry) = self.pending.first_entry() {
            let (at_ms, life) = (entry.key().0, entry.get().0);
            if of.is_some_and(|of| of != (at_ms, life)) {
                break;
            }
            of = Some((at_ms, life));
            self.now_ms = self.now_ms.max(at_ms);
            events.push(Event {
                at_ms: self.now_ms,
                kind: entry.remove().1,
            });
        }
        of.map(|(_, life)| (life, events))
    }

    fn advance(&mut self, life: LifeId, events: &[Event]) {
        let Some(Life { execution, .. }) = self.lives.get_mut(life) else {
            return;
        };
        let mut turn = advance(self.machine, execution, events, &self.limits);
        if execution.express {
            self.now_ms += TURN_MS;
        }
        loop {
            let more = turn.more;
            self.carry_out(life, turn);
            let Some(Life { execution, .. }) = self.lives.get_mut(life) else {
                return;
            };
            if !more {
                return;
            }
            self.now_ms += CUT_MS;
            let tick = Event {
                at_ms: self.now_ms,
                kind: EventKind::Tick,
            };
            turn = advance(self.machine, execution, &[tick], &self.limits);
        }
    }

    fn carry_out(&mut self, life: LifeId, turn: Turn) {
        if let Some(life) = self.lives.get_mut(life) {
            life.history.extend(turn.history);
        }
        for effect in turn.effects {
            self.answer(life, effect);
        }
    }

    fn answer(&mut self, life: LifeId, effect: Effect) {
        let now = self.now_ms;
        match effect {
            Effect::StartTask(task) => {
                let draw = self.deck.draw(&task.state, &task.input);
                for event in answer::task(&task, draw) {
                    self.expect(now, life, event);
                }
            }
            Effect::ReadItems(read) => {
                let draw = self.deck.draw(&read.state, &read.parameters);
                self.expect(now, life, answer::items(&read, draw));
            }
            Effect::WriteResults(write) => {
                let draw = self.deck.draw(&write.state, &write.parameters);
                self.expect(now, life, answer::results(&write, draw));
            }
            Effect::SetTimer { id, at_ms } => self.expect(at_ms, life, EventKind::TimerFired { id }),
            Effect::StartChild(child) => self.start_child(life, child),
            Effect::StopChild { id } => {
                if let Some(child) = self.lives.iter().position(|child| child.parent == Some((life, id))) {
                    self.expect(
                        now,
                        child,
                        EventKind::Stopped {
                            error: None,
                            cause: None,
                        },
                    );
                }
            }
            Effect::Finish { outcome } => {
                if let Some((parent, id)) = self.lives.get(life).and_then(|life| life.parent) {
                    self.expect(now, parent, EventKind::ChildEnded { id, outcome });
                }
            }
            // Events that nobody waits for any more change nothing.
            Effect::CancelTask { .. } | Effect::ClearTimer { .. } => {}
            Effect::StartMapRun { .. } | Effect::FinishMapRun { .. } => {}
        }
    }

    fn start_child(&mut self, parent: LifeId, child: Child) {
        let Some(of) = self.lives.get(parent).map(|life| life.execution.identity.clone()) else {
            return;
        };
        let identity = Identity {
            arn: format!(
                "arn:aws:states:us-east-1:111111111111:execution:{}:{}",
                child.machine_name, child.name
            ),
            name: child.name,
            machine_arn: format!(
                "arn:aws:states:us-east-1:111111111111:stateMachine:{}",
                child.machine_name
            ),
            machine_name: child.machine_name,
            role_arn: of.role_arn,
            version_arn: None,
            alias_arn: None,
        };
        let mut seed = [0; 16];
        seed[..8].copy_from_slice(&(self.lives.len() as u64).to_be_bytes());
        let start = Start {
            entry: None,
            identity,
            input: child.input,
            start: child.start,
            express: child.express,
            seed,
        };
        self.start(start, Some((parent, child.id)));
    }
}
