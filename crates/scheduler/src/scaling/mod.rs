//! When to start another instance: of an action, or ahead of need for any.

mod queue;
mod stems;

pub use queue::{View, to_start};
pub use stems::{Burst, Memory, Room, Want, targets};
