//! Pictures of machines and executions, as SVG.
//!
//! | file | what it does |
//! |---|---|
//! | `looks` | how each state of an execution is, by its history |
//! | `graph` | the states of a definition and the ways between them, coloured as they are |
//! | `visits` | the stays of an execution in its states, by its history |
//! | `timeline` | draws them over the time |
//!
//! Histories are read as the Step Functions API shows them.

mod graph;
mod looks;
mod timeline;
mod visits;

pub use graph::graph;
pub use looks::{Look, looks};
pub use timeline::timeline;
pub use visits::{Visit, visits};
