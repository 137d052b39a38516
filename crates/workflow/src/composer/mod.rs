//! Compositions of Apache OpenWhisk's Composer, as a pure function: what its conductor does with a question.
//!
//! A composition is deployed as an action whose code is a JSON text and Composer's interpreter. [`Program::recognise`] reads
//! such code, if the interpreter is one that is known to the letter, and makes the flat automaton of it that the interpreter
//! makes. A [`Step`] is one call of the conductor: from a question to its answer, by way of what it asks for meanwhile.
//!
//! | file | what it does |
//! |---|---|
//! | `program` | the automaton, made of the composition's JSON |
//! | `recognise` | finds the JSON in an action's code |
//! | `position` | where a composition is between two calls: what a conductor's state holds |
//! | `scope` | variables of `let` and `mask`, as functions see them |
//! | `glue` | the functions that Composer itself writes into compositions |
//! | `step` | one call of the conductor |
//! | `fork` | `parallel`, `map` and `async` |
//! | `number` | numbers as JavaScript has them |

mod fork;
mod glue;
mod number;
mod position;
mod program;
mod recognise;
mod scope;
mod step;

pub use fork::Branch;
pub use program::Program;
pub use step::{Function, Line, Next, Returned, Step};

/// An object of JSON.
pub(crate) type Object = serde_json::Map<String, serde_json::Value>;
