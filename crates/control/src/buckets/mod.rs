//! Buckets: objects that steps leave for steps, and triggers on them.
//!
//! ```text
//! put ── letter ──▶ turn: the pure scope of `wisp_workflow::when`, one commit if the bucket is durable
//!                     └──▶ fire: an action, an execution, an event of an orchestration, a task that waits
//! ```
//! What triggers see together, a session or the whole bucket, does one thing at a time: many puts at once are one turn.
//!
//! | file | what it does |
//! |---|---|
//! | `settings`, `bucket`, `shelf` | limits; what is stored of a bucket and its triggers, and changes it |
//! | `objects` | puts, gets, lists and deletes objects |
//! | `session` | which session a call belongs to; results that go into buckets, producers that are awaited |
//! | `place`, `letter`, `held`, `turn` | where a scope is; what happens to it; how it is in memory; the loop |
//! | `fire`, `given` | calls what triggers fire for; what that is given |
//! | `alarm`, `census`, `value` | who wakes scopes; how many there are; values in memory and apart |

mod alarm;
mod bucket;
mod census;
mod fire;
mod given;
mod held;
mod letter;
mod objects;
mod parts;
mod place;
mod session;
mod settings;
mod shelf;
mod turn;
mod value;

pub use bucket::{Bucket, Draft, Durability, TriggerDraft, Watched};
pub use objects::{Listed, Put, Stored};
pub(crate) use parts::Buckets;
pub(crate) use place::is_ours;
pub use settings::Settings;
