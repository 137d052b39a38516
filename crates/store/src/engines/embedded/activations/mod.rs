//! Promises and records of invocations.
//!
//! A bucket holds three kinds of keys, told apart by their first byte ([`keys`]): the records themselves, newest first
//! in each namespace; an index of names; and tallies: how many records each minute has, in all and by name. Lists,
//! counts and sweeps walk over the tallies, and look at records only where a tally says that there are some
//! ([`window`]): they never meet what was deleted, which a log-structured store is slow to skip.

mod entry;
mod finish;
mod follow;
mod keys;
mod ledger;
mod promises;
mod surplus;
mod sweep;
mod window;

pub(super) use ledger::Embedded;
