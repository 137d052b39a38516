//! Triggers on data: which objects of a bucket lead to which calls, as a pure function of what arrived when.
//!
//! The primitives are those of Pheromone (Yu et al., "Following the Data, Not the Function", NSDI 2023).
//!
//! | file | what it is |
//! |---|---|
//! | `primitive` | when a trigger fires: the primitives and their parameters |
//! | `tally` | what one trigger has seen, and is still waiting for |
//! | `trigger` | a trigger: when, what it calls, what that is given, whose output is overdue when |
//! | `object` | an object of a bucket |
//! | `scope`, `event` | the objects that triggers see together; what happens to them, and what follows |

mod event;
mod object;
mod primitive;
#[cfg(test)]
mod properties;
mod scope;
mod tally;
#[cfg(test)]
mod tests;
mod trigger;

pub use event::{Effect, Event, Fire, Given, Rerun};
pub use object::{Body, Object};
pub use primitive::Primitive;
pub use scope::Scope;
pub use tally::{Firing, Tally};
pub use trigger::{Hint, Pass, Target, Trigger};
