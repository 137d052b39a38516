//! A world that answers in any order, in batches, sometimes twice, sometimes to what nobody asks any more.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use wisp_workflow::execution::{Effect, Event, EventKind, Execution, Identity, Start, Status};
use wisp_workflow::machine::Machine;
use wisp_workflow::{Limits, Turn, advance};

use super::machines::{Dice, function};

pub struct Lived {
    machine: Machine,
    execution: Execution,
    begun: Execution,
    batches: Vec<Vec<Event>>,
    turns: Vec<Turn>,
}

/// Lets the machine run until it ends or nothing is left to happen.
pub fn live(definition: &Value, input: &Value, dice: &mut Dice) -> Lived {
    let machine = Machine::parse(definition).unwrap();
    let execution = begin(&machine, input);
    let mut lived = Lived {
        begun: execution.clone(),
        machine,
        execution,
        batches: Vec::new(),
        turns: Vec::new(),
    };
    let mut now_ms = 1000;
    let mut pending = vec![EventKind::Started];
    let mut timers: Vec<(u64, i64)> = Vec::new();
    while !(pending.is_empty() && timers.is_empty()) {
        let batch = draw(dice, &mut pending, &mut timers, &mut now_ms);
        let turn = lived.take(batch);
        for effect in &turn.effects {
            expect(dice, effect, &mut pending, &mut timers);
        }
        lived.turns.push(turn);
    }
    lived
}

fn begin(machine: &Machine, input: &Value) -> Execution {
    Execution::new(Start {
        identity: Identity {
            arn: "arn:aws:states:r:a:execution:m:e".to_owned(),
            name: "e".to_owned(),
            machine_arn: "arn:aws:states:r:a:stateMachine:m".to_owned(),
            machine_name: "m".to_owned(),
            role_arn: "arn:aws:iam::a:role/r".to_owned(),
            version_arn: None,
            alias_arn: None,
        },
        input: Arc::new(input.clone()),
        start: machine.start(),
        express: false,
        entry: None,
        seed: [3; 16],
    })
}

/// One to three things that happen together.
fn draw(dice: &mut Dice, pending: &mut Vec<EventKind>, timers: &mut Vec<(u64, i64)>, now_ms: &mut i64) -> Vec<Event> {
    let mut batch = Vec::new();
    for _ in 0..=dice.below(3) {
        let all = pending.len() + timers.len();
        if all == 0 {
            break;
        }
        let at = dice.below(all as u64) as usize;
        let kind = match at.checked_sub(pending.len()) {
            None => pending.swap_remove(at),
            Some(at) => {
                let (id, at_ms) = timers.swap_remove(at);
                *now_ms = (*now_ms).max(at_ms);
                EventKind::TimerFired { id }
            }
        };
        if dice.chance(10) {
            pending.push(kind.clone()); // it comes again later
        }
        batch.push(Event { at_ms: *now_ms, kind });
    }
    batch
}

fn expect(dice: &mut Dice, effect: &Effect, pending: &mut Vec<EventKind>, timers: &mut Vec<(u64, i64)>) {
    match effect {
        Effect::StartTask(task) => {
            let id = task.id;
            pending.push(match function(&task.resource, &task.input) {
                Ok(output) => EventKind::TaskSucceeded { id, output },
                Err(error) => EventKind::TaskFailed {
                    id,
                    error: Some(error.to_owned()),
                    cause: None,
                },
            });
        }
        Effect::SetTimer { id, at_ms } => timers.push((*id, *at_ms)),
        // Sometimes the word comes too late.
        Effect::ClearTimer { id, at_ms } if dice.chance(80) => timers.retain(|timer| timer != &(*id, *at_ms)),
        _ => {}
    }
}

impl Lived {
    /// Takes a batch, and stores and loads the state after it.
    fn take(&mut self, batch: Vec<Event>) -> Turn {
        let turn = advance(&self.machine, &mut self.execution, &batch, &Limits::default());
        self.batches.push(batch);
        let stored = serde_json::to_vec(&self.execution).unwrap();
        let loaded: Execution = serde_json::from_slice(&stored).unwrap();
        assert_eq!(loaded, self.execution);
        self.execution = loaded;
        turn
    }

    /// The output, without what catchers add, or nothing when it failed.
    pub fn outcome(&self) -> Option<Value> {
        let outcome = self.execution.outcome.as_ref()?;
        let mut output = outcome.output.as_deref().cloned()?;
        if output.get("caught").is_some() {
            output["caught"] = json!(true);
        }
        Some(output)
    }

    pub fn events(&self) -> Value {
        let events = self.turns.iter().flat_map(|turn| &turn.history);
        events.map(|event| event.to_json(true)).collect()
    }

    /// It has ended, and its history has no gap and no cause that comes later.
    pub fn check_history(&self) -> Result<(), TestCaseError> {
        prop_assert!(
            self.execution.status != Status::Running,
            "it never ends: {}",
            self.events()
        );
        let history: Vec<_> = self.turns.iter().flat_map(|turn| &turn.history).collect();
        for (index, event) in (1..).zip(&history) {
            prop_assert_eq!(event.id, index);
            prop_assert!(event.previous < event.id);
        }
        prop_assert_eq!(history.len() as u64, self.execution.history_length());
        let finished = self
            .turns
            .iter()
            .flat_map(|turn| &turn.effects)
            .filter(|effect| matches!(effect, Effect::Finish { .. }));
        prop_assert_eq!(finished.count(), 1);
        prop_assert_eq!(self.execution.timers().count(), 0);
        Ok(())
    }

    /// The same events make the same turns again.
    pub fn check_replay(&self) -> Result<(), TestCaseError> {
        let mut again = self.begun.clone();
        for (batch, turn) in self.batches.iter().zip(&self.turns) {
            prop_assert_eq!(&advance(&self.machine, &mut again, batch, &Limits::default()), turn);
        }
        prop_assert_eq!(&again, &self.execution);
        Ok(())
    }
}
