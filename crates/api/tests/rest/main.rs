//! The routes over real records in memory. The only double is the way to the workers: it echoes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod admin;
mod delivery;
mod entities;
mod frame;
mod invocations;
mod platform;
mod sharing;
mod sockets;
