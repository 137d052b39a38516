//! Durable executions, in a keyspace of their own. What a turn changes is a few small keys next to each other
//! ([`keys`]); its events are one value, so that a turn costs the same whatever the length of the history.

mod floor;
mod keys;
mod pages;
mod port;
mod read;
mod turn;

pub(super) use port::Embedded;
