//! What becomes of an event on its way through a rule: the run that was promised for it, retries, order, dead letters.
//!
//! ```text
//! fire ── apply ──▶ promise ──▶ run ──▶ success: settled with the record, in one commit
//!                     ▲           └───▶ failure ── follow ──▶ retry: the next promise ── waiting ─┐
//!                     └───────────────────────────────┼────────────────────────────────────────────┘
//!                                                      └────▶ dead letter: queue, trigger or action
//! ```
//! The record of a failed attempt leaves its promise open; what follows replaces the promise in one commit. A server
//! that ends between the two finds both at its next start, and decides again: nothing is lost, nothing doubled.

mod apply;
mod chain;
mod follow;
mod health;
mod letters;
mod policy;
mod sealed;
mod settings;
mod waiting;

pub(crate) use apply::{Applying, pause};
pub(crate) use chain::Chains;
pub use health::Failing;
pub(crate) use health::Health;
pub use letters::Letter;
pub(crate) use policy::Policy;
pub use settings::Settings;
pub(crate) use waiting::Waiting;
