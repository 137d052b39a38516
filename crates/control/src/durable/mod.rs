//! Durable sequences and compositions: those that end as if nothing had happened when the server is killed.
//!
//! They run by the flow of all others (`sequence`, `conductor`), under ids that follow from the invocation's. What happens in
//! one is written to its log in the journal; after a restart the flow runs again from its beginning, and takes what has
//! happened from there. As a sequence or composition has few steps (`limits.sequence_length`), so has this.
//!
//! | file | what it does |
//! |---|---|
//! | `level` | whether a call is to be durable, and how |
//! | `log` | what is known of one, and the way to the journal |
//! | `stored` | the invocation, as it is kept |
//! | `run` | begins, ends and resumes them |
//! | `step` | one step, unless it has run |
//! | `list` | shows them |

mod level;
mod list;
mod log;
mod run;
mod step;
mod stored;

pub use list::{Composed, Happened};
pub(crate) use log::{Event, Fork, Log};
pub(crate) use run::{Claims, is_key};
pub(crate) use step::Known;
pub(crate) use stored::Stored;
