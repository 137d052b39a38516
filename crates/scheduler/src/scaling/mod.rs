//! When to start another instance of an action.

mod queue;

pub use queue::{View, to_start};
