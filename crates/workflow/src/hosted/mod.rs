//! Orchestrators as code that the platform runs itself, one turn for each call: the contract between the Azure Durable Functions
//! packages (`azure-functions-durable`, `durable-functions`) and their host, on the histories of [`crate::orchestration`].
//!
//! The packages are given the whole history and answer with all actions that their code has asked for since its start, in
//! order: those that the history has already are known by their place. Attempts are repeated by the host; the packages only
//! count along, so that the numbers of all that follows agree.
//!
//! | file | what it does |
//! |---|---|
//! | `replay` | what a history means: numbers, attempts that are repeated, what the code is told, and in which order |
//! | `attempt` | how often and when to try again |
//! | `told` | events as the packages read them |
//! | `answer`, `decide` | what the packages answer; what the instance does about it |
//! | `rewind` | the history with which an instance that failed goes on |
//! | `entity` | a batch of operations, there and back |

mod answer;
mod attempt;
mod decide;
mod entity;
#[cfg(test)]
mod recorded;
mod replay;
mod rewind;
mod told;

pub use answer::Answer;
pub use decide::{Host, failed};
pub use entity::{EntityAnswer, entity_request};
pub use replay::Replay;
pub use rewind::rewound;
pub use told::{moment, read_moment, shown_event};

/// The tag of a call that says which action runs it.
pub const HOST: &str = "wisp.action";

/// The name under which orchestrators call an address of the web.
pub const HTTP: &str = "BuiltIn::HttpActivity";
