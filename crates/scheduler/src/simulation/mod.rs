//! Replays a trace through the very policies that serve: what they would have cost and saved.

mod replay;
mod trace;

pub use replay::{Report, Setup, replay};
pub use trace::{Function, Trace};
