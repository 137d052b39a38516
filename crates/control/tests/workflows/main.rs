//! Workflows on a whole platform in memory, whose server is killed at every write of the journal.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod composed;
mod crowded;
mod idle;
mod jumps;
mod killed;
mod looping;
mod machine;
mod near;
mod orchestrated;
mod swept;
mod waiting;
mod world;
