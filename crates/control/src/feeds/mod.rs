//! Feeds: triggers that an event source fires.
//!
//! A subscription connects a trigger with a feed of a source. It is stored, so that it survives the server; while the
//! server lives, a task of its own listens to the source, or requests that bring events are understood by it.

mod bounded;
mod expression;
mod lifecycle;
mod receive;
mod running;
mod sink;
mod stored;
mod supervise;
mod upcoming;

pub use receive::Received;
pub(crate) use running::Feeds;
pub use upcoming::Upcoming;
