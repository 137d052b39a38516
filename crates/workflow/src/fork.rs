//! Where an execution can be repeated from: any state of the flow itself that it has entered, as it was then.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::execution::{Entry, Execution};
use crate::history::{Details, HistoryEvent};
use crate::machine::{Machine, StateId};

/// A step of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The last time that a state was entered.
    State(String),
    /// The history's event of this id, by which a state was entered.
    Event(u64),
}

/// Looks for a step in a history that is shown to it from the beginning, and remembers what variables were set until then.
#[derive(Debug)]
pub struct Search<'a> {
    machine: &'a Machine,
    step: &'a Step,
    variables: Map<String, Value>,
    found: Option<(u64, Entry)>,
}

impl<'a> Search<'a> {
    /// Begins to look for a step of this execution.
    pub fn new(machine: &'a Machine, execution: &Execution, step: &'a Step) -> Self {
        let variables = execution.entry.as_ref().map(|entry| entry.variables.clone());
        Self {
            machine,
            step,
            variables: variables.unwrap_or_default(),
            found: None,
        }
    }

    /// Takes the next event of the history.
    pub fn see(&mut self, event: &HistoryEvent) {
        match &event.details {
            Details::Entered { name, input } if self.is_wanted(event.id, name) => {
                self.found = self.outer(name).map(|state| {
                    let (input, variables) = (Arc::clone(input), self.variables.clone());
                    (
                        event.id,
                        Entry {
                            state,
                            input,
                            variables,
                        },
                    )
                });
            }
            Details::Exited { name, assigned, .. } if self.outer(name).is_some() => {
                self.variables.extend(assigned.clone());
            }
            _ => {}
        }
    }

    /// The step, and the id of its event. None if there was no such step, or if it is inside of a Parallel or a Map.
    pub fn found(self) -> Option<(u64, Entry)> {
        self.found
    }

    /// A state of the flow itself.
    fn outer(&self, name: &str) -> Option<StateId> {
        let (id, _) = self.machine.find(name)?;
        Some(id).filter(|id| self.machine.is_outer(*id))
    }

    fn is_wanted(&self, id: u64, name: &str) -> bool {
        match self.step {
            Step::State(wanted) => wanted == name,
            Step::Event(wanted) => *wanted == id,
        }
    }
}
