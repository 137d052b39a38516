//! Orchestrators, entities and activities that are actions of the namespace: no worker is connected, and between two events nothing
//! of an instance runs anywhere.
//!
//! A turn is a call of the orchestrator's action with the whole history, an activity a call of the action of its name, a batch
//! of operations a call of the entity's action. What is in the code is found by the launcher of its language
//! (`crates/runtimes/src/languages/python/durable.py`); what its answers mean is [`wisp_workflow::hosted`].
//!
//! | file | what it does |
//! |---|---|
//! | `carrier` | carries out turns, activities and operations of the hub [`HUB`] |
//! | `host` | which action a function's name means |
//! | `call` | calls it, once for each id |
//! | `fetch` | an orchestrator's requests to the web |
//! | `begin` | starts an orchestration by invoking its action |
//! | `manage` | what clients of the packages ask for |

mod begin;
mod call;
mod carrier;
mod fetch;
mod host;
mod manage;

pub(crate) use begin::is_orchestrator;
pub use carrier::Actions;
pub use manage::{Show, Standing, Wanted, Word};

/// The hub whose instances are carried out by actions of the namespace.
pub const HUB: &str = "actions";
