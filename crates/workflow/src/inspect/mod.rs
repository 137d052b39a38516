//! One state by itself: what its fields make of an input, stage by stage. What `TestState` answers.
//!
//! | type | what it is |
//! |---|---|
//! | [`Inspection`] | the state, its input, and what its work comes to |
//! | [`Inspected`] | how it ended, where it leads, and its data after each field |

mod ended;
mod lone;
mod request;
mod stages;

pub use ended::{Inspected, Verdict};
pub use request::{Inspection, Mocked};
pub use stages::inspect;
