//! Histories: between the protocol's events and the core's.

mod moment;
mod read;
mod write;

pub(super) use moment::{micros, timestamp};
pub(super) use read::{read, read_call, read_failure, read_lock, read_signal, read_trace};
pub(super) use write::{write, write_failure, write_trace};
