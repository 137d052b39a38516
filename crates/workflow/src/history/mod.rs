//! The history of an execution: what `GetExecutionHistory` shows, an event at a time.

mod details;
mod event;
mod kind;

pub use details::Details;
pub use event::HistoryEvent;
pub use kind::HistoryKind;
