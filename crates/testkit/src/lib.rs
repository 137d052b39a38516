//! What tests of several crates share: the conformance suites of the ports, a simulated clock, and fixtures.
//!
//! An adapter is tested by being in its register table: the tests of its crate hand every entry to the port's suite in
//! [`conformance`]. This crate knows the ports and what crosses HTTP, never an adapter, and only tests depend on it.
//! Its functions assert: they panic where a contract is broken.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod clock;
pub mod conformance;
pub mod fixtures;
pub mod wasm;
