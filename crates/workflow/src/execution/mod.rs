//! An execution: its state, what happens to it, and what it wants done.
//!
//! | type | what it is |
//! |---|---|
//! | [`Execution`] | the whole state, between two turns; what a journal stores |
//! | [`Frame`] | one thread of control: the flow itself, a branch, an iteration |
//! | [`Event`] | something that has happened outside: a task's end, a timer, a stop |
//! | [`Effect`] | something to do outside, under an id that never changes |
//!
//! Ids of effects count up within an execution, so that `(execution, id)` names an effect for ever and a repeated one can
//! be told. Events name the effect that they answer; an event for an effect that is over changes nothing, which makes
//! delivering one twice harmless.

mod context;
mod effect;
mod event;
mod frame;
mod results;
mod state;
mod token;

pub use context::Item;
pub use effect::{Child, Effect, ItemRead, ResultWrite, TaskStart};
pub use event::{Event, EventKind};
pub use frame::{Call, Doing, Fan, Frame, FrameId, Items, Link, Pace, Run, Stage, Tolerance};
pub use results::Results;
pub use state::{Entry, Execution, Identity, Outcome, Start, Status};
pub use token::Token;
