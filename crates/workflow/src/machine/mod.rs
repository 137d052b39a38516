//! A definition, parsed once: typed states in one table, transitions as indices into it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`parse`](Machine::parse) | from JSON to the table |
//! | [`State`], [`Kind`] | a state, what all have and what its type adds |
//! | [`Resource`] | what a Task calls |
//! | [`Retrier`], [`Catcher`] | what happens to errors |
//!
//! Parsing refuses what cannot run at all; [`crate::validate`] is what tells a user everything that is wrong.

mod fields;
mod kind;
mod parse;
mod raw;
mod recovery;
mod resource;
mod state;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use fields::{Amount, Selector};
pub use kind::{Batcher, Choice, Fail, Kind, Map, MapMode, Parallel, Pass, Reader, Rule, Task, Wait, Writer};
pub(crate) use recovery::takes;
pub use recovery::{Catcher, Retrier};
pub use resource::{Pattern, Resource};
pub use state::{Data, Language, Next, State};

/// A state's place in [`Machine`]'s table. Stable for one text of a definition, so that stored executions may hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StateId(u32);

/// A parsed definition.
#[derive(Debug)]
pub struct Machine {
    states: Vec<State>,
    start: StateId,
    /// How many states the flow itself has; they come first.
    outer: u32,
    timeout_seconds: Option<u64>,
}

impl Machine {
    /// Where executions begin.
    pub fn start(&self) -> StateId {
        self.start
    }

    /// How long an execution may take, if the definition says so.
    pub fn timeout_seconds(&self) -> Option<u64> {
        self.timeout_seconds
    }

    /// Whether it has expressions that may compute for long.
    pub fn computes(&self) -> bool {
        self.states.iter().any(|state| state.language == Language::JSONata)
    }

    /// Whether a state is one of the flow itself, not inside of a Parallel or a Map.
    pub fn is_outer(&self, id: StateId) -> bool {
        id.0 < self.outer
    }

    /// The state at this place; `None` for a place of another definition.
    pub fn state(&self, id: StateId) -> Option<&State> {
        self.states.get(id.0 as usize)
    }

    /// The state by this name, at any depth.
    pub fn find(&self, name: &str) -> Option<(StateId, &State)> {
        let at = self.states.iter().position(|state| &*state.name == name)?;
        Some((StateId(u32::try_from(at).ok()?), &self.states[at]))
    }

    /// All states, at any depth, in the order of the definition.
    pub fn states(&self) -> impl Iterator<Item = &State> {
        self.states.iter()
    }

    /// The names of all states, for those who draw.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.states.iter().map(|state| &state.name)
    }
}
